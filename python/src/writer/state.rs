//! What a writer keeps under its lock, and how an array gets from there into the store.
//!
//! The dtype of an array may have to be described by Python code, which may do anything, so no lock is held meanwhile.

use std::mem;
use std::sync::{Arc, Weak};

use ndsharray::{DType, Meta};
use numpy::{PyArrayDescr, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PySystemExit;
use pyo3::prelude::*;

use crate::error::{exception, raise};
use crate::numpy::dtype::{Cache, Custom, Known};
use crate::numpy::{array, dtype};
use crate::object::attached_lock::AttachedLock;
use crate::writer::custody::{Borrower, Custody, Handback};
use crate::writer::memory::{array_over, normalise};

pub struct State {
    custody: Custody,
    /// Where a loan that ends leaves the writer.
    handback: Arc<Handback>,
    cache: Cache,
}

impl State {
    pub fn new(writer: ndsharray::Writer) -> Self {
        State { custody: Custody::Own(Box::new(writer)), handback: Arc::default(), cache: Cache::default() }
    }

    /// Who has the writer now. Collects it if a loan has left it.
    pub fn custody(&mut self) -> &mut Custody {
        if matches!(self.custody, Custody::Lent(_)) {
            if let Some(writer) = self.handback.collect() {
                self.custody = Custody::Own(writer);
            }
        }
        &mut self.custody
    }

    #[inline(always)]
    pub fn writer(&mut self, py: Python<'_>) -> PyResult<&mut ndsharray::Writer> {
        match self.custody() {
            Custody::Own(writer) => Ok(writer),
            Custody::Lent(_) => Err(busy(py)),
            Custody::Closed => Err(closed(py)),
            Custody::Exited => Err(exited(py)),
        }
    }

    /// Takes the writer away for good, to be dropped without the lock. None if a loan has it.
    pub fn close(&mut self) -> Option<Custody> {
        match self.custody() {
            Custody::Lent(_) => None,
            Custody::Exited => Some(Custody::Exited),
            custody => Some(mem::replace(custody, Custody::Closed)),
        }
    }

    /// Closes the writer as soon as its loan ends. Returns it if the loan has just ended, to be dropped without the lock.
    #[must_use]
    pub fn close_after_loan(&mut self) -> Option<Box<ndsharray::Writer>> {
        self.custody = Custody::Closed;
        self.handback.close()
    }

    /// Takes the writer away because the interpreter exits. Returns what must be dropped without the lock, and the loan
    /// that must give the writer back.
    pub fn exit(&mut self) -> (Custody, Option<Box<ndsharray::Writer>>, Option<Arc<dyn Borrower>>) {
        match mem::replace(self.custody(), Custody::Exited) {
            Custody::Lent(loan) => (Custody::Exited, self.handback.close(), loan.upgrade()),
            custody => (custody, None, None),
        }
    }

    /// Takes the writer away for a loan, which leaves it at the second value when it ends.
    pub fn lend(
        &mut self,
        py: Python<'_>,
        loan: Weak<dyn Borrower>,
    ) -> PyResult<(Box<ndsharray::Writer>, Arc<Handback>)> {
        self.writer(py)?;
        match mem::replace(&mut self.custody, Custody::Lent(loan)) {
            Custody::Own(writer) => Ok((writer, self.handback.clone())),
            other => {
                self.custody = other;
                Err(busy(py))
            }
        }
    }

    pub fn data_file(&mut self) -> Option<String> {
        match self.custody() {
            Custody::Own(writer) => writer.data_file(),
            _ => None,
        }
    }

    /// Publishes an array whose dtype is known.
    fn write(
        &mut self,
        array: &Bound<'_, PyUntypedArray>,
        descr: &Bound<'_, PyArrayDescr>,
        known: Known,
        meta: &Meta,
    ) -> PyResult<u64> {
        let py = array.py();
        // A signal handler or another thread may have set the array's dtype before this thread got the lock.
        if !array.dtype().is(descr) {
            let message =
                "the dtype of array was set during the write: leave the array as it is until write returns";
            return Err(exception(py, "InvalidArgumentError", message));
        }
        let writer = self.writer(py)?;
        let Known { dtype, swapped } = known;
        match array::contiguous(array) {
            Some(bytes) if !swapped => {
                let done = if bytes.len() > array::LARGE {
                    // Another thread may set the array's shape meanwhile, which frees what `shape` returns.
                    let shape = array.shape().to_vec();
                    py.detach(|| writer.write_bytes_with(&dtype, &shape, bytes, meta))
                } else {
                    writer.write_bytes_with(&dtype, array.shape(), bytes, meta)
                };
                match done {
                    // The library stores a bool as 0 or 1. An array may hold others, such as a mask of 0 and 255 that
                    // is viewed as bool.
                    Err(ndsharray::Error::InvalidElement { .. }) => {
                        write_strided(writer, &dtype, descr, array, meta)
                    }
                    done => done.map_err(raise),
                }
            }
            _ => write_strided(writer, &dtype, descr, array, meta),
        }
    }
}

/// What has a state under its lock.
pub trait Locked {
    /// Calls `f` with the state, while the lock is held.
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T>;
}

impl Locked for AttachedLock<State> {
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> PyResult<T>) -> PyResult<T> {
        f(&mut *self.lock(py)?)
    }
}

