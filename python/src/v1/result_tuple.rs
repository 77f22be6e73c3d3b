//! The tuples of True and an array that `NdShArray.read` returns.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::object::attached_lock::TURNS;

/// The tuple that was returned last. It is returned again, with another array in it, if nobody else refers to it any
/// more. `zip` does the same.
#[derive(Default)]
pub struct ResultTuple(Option<Py<PyTuple>>);

impl ResultTuple {
    /// A tuple with this array.
    #[inline(always)]
    pub fn with<'py>(&mut self, py: Python<'py>, array: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
        // SAFETY: the reference is to a valid object.
        let alone = |tuple: &&Py<PyTuple>| TURNS && unsafe { ffi::Py_REFCNT(tuple.as_ptr()) } == 1;
        if let Some(tuple) = self.0.as_ref().filter(alone) {
            // SAFETY: the tuple has two items, and nobody else can see it change. The call takes over the reference to
            // the array. It drops the array before, which the caller still holds.
            let outcome = unsafe { ffi::PyTuple_SetItem(tuple.as_ptr(), 1, array.into_ptr()) };
            return if outcome == 0 { Ok(tuple.bind(py).clone()) } else { Err(PyErr::fetch(py)) };
        }
        let tuple = (true, array).into_pyobject(py)?;
        self.0 = Some(tuple.clone().unbind());
        Ok(tuple)
    }
}
