//! Reading.

use std::path::PathBuf;

use ndsharray::DType;
use numpy::PyUntypedArray;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::dtype::{Cache, Described, Pair};
use crate::error::raise;
use crate::lock::{Guard, Lock};
use crate::snapshot::{Snapshot, Target};
use crate::wait;

/// A reader of a tag, from `Store.reader`. Any number of them, in any process.
///
/// Reading needs no system call, and does not depend on the size of the array. Iterating over a reader waits for each
/// new value, ``async for`` likewise. A reader pickles to (directory, tag) and is opened anew where it is unpickled.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store(directory)
/// >>> writer = store.writer("counts")
/// >>> reader = store.reader("counts")
/// >>> reader.read() is None
/// True
/// >>> _ = writer.write(np.arange(3))
/// >>> reader.read().array
/// array([0, 1, 2])
/// >>> reader.read() is None  # nothing new
/// True
#[pyclass(frozen, module = "ndsharray", weakref)]
pub struct Reader {
    directory: PathBuf,
    tag: String,
    state: Lock<State>,
}

pub struct State {
    pub reader: ndsharray::Reader,
    /// A value that was taken, but did not fit the caller's array, or whose dtype is being made; it is read again.
    pending: Option<ndsharray::Snapshot>,
    /// How many values were taken, also from `pending`: says whether somebody else took one since.
    taken: u64,
    /// How many were taken and never returned.
    unread: u64,
    pub cache: Cache,
}

/// A value that was taken for a caller, and its place among those.
pub struct Taken {
    pub value: ndsharray::Snapshot,
    pub dtype: Described,
    number: u64,
}

/// A value that is pending until its dtype has been made, by Python code and so with no lock.
pub struct Unknown {
    dtype: DType,
    number: u64,
}

enum Found {
    Nothing,
    Value(Taken),
    Unknown(Unknown),
}

impl State {
    pub fn new(reader: ndsharray::Reader) -> Self {
        State { reader, pending: None, taken: 0, unread: 0, cache: Cache::default() }
    }

    /// The next new value.
    #[inline(always)]
    pub fn next(&mut self) -> ndsharray::Result<Option<ndsharray::Snapshot>> {
        match self.reader.read()? {
            Some(value) => {
                self.taken += 1;
                if self.pending.is_some() {
                    self.pass_over();
                }
                Ok(Some(value))
            }
            None if self.pending.is_some() => {
                self.taken += 1;
                Ok(self.pending.take())
            }
            None => Ok(None),
        }
    }

    /// What is pending is not the newest any more.
    #[cold]
    fn pass_over(&mut self) {
        self.pending = None;
        self.unread += 1;
    }

    /// The value just taken is of a dtype that the cache does not have: it is pending until that has been made.
    #[cold]
    pub fn set_aside(&mut self, value: ndsharray::Snapshot) -> Unknown {
        let dtype = value.dtype().clone();
        self.pending = Some(value);
        Unknown { dtype, number: self.taken }
    }

    fn begin(&mut self, py: Python<'_>) -> ndsharray::Result<Found> {
        let Some(value) = self.next()? else { return Ok(Found::Nothing) };
        Ok(match self.cache.described(py, value.dtype()) {
            Some(dtype) => Found::Value(Taken { value, dtype, number: self.taken }),
            None => Found::Unknown(self.set_aside(value)),
        })
    }

    /// The value that waited for its dtype, which the cache has now; None if another thread has taken it.
    fn resume(&mut self, py: Python<'_>, number: u64) -> Option<Taken> {
        let value = self.pending.take_if(|_| self.taken == number)?;
        match self.cache.described(py, value.dtype()) {
            Some(dtype) => Some(Taken { value, dtype, number }),
            None => {
                self.pending = Some(value);
                None
            }
        }
    }

    /// Whether nobody has taken a later one.
    pub fn is_last(&self, taken: &Taken) -> bool {
        self.taken == taken.number
    }

    /// A value that could not be returned stays unread, unless a later one was returned meanwhile.
    fn put_back(&mut self, value: ndsharray::Snapshot, number: u64) {
        if self.taken == number {
            self.pending = Some(value);
        } else {
            self.unread += 1;
        }
    }

    pub fn has_pending(&self) -> bool {
        self.pending.is_some()
    }

    fn missed(&self) -> u64 {
        self.reader.missed() + self.unread
    }
}

/// Where a state is kept, under its lock.
pub trait Home {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T>;
}

impl Home for Lock<State> {
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        Ok(f(&mut *self.lock(py)?))
    }
}

