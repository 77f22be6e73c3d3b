//! What a writer of Python's knows beside the library's: whether a loan has it, and the dtypes; and how arrays get into the store.
//!
//! A dtype may have to be described by Python code, which may run anything, and so is done with no lock.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndsharray::DType;
use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::error::{exception, raise};
use crate::numpy::dtype::{Cache, Custom, Known};
use crate::numpy::{array, dtype};
use crate::object::attached_lock::AttachedLock;

/// Keeps memory of the store mapped: the base of arrays over it.
#[pyclass(frozen, module = "ndsharray._native")]
pub struct Memory {
    _keeper: Arc<dyn Any + Send + Sync>,
}

impl Memory {
    pub fn new(keeper: Arc<dyn Any + Send + Sync>) -> Self {
        Memory { _keeper: keeper }
    }
}

pub struct State {
    writer: Slot,
    /// Where a loan that ends, be it in a finalizer, leaves the writer.
    back: Arc<Back>,
    cache: Cache,
}

/// Who publishes arrays: a state under a lock.
pub trait Home {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T>;
}

/// Where a loan leaves the writer that it borrowed. The lock is held for a moment only, and no Python code runs meanwhile.
#[derive(Default)]
pub struct Back(Mutex<Returned>);

#[derive(Default)]
struct Returned {
    writer: Option<Box<ndsharray::Writer>>,
    /// Nobody wants it any more.
    closed: bool,
}

impl Back {
    fn returned(&self) -> MutexGuard<'_, Returned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn put(&self, writer: Box<ndsharray::Writer>) {
        let mut returned = self.returned();
        if !returned.closed {
            returned.writer = Some(writer);
        } else {
            drop(returned);
            drop(writer);
        }
    }
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
        State { writer: Slot::Here(Box::new(writer)), back: Arc::default(), cache: Cache::default() }
    }

    /// Where the writer is now.
    pub fn slot(&mut self) -> &mut Slot {
        if matches!(self.writer, Slot::Lent)
            && let Some(writer) = self.back.returned().writer.take()
        {
            self.writer = Slot::Here(writer);
        }
        &mut self.writer
    }

    #[inline(always)]
    pub fn writer(&mut self, py: Python<'_>) -> PyResult<&mut ndsharray::Writer> {
        match self.slot() {
            Slot::Here(writer) => Ok(writer),
            Slot::Lent => Err(busy(py)),
            Slot::Closed => Err(exception(py, "ClosedError", "the writer is closed")),
        }
    }

    /// Closes the writer as soon as its loan ends.
    pub fn close_after_loan(&mut self) {
        self.writer = Slot::Closed;
        self.back.returned().closed = true;
    }

    /// Publishes an array of a known dtype.
    fn write(
        &mut self,
        array: &Bound<'_, PyUntypedArray>,
        descr: &Bound<'_, PyArrayDescr>,
        known: Known,
        user_data: &[u8],
    ) -> PyResult<u64> {
        let py = array.py();
        // What ran until the lock was there, a signal handler or another thread, may have set it.
        if !array.dtype().is(descr) {
            let message = "array: found that its dtype was set while it was written, expected it to stay";
            return Err(exception(py, "InvalidArgumentError", message));
        }
        let writer = self.writer(py)?;
        let Known { dtype, swapped } = known;
        match array::contiguous(array) {
            Some(bytes) if !swapped => {
                let done = if bytes.len() > array::LARGE {
                    // Another thread may set the array's shape meanwhile, which frees what `shape` gives.
                    let shape = array.shape().to_vec();
                    py.detach(|| writer.write_bytes(&dtype, &shape, bytes, user_data))
                } else {
                    writer.write_bytes(&dtype, array.shape(), bytes, user_data)
                };
                match done {
                    // A mask of 0 and 255 viewed as bool: to numpy all but 0 is true.
                    Err(ndsharray::Error::InvalidElement { .. }) => {
                        write_strided(writer, &dtype, descr, array, user_data)
                    }
                    done => done.map_err(raise),
                }
            }
            _ => write_strided(writer, &dtype, descr, array, user_data),
        }
    }

    /// Takes the writer away for good; None if it is lent.
    pub fn close(&mut self) -> Option<Slot> {
        match self.slot() {
            Slot::Lent => None,
            slot => Some(std::mem::replace(slot, Slot::Closed)),
        }
    }

    /// Takes the writer away for a loan, which puts it where the second value says.
    pub fn lend(&mut self, py: Python<'_>) -> PyResult<(Box<ndsharray::Writer>, Arc<Back>)> {
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
        Some(known) => state.write(array, &descr, known, user_data).map(Some),
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
    let pair = Custom::describe(descr)?;
    let known = pair.known();
    let mut before = None;
    let version = home.with(array.py(), |state| {
        before = state.cache.remember(pair);
        state.write(array, descr, known, user_data)
    });
    drop(before);
    version
}

pub fn busy(py: Python<'_>) -> PyErr {
    exception(
        py,
        "WriterBusyError",
        "the writer has an open loan: it can write again when the loan's block has ended",
    )
}

/// One pass from any strides or byte order into the store.
fn write_strided(
    writer: &mut ndsharray::Writer,
    dtype: &DType,
    descr: &Bound<'_, PyArrayDescr>,
    source: &Bound<'_, PyUntypedArray>,
    user_data: &[u8],
) -> PyResult<u64> {
    let py = source.py();
    let (descr, shape) = (dtype::native(descr, dtype), source.shape().to_vec());
    let mut loan = writer.loan_bytes(dtype, &shape).map_err(raise)?;
    loan.set_user_data(user_data).map_err(raise)?;
    let owner = Bound::new(py, Memory::new(loan.keeper().map_err(raise)?))?.into_any();
    let data = loan.as_mut_slice().as_mut_ptr();
    // SAFETY: the loan's memory has the length of an array of this shape and of the dtype that was stored, whatever the
    // source has become meanwhile; it stays mapped as long as the owner lives, and is not touched by anything else before
    // the array is gone.
    let target = unsafe { array::over(descr, &shape, data, true, owner)? };
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

impl Home for AttachedLock<State> {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        f(&mut *self.lock(py)?)
    }
}
