//! The exceptions for errors about recordings.

use std::io;

use ndsharray_recording::Error;
use pyo3::prelude::*;

use crate::error::{exception, raise, system_call};

/// The exception for an error about a recording.
pub fn raise_recording(error: Error) -> PyErr {
    let message = error.to_string();
    Python::attach(|py| match error {
        Error::Store(error) => raise(error),
        Error::Io { path, source, .. } => {
            let class = match source.kind() {
                io::ErrorKind::NotFound => "NotFoundError",
                io::ErrorKind::PermissionDenied => "NotPermittedError",
                _ => "SystemCallError",
            };
            system_call(py, class, source.raw_os_error().unwrap_or(libc::EIO), &message, &path)
        }
        Error::NotARecording { .. } | Error::Damaged { .. } => exception(py, "FormatError", &message),
        Error::NoTag { .. } => exception(py, "NoTagError", &message),
        // Errors about writing, which nobody gets who reads; and those that a later version of the crate adds.
        _ => exception(py, "Error", &message),
    })
}
