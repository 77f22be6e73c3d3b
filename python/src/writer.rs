//! Writing.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ndsharray::DType;
use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::dtype::{Cache, Known, Pair};
use crate::error::{named, raise};
use crate::loan::{Loan, Memory};
use crate::lock::{Guard, Lock};
use crate::reader::as_array;
use crate::{array, dtype};

/// The one writer of a tag, from `Store.writer`.
///
/// Each write publishes a new value, of any shape and dtype, in one pass over the data; it never waits for a reader.
/// As a context manager it closes itself. The value stays in the store, unless the writer was opened as ephemeral. A
/// writer belongs to the process that opened it: in a forked child it gives ForkedError, and it cannot be pickled.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> store = ndsharray.Store(directory)
/// >>> with store.writer("frame") as writer:
/// ...     writer.write(np.zeros((2, 3), np.float32))
/// ...     writer.write(np.arange(4), b"another layout")
/// 1
/// 2
#[pyclass(frozen, module = "ndsharray", weakref)]
pub struct Writer {
    directory: PathBuf,
    tag: String,
    state: Arc<Lock<State>>,
    pid: u32,
}

pub struct State {
    writer: Slot,
    /// Where a loan that ends, be it in a finalizer, leaves the writer.
    back: Back,
    cache: Cache,
}

/// Who publishes arrays: a state under a lock.
pub trait Home {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T>;
}

/// Where a loan leaves the writer that it borrowed. Held for a moment only, and no Python code runs meanwhile.
pub type Back = Arc<Mutex<Option<Box<ndsharray::Writer>>>>;

/// Where the library's writer is.
pub enum Slot {
    Here(Box<ndsharray::Writer>),
    /// In a loan, which brings it back.
    Lent,
    Closed,
}

impl State {
    pub fn new(writer: ndsharray::Writer) -> Self {
        State { writer: Slot::Here(Box::new(writer)), back: Arc::default(), cache: Cache::default() }
    }

    /// Where the writer is now.
    fn slot(&mut self) -> &mut Slot {
        if matches!(self.writer, Slot::Lent)
            && let Some(writer) = self.back.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            self.writer = Slot::Here(writer);
        }
        &mut self.writer
    }

    #[inline(always)]
    fn writer(&mut self, py: Python<'_>) -> PyResult<&mut ndsharray::Writer> {
        match self.slot() {
            Slot::Here(writer) => Ok(writer),
            Slot::Lent => Err(busy(py)),
            Slot::Closed => Err(named(py, "ClosedError", "the writer is closed")),
        }
    }

    /// Publishes an array of a known dtype.
    fn write(&mut self, array: &Bound<'_, PyUntypedArray>, known: Known, user_data: &[u8]) -> PyResult<u64> {
        let py = array.py();
        let writer = self.writer(py)?;
        let Known { dtype, swapped } = known;
        match array::contiguous(array) {
            Some(bytes) if !swapped => {
                let shape = array.shape();
                let mut write = || writer.write_bytes(&dtype, shape, bytes, user_data);
                match if bytes.len() > array::LARGE { py.detach(write) } else { write() } {
                    // A mask of 0 and 255 viewed as bool: to numpy all but 0 is true.
                    Err(ndsharray::Error::InvalidElement { .. }) => {
                        write_strided(writer, &dtype, array, user_data)
                    }
                    done => done.map_err(raise),
                }
            }
            _ => write_strided(writer, &dtype, array, user_data),
        }
    }

    /// Takes the writer away for good; None if it is lent.
    fn close(&mut self) -> Option<Slot> {
        match self.slot() {
            Slot::Lent => None,
            slot => Some(std::mem::replace(slot, Slot::Closed)),
        }
    }

    /// Takes the writer away for a loan, which puts it where the second value says.
    pub fn lend(&mut self, py: Python<'_>) -> PyResult<(Box<ndsharray::Writer>, Back)> {
        match std::mem::replace(self.slot(), Slot::Lent) {
            Slot::Here(writer) => Ok((writer, self.back.clone())),
            other => {
                self.writer = other;
                self.writer(py)?;
                Err(busy(py))
            }
        }
    }

    pub fn data_file(&mut self) -> Option<String> {
        match self.slot() {
            Slot::Here(writer) => writer.data_file(),
            _ => None,
        }
    }
}

