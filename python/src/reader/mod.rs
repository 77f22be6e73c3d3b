//! The class `Reader`, and all that it needs to read.
//!
//! From the bottom up: `state` (what is under a reader's lock), `open` (that lock), `target` (where the elements go), `sent`,
//! `export` (how other libraries get the array) and `snapshot` (a value that was read), `read`, `wait` and `changed` (the steps of
//! a call), the class `Reader` here, and above it `every` (its methods for values one after the other), `closing` and `wait_any`.

use std::path::PathBuf;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::error::raise;
use crate::object::heap_type;
use crate::reader::changed::{Alarm, Wait, Waits};
use crate::reader::open::{Open, OpenState};
use crate::reader::snapshot::Snapshot;
use crate::reader::state::{State, Which};
use crate::reader::target::Target;
use crate::reader::wait::{Deadline, End};

pub mod changed;
mod closing;
pub mod every;
pub mod export;
mod open;
mod read;
mod sent;
pub mod snapshot;
pub mod state;
pub mod target;
mod wait;
pub mod wait_any;

/// A reader of a tag, from `Store.reader`. There may be any number of readers, in any process.
///
/// A read needs no system call, and takes as long for a large array as for a small one. A loop over a reader waits for
/// the latest value each time; so does ``async for``. A loop over `every` gets each value in its turn. Both `every` and
/// `values` make loops that end. A reader may be closed, or used in a ``with`` block, and can be pickled: its directory and
/// its tag are, and it is opened anew where it is unpickled.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store()
/// >>> writer = store.writer("counts", ephemeral=True)
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
    state: OpenState,
    /// What waits in event loops.
    waits: Waits,
}

impl Reader {
    pub fn open(store: &ndsharray::Store, tag: String) -> PyResult<Self> {
        let reader = store.reader(&tag).map_err(raise)?;
        Ok(Self::new(store, tag, reader))
    }

    /// Opens a reader as soon as the tag exists, in steps, so that Ctrl-C is noticed.
    pub fn wait_and_open(
        py: Python<'_>,
        store: &ndsharray::Store,
        tag: String,
        wait: Option<f64>,
    ) -> PyResult<Self> {
        let deadline = Deadline::new(py, "wait", wait)?;
        loop {
            let step = deadline.step();
            let options = store.reader_options(&tag).wait(step.unwrap_or_default());
            let outcome = if step.is_some() { py.detach(|| options.open()) } else { options.open() };
            py.check_signals()?;
            match outcome {
                Err(ndsharray::Error::NotFound { .. }) if step.is_some() => {}
                outcome => return Ok(Self::new(store, tag, outcome.map_err(raise)?)),
            }
        }
    }

