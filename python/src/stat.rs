//! The classes `Stat` and `GcReport`: what a store says about its tags, and about a clean-up.

use ndsharray::UnixTime;
use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::attributes::Text;
use crate::error::is;
use crate::numpy::dtype;

/// What `Store.stat` says about a tag.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store()
/// >>> writer = store.writer("zeroed", ephemeral=True)
/// >>> version = writer.write(np.zeros((2, 3)))
/// >>> stat = store.stat("zeroed")
/// >>> stat.shape, stat.dtype_name, stat.nbytes, stat.version, stat.writer_alive
/// ((2, 3), 'float64', 48, 1, True)
#[pyclass(frozen, get_all, module = "ndsharray")]
pub struct Stat {
    /// str: the tag.
    tag: String,
    /// bool: whether the tag has a writer now.
    writer_alive: bool,
    /// int or None: the id of the process that writes the tag now, as that process sees itself: in another container the
    /// number may stand for another process. None if there is no writer.
    pid: Option<u32>,
    /// int: the user id of the owner.
    uid: u32,
    /// int: the permissions of the files.
    mode: u32,
    /// bool: whether the tag is removed when its writer is closed.
    ephemeral: bool,
    /// str: where the values come from, as the writer said with ``source=``; empty if they come from a writer of this machine.
    source: String,
    /// int: how many bytes the tag's files take in the store.
    bytes: u64,
    /// int: the number of the current value; 0 if there is none.
    version: u64,
    /// tuple of int or None: the shape of the value. None if there is no value.
    shape: Option<Py<PyTuple>>,
    /// numpy.dtype or None: the dtype of the value. None also if numpy cannot make the stored dtype here, such as one of
    /// ml_dtypes if that is not installed. `Reader.latest` raises an error that says why.
    dtype: Option<Py<PyArrayDescr>>,
    /// str or None: the name of the dtype.
    dtype_name: Option<String>,
    /// int or None: how many bytes the value has.
    nbytes: Option<usize>,
    /// float or None: seconds since the value was published.
    age: Option<f64>,
    /// float or None: when the value was acquired, as Unix time in seconds, if the writer said so.
    acquired_at: Option<f64>,
    /// float or None: when the value was written where it comes from, as Unix time in seconds, if it was brought from another
    /// store.
    source_written_at: Option<f64>,
    /// dict or None: the attributes of the value; None if it has none, or if values come faster than they can be looked at.
    attrs: Text,
    /// str or None: the name of the data file.
    data_file: Option<String>,
    /// int or None: how many values the data file has room for.
    slots: Option<usize>,
    /// int or None: how many of these are held by readers.
    pinned: Option<usize>,
    /// int or None: how many bytes there is room for in each.
    capacity: Option<usize>,
}

impl Stat {
    pub fn new(py: Python<'_>, stat: ndsharray::Stat) -> PyResult<Self> {
        let value = stat.value.as_ref();
        let slots = value.map(|value| value.slots);
        let shape = value.map(|value| PyTuple::new(py, &value.shape)).transpose()?;
        let dtype = match value.map(|value| dtype::restored(py, &stat.tag, &value.dtype)) {
            Some(Ok(dtype)) => Some(dtype),
            // Not an error about the dtype, but what a signal handler raised, such as KeyboardInterrupt.
            Some(Err(error)) if !is(py, &error, "UnsupportedDTypeError") => return Err(error),
            _ => None,
        };
        Ok(Stat {
            writer_alive: stat.writer_alive,
            pid: stat.pid,
            uid: stat.uid,
            mode: stat.mode,
            ephemeral: stat.ephemeral,
            source: stat.source,
            bytes: stat.bytes,
            version: value.map_or(0, |value| value.version),
            shape: shape.map(Bound::unbind),
            dtype: dtype.map(Bound::unbind),
            dtype_name: value.map(|value| value.dtype.name().to_owned()),
            nbytes: value.map(|value| value.nbytes),
            age: value.map(|value| value.age.as_secs_f64()),
            acquired_at: value.and_then(|value| value.acquired_at).map(UnixTime::as_secs_f64),
            source_written_at: value.and_then(|value| value.source_written_at).map(UnixTime::as_secs_f64),
            attrs: Text(value.and_then(|value| value.attributes_json.clone())),
            data_file: value.map(|value| value.data_file.clone()),
            slots: slots.map(|slots| slots.allocated),
            pinned: slots.map(|slots| slots.pinned),
            capacity: slots.map(|slots| slots.capacity),
            tag: stat.tag,
        })
    }
}

#[pymethods]
impl Stat {
    fn __repr__(&self, py: Python<'_>) -> String {
        let dtype = self.dtype_name.as_deref().unwrap_or("no value");
        let shape = self.shape.as_ref().map_or(String::new(), |shape| format!(" {}", shape.bind(py)));
        let source = if self.source.is_empty() { String::new() } else { format!(", from {:?}", self.source) };
        format!("<ndsharray.Stat of {:?}: {dtype}{shape}, version {}{source}>", self.tag, self.version)
    }
}

/// What `Store.gc` did.
///
/// Examples
/// --------
/// >>> import ndsharray
/// >>> report = ndsharray.Store().gc()
/// >>> report.removed, report.bytes
/// ([], 0)
#[pyclass(frozen, get_all, module = "ndsharray")]
pub struct GcReport {
    /// list of str: the names of the files that were removed.
    removed: Vec<String>,
    /// int: how many bytes they took in the store.
    bytes: u64,
}

impl GcReport {
    pub fn new(report: ndsharray::GcReport) -> Self {
        GcReport { removed: report.removed, bytes: report.bytes }
    }
}

#[pymethods]
impl GcReport {
    fn __repr__(&self) -> String {
        format!("<ndsharray.GcReport: {} files, {} bytes>", self.removed.len(), self.bytes)
    }
}