/// Publishes an array.
#[inline(always)]
pub fn write(home: &impl Home, array: &Bound<'_, PyUntypedArray>, user_data: &[u8]) -> PyResult<u64> {
    let (py, descr) = (array.py(), array.dtype());
    let done = home.with(py, |state| match state.cache.stored(&descr) {
        Some(known) => state.write(array, known, user_data).map(Some),
        None => Ok(None),
    })?;
    match done {
        Some(version) => Ok(version),
        None => write_unknown(home, array, &descr, user_data),
    }
}

/// Of a dtype that is to be described first: by Python code, so with no lock.
#[cold]
#[inline(never)]
fn write_unknown(
    home: &impl Home,
    array: &Bound<'_, PyUntypedArray>,
    descr: &Bound<'_, PyArrayDescr>,
    user_data: &[u8],
) -> PyResult<u64> {
    let pair = Pair::describe(descr)?;
    let known = pair.known();
    let mut before = None;
    let version = home.with(array.py(), |state| {
        before = state.cache.remember(pair);
        state.write(array, known, user_data)
    });
    drop(before);
    version
}

fn busy(py: Python<'_>) -> PyErr {
    named(
        py,
        "WriterBusyError",
        "the writer has an open loan: it can write again when the loan's block has ended",
    )
}

/// One pass from any strides or byte order into the store.
fn write_strided(
    writer: &mut ndsharray::Writer,
    dtype: &DType,
    source: &Bound<'_, PyUntypedArray>,
    user_data: &[u8],
) -> PyResult<u64> {
    let py = source.py();
    let descr = dtype::native(&source.dtype(), dtype);
    let mut loan = writer.loan_bytes(dtype, source.shape()).map_err(raise)?;
    loan.set_user_data(user_data).map_err(raise)?;
    let owner = Bound::new(py, Memory::new(loan.keeper().map_err(raise)?))?.into_any();
    let data = loan.as_mut_slice().as_mut_ptr();
    // SAFETY: the loan's memory has the length of such an array, stays mapped as long as the owner lives, and is not
    // touched by anything else before the array is gone.
    let target = unsafe { array::over(descr, source.shape(), data, true, owner)? };
    array::copy_into(&target, source)?;
    drop(target);
    normalise(dtype, &mut loan);
    loan.publish().map_err(raise)
}

/// Makes every true bool a 1, which to numpy it need not be.
pub fn normalise(dtype: &DType, loan: &mut ndsharray::Loan<'_, u8>) {
    if *dtype == DType::Bool {
        for byte in loan.as_mut_slice() {
            *byte = u8::from(*byte != 0);
        }
    }
}

impl Writer {
    pub fn new(directory: PathBuf, tag: String, writer: ndsharray::Writer) -> Self {
        Writer { directory, tag, state: Arc::new(Lock::new(State::new(writer))), pid: std::process::id() }
    }

    #[inline(always)]
    fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, State>> {
        self.state.lock_in_process(py, self.pid)
    }
}

impl Home for Lock<State> {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        f(&mut *self.lock(py)?)
    }
}

impl Home for Writer {
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

