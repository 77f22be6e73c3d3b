//! Each value in its turn: the methods of `Reader` for that, and the class `Every`. And the value nearest to a time.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyModule, PyTuple};

use crate::reader::snapshot::Snapshot;
use crate::reader::state::Which;
use crate::reader::target::Target;
use crate::reader::wait::{Deadline, End};
use crate::reader::{Reader, read};
use crate::time::{distance, unix_time};

#[pymethods]
impl Reader {
    /// Returns the oldest value that is still there and newer than the one that this reader returned last, else None.
    /// Never waits.
    ///
    /// A writer that was opened with ``history=n`` keeps its last values in place. A reader that stalls while fewer than
    /// `n` are written loses none. `missed` counts those that it lost. The first call returns the oldest value from which
    /// on none is missing. If the writer keeps no history this is as `read`, but may return the value before the latest.
    ///
    /// Parameters
    /// ----------
    /// out, copy
    ///     As for `read`. If `out` does not fit, the value stays the next one.
    ///
    /// Returns
    /// -------
    /// Snapshot or None
    ///
    /// Raises
    /// ------
    /// ndsharray.Error
    ///     As for `read`.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("samples", history=20, ephemeral=True)
    /// >>> reader = store.reader("samples")
    /// >>> for sample in range(10):
    /// ...     _ = writer.write([sample])
    /// >>> [int(reader.read_next().array[0]) for _ in range(10)]
    /// [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    /// >>> reader.read_next() is None, reader.missed
    /// (True, 0)
    #[pyo3(signature = (*, out=None, copy=false))]
    fn read_next<'py>(
        &self,
        py: Python<'py>,
        out: Option<Bound<'py, PyAny>>,
        copy: bool,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        read::new_value_elsewhere(py, &self.state, Which::Next, Target::new(out, copy)?)
    }

    /// Waits for `read_next` to return a value. Ctrl-C ends the wait.
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
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("pairs", history=8, ephemeral=True)
    /// >>> reader = store.reader("pairs")
    /// >>> versions = [writer.write([n]) for n in range(2)]
    /// >>> reader.wait_next(timeout=60).version, reader.wait_next(timeout=60).version
    /// (1, 2)
    /// >>> reader.wait_next(timeout=0.01) is None
    /// True
    #[pyo3(signature = (timeout=None, *, out=None, copy=false))]
    fn wait_next<'py>(
        &self,
        py: Python<'py>,
        timeout: Option<f64>,
        out: Option<Bound<'py, PyAny>>,
        copy: bool,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        self.wait_for(py, Which::Next, End { timeout, with_writer: false }, Target::new(out, copy)?)
    }

    /// Each value in its turn, in a ``for`` or an ``async for`` loop: what `wait_next` returns, until nothing comes for as
    /// long as `timeout`.
    ///
    /// Parameters
    /// ----------
    /// timeout : float, optional
    ///     In seconds; None waits for ever, 0 or less not at all.
    /// until_writer_gone : bool
    ///     Whether the loop also ends, after the last value, when the tag has no writer any more: the writer was closed, its
    ///     process died, or the tag was removed. It notices within some 0.1 s. An ephemeral writer takes the values along
    ///     that were not read yet.
    ///
    /// Returns
    /// -------
    /// Every
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If `timeout` is not a number.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("summands", history=8, ephemeral=True)
    /// >>> reader = store.reader("summands")
    /// >>> for sample in [1, 2, 3]:
    /// ...     _ = writer.write([sample])
    /// >>> sum(int(snapshot.array[0]) for snapshot in reader.every(timeout=0))
    /// 6
    #[pyo3(signature = (timeout=None, until_writer_gone=false))]
    fn every(slf: Bound<'_, Self>, timeout: Option<f64>, until_writer_gone: bool) -> PyResult<Every> {
        Every::new(slf, Which::Next, timeout, until_writer_gone)
    }

    /// The latest values, for a ``for`` or an ``async for`` loop, as `wait` returns them: values that are overtaken by
    /// newer ones are skipped. The loop ends when no value comes for `timeout`. A loop over the reader itself is the same
    /// without an end.
    ///
    /// Parameters
    /// ----------
    /// timeout, until_writer_gone
    ///     As for `every`.
    ///
    /// Returns
    /// -------
    /// Every
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If `timeout` is not a number.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> with store.writer("ending") as writer:
    /// ...     reader = store.reader("ending")
    /// ...     versions = [writer.write([frame]) for frame in range(3)]
    /// >>> [snapshot.version for snapshot in reader.values(until_writer_gone=True)]
    /// [3]
    /// >>> store.remove("ending")
    #[pyo3(signature = (timeout=None, until_writer_gone=false))]
    fn values(slf: Bound<'_, Self>, timeout: Option<f64>, until_writer_gone: bool) -> PyResult<Every> {
        Every::new(slf, Which::Latest, timeout, until_writer_gone)
    }

    /// Returns the value that was acquired nearest to a time, of those that are still there; of two the newer one.
    ///
    /// A value for which the writer gave no time of acquisition counts by when it was written. What `read` and
    /// `read_next` return is not changed by this, and `missed` neither. It never waits.
    ///
    /// Parameters
    /// ----------
    /// time : float, int, datetime.datetime or numpy.datetime64
    ///     Seconds as a float, nanoseconds as an int, or a datetime, as for `Writer.write`.
    /// within : float, optional
    ///     How far from that time the value may be, in seconds; None for any distance.
    /// out, copy
    ///     As for `read`.
    ///
    /// Returns
    /// -------
    /// Snapshot or None
    ///     None if there is no value, or none that is near enough.
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If `time` is not from 1970 to 2554, or `within` is negative or not a number.
    /// ndsharray.Error
    ///     As for `read`.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("frames", history=8, ephemeral=True)
    /// >>> reader = store.reader("frames")
    /// >>> for frame in range(5):
    /// ...     _ = writer.write([frame], acquired_at=1000 + frame * 0.033)
    /// >>> reader.nearest(1000.07, within=0.01).array
    /// array([2])
    /// >>> reader.nearest(2000.0, within=0.01) is None
    /// True
    #[pyo3(signature = (time, within=None, *, out=None, copy=false))]
    fn nearest<'py>(
        &self,
        py: Python<'py>,
        time: &Bound<'py, PyAny>,
        within: Option<f64>,
        out: Option<Bound<'py, PyAny>>,
        copy: bool,
    ) -> PyResult<Option<Bound<'py, Snapshot>>> {
        let within = distance(py, "within", within)?;
        let (time, target) = (unix_time("time", time)?, Target::new(out, copy)?);
        read::nearest_value(py, &self.state, time, within, target)
    }
}