/// The next new value of a reader.
pub fn take(py: Python<'_>, home: &impl Home) -> PyResult<Option<Taken>> {
    match home.with(py, |state| state.begin(py))?.map_err(raise)? {
        Found::Nothing => Ok(None),
        Found::Value(taken) => Ok(Some(taken)),
        Found::Unknown(unknown) => take_unknown(py, home, unknown),
    }
}

/// Of a dtype that is to be made first.
#[cold]
#[inline(never)]
pub fn take_unknown(py: Python<'_>, home: &impl Home, mut unknown: Unknown) -> PyResult<Option<Taken>> {
    loop {
        let pair = Pair::restore(py, &unknown.dtype)?;
        let (before, taken) =
            home.with(py, |state| (state.cache.remember(pair), state.resume(py, unknown.number)))?;
        drop(before);
        if taken.is_some() {
            return Ok(taken);
        }
        // Another thread took it, and so went on.
        match home.with(py, |state| state.begin(py))?.map_err(raise)? {
            Found::Nothing => return Ok(None),
            Found::Value(taken) => return Ok(Some(taken)),
            Found::Unknown(other) => unknown = other,
        }
    }
}

impl Reader {
    pub fn open(store: &ndsharray::Store, tag: String) -> PyResult<Self> {
        let reader = store.reader(&tag).map_err(raise)?;
        Ok(Reader { directory: store.directory().to_owned(), tag, state: Lock::new(State::new(reader)) })
    }

    /// The next new value, brought to where it is wanted.
    #[inline(always)]
    fn take<'py>(&self, py: Python<'py>, target: Target<'py>) -> PyResult<Option<Bound<'py, Snapshot>>> {
        let mut state = self.lock(py)?;
        let value = match state.next() {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(None),
            Err(error) => {
                drop(state);
                return Err(raise(error));
            }
        };
        let Some(dtype) = state.cache.described(py, value.dtype()) else {
            let unknown = state.set_aside(value);
            drop(state);
            return self.take_unknown(py, unknown, target);
        };
        let number = state.taken;
        drop(state);
        self.bring(py, Taken { value, dtype, number }, target).map(Some)
    }

    #[cold]
    #[inline(never)]
    fn take_unknown<'py>(
        &self,
        py: Python<'py>,
        unknown: Unknown,
        target: Target<'py>,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        match take_unknown(py, &self.state, unknown)? {
            Some(taken) => self.bring(py, taken, target).map(Some),
            None => Ok(None),
        }
    }

    /// A value that was taken, brought to where it is wanted; if it does not fit there it stays unread.
    #[inline(always)]
    fn bring<'py>(
        &self,
        py: Python<'py>,
        taken: Taken,
        target: Target<'py>,
    ) -> PyResult<Bound<'py, Snapshot>> {
        let Taken { value, dtype, number } = taken;
        if let Err(error) = target.check(&value, &dtype) {
            self.lock(py)?.put_back(value, number);
            return Err(error);
        }
        Snapshot::new(py, value, dtype, target)
    }

    /// A dtype that the cache does not have.
    #[cold]
    fn restored(&self, py: Python<'_>, dtype: &DType) -> PyResult<Described> {
        let pair = Pair::restore(py, dtype)?;
        let described = pair.described(py);
        let before = self.lock(py)?.cache.remember(pair);
        drop(before);
        Ok(described)
    }

    /// By itself, so that the compiler sees what is nothing to do where values stay.
    #[inline(never)]
    fn take_elsewhere<'py>(
        &self,
        py: Python<'py>,
        target: Target<'py>,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        self.take(py, target)
    }

    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, State>> {
        self.state.lock(py)
    }
}

#[pymethods]
impl Reader {
    /// str: the tag.
    #[getter]
    fn tag(&self) -> &str {
        &self.tag
    }

    /// pathlib.Path: the store's directory.
    #[getter]
    fn directory(&self) -> PathBuf {
        self.directory.clone()
    }

