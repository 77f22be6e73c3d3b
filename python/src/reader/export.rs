//! How the array of a snapshot is handed to other libraries: `__array__` and DLPack.

use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::numpy::array;

/// `__array__(dtype=None, *, copy=None)`.
pub fn to_array<'py>(
    array: Bound<'py, PyUntypedArray>,
    arguments: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let (dtype, copy) = parse(arguments, keywords)?;
    let dtype = dtype.map(|dtype| PyArrayDescr::new(py, dtype)).transpose()?;
    match dtype {
        Some(dtype) if !array.dtype().is_equiv_to(&dtype) => {
            if copy == Some(false) {
                return Err(PyValueError::new_err(
                    "another dtype needs a copy, but copy=False was passed: leave out copy",
                ));
            }
            array.call_method1(intern!(py, "astype"), (dtype,))
        }
        _ if copy == Some(true) => array.call_method0(intern!(py, "copy")),
        _ => Ok(array.into_any()),
    }
}

type Parsed<'py> = (Option<Bound<'py, PyAny>>, Option<bool>);

fn parse<'py>(
    arguments: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
) -> PyResult<Parsed<'py>> {
    let (mut dtype, mut copy) = (arguments.get_item(0).ok(), None);
    let mut wrong = arguments.len() > 1;
    for (key, value) in keywords.into_iter().flatten() {
        match key.extract::<&str>()? {
            "dtype" if dtype.is_none() => dtype = Some(value),
            "copy" => copy = value.extract::<Option<bool>>()?,
            _ => wrong = true,
        }
    }
    if wrong {
        return Err(PyTypeError::new_err("__array__ takes dtype, and copy by its name"));
    }
    Ok((dtype.filter(|dtype| !dtype.is_none()), copy))
}

/// `__dlpack__`, with the arguments of numpy's. `remedy`: what to do if the consumer takes no read-only array.
pub fn to_dlpack<'py>(
    array: Bound<'py, PyUntypedArray>,
    arguments: &Bound<'py, PyTuple>,
    keywords: Option<&Bound<'py, PyDict>>,
    remedy: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let py = array.py();
    let capsule = array.call_method(intern!(py, "__dlpack__"), arguments, keywords);
    capsule.map_err(|error| {
        // A copy does not help where DLPack has no such elements: records, texts and times.
        let is_number = matches!(array.dtype().kind(), b'b' | b'i' | b'u' | b'f' | b'c');
        if !is_number || array::is_writeable(&array) || !error.is_instance_of::<PyBufferError>(py) {
            return error;
        }
        let reason = error.value(py);
        PyBufferError::new_err(format!("{reason} {remedy}"))
    })
}

/// `__dlpack_device__`.
pub fn dlpack_device<'py>(array: &Bound<'py, PyUntypedArray>) -> PyResult<Bound<'py, PyAny>> {
    array.call_method0(intern!(array.py(), "__dlpack_device__"))
}
