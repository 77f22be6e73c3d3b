//! The class `Track`: the values of a tag in a recording, as a sequence.

use std::sync::Arc;
use std::time::Duration;

use ndsharray::{DType, UnixTime};
use numpy::PyArray1;
use numpy::datetime::{Datetime, units::Nanoseconds};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PySlice;
use pyo3::{ffi, intern};

use crate::error::kind;
use crate::numpy::dtype::{Cache, Custom, Described};
use crate::object::attached_lock::AttachedLock;
use crate::recording::calls::Calls;
use crate::recording::error::raise_recording;
use crate::recording::message::Message;
use crate::recording::picked::Picked;
use crate::time::{distance, unix_time};

/// The values of a tag in a recording, in the order in which they were written: a sequence of `Message`, from
/// ``recording[tag]``.
///
/// It reads a value only when it is asked for. ``track[3]`` is one value, and ``track[10:20]`` a track of ten, without a copy.
/// It can be used after the recording was closed.
///
/// Examples
/// --------
/// >>> import ndsharray
/// >>> track = ndsharray.Recording("run.mcap")["cam"]
/// >>> len(track), track[0].array.shape, track[-1].version - track[0].version
/// (10, (48, 64), 9)
/// >>> track[2:8:2]
/// <ndsharray.Track of "cam": 3 values>
/// >>> [int(message.array[0, 0]) for message in track[2:8:2]]
/// [3, 5, 7]
///
/// This line makes an array of xarray, with times: ``xarray.DataArray(track.stack(), dims=("time", "y", "x"),
/// coords={"time": track.times})``.
#[pyclass(frozen, module = "ndsharray", sequence, weakref)]
pub struct Track {
    track: ndsharray_recording::Track,
    picked: Picked,
    cache: AttachedLock<Cache>,
    calls: Arc<Calls>,
}

impl Track {
    /// All values of a tag.
    pub fn new(track: ndsharray_recording::Track, calls: Arc<Calls>) -> Self {
        let picked = Picked::all(track.len());
        Track { track, picked, cache: AttachedLock::new(Cache::default()), calls }
    }

    pub fn len(&self) -> usize {
        self.picked.len()
    }

    pub fn message<'py>(&self, py: Python<'py>, index: usize) -> PyResult<Bound<'py, Message>> {
        let value = self.call(py, || self.value(index))?.map_err(raise_recording)?;
        let dtype = self.described(py, value.dtype())?;
        Message::new(py, value, dtype)
    }

    /// Makes a call of the library, as [`Calls::make`].
    pub fn call<T: Send>(&self, py: Python<'_>, call: impl FnOnce() -> T + Send) -> PyResult<T> {
        self.calls.make(py, call)
    }

    /// The value number `index` of those that were picked. There must be so many. To be called in a `call`.
    pub fn value(&self, index: usize) -> ndsharray_recording::Result<ndsharray_recording::Message> {
        Ok(self.track.get(self.picked.nth(index))?.expect("the index is below the length"))
    }

    /// numpy's dtype for one of the library's. Runs Python code if it is another one than last time.
    pub fn described(&self, py: Python<'_>, dtype: &DType) -> PyResult<Described> {
        if let Some(described) = self.cache.lock(py)?.described(py, dtype) {
            return Ok(described);
        }
        let custom = Custom::restore(py, self.track.tag(), dtype)?;
        let described = custom.described(py);
        let before = self.cache.lock(py)?.remember(custom);
        drop(before);
        Ok(described)
    }

    /// Of all times of the tag, those of the values that were picked.
    fn pick(&self, times: impl Iterator<Item = UnixTime>) -> impl ExactSizeIterator<Item = UnixTime> {
        let times: Vec<UnixTime> = times.collect();
        (0..self.picked.len()).map(move |index| times[self.picked.nth(index)])
    }

    /// Which value was written nearest to a time.
    fn nearest_to(&self, time: UnixTime, within: Option<Duration>) -> Option<usize> {
        let (index, written) = if self.picked.is_all(self.track.len()) {
            let index = self.track.nearest(time)?;
            (index, self.track.written_at().nth(index)?)
        } else {
            let times = self.pick(self.track.written_at()).enumerate();
            times.min_by_key(|(_, written)| (written.abs_diff(time), *written))?
        };
        within.is_none_or(|within| written.abs_diff(time) <= within).then_some(index)
    }
}

#[pymethods]
impl Track {
    /// str: the tag.
    #[getter]
    pub fn tag(&self) -> &str {
        self.track.tag()
    }

