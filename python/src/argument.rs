//! Arguments, with errors that name them. The errors of pyo3 name the argument only in a note, which only tracebacks
//! show, and not at all before Python 3.11.

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;

use crate::error::{exception, kind, shown};

pub fn mode(value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    number("mode", value)
}

pub fn capacity(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    number("capacity", value)
}

pub fn history(value: &Bound<'_, PyAny>) -> PyResult<usize> {
    number("history", value)
}

pub fn source<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    text("InvalidArgumentError", "source", value)
}

pub fn tag(value: &Bound<'_, PyAny>) -> PyResult<String> {
    text("InvalidTagError", "tag", value).map(str::to_owned)
}

/// The tag, under the name that it has in the class of ndsharray 1.
pub fn name(value: &Bound<'_, PyAny>) -> PyResult<String> {
    text("InvalidTagError", "name", value).map(str::to_owned)
}

pub fn ephemeral(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    truth("ephemeral", value)
}

pub fn takeover(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    truth("takeover", value)
}

pub fn force(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    truth("force", value)
}

fn truth(argument: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value.extract().map_err(|_: PyErr| wrong_type(argument, "a bool", value))
}

#[cold]
fn wrong_type(argument: &str, expected: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("{argument} must be {expected}, not {}", kind(value)))
}

fn number<'py, T: FromPyObject<'py, 'py>>(argument: &str, value: &'py Bound<'py, PyAny>) -> PyResult<T>
where
    PyErr: From<T::Error>,
{
    value.extract().map_err(|error: T::Error| {
        let (py, error) = (value.py(), PyErr::from(error));
        if error.is_instance_of::<PyTypeError>(py) {
            return wrong_type(argument, "an int", value);
        }
        if !error.is_instance_of::<PyOverflowError>(py) {
            return error;
        }
        let rule = match value.lt(0) {
            Ok(true) => "pass a number from 0 on",
            Ok(false) => "that is too large",
            Err(error) => return error,
        };
        let message = format!("{argument} is {}: {rule}", shown(value));
        exception(py, "InvalidArgumentError", &message)
    })
}

fn text<'a>(class: &str, argument: &str, value: &'a Bound<'_, PyAny>) -> PyResult<&'a str> {
    value.extract().map_err(|error: PyErr| {
        let py = value.py();
        if error.is_instance_of::<PyTypeError>(py) {
            return wrong_type(argument, "a str", value);
        }
        if !error.is_instance_of::<PyUnicodeEncodeError>(py) {
            return error;
        }
        let message = format!("{argument} is {}: no Unicode text has a lone surrogate", shown(value));
        exception(py, class, &message)
    })
}