    /// int: the version of the last value, this writer's or an earlier one's; 0 before the first.
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
        Ok(matches!(self.lock(py)?.slot(), Slot::Closed))
    }

    /// Publishes an array, of any strides, in C order.
    ///
    /// Parameters
    /// ----------
    /// array : array_like
    ///     Anything that `numpy.asarray` takes; arrays are not copied but into the store.
    /// user_data : bytes
    ///     What travels with the value, at most 240 bytes, such as a frame number.
    ///
    /// Returns
    /// -------
    /// int
    ///     The version of the value.
    ///
    /// Raises
    /// ------
    /// NoSpaceError
    ///     If the store is full. The last value stays readable, as with every error.
    /// UnsupportedDTypeError
    ///     If the elements are Python objects, or cannot be described.
    /// InvalidArgumentError
    ///     If `user_data` is longer than 240 bytes.
    /// WriterEndedError
    ///     If the writer was closed, superseded, removed or forked.
    /// WriterBusyError
    ///     If it has an open loan.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> writer = store.writer("a")
    /// >>> writer.write(np.zeros((2, 3)).T, b"any strides")
    /// 1
    /// >>> writer.write(np.array([object()]))
    /// Traceback (most recent call last):
    ///     ...
    /// ndsharray.UnsupportedDTypeError: dtype object cannot be shared: ...
    #[pyo3(signature = (array, user_data=None))]
    fn write(&self, array: &Bound<'_, PyAny>, user_data: Option<&[u8]>) -> PyResult<u64> {
        write(self, &as_array(array)?, user_data.unwrap_or_default())
    }

    /// The memory of the next value, to be filled in place, without a copy.
    ///
    /// Parameters
    /// ----------
    /// shape : int or tuple of int
    /// dtype : dtype_like
    /// user_data : bytes
    ///     What travels with the value; `Loan.user_data` can also be set in the block.
    ///
    /// Returns
    /// -------
    /// Loan
    ///     A context manager that yields a writeable array. Its elements are those of some earlier value, or zero. The
    ///     value is published at the end of the block; nothing happens on an exception. The array is for the block
    ///     only: it is read-only afterwards.
    ///
    /// Raises
    /// ------
    /// InvalidArgumentError
    ///     If the shape cannot be, or `user_data` is longer than 240 bytes.
    /// UnsupportedDTypeError
    ///     If the elements are Python objects, or cannot be described.
    /// ClosedError
    ///     If the writer is closed. The loan's block begins with the other errors of `write`.
    ///
    /// Examples
    /// --------
    /// >>> import numpy as np, ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> writer = store.writer("ramp")
    /// >>> with writer.loan((2, 2), np.uint8) as array:
    /// ...     array[:] = 7
    /// >>> store.reader("ramp").latest().array
    /// array([[7, 7],
    ///        [7, 7]], dtype=uint8)
    #[pyo3(signature = (shape, dtype, user_data=None))]
    fn loan(
        slf: &Bound<'_, Self>,
        shape: &Bound<'_, PyAny>,
        dtype: &Bound<'_, PyAny>,
        user_data: Option<&[u8]>,
    ) -> PyResult<Loan> {
        let mut shape = dtype::shape(shape)?;
        let descr = dtype::of(dtype, &mut shape)?;
        let known = dtype::known(&descr)?;
        let descr = dtype::native(&descr, &known);
        let writer = slf.get();
        // A closed writer says so now.
        if matches!(writer.lock(slf.py())?.slot(), Slot::Closed) {
            return Err(named(slf.py(), "ClosedError", "the writer is closed"));
        }
        Loan::new(writer.state.clone(), known, descr, shape, user_data.unwrap_or_default())
    }

    /// Closes the writer: another one can be opened. Closing again does nothing.
    ///
    /// Raises
    /// ------
    /// WriterBusyError
    ///     If it has an open loan.
    ///
    /// Examples
    /// --------
    /// >>> import ndsharray
    /// >>> store = ndsharray.Store(directory)
    /// >>> writer = store.writer("a")
    /// >>> writer.close()
    /// >>> writer.closed
    /// True
    pub fn close(&self, py: Python<'_>) -> PyResult<()> {
        match self.lock(py)?.close() {
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
        match self.lock(py)?.close() {
            Some(writer) => py.detach(|| drop(writer)),
            // The exception that ends the block is not to be hidden. The writer ends with its loan, as an object.
            None if exception.get_item(0).is_ok_and(|class| !class.is_none()) => {}
            None => return Err(busy(py)),
        }
        Ok(())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "a writer belongs to the process that opened it and cannot be pickled: pickle Store.writer_options(tag) \
             and open the writer in the other process",
        ))
    }

    fn __repr__(&self) -> String {
        format!("<ndsharray.Writer of {:?} in {:?}>", self.tag, self.directory)
    }
}

/// What `NdShArray.write` checks before it writes, or opens anything.
pub fn check_dtype(array: &Bound<'_, PyUntypedArray>) -> PyResult<()> {
    dtype::known(&array.dtype()).map(drop)
}
