//! Waiting: without the interpreter's lock, in steps, so that Ctrl-C is noticed.
//!
//! A wait sleeps on a clone of the reader and takes the value from the reader itself when there is one: no lock is held
//! during a sleep, other threads may read meanwhile, and a wait that is given up has taken nothing.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::error::{exception, raise};
use crate::object::attached_lock::AttachedLock;
use crate::reader::Reader;
use crate::reader::state::{State, Taken, take};

/// The longest time that a signal goes unnoticed.
const STEP: Duration = Duration::from_millis(100);

struct Deadline(Option<Instant>);

impl Deadline {
    fn new(py: Python<'_>, timeout: Option<f64>) -> PyResult<Self> {
        let Some(timeout) = timeout else { return Ok(Deadline(None)) };
        if timeout.is_nan() {
            return Err(exception(
                py,
                "InvalidArgumentError",
                "timeout: found nan, expected seconds or None",
            ));
        }
        // What is too long to be counted is for ever.
        let timeout = Duration::try_from_secs_f64(timeout.max(0.0)).ok();
        Ok(Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout))))
    }

    /// How long to sleep next; None when the time is over.
    fn step(&self) -> Option<Duration> {
        let Some(deadline) = self.0 else { return Some(STEP) };
        let left = deadline.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left.min(STEP))
    }
}

fn sleep(py: Python<'_>, readers: &mut [ndsharray::Reader], step: Duration) -> PyResult<Option<usize>> {
    let woken = py.detach(|| {
        let mut readers: Vec<&mut ndsharray::Reader> = readers.iter_mut().collect();
        ndsharray::wait_any(&mut readers, step)
    });
    py.check_signals()?;
    woken.map_err(raise)
}

/// The next new value of a reader; None when the time is over.
pub fn next(py: Python<'_>, state: &AttachedLock<State>, timeout: Option<f64>) -> PyResult<Option<Taken>> {
    let deadline = Deadline::new(py, timeout)?;
    loop {
        if let Some(taken) = take(py, state)? {
            return Ok(Some(taken));
        }
        let Some(step) = deadline.step() else { return Ok(None) };
        // It knows which value was returned last, so it finds one that came since the look. What another thread takes and
        // puts back is found at the next look.
        let mut probe = state.lock(py)?.reader.clone();
        sleep(py, std::slice::from_mut(&mut probe), step)?;
    }
}

/// Whether a reader has a new value, waiting for it for one step at most; takes nothing.
pub fn ready(py: Python<'_>, state: &AttachedLock<State>, seconds: f64) -> PyResult<bool> {
    let mut probe = {
        let state = state.lock(py)?;
        if state.has_pending() {
            return Ok(true);
        }
        state.reader.clone()
    };
    let Some(step) = Deadline::new(py, Some(seconds))?.step() else { return Ok(false) };
    Ok(sleep(py, std::slice::from_mut(&mut probe), step)?.is_some())
}

/// Waits until one of several readers has a new value, and returns that reader; its `read` gives the value.
///
/// Parameters
/// ----------
/// readers : sequence of Reader
/// timeout : float, optional
///     Seconds; None waits for ever.
///
/// Returns
/// -------
/// Reader or None
///     None when the time is over. Others may have a new value too.
///
/// Raises
/// ------
/// InvalidArgumentError
///     If there are no readers, or `timeout` is not a number.
/// ndsharray.Error
///     If the store's files are damaged.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store(directory)
/// >>> left, right = store.writer("left"), store.writer("right")
/// >>> readers = [store.reader("left"), store.reader("right")]
/// >>> version = right.write(np.ones(1))
/// >>> ndsharray.wait_any(readers, timeout=1.0).tag
/// 'right'
#[pyfunction]
#[pyo3(signature = (readers, timeout=None))]
pub fn wait_any<'py>(
    py: Python<'py>,
    readers: Vec<Bound<'py, Reader>>,
    timeout: Option<f64>,
) -> PyResult<Option<Bound<'py, Reader>>> {
    if readers.is_empty() {
        return Err(exception(
            py,
            "InvalidArgumentError",
            "readers: found none, expected at least one to wait for",
        ));
    }
    let deadline = Deadline::new(py, timeout)?;
    let mut probes = Vec::with_capacity(readers.len());
    for reader in &readers {
        probes.push(reader.get().lock(py)?.reader.clone());
    }
    loop {
        for reader in &readers {
            if reader.get().lock(py)?.has_pending() {
                return Ok(Some(reader.clone()));
            }
        }
        // With no time at all, one look.
        let step = deadline.step();
        if let Some(index) = sleep(py, &mut probes, step.unwrap_or_default())? {
            return Ok(readers.get(index).cloned());
        }
        if step.is_none() {
            return Ok(None);
        }
    }
}
