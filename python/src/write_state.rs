//! What a writer of Python's knows beside the library's: whether a loan has it, and the dtypes; and how arrays get into the store.
//!
//! A dtype may have to be described by Python code, which may run anything, and so is done with no lock.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use ndsharray::DType;
use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;

use crate::dtype::{Cache, Known, Pair};
use crate::error::{named, raise};
use crate::lock::Lock;
use crate::{array, dtype};

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
    pub fn slot(&mut self) -> &mut Slot {
        if matches!(self.writer, Slot::Lent)
            && let Some(writer) = self.back.lock().unwrap_or_else(PoisonError::into_inner).take()
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
    pub fn close(&mut self) -> Option<Slot> {
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

pub fn busy(py: Python<'_>) -> PyErr {
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

impl Home for Lock<State> {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        f(&mut *self.lock(py)?)
    }
}
