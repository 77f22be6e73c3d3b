//! The results of `NdShArray.read`: tuples of True and an array.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::object::attached_lock::TURNS;

/// The last of them. It is the next one too, if nobody has it any more; `zip` does the same.
#[derive(Default)]
pub struct Pair(Option<Py<PyTuple>>);

impl Pair {
    /// What was in the tuple goes here, unless somebody else has it.
    #[inline(always)]
    pub fn with<'py>(&mut self, py: Python<'py>, array: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
        // SAFETY: a valid object.
        let alone = |tuple: &&Py<PyTuple>| TURNS && unsafe { ffi::Py_REFCNT(tuple.as_ptr()) } == 1;
        if let Some(tuple) = self.0.as_ref().filter(alone) {
            // SAFETY: a tuple of two, which nobody else can see change; the array's reference is given away.
            let outcome = unsafe { ffi::PyTuple_SetItem(tuple.as_ptr(), 1, array.into_ptr()) };
            return if outcome == 0 { Ok(tuple.bind(py).clone()) } else { Err(PyErr::fetch(py)) };
        }
        let tuple = (true, array).into_pyobject(py)?;
        self.0 = Some(tuple.clone().unbind());
        Ok(tuple)
    }
}
