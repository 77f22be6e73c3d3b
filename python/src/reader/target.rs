//! Where a read puts the elements: `out=`, `copy=True`, or neither.

use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::error::{exception, kind};
use crate::numpy::dtype::Described;
use crate::numpy::{array, masked};

pub enum Target<'py> {
    /// They stay in the store.
    Stay,
    /// To a new array.
    Copy,
    /// To this array.
    Out(Bound<'py, PyUntypedArray>),
}

impl<'py> Target<'py> {
    pub fn new(out: Option<Bound<'py, PyAny>>, copy: bool) -> PyResult<Self> {
        match out {
            Some(out) => Self::out(out, copy),
            None if copy => Ok(Target::Copy),
            None => Ok(Target::Stay),
        }
    }

    fn out(out: Bound<'py, PyAny>, copy: bool) -> PyResult<Self> {
        let py = out.py();
        let out = out.cast_into::<PyUntypedArray>().map_err(|error| {
            PyTypeError::new_err(format!("out must be a numpy.ndarray, not {}", kind(&error.into_inner())))
        })?;
        let wrong = if copy {
            "out and copy=True were both given, and each is a place for the elements: leave one out"
        } else if !array::is_exact(&out) && masked::is_masked(&out)? {
            "out is a masked array, and a value has no mask: pass out.data, or another array"
        } else {
            return if array::is_writeable(&out) { Ok(Target::Out(out)) } else { Err(read_only(py)) };
        };
        Err(exception(py, "InvalidArgumentError", wrong))
    }

    /// Checks that `out` has the shape and the dtype of the value.
    #[inline]
    pub fn check(&self, value: &ndsharray::Snapshot, dtype: &Described) -> PyResult<()> {
        match self {
            Target::Out(out) => fits(out, "value", value.shape(), &dtype.get(out.py())),
            _ => Ok(()),
        }
    }
}

fn read_only(py: Python<'_>) -> PyErr {
    exception(py, "InvalidArgumentError", "out is a read-only array: pass one that can be written to")
}

/// Checks that `out` can be written to, and has the shape and the dtype of what is to go there.
pub fn fits(
    out: &Bound<'_, PyUntypedArray>,
    what: &str,
    shape: &[usize],
    descr: &Bound<'_, PyArrayDescr>,
) -> PyResult<()> {
    let py = out.py();
    // `Target::new` checked this too, but the array may have become read-only during a wait.
    if !array::is_writeable(out) {
        return Err(read_only(py));
    }
    if !out.dtype().is(descr) && !out.dtype().eq(descr)? {
        let message = format!(
            "out has the dtype {}, but the {what} has the dtype {descr}: pass an array of the {what}'s dtype",
            out.dtype()
        );
        return Err(exception(py, "DTypeMismatchError", &message));
    }
    if out.shape() != shape {
        let message = format!(
            "out has the shape {:?}, but the {what} has the shape {shape:?}: pass an array of the {what}'s shape",
            out.shape(),
        );
        return Err(exception(py, "InvalidArgumentError", &message));
    }
    Ok(())
}