/// An iterator over the values of a tag: over each value from `Reader.every`, over the latest ones from `Reader.values`. It
/// is an asynchronous iterator too.
///
/// It ends when no value comes for its timeout, or, if `until_writer_gone` is true, when the writer has gone. The reader can
/// be used further: another `Reader.every` of it continues after the last value. A wait that is interrupted or cancelled
/// loses no value. When it is pickled, so are the reader and how it ends.
///
/// Examples
/// --------
/// >>> import asyncio, ndsharray
/// >>> store = ndsharray.Store()
/// >>> writer = store.writer("numbers", history=8, ephemeral=True)
/// >>> reader = store.reader("numbers")
/// >>> for n in range(3):
/// ...     _ = writer.write([n])
/// >>> async def main():
/// ...     return [int(snapshot.array[0]) async for snapshot in reader.every(timeout=0.01)]
/// >>> asyncio.run(main())
/// [0, 1, 2]
#[pyclass(frozen, module = "ndsharray")]
pub struct Every {
    reader: Py<Reader>,
    which: Which,
    end: End,
    has_ended: AtomicBool,
}

#[pymethods]
impl Every {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, Snapshot>> {
        if !self.has_ended.load(Ordering::Relaxed) {
            let reader = self.reader.bind(py).get();
            if let Some(snapshot) = reader.wait_for(py, self.which, self.end, Target::Stay)? {
                return Ok(snapshot);
            }
            self.end();
        }
        Err(PyStopIteration::new_err(()))
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        let next =
            PyModule::import(py, intern!(py, "ndsharray._aio"))?.getattr(intern!(py, "next_in_turn"))?;
        next.call1((slf, &this.reader, this.end.timeout, this.end.with_writer))
    }

    /// The next value, if there is one now. The asynchronous loop uses this.
    fn _read<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, Snapshot>>> {
        self.reader.bind(py).get().new_value(py, self.which)
    }

    /// Whether it has ended. The asynchronous loop uses this, and `_end`.
    #[getter]
    fn _ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    fn _end(&self) {
        self.end();
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let method = self.reader.bind(py).getattr(self.method())?;
        Ok((method, (self.end.timeout, self.end.with_writer).into_pyobject(py)?))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let reader = self.reader.bind(py).get();
        let (tag, directory, method) = (&reader.tag, &reader.directory, self.method());
        let timeout = self.end.timeout.map_or("None".to_owned(), |timeout| format!("{timeout:?}"));
        let until = if self.end.with_writer { ", until_writer_gone=True" } else { "" };
        format!("<ndsharray.Every of {tag:?} in {directory:?}: {method}(timeout={timeout}{until})>")
    }
}

impl Every {
    fn new(
        reader: Bound<'_, Reader>,
        which: Which,
        timeout: Option<f64>,
        with_writer: bool,
    ) -> PyResult<Self> {
        Deadline::new(reader.py(), "timeout", timeout)?;
        let end = End { timeout, with_writer };
        Ok(Every { reader: reader.unbind(), which, end, has_ended: AtomicBool::new(false) })
    }

    /// The method of the reader that makes it.
    fn method(&self) -> &'static str {
        match self.which {
            Which::Latest => "values",
            Which::Next => "every",
        }
    }

    fn end(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}
