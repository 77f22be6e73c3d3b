//! The class `Recording`: a recording file, which `ndsharray record` makes.
//!
//! From the bottom up: `error`, `calls` (those under way, for forks), `message` (a value), `picked` (which values a sequence has), `track` (the values of a tag), `stack`
//! (its method that copies them), and the class here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use ndsharray::UnixTime;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyTuple};

use crate::argument;
use crate::error::exception;
use crate::object::attached_lock::AttachedLock;
use crate::recording::calls::Calls;
use crate::recording::error::raise_recording;
use crate::recording::track::Track;

mod calls;
mod error;
pub mod message;
mod picked;
mod stack;
pub mod track;

/// A recording: an MCAP file with every value of some tags, which ``ndsharray record`` makes. ``recording[tag]`` is the sequence
/// of a tag's values.
///
/// Opening maps the file and reads its index. Values are read when they are asked for, and without a copy if the file is not
/// compressed. A file without an index is read up to the last whole chunk that it has when it is opened: it is still being
/// recorded, or it was cut, because the recorder was killed or the disk was full. `left_out` lists what is damaged.
/// ``len``, ``in`` and loops are about the tags, as those of a dict are about its keys. A recording may be closed, or used in a
/// ``with`` block. It can be pickled: only its path is, and unpickling opens the file again.
///
/// Parameters
/// ----------
/// path : path
///     The file. Do not write to it, or cut it, while it is open.
///
/// Raises
/// ------
/// NotFoundError, NotPermittedError, SystemCallError
///     If the file cannot be opened.
/// FormatError
///     If it is no recording. Of a file that is damaged, what is left can be read.
///
/// Examples
/// --------
/// >>> import ndsharray
/// >>> with ndsharray.Recording("run.mcap") as recording:
/// ...     track = recording["cam"]
/// ...     "cam" in recording, recording.complete
/// (True, True)
/// >>> len(track), track[0].array.shape, track[0].array.dtype, track[0].attrs["exposure"]
/// (10, (48, 64), dtype('uint8'), 0.01)
#[pyclass(frozen, module = "ndsharray", weakref)]
pub struct Recording {
    path: PathBuf,
    /// None after it was closed.
    recording: AttachedLock<Option<ndsharray_recording::Recording>>,
    calls: Arc<Calls>,
}

impl Recording {
    fn open(&self, py: Python<'_>) -> PyResult<ndsharray_recording::Recording> {
        let recording = self.recording.lock(py)?.clone();
        recording.ok_or_else(|| {
            let message = format!("the recording {:?} was closed: open it again", self.path);
            exception(py, "ReaderClosedError", &message)
        })
    }

    fn span(&self, py: Python<'_>) -> PyResult<Option<(UnixTime, UnixTime)>> {
        let recording = self.open(py)?;
        Ok(py.detach(|| recording.span()))
    }
}

#[pymethods]
impl Recording {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let recording = py.detach(|| ndsharray_recording::Recording::open(&path)).map_err(raise_recording)?;
        Ok(Recording { path, recording: AttachedLock::new(Some(recording)), calls: Arc::new(Calls::new()) })
    }

    /// pathlib.Path: the file.
    #[getter]
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// bool: whether the file was finished. If not, it was cut, or its recorder still runs.
    #[getter]
    fn complete(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.open(py)?.is_complete())
    }

    /// float or None: when the first value was written, over all tags, as Unix time in seconds; None if there is no value.
    #[getter]
    fn start(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.span(py)?.map(|(start, _)| start.as_secs_f64()))
    }

    /// float or None: when the last value was written, over all tags, as Unix time in seconds; None if there is no value.
    #[getter]
    fn end(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.span(py)?.map(|(_, end)| end.as_secs_f64()))
    }

    /// dict of str to dict of str to str: the metadata records of the file, by their names.
    #[getter]
    fn metadata(&self, py: Python<'_>) -> PyResult<HashMap<String, HashMap<String, String>>> {
        let recording = self.open(py)?;
        let entries = |(name, entries): (&str, &std::collections::BTreeMap<String, String>)| {
            (name.to_owned(), entries.clone().into_iter().collect())
        };
        Ok(recording.metadata().map(entries).collect())
    }

    /// dict of str to int: how many values of each tag the recorder missed. Empty if the recording does not say it, as one that was
    /// cut.
    #[getter]
    fn missed(&self, py: Python<'_>) -> PyResult<HashMap<String, u64>> {
        let recording = self.open(py)?;
        let entries = recording.metadata().find(|(name, _)| *name == "ndsharray.missed");
        let entries = entries.into_iter().flat_map(|(_, entries)| entries);
        let number = |(tag, text): (&String, &String)| {
            let number = text.parse().map_err(|_| {
                let message =
                    format!("{}: damaged: {text:?} values of {tag:?} were missed", self.path.display());
                exception(py, "FormatError", &message)
            })?;
            Ok((tag.clone(), number))
        };
        entries.map(number).collect()
    }

    /// list of str: what was left out when the file was opened, because it is damaged, each with its place; at most a thousand.
    /// Damaged values of a complete file are not among these: reading one raises FormatError.
    #[getter]
    fn left_out(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.open(py)?.left_out().iter().map(ToString::to_string).collect())
    }

    /// Lists the tags, in alphabetical order.
    ///
    /// Returns
    /// -------
    /// list of str
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> with ndsharray.Recording("run.mcap") as recording:
    /// ...     [tag for tag in recording.tags() if tag.startswith("cam")]
    /// ['cam', 'cam.16', 'cam.bgr', 'cam.bgra', 'cam.rgb', 'cam.rgba']
    fn tags(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        Ok(self.open(py)?.tags().map(str::to_owned).collect())
    }

    /// bool: whether the recording was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.recording.lock(py)?.is_none())
    }

    /// Closes the recording. Tracks, messages and arrays from it can still be used, and the file stays mapped as long as one of
    /// them is held. Later uses of the recording raise ReaderClosedError. Closing it again does nothing.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> recording = ndsharray.Recording("run.mcap")
    /// >>> last = recording["pose"][-1]
    /// >>> recording.close()
    /// >>> recording.closed, last.array.shape
    /// (True, (3,))
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let recording = self.recording.lock(py)?.take();
        // To unmap a large file takes a while.
        py.detach(|| drop(recording));
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.open(py)?.tags().len())
    }

    fn __contains__(&self, tag: &Bound<'_, PyAny>) -> PyResult<bool> {
        let recording = self.open(tag.py())?;
        Ok(tag.extract::<&str>().is_ok_and(|tag| recording.track(tag).is_ok()))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyList::new(py, self.tags(py)?)?.try_iter()
    }

    fn __getitem__(
        &self,
        py: Python<'_>,
        #[pyo3(from_py_with = argument::tag)] tag: String,
    ) -> PyResult<Track> {
        let track = self.open(py)?.track(&tag).map_err(raise_recording)?;
        Ok(Track::new(track, self.calls.clone()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (PathBuf,))> {
        let class = slf.getattr(intern!(slf.py(), "__class__"))?;
        // The other process may run in another directory.
        Ok((class, (std::path::absolute(&slf.get().path)?,)))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let state = match &*self.recording.lock(py)? {
            None => "closed".to_owned(),
            Some(recording) => {
                let cut = if recording.is_complete() { "" } else { ", not complete" };
                format!("{} tags{cut}", recording.tags().len())
            }
        };
        Ok(format!("<ndsharray.Recording {:?}: {state}>", self.path))
    }
}
