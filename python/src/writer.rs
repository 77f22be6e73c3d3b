//! Writing.

use std::path::PathBuf;
use std::sync::Arc;

use ndsharray::DType;
use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::dtype::{Cache, Known};
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
    pub writer: Slot,
    cache: Cache,
}

/// Where the library's writer is.
pub enum Slot {
    Here(Box<ndsharray::Writer>),
    /// In a loan, which brings it back.
    Lent,
    Closed,
}

impl State {
    pub fn new(writer: ndsharray::Writer) -> Self {
        State { writer: Slot::Here(Box::new(writer)), cache: Cache::default() }
    }

    fn parts(&mut self, py: Python<'_>) -> PyResult<(&mut ndsharray::Writer, &mut Cache)> {
        match &mut self.writer {
            Slot::Here(writer) => Ok((writer, &mut self.cache)),
            Slot::Lent => Err(busy(py)),
            Slot::Closed => Err(named(py, "ClosedError", "the writer is closed")),
        }
    }

    /// Publishes an array.
    pub fn write(&mut self, array: &Bound<'_, PyUntypedArray>, user_data: &[u8]) -> PyResult<u64> {
        let py = array.py();
        let (writer, cache) = self.parts(py)?;
        let Known { dtype, swapped } = cache.stored(&array.dtype())?;
        match array::contiguous(array) {
            Some(bytes) if !swapped => {
                let shape = array.shape();
                let mut write = || writer.write_bytes(&dtype, shape, bytes, user_data);
                match if bytes.len() > array::LARGE { py.detach(write) } else { write() } {
                    // A mask of 0 and 255 viewed as bool: to numpy all but 0 is true.
                    Err(ndsharray::Error::InvalidElement { .. }) => {
                        write_strided(writer, cache, &dtype, array, user_data)
                    }
                    done => done.map_err(raise),
                }
            }
            _ => write_strided(writer, cache, &dtype, array, user_data),
        }
    }

    /// Takes the writer away for a loan.
    pub fn lend(&mut self, py: Python<'_>) -> PyResult<Box<ndsharray::Writer>> {
        match std::mem::replace(&mut self.writer, Slot::Lent) {
            Slot::Here(writer) => Ok(writer),
            other => {
                self.writer = other;
                self.parts(py)?;
                Err(busy(py))
            }
        }
    }

    pub fn data_file(&self) -> Option<String> {
        match &self.writer {
            Slot::Here(writer) => writer.data_file(),
            _ => None,
        }
    }

    /// The library's and numpy's dtype of what a caller calls a dtype.
    pub fn dtype<'py>(&mut self, dtype: &Bound<'py, PyAny>) -> PyResult<(DType, Bound<'py, PyArrayDescr>)> {
        let py = dtype.py();
        let known = self.cache.stored(&PyArrayDescr::new(py, dtype)?)?.dtype;
        let descr = self.cache.numpy(py, &known)?;
        Ok((known, descr))
    }
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
    cache: &mut Cache,
    dtype: &DType,
    source: &Bound<'_, PyUntypedArray>,
    user_data: &[u8],
) -> PyResult<u64> {
    let py = source.py();
    let descr = cache.numpy(py, dtype)?;
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
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, State>> {
        self.state.lock_in_process(py, self.pid)
    }

    pub fn state(&self) -> &Arc<Lock<State>> {
        &self.state
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
        Ok(self.lock(py)?.parts(py)?.0.version())
    }

    /// str or None: the name of the data file; None before the first value.
    #[getter]
    fn data_file(&self, py: Python<'_>) -> PyResult<Option<String>> {
        Ok(self.lock(py)?.parts(py)?.0.data_file())
    }

    /// bool: whether the writer was closed.
    #[getter]
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(matches!(self.lock(py)?.writer, Slot::Closed))
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
    /// WriterEndedError
    ///     If the writer was closed, superseded, removed or forked.
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
        let array = as_array(array)?;
        self.lock(array.py())?.write(&array, user_data.unwrap_or_default())
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
        user_data: Option<Vec<u8>>,
    ) -> PyResult<Loan> {
        let shape = match shape.extract::<usize>() {
            Ok(length) => vec![length],
            Err(_) => shape.extract::<Vec<usize>>()?,
        };
        let (dtype, descr) = slf.get().lock(slf.py())?.dtype(dtype)?;
        Ok(Loan::new(slf.get().state().clone(), dtype, descr.unbind(), shape, user_data.unwrap_or_default()))
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
        let mut state = self.lock(py)?;
        if matches!(state.writer, Slot::Lent) {
            return Err(busy(py));
        }
        let writer = std::mem::replace(&mut state.writer, Slot::Closed);
        drop(state);
        py.detach(|| drop(writer));
        Ok(())
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) -> PyResult<()> {
        self.close(py)
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
    dtype::Cache::default().stored(&array.dtype()).map(drop)
}
