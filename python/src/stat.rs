//! What a store says of its tags.

use numpy::PyArrayDescr;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::dtype::Cache;

/// What `Store.stat` says of a tag.
///
/// Attributes
/// ----------
/// tag : str
/// writer_alive : bool
///     Whether a writer has the tag now.
/// pid, uid, mode : int
///     The process that made the header, as it saw itself; the owner; the permissions.
/// ephemeral : bool
///     Whether the tag goes when its writer goes.
/// bytes : int
///     What the tag's files take in the store.
/// version : int
///     The number of the current value; 0 if there is none, and the following are None then.
/// shape : tuple of int or None
/// dtype : numpy.dtype or None
///     None also if the dtype is not known here, such as one of ml_dtypes where that is not installed.
/// dtype_name, data_file : str or None
/// nbytes : int or None
/// age : float or None
///     Seconds since it was published.
/// slots, pinned, capacity : int or None
///     How many values the data file has room for, how many of them readers hold, and the bytes of room for each.
#[pyclass(frozen, get_all, module = "ndsharray")]
pub struct Stat {
    tag: String,
    writer_alive: bool,
    pid: u32,
    uid: u32,
    mode: u32,
    ephemeral: bool,
    bytes: u64,
    version: u64,
    shape: Option<Py<PyTuple>>,
    dtype: Option<Py<PyArrayDescr>>,
    dtype_name: Option<String>,
    nbytes: Option<usize>,
    age: Option<f64>,
    data_file: Option<String>,
    slots: Option<usize>,
    pinned: Option<usize>,
    capacity: Option<usize>,
}

impl Stat {
    pub fn new(py: Python<'_>, stat: ndsharray::Stat) -> PyResult<Self> {
        let value = stat.value.as_ref();
        let slots = value.and_then(|value| value.slots);
        let shape = value.map(|value| PyTuple::new(py, &value.shape)).transpose()?;
        let dtype = value.and_then(|value| Cache::default().numpy(py, &value.dtype).ok());
        Ok(Stat {
            writer_alive: stat.writer_alive,
            pid: stat.pid,
            uid: stat.uid,
            mode: stat.mode,
            ephemeral: stat.ephemeral,
            bytes: stat.bytes,
            version: value.map_or(0, |value| value.version),
            shape: shape.map(Bound::unbind),
            dtype: dtype.map(Bound::unbind),
            dtype_name: value.map(|value| value.dtype.name().to_owned()),
            nbytes: value.map(|value| value.nbytes),
            age: value.map(|value| value.age.as_secs_f64()),
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
        format!("<ndsharray.Stat of {:?}: {dtype}{shape}, version {}>", self.tag, self.version)
    }
}

/// What `Store.gc` did.
///
/// Attributes
/// ----------
/// removed : list of str
///     The names of the files that were removed.
/// bytes : int
///     What they took in the store.
#[pyclass(frozen, get_all, module = "ndsharray")]
pub struct GcReport {
    removed: Vec<String>,
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
