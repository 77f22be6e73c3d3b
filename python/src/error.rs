//! Exceptions: turns each error of the Rust library into the Python exception that fits it.
//!
//! The classes of the exceptions are written in Python, in `ndsharray._errors`.

use std::io;

use ndsharray::Error;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyType};

/// The exception for an error of the library.
pub fn raise(error: Error) -> PyErr {
    Python::attach(|py| converted(py, &error).unwrap_or_else(|failure| failure))
}

/// An exception of this class of `ndsharray._errors`, with this message.
pub fn exception(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let make = || Ok(PyErr::from_value(class_of(py, class)?.call1((message,))?));
    make().unwrap_or_else(|failure: PyErr| failure)
}

/// What an error says of a value: what Python shows of it, 100 characters at most.
pub fn shown(value: &Bound<'_, PyAny>) -> String {
    let text = match value.repr() {
        Ok(text) => text.to_string(),
        // As of an int with more digits than Python shows.
        Err(_) => format!("a value of type {}", kind(value)),
    };
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The name of a value's class.
pub fn kind(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "unknown".to_owned(), |name| name.to_string())
}

fn class_of<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    Ok(PyModule::import(py, "ndsharray._errors")?.getattr(name)?.cast_into()?)
}

fn converted(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let name = match error {
        Error::InvalidTag { .. } => "InvalidTagError",
        Error::InvalidOption { .. }
        | Error::UserData { .. }
        | Error::InvalidAttributes { .. }
        | Error::InvalidShape { .. }
        | Error::ShapeMismatch { .. }
        | Error::InvalidElement { .. } => "InvalidArgumentError",
        Error::InvalidDType { .. } => "UnsupportedDTypeError",
        Error::DTypeMismatch { .. } => "DTypeMismatchError",
        Error::NotAHeader { .. }
        | Error::Truncated { .. }
        | Error::FormatVersion { .. }
        | Error::UnknownFeatures { .. }
        | Error::Endianness { .. }
        | Error::Checksum { .. }
        | Error::Corrupt { .. } => "FormatError",
        Error::WriterExists { .. } => "WriterExistsError",
        Error::Superseded { .. } => "SupersededError",
        Error::Removed { .. } => "RemovedError",
        Error::Forked { .. } => "ForkedError",
        Error::Empty { .. } => "EmptyError",
        Error::NoDirectory { path, .. } | Error::NotFound { path, .. } | Error::DataMissing { path, .. } => {
            return system(py, "NotFoundError", libc::ENOENT, error, path);
        }
        Error::NotOwner { path, found, .. } => {
            let exception = system(py, "NotOwnerError", libc::EPERM, error, path)?;
            exception.value(py).setattr(intern!(py, "owner"), found)?;
            return Ok(exception);
        }
        Error::NotWritable { path, source, .. } => {
            return system(py, "NotWritableError", code(source, libc::EACCES), error, path);
        }
        Error::NoSpace { path, wanted, free, total, source } => {
            let exception = system(py, "NoSpaceError", code(source, libc::ENOSPC), error, path)?;
            let value = exception.value(py);
            value.setattr(intern!(py, "wanted"), wanted)?;
            value.setattr(intern!(py, "free"), free)?;
            value.setattr(intern!(py, "total"), total)?;
            return Ok(exception);
        }
        Error::Contended { tag, .. } => {
            return system(py, "ContendedError", libc::ETIMEDOUT, error, tag.as_ref());
        }
        Error::Unsupported { path, .. } => {
            return system(py, "UnsupportedError", libc::EOPNOTSUPP, error, path);
        }
        Error::Io { path, source, .. } => {
            return system(py, "SystemCallError", code(source, libc::EIO), error, path);
        }
        // A kind of error that the library gains later becomes the root class.
        _ => "Error",
    };
    Ok(PyErr::from_value(class_of(py, name)?.call1((error.to_string(),))?))
}

/// An exception of a subclass of OSError. It carries the errno and the file name.
fn system(py: Python<'_>, class: &str, errno: i32, error: &Error, path: &std::path::Path) -> PyResult<PyErr> {
    Ok(PyErr::from_value(class_of(py, class)?.call1((errno, error.to_string(), path.to_string_lossy()))?))
}

fn code(source: &io::Error, otherwise: i32) -> i32 {
    source.raw_os_error().unwrap_or(otherwise)
}
