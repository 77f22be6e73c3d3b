//! Times as Python code gives them: seconds, nanoseconds, or a datetime.

use std::time::Duration;

use ndsharray::UnixTime;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyModule};

use crate::error::{exception, shown};

const ALLOWED: &str =
    "pass a time from 1970 to 2554: seconds as a float, nanoseconds as an int, or a datetime";

/// The time that an argument of this name says. Runs Python code.
pub fn unix_time(argument: &str, given: &Bound<'_, PyAny>) -> PyResult<UnixTime> {
    let py = given.py();
    let is_plain = given.is_exact_instance_of::<PyFloat>() || given.is_exact_instance_of::<PyInt>();
    let number = if is_plain {
        given.clone()
    } else {
        // Numbers of numpy become plain ones, and datetimes become nanoseconds.
        PyModule::import(py, intern!(py, "ndsharray._times"))?
            .getattr(intern!(py, "plain"))?
            .call1((argument, given))?
    };
    let nanoseconds = if number.is_instance_of::<PyBool>() {
        None
    } else if let Ok(seconds) = number.cast::<PyFloat>() {
        let duration = Duration::try_from_secs_f64(seconds.value()).ok();
        duration.and_then(|duration| u64::try_from(duration.as_nanos()).ok())
    } else {
        number.extract::<u64>().ok()
    };
    nanoseconds.map(UnixTime::from).ok_or_else(|| {
        let message = format!("{argument} is {}: {ALLOWED}", shown(given));
        exception(py, "InvalidArgumentError", &message)
    })
}

/// A length of time in seconds that is not negative; None if there is no limit.
pub fn distance(py: Python<'_>, argument: &str, seconds: Option<f64>) -> PyResult<Option<Duration>> {
    match seconds {
        Some(seconds) if seconds.is_nan() || seconds < 0.0 => {
            let shown = format!("{seconds:?}").to_lowercase();
            let message =
                format!("{argument} is {shown}: pass seconds from 0 on, or None for any distance in time");
            Err(exception(py, "InvalidArgumentError", &message))
        }
        // A time that is too long to count is no limit.
        seconds => Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())),
    }
}
