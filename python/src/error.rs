//! Exceptions: turns each error of the Rust library into the Python exception that fits it.
//!
//! The classes of the exceptions are written in Python, in `ndsharray._errors`.

use std::io;
use std::path::Path;

use ndsharray::{Error, ErrorKind};
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

/// An exception of a class that is an OSError: it carries the errno and the file name.
pub fn system_call(py: Python<'_>, class: &str, errno: i32, message: &str, path: &Path) -> PyErr {
    let make =
        || Ok(PyErr::from_value(class_of(py, class)?.call1((errno, message, path.to_string_lossy()))?));
    make().unwrap_or_else(|failure: PyErr| failure)
}

/// Whether an exception is of this class of `ndsharray._errors`.
pub fn is(py: Python<'_>, error: &PyErr, class: &str) -> bool {
    class_of(py, class).is_ok_and(|class| error.is_instance(py, &class))
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
    let class = class_of(py, name(error))?;
    let exception = match system(error) {
        // A subclass of OSError carries the errno and the file name.
        Some((errno, path)) => class.call1((errno, error.to_string(), path.to_string_lossy()))?,
        None => class.call1((error.to_string(),))?,
    };
    match error {
        Error::NotOwner { found, .. } => exception.setattr(intern!(py, "owner"), found)?,
        Error::NoSpace { wanted, free, total, .. } => {
            exception.setattr(intern!(py, "wanted"), wanted)?;
            exception.setattr(intern!(py, "free"), free)?;
            exception.setattr(intern!(py, "total"), total)?;
        }
        _ => {}
    }
    Ok(PyErr::from_value(exception))
}

/// The class of an error. It follows from the kind, unless Python has a class for this one error.
fn name(error: &Error) -> &'static str {
    match error {
        Error::InvalidTag { .. } => "InvalidTagError",
        Error::InvalidDType { .. } => "UnsupportedDTypeError",
        Error::Superseded { .. } => "SupersededError",
        Error::Removed { .. } => "RemovedError",
        Error::Forked { .. } => "ForkedError",
        Error::NotOwner { .. } => "NotOwnerError",
        Error::NotWritable { .. } => "NotWritableError",
        _ => match error.kind() {
            ErrorKind::NotFound => "NotFoundError",
            ErrorKind::Empty => "EmptyError",
            ErrorKind::Full => "NoSpaceError",
            ErrorKind::Busy => "WriterExistsError",
            ErrorKind::Ended => "WriterEndedError",
            ErrorKind::Permission => "NotPermittedError",
            ErrorKind::Foreign | ErrorKind::Damaged => "FormatError",
            ErrorKind::InvalidArgument => "InvalidArgumentError",
            ErrorKind::WrongType => "DTypeMismatchError",
            ErrorKind::Contended => "ContendedError",
            ErrorKind::Unsupported => "UnsupportedError",
            ErrorKind::Io => "SystemCallError",
            // A kind that a later version of the library adds.
            _ => "Error",
        },
    }
}

/// The errno and the file name of an error whose class is an OSError.
fn system(error: &Error) -> Option<(i32, &Path)> {
    let number = |source: &io::Error, otherwise| source.raw_os_error().unwrap_or(otherwise);
    Some(match error {
        Error::NoDirectory { path, .. } | Error::NotFound { path, .. } | Error::DataMissing { path, .. } => {
            (libc::ENOENT, path)
        }
        Error::NotOwner { path, .. } => (libc::EPERM, path),
        Error::NotWritable { path, source, .. } => (number(source, libc::EACCES), path),
        Error::NoSpace { path, source, .. } => (number(source, libc::ENOSPC), path),
        Error::Contended { tag, .. } => (libc::ETIMEDOUT, tag.as_ref()),
        Error::Unsupported { path, .. } => (libc::EOPNOTSUPP, path),
        Error::Io { path, source, .. } => (number(source, libc::EIO), path),
        _ => return None,
    })
}