    /// int: how many values were published between those that `read` and the ways to wait returned. What `latest` returns
    /// does not count.
    #[getter]
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.lock(py)?.missed())
    }

    /// bool: whether a writer has the tag now. Costs some system calls.
    #[getter]
    fn writer_alive(&self, py: Python<'_>) -> PyResult<bool> {
        let alive = self.lock(py)?.reader.writer_alive();
        alive.map_err(raise)
    }

    /// The latest value if it is newer than what this reader returned last, else None. Never blocks.
    ///
    /// Parameters
    /// ----------
    /// out : numpy.ndarray, optional
    ///     A writeable array of the value's shape and dtype; the elements are copied to it. If it does not fit, the
    ///     value stays unread.
    /// copy : bool
    ///     Whether to copy the elements to a new, writeable array.
    ///
    /// Returns
    /// -------
    /// Snapshot or None
    ///
    /// Raises
    /// ------
    /// ndsharray.Error
    ///     If the store's files are damaged, or `out` does not fit.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> version = store.writer("a").write(np.zeros(2))
    /// >>> mine = store.reader("a").read(copy=True).array
    /// >>> mine += 1
    /// >>> mine
    /// array([1., 1.])
    #[pyo3(signature = (*, out=None, copy=false))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyAny>>,
        copy: bool,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        match Target::new(out, copy)? {
            Target::Stay => self.take(py, Target::Stay),
            target => self.take_elsewhere(py, target),
        }
    }

    /// The latest value, whether it was returned before or not.
    ///
    /// Parameters
    /// ----------
    /// out, copy
    ///     As for `read`.
    ///
    /// Returns
    /// -------
    /// Snapshot
    ///
    /// Raises
    /// ------
    /// EmptyError
    ///     If nothing was ever written.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> version = store.writer("a").write(np.arange(3))
    /// >>> reader, mine = store.reader("a"), np.zeros(3, np.int64)
    /// >>> reader.latest(out=mine).array is mine
    /// True
    /// >>> reader.latest().array
    /// array([0, 1, 2])
    #[pyo3(signature = (*, out=None, copy=false))]
    fn latest<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyAny>>,
        copy: bool,
    ) -> PyResult<Bound<'py, Snapshot>> {
        let target = Target::new(out, copy)?;
        let (value, dtype) = {
            let state = self.lock(py)?;
            let value = state.reader.latest();
            let dtype = value.as_ref().ok().and_then(|value| state.cache.described(py, value.dtype()));
            (value, dtype)
        };
        let value = value.map_err(raise)?;
        let dtype = match dtype {
            Some(dtype) => dtype,
            None => self.restored(py, value.dtype())?,
        };
        target.check(&value, &dtype)?;
        Snapshot::new(py, value, dtype, target)
    }

    /// Waits for a value that is newer than what this reader returned last. Ctrl-C interrupts it.
    ///
    /// Parameters
    /// ----------
    /// timeout : float, optional
    ///     Seconds; None waits for ever.
    /// out, copy
    ///     As for `read`.
    ///
    /// Returns
    /// -------
    /// Snapshot or None
    ///     None when the time is over.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> writer, reader = store.writer("a"), store.reader("a")
    /// >>> reader.wait(timeout=0.01) is None
    /// True
    /// >>> version = writer.write(np.ones(2))
    /// >>> reader.wait(timeout=60).array
    /// array([1., 1.])
    #[pyo3(signature = (timeout=None, *, out=None, copy=false))]
    fn wait<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        out: Option<Bound<'py, PyAny>>,
        copy: bool,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        let target = Target::new(out, copy)?;
        match wait::next(py, &self.state, timeout)? {
            Some(taken) => self.bring(py, taken, target).map(Some),
            None => Ok(None),
        }
    }

    /// The next new value, awaited: ``await reader.next()``. The event loop goes on; cancelled, no value is lost.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio, ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> version = store.writer("a").write([1, 2])
    /// >>> async def main():
    /// ...     reader = store.reader("a")
    /// ...     return (await asyncio.wait_for(reader.next(), timeout=60)).array
    /// >>> asyncio.run(main())
    /// array([1, 2])
    fn next<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        PyModule::import(py, intern!(py, "ndsharray._aio"))?.getattr(intern!(py, "next_value"))?.call1((slf,))
    }

    /// Sleeps up to `seconds` until there is a new value, without taking it; for the asynchronous methods.
    fn _ready(&self, py: Python<'_>, seconds: f64) -> PyResult<bool> {
        wait::ready(py, &self.state, seconds)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Snapshot>>> {
        self.wait(py, None, None, false)
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::next(slf)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let py = slf.py();
        let function = PyModule::import(py, "ndsharray._native")?.getattr("_reopen_reader")?;
        let this = slf.get();
        Ok((function, (this.directory.clone(), &this.tag).into_pyobject(py)?))
    }

    fn __repr__(&self) -> String {
        format!("<ndsharray.Reader of {:?} in {:?}>", self.tag, self.directory)
    }
}

/// Opens a reader that was pickled.
#[pyfunction]
pub fn _reopen_reader(directory: PathBuf, tag: String) -> PyResult<Reader> {
    Reader::open(&ndsharray::Store::open(directory).map_err(raise)?, tag)
}

/// An argument as an array: as it is, or as `numpy.asarray` makes one.
pub fn as_array<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return Ok(array.clone());
    }
    let py = value.py();
    let array = PyModule::import(py, intern!(py, "numpy"))?.call_method1(intern!(py, "asarray"), (value,))?;
    array.cast_into().map_err(|_| PyTypeError::new_err("expected an array"))
}
