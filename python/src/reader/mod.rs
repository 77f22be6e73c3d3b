//! Reading.

use std::path::PathBuf;

use ndsharray::DType;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::error::raise;
use crate::numpy::dtype::{Custom, Described};
use crate::object::attached_lock::{AttachedLock, Guard};
use crate::reader::snapshot::Snapshot;
use crate::reader::state::{State, Taken, Unknown, take_unknown};
use crate::reader::target::Target;
use crate::reader::wait_any as wait;

pub mod snapshot;
pub mod state;
pub mod target;
pub mod wait_any;

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
    state: AttachedLock<State>,
}

impl Reader {
    pub fn open(store: &ndsharray::Store, tag: String) -> PyResult<Self> {
        let reader = store.reader(&tag).map_err(raise)?;
        Ok(Reader {
            directory: store.directory().to_owned(),
            tag,
            state: AttachedLock::new(State::new(reader)),
        })
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
            return self.take_unknown(py, *unknown, target);
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
        take_unknown(py, &self.state, unknown)?.map(|taken| self.bring(py, taken, target)).transpose()
    }

    /// A value that was taken, brought to where it is wanted; if that fails it stays unread.
    #[inline(always)]
    fn bring<'py>(
        &self,
        py: Python<'py>,
        taken: Taken,
        target: Target<'py>,
    ) -> PyResult<Bound<'py, Snapshot>> {
        let Taken { value, dtype, number } = taken;
        if matches!(target, Target::Stay) {
            return Snapshot::new(py, value, dtype, target);
        }
        let spare = value.clone();
        let brought = target.check(&value, &dtype).and_then(|()| Snapshot::new(py, value, dtype, target));
        if brought.is_err() {
            self.lock(py)?.put_back(spare, number);
        }
        brought
    }

    /// A dtype that the cache does not have.
    #[cold]
    fn restored(&self, py: Python<'_>, dtype: &DType) -> PyResult<Described> {
        let pair = Custom::restore(py, dtype)?;
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
        let state = self.lock(py)?;
        let value = match state.reader.latest() {
            Ok(value) => value,
            Err(error) => {
                drop(state);
                return Err(raise(error));
            }
        };
        let known = state.cache.described(py, value.dtype());
        drop(state);
        let dtype = match known {
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
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If `timeout` is not a number.
    /// ndsharray.Error
    ///     As for `read`.
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
        wait::next(py, &self.state, timeout)?.map(|taken| self.bring(py, taken, target)).transpose()
    }

    /// The next new value, awaited: ``await reader.next()``. The event loop goes on; cancelled, no value is lost.
    ///
    /// Raises
    /// ------
    /// ndsharray.Error
    ///     As for `read`.
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
