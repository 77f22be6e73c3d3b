//! The class `Writer`, and all that it needs to write.
//!
//! From the bottom up: `custody` (who has the library's writer), `memory` (arrays over memory of the store), `state` (what
//! is under a writer's lock), `sent` (what is sent along with a value), `loan`, the class `Writer` here, and `options` above it.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::numpy::{array, dtype};
use crate::object::attached_lock::{AttachedLock, Guard};
use crate::writer::custody::Custody;
use crate::writer::loan::Loan;
use crate::writer::sent::{Sent, UserData, meta};
use crate::writer::state::{Locked, State, busy, closed, write};

mod custody;
pub mod loan;
mod memory;
pub mod options;
mod sent;
pub mod state;

/// The one writer of a tag, from `Store.writer`.
///
/// Each write publishes a new value, of any shape and dtype, in one pass over the data. It never waits for a reader.
/// A ``with`` block closes the writer at its end. The value stays in the store, unless the writer was opened as
/// ephemeral. A writer belongs to the process that opened it: in a forked child its methods raise ForkedError, and it
/// cannot be pickled.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store()
/// >>> with store.writer("frame", ephemeral=True) as writer:
/// ...     writer.write(np.zeros((2, 3), np.float32))
/// ...     writer.write(np.arange(4), b"another layout")
/// 1
/// 2
#[pyclass(frozen, module = "ndsharray", weakref)]
pub struct Writer {
    directory: PathBuf,
    tag: Arc<str>,
    state: Arc<AttachedLock<State>>,
    pid: u32,
}

impl Writer {
    pub fn new(directory: PathBuf, tag: String, writer: ndsharray::Writer) -> Self {
        Writer {
            directory,
            tag: tag.into(),
            state: Arc::new(AttachedLock::new(State::new(writer))),
            pid: std::process::id(),
        }
    }

    #[inline(always)]
    fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, State>> {
        self.state.lock_in_process(py, self.pid)
    }
}

impl Locked for Writer {
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        f(&mut *self.lock(py)?)
    }
}

#[pymethods]
impl Writer {
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