    fn new(store: &ndsharray::Store, tag: String, reader: ndsharray::Reader) -> Self {
        Reader {
            directory: store.directory().to_owned(),
            tag,
            state: OpenState::new(State::new(reader)),
            waits: Waits::default(),
        }
    }

    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Open<'a>> {
        self.state.lock(py)
    }

    /// A new value, or None.
    fn new_value<'py>(&self, py: Python<'py>, which: Which) -> PyResult<Option<Bound<'py, Snapshot>>> {
        read::new_value(py, &self.state, which, Target::Stay)
    }

    /// Waits for a new value, and puts it where the target says; None when the time is over.
    fn wait_for<'py>(
        &self,
        py: Python<'py>,
        which: Which,
        end: End,
        target: Target<'py>,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        let acquired = wait::new_value(py, &self.state, which, end)?;
        acquired.map(|acquired| read::deliver(py, &self.state, acquired, target)).transpose()
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

    /// int: how many values this reader missed: they were published between two that it returned. What `latest` returns
    /// does not count as returned. It stays readable when the reader is closed.
    #[getter]
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        self.state.missed(py)
    }

    /// bool: whether the tag has a writer now. Needs a few system calls.
    #[getter]
    fn writer_alive(&self, py: Python<'_>) -> PyResult<bool> {
        let alive = self.lock(py)?.writer_alive();
        alive.map_err(raise)
    }

    /// Returns the latest value if it is newer than the one that this reader returned last, else None. Never waits.
    ///
    /// Parameters
    /// ----------
    /// out : numpy.ndarray, optional
    ///     A writeable array of the value's shape and dtype. The elements are copied to it. If it does not fit, the
    ///     value stays unread.
    /// copy : bool
    ///     Whether to copy the elements to a new, writeable array. Not together with `out`.
    ///
    /// Returns
    /// -------
    /// Snapshot or None
    ///
    /// Raises
    /// ------
    /// UnsupportedDTypeError
    ///     If numpy cannot make the stored dtype here, such as one of ml_dtypes if that is not installed.
    /// ndsharray.Error
    ///     If the store's files are damaged, or `out` does not fit.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> with store.writer("zeros", ephemeral=True) as writer:
    /// ...     version = writer.write(np.zeros(2))
    /// ...     mine = store.reader("zeros").read(copy=True).array
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
            Target::Stay => read::new_value(py, &self.state, Which::Latest, Target::Stay),
            target => read::new_value_elsewhere(py, &self.state, Which::Latest, target),
        }
    }

    /// Returns the latest value, also if it was returned before.
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
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("range", ephemeral=True)
    /// >>> version = writer.write(np.arange(3))
    /// >>> reader, mine = store.reader("range"), np.zeros(3, np.int64)
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
        read::latest_value(py, &self.state, Target::new(out, copy)?)
    }

    /// Whether the latest value is another one than `snapshot`, or there is none any more.
    ///
    /// This is the cheapest question: a loop that runs much more often than something is written keeps its snapshot, and
    /// reads again when it has changed.
    ///
    /// Parameters
    /// ----------
    /// snapshot : Snapshot
    ///     A value of this tag, from any reader and in any form.
    ///
    /// Returns
    /// -------
    /// bool
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer, reader = store.writer("gains", ephemeral=True), store.reader("gains")
    /// >>> version = writer.write([1.0, 0.5])
    /// >>> gains = reader.latest()
    /// >>> reader.has_changed(gains)
    /// False
    /// >>> version = writer.write([1.0, 0.25])
    /// >>> if reader.has_changed(gains):
    /// ...     gains = reader.latest()
    /// >>> gains.array
    /// array([1.  , 0.25])
    fn has_changed(&self, py: Python<'_>, snapshot: &Bound<'_, Snapshot>) -> PyResult<bool> {
        let id = heap_type::get(snapshot).id();
        Ok(!self.lock(py)?.is_latest(id))
    }

    /// Waits for a value that is newer than the one that this reader returned last. Ctrl-C ends the wait.
    ///
    /// Parameters
    /// ----------
    /// timeout : float, optional
    ///     In seconds; None waits for ever, 0 or less not at all.
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
    /// >>> store = ndsharray.Store()
    /// >>> writer, reader = store.writer("ones", ephemeral=True), store.reader("ones")
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
        self.wait_for(py, Which::Latest, End { timeout, with_writer: false }, Target::new(out, copy)?)
    }

    /// Waits for the next new value in a coroutine: ``await reader.next()``. The event loop runs on meanwhile. No value is
    /// lost if the wait is cancelled.
    ///
    /// Raises
    /// ------
    /// ndsharray.Error
    ///     As for `read`.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio, ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("news", ephemeral=True)
    /// >>> version = writer.write([1, 2])
    /// >>> async def main():
    /// ...     reader = store.reader("news")
    /// ...     return (await asyncio.wait_for(reader.next(), timeout=60)).array
    /// >>> asyncio.run(main())
    /// array([1, 2])
    fn next<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        PyModule::import(py, intern!(py, "ndsharray._aio"))?.getattr(intern!(py, "next_value"))?.call1((slf,))
    }

    /// Begins to wait for a new value, and does not read it. The asynchronous methods use this.
    fn _wait(&self, py: Python<'_>, alarm: &Alarm, number: u64) -> PyResult<Wait> {
        changed::begin(py, &self.state, &self.waits, alarm, number)
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
        let reopen = PyModule::import(py, "ndsharray._native")?.getattr("_reopen_reader")?;
        let this = slf.get();
        Ok((reopen, (this.directory.clone(), &this.tag).into_pyobject(py)?))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        // In a signal handler that interrupts a call of this reader nobody can tell.
        let closed = if self.state.is_closed(py).unwrap_or(false) { ", closed" } else { "" };
        format!("<ndsharray.Reader of {:?} in {:?}{closed}>", self.tag, self.directory)
    }
}

/// Unpickles a reader: opens it anew.
#[pyfunction]
pub fn _reopen_reader(directory: PathBuf, tag: String) -> PyResult<Reader> {
    Reader::open(&ndsharray::Store::open(directory).map_err(raise)?, tag)
}
