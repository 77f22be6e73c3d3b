//! Waiting for the first of several readers.

use pyo3::prelude::*;

use crate::error::exception;
use crate::reader::Reader;
use crate::reader::wait::{Deadline, sleep};

/// Waits until one of several readers has a new value, and returns that reader. Its `read` then returns the value, or
/// its `read_next` the oldest of them.
///
/// Parameters
/// ----------
/// readers : sequence of Reader
/// timeout : float, optional
///     In seconds; None waits for ever, 0 or less not at all.
///
/// Returns
/// -------
/// Reader or None
///     None when the time is over. Other readers of the sequence may have a new value too.
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
/// >>> store = ndsharray.Store()
/// >>> left, right = [store.writer(tag, ephemeral=True) for tag in ["left", "right"]]
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
            "readers is empty: pass at least one reader to wait for",
        ));
    }
    let deadline = Deadline::new(py, "timeout", timeout)?;
    let mut probes = Vec::with_capacity(readers.len());
    for reader in &readers {
        probes.push(reader.get().lock(py)?.probe());
    }
    loop {
        for reader in &readers {
            if reader.get().lock(py)?.has_pending() {
                return Ok(Some(reader.clone()));
            }
        }
        // If there is no time at all, look once.
        let step = deadline.step();
        if let Some(index) = sleep(py, &mut probes, step.unwrap_or_default())? {
            return Ok(readers.get(index).cloned());
        }
        if step.is_none() {
            return Ok(None);
        }
    }
}