/// Publishes an array.
#[inline(always)]
pub fn write(locked: &impl Locked, array: &Bound<'_, PyUntypedArray>, meta: &Meta) -> PyResult<u64> {
    let (py, descr) = (array.py(), array.dtype());
    let done = locked.with(py, |state| match state.cache.stored(&descr) {
        Some(known) => state.write(array, &descr, known, meta).map(Some),
        None => Ok(None),
    })?;
    match done {
        Some(version) => Ok(version),
        None => write_unknown(locked, array, &descr, meta),
    }
}

/// Publishes an array whose dtype must be described first. Python code does that, so no lock is held meanwhile.
#[cold]
#[inline(never)]
fn write_unknown(
    locked: &impl Locked,
    array: &Bound<'_, PyUntypedArray>,
    descr: &Bound<'_, PyArrayDescr>,
    meta: &Meta,
) -> PyResult<u64> {
    let custom = Custom::describe(descr)?;
    let known = custom.known();
    let mut before = None;
    let version = locked.with(array.py(), |state| {
        before = state.cache.remember(custom);
        state.write(array, descr, known, meta)
    });
    drop(before);
    version
}

/// Publishes an array of any strides or byte order, in one pass over its elements.
fn write_strided(
    writer: &mut ndsharray::Writer,
    dtype: &DType,
    descr: &Bound<'_, PyArrayDescr>,
    source: &Bound<'_, PyUntypedArray>,
    meta: &Meta,
) -> PyResult<u64> {
    let (descr, shape) = (dtype::native(descr, dtype), source.shape().to_vec());
    let mut loan = writer.loan_bytes(dtype, &shape).map_err(raise)?;
    loan.set_meta(meta.clone());
    // SAFETY: the loan was made for this shape and dtype, whatever the source has become meanwhile. Nobody uses its
    // memory in another way before the array is gone.
    let target = unsafe { array_over(&mut loan, descr, &shape)? };
    array::copy_into(&target, source)?;
    drop(target);
    normalise(dtype, &mut loan);
    loan.publish().map_err(raise)
}

pub fn busy(py: Python<'_>) -> PyErr {
    let message = "the writer has an open loan: leave the loan's block first, then use the writer again";
    exception(py, "WriterBusyError", message)
}

/// The error after the interpreter has closed the writer at its exit.
///
/// A daemon thread that still writes is ended without an error, since the interpreter itself is about to end it. By then
/// only daemon threads are left, and the main thread, which runs other `atexit` functions.
#[cold]
fn exited(py: Python<'_>) -> PyErr {
    let message = "the writer was closed because the interpreter exits: write before that";
    // SAFETY: the calls only ask for numbers.
    if unsafe { libc::gettid() != libc::getpid() } {
        return PySystemExit::new_err(message);
    }
    exception(py, "ClosedError", message)
}

pub fn closed(py: Python<'_>) -> PyErr {
    exception(py, "ClosedError", "the writer is closed: open another one with Store.writer")
}