    /// int: the version of the last value, also if an earlier writer wrote it; 0 before the first value.
    #[getter]
    fn version(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.lock(py)?.writer(py)?.version())
    }

    /// str or None: the name of the data file; None before the first value.
    #[getter]
    fn data_file(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.lock(py)?.writer(py)?.data_file())
    }

    /// bool: whether the writer was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(matches!(self.lock(py)?.custody(), Custody::Closed | Custody::Exited))
    }

    /// Publishes an array. It may have any strides; the value is stored in C order.
    ///
    /// Parameters
    /// ----------
    /// array : array_like
    ///     Anything that `numpy.asarray` takes, except masked arrays: a value has no mask. The only copy made of an array
    ///     is the one in the store.
    /// user_data : bytes, or another buffer
    ///     Up to 2048 bytes that go with the value, such as a frame number. For a bytearray, memoryview or array,
    ///     ``bytes`` of it is sent.
    /// attrs : dict, instead of `user_data`
    ///     Attributes that go with the value, such as ``{"exposure": 0.01, "gain": 2}``: a dict with str as keys, and with
    ///     dicts, lists, tuples, str, int, float, bool and None as values. They take up to 2048 bytes as JSON text. Numbers
    ///     of numpy count as numbers.
    /// acquired_at : float, int, datetime.datetime or numpy.datetime64
    ///     When the value was acquired, such as when the shutter opened: Unix time in seconds, as ``time.time()``, if it is
    ///     a float; in nanoseconds, as ``time.time_ns()``, if it is an int; or a datetime, which is local time if it has no
    ///     time zone; or one of numpy, which is in UTC. 0 is as none.
    ///
    /// Returns
    /// -------
    /// int
    ///     The version of the value.
    ///
    /// Raises
    /// ------
    /// NoSpaceError
    ///     If the store is full. The last value stays readable, as after every error.
    /// UnsupportedDTypeError
    ///     If the elements are Python objects, or cannot be described.
    /// InvalidArgumentError
    ///     If `array` is masked, if `user_data` or the text of `attrs` is longer than 2048 bytes, if both are given, if
    ///     `attrs` has something that JSON has not (the error says where it is), or if `acquired_at` is not from 1970 to
    ///     2554.
    /// WriterEndedError
    ///     If the writer was closed, superseded, removed or forked.
    /// WriterBusyError
    ///     If the writer has an open loan.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("strided", ephemeral=True)
    /// >>> writer.write(np.zeros((2, 3)).T, b"any strides")
    /// 1
    /// >>> writer.write(np.zeros(2), attrs={"exposure": 0.01, "gain": 2}, acquired_at=1700000000.25)
    /// 2
    /// >>> snapshot = store.reader("strided").latest()
    /// >>> snapshot.attrs, snapshot.acquired_at
    /// ({'exposure': 0.01, 'gain': 2}, 1700000000.25)
    /// >>> writer.write(np.array([object()]))
    /// Traceback (most recent call last):
    ///     ...
    /// ndsharray.UnsupportedDTypeError: dtype object cannot be shared: ...
    #[pyo3(signature = (array, user_data=None, *, attrs=None, acquired_at=None))]
    fn write(
        &self,
        array: &Bound<'_, PyAny>,
        user_data: Option<UserData<'_>>,
        attrs: Option<&Bound<'_, PyAny>>,
        acquired_at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let meta = meta(array.py(), user_data, attrs, acquired_at)?;
        write(self, &array::from_array_like(array)?, &meta)
    }

    /// Lends the memory of the next value, to be filled in place, without a copy.
    ///
    /// Parameters
    /// ----------
    /// shape : int or tuple of int
    /// dtype : dtype_like
    /// user_data, attrs, acquired_at
    ///     As for `write`. They can also be set in the block: `Loan.user_data`, `Loan.attrs` and `Loan.acquired_at`.
    ///
    /// Returns
    /// -------
    /// Loan
    ///     A context manager that gives the block a writeable array. At first its elements are those of some earlier
    ///     value, or zero. The value is published at the end of the block, unless an exception ends the block. After
    ///     the block the array is read-only.
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If the shape is not valid; and as for `write`.
    /// UnsupportedDTypeError
    ///     If the elements are Python objects, or cannot be described.
    /// ClosedError
    ///     If the writer is closed. The start of the ``with`` block raises the other errors of `write`.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("ramp", ephemeral=True)
    /// >>> with writer.loan((2, 2), np.uint8) as array:
    /// ...     array[:] = 7
    /// >>> store.reader("ramp").latest().array
    /// array([[7, 7],
    ///        [7, 7]], dtype=uint8)
    #[pyo3(signature = (shape, dtype, user_data=None, *, attrs=None, acquired_at=None))]
    fn loan(
        slf: &Bound<'_, Self>,
        shape: &Bound<'_, PyAny>,
        dtype: &Bound<'_, PyAny>,
        user_data: Option<UserData<'_>>,
        attrs: Option<&Bound<'_, PyAny>>,
        acquired_at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Loan> {
        let sent = Sent::new(slf.py(), user_data, attrs, acquired_at)?;
        let mut shape = dtype::shape(shape)?;
        let descr = dtype::of(dtype, &mut shape)?;
        let known = dtype::known(&descr)?;
        let descr = dtype::native(&descr, &known);
        let writer = slf.get();
        // The loan is opened later, but an error that is certain is better raised now.
        if matches!(writer.lock(slf.py())?.custody(), Custody::Closed) {
            return Err(closed(slf.py()));
        }
        Ok(Loan::new(writer.tag.clone(), writer.state.clone(), writer.pid, known, descr, shape, sent))
    }

    /// Closes the writer. Another one can be opened then. Closing it again does nothing.
    ///
    /// Raises
    /// ------
    /// WriterBusyError
    ///     If the writer has an open loan.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store()
    /// >>> writer = store.writer("closed", ephemeral=True)
    /// >>> writer.close()
    /// >>> writer.closed
    /// True
    pub fn close(&self, py: Python<'_>) -> PyResult<()> {
        let writer = self.lock(py)?.close();
        match writer {
            Some(writer) => {
                py.detach(|| drop(writer));
                Ok(())
            }
            None => Err(busy(py)),
        }
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let writer = self.lock(py)?.close();
        match writer {
            Some(writer) => py.detach(|| drop(writer)),
            // A loan is open. An error about it would hide the exception that ends the block.
            None if exception.get_item(0).is_ok_and(|class| !class.is_none()) => {
                let writer = self.lock(py)?.close_after_loan();
                py.detach(|| drop(writer));
            }
            None => return Err(busy(py)),
        }
        Ok(())
    }

    /// Closes the writer because the interpreter exits, also if a loan is open. `ndsharray._ephemeral` uses this.
    fn _exit(&self, py: Python<'_>) -> PyResult<()> {
        let (custody, writer, loan) = self.lock(py)?.exit();
        py.detach(|| drop((custody, writer)));
        loan.map_or(Ok(()), |loan| loan.give_back(py))
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a writer belongs to the process that opened it and cannot be pickled: pickle Store.writer_options(tag), \
             and open the writer in the other process",
        ))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        // In a signal handler that interrupts a call of this writer nobody can tell.
        let closed = if self.closed(py).unwrap_or(false) { ", closed" } else { "" };
        format!("<ndsharray.Writer of {:?} in {:?}{closed}>", self.tag, self.directory)
    }
}
