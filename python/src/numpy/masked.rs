//! Masked arrays are refused: the store has no masks, and what lies under a mask is not data.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyModule, PyTuple, PyType};

use crate::error::{exception, kind};

/// How deep lists may be nested: as deep as numpy arrays have axes.
const DEPTH: usize = 64;

/// Returns an error if the argument `array` is a masked array, or a list that contains one.
pub fn refuse(array: &Bound<'_, PyAny>) -> PyResult<()> {
    let Some(class) = class(array.py())? else { return Ok(()) };
    let Some(found) = find(array, &class, DEPTH)? else { return Ok(()) };
    let message = format!(
        "array is or has a {}, whose mask would be lost: pass array.filled(value), or write array.data and \
         numpy.ma.getmaskarray(array) under two tags",
        kind(&found)
    );
    Err(exception(array.py(), "InvalidArgumentError", &message))
}

/// Whether a value is a masked array.
pub fn is_masked(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    class(value.py())?.map_or(Ok(false), |class| value.is_instance(&class))
}

/// The class `numpy.ma.MaskedArray`. None if its module was never imported: there is no such array then.
fn class(py: Python<'_>) -> PyResult<Option<Bound<'_, PyType>>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    if let Some(class) = CLASS.get(py) {
        return Ok(Some(class.bind(py).clone()));
    }
    let modules = PyModule::import(py, intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    let Some(module) = modules.cast::<PyDict>()?.get_item(intern!(py, "numpy.ma"))? else { return Ok(None) };
    // Another thread may be in the middle of importing it.
    let Some(class) = module.getattr_opt(intern!(py, "MaskedArray"))? else { return Ok(None) };
    let class = class.cast_into::<PyType>()?;
    Ok(Some(CLASS.get_or_init(py, || class.unbind()).bind(py).clone()))
}

/// The first masked array in a value. For a number in a list, this only looks at its class.
fn find<'py>(
    value: &Bound<'py, PyAny>,
    class: &Bound<'py, PyType>,
    depth: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if value.is_instance(class)? {
        return Ok(Some(value.clone()));
    }
    let Some(depth) = depth.checked_sub(1) else { return Ok(None) };
    if let Ok(list) = value.cast::<PyList>() {
        return first(list.iter(), class, depth);
    }
    match value.cast::<PyTuple>() {
        Ok(tuple) => first(tuple.iter(), class, depth),
        Err(_) => Ok(None),
    }
}

fn first<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    class: &Bound<'py, PyType>,
    depth: usize,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    for item in items {
        if let Some(found) = find(&item, class, depth)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