    /// numpy.ndarray of datetime64[ns]: when each value was written, in UTC, as pandas and xarray take times. NaT for a time after
    /// 2262.
    #[getter]
    fn times<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<Datetime<Nanoseconds>>> {
        datetimes(py, self.pick(self.track.written_at()))
    }

    /// numpy.ndarray of datetime64[ns]: when each value was acquired, or else written, in UTC. The index of the file does not have
    /// these times: the first use reads the head of each value, and decompresses a compressed file.
    #[getter]
    fn acquired_times<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<Datetime<Nanoseconds>>>> {
        Ok(datetimes(py, self.call(py, || self.pick(self.track.acquired_at()))?))
    }

    /// numpy.ndarray of float64: when each value was written, as Unix time in seconds, as `Message.written_at`.
    #[getter]
    fn written_at<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_iter(py, self.pick(self.track.written_at()).map(UnixTime::as_secs_f64))
    }

    /// numpy.ndarray of float64: the same as `acquired_times`, as Unix time in seconds.
    #[getter]
    fn acquired_at<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let times = self.call(py, || self.pick(self.track.acquired_at()))?;
        Ok(PyArray1::from_iter(py, times.map(UnixTime::as_secs_f64)))
    }

    /// Returns the value that was written nearest to a time; of two that are as near, the one that was written earlier.
    ///
    /// Parameters
    /// ----------
    /// time : float, int, datetime.datetime or numpy.datetime64
    ///     Unix time in seconds if it is a float, in nanoseconds if it is an int; or a datetime, which is local time if it has no
    ///     time zone; or one of numpy, which is in UTC, such as those of `times`.
    /// within : float, optional
    ///     How far away the value may be, in seconds; None for any distance.
    ///
    /// Returns
    /// -------
    /// Message or None
    ///     None if there is no value, or none that is near enough.
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If `time` is not from 1970 to 2554, or `within` is negative or not a number.
    /// FormatError
    ///     If the value is damaged.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> track = ndsharray.Recording("run.mcap")["cam"]
    /// >>> track.nearest(track.times[4]).array[0, 0]
    /// np.uint8(5)
    /// >>> track.nearest(0.0, within=1.0) is None
    /// True
    #[pyo3(signature = (time, within=None))]
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        time: &Bound<'py, PyAny>,
        within: Option<f64>,
    ) -> PyResult<Option<Bound<'py, Message>>> {
        let within = distance(py, "within", within)?;
        let time = unix_time("time", time)?;
        let nearest = py.detach(|| self.nearest_to(time, within));
        nearest.map(|index| self.message(py, index)).transpose()
    }

    fn __len__(&self) -> usize {
        self.len()
    }

    fn __getitem__<'py>(&self, index: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = index.py();
        if let Ok(slice) = index.cast::<PySlice>() {
            let length = isize::try_from(self.picked.len()).unwrap_or(isize::MAX);
            let found = slice.indices(length)?;
            let picked = self.picked.slice(found.start, found.step, found.slicelength);
            let cache = AttachedLock::new(Cache::default());
            let (track, calls) = (self.track.clone(), self.calls.clone());
            return Ok(Bound::new(py, Track { track, picked, cache, calls })?.into_any());
        }
        let Some(method) = index.getattr_opt(intern!(py, "__index__"))? else {
            let message = format!("the index must be an int or a slice, not {}", kind(index));
            return Err(PyTypeError::new_err(message));
        };
        let index = method.call0()?;
        // What does not fit an isize is out of range.
        let number = index.extract::<isize>().ok();
        match number.and_then(|number| self.picked.index(number)) {
            Some(number) => Ok(self.message(py, number)?.into_any()),
            None => Err(PyIndexError::new_err(format!(
                "the index is {index}, but {:?} has {} values",
                self.track.tag(),
                self.picked.len()
            ))),
        }
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: the function takes a sequence, and returns a new reference or none with an exception set.
        unsafe { Bound::from_owned_ptr_or_err(slf.py(), ffi::PySeqIter_New(slf.as_ptr())) }
    }

    fn __repr__(&self) -> String {
        format!("<ndsharray.Track of {:?}: {} values>", self.track.tag(), self.picked.len())
    }
}

fn datetimes<'py>(
    py: Python<'py>,
    times: impl ExactSizeIterator<Item = UnixTime>,
) -> Bound<'py, PyArray1<Datetime<Nanoseconds>>> {
    // NaT is the least of all numbers.
    let numbers = times.map(|time| i64::try_from(time.as_nanos()).unwrap_or(i64::MIN));
    PyArray1::from_iter(py, numbers.map(Datetime::from))
}
