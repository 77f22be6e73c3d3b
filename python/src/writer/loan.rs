//! The class `Loan`: the memory of the next value, as a numpy array.

use std::sync::{Arc, Weak};

use ndsharray::{DType, Meta, UnixTime};
use numpy::{PyArrayDescr, PyUntypedArray};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::attributes;
use crate::error::{exception, raise};
use crate::numpy::array;
use crate::object::attached_lock::AttachedLock;
use crate::time::unix_time;
use crate::writer::custody::{Borrower, Handback};
use crate::writer::memory::{array_over, normalise};
use crate::writer::sent::{Sent, UserData};
use crate::writer::state::State;

/// The memory of the next value, from `Writer.loan`: a context manager.
///
/// In the block the array can be written to. At the end of the block it is published, unless an exception ends the
/// block: then nothing is. The writer cannot be used in the block. Do not write to views of the array after the block:
/// the memory belongs to the readers then.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> writer = ndsharray.Store().writer("filled", ephemeral=True)
/// >>> loan = writer.loan(3, np.int32)
/// >>> with loan as array:
/// ...     array[:] = [1, 2, 3]
/// ...     loan.attrs = {"frame": 1}
/// >>> writer.version
/// 1
#[pyclass(frozen, module = "ndsharray")]
pub struct Loan {
    tag: Arc<str>,
    writer: Arc<AttachedLock<State>>,
    /// The process that opened the writer.
    pid: u32,
    dtype: DType,
    descr: Py<PyArrayDescr>,
    shape: Vec<usize>,
    sent: AttachedLock<Sent>,
    open: Arc<AttachedLock<Option<Open>>>,
}

/// What a loan has from `__enter__` to `__exit__`.
struct Open {
    loan: OwnedLoan,
    array: Py<PyUntypedArray>,
    /// Whether the interpreter exits.
    exits: bool,
}

impl Drop for Open {
    /// The array may live on, but from now on its memory is used for something else. At the exit of the interpreter the
    /// memory is not reused, so a daemon thread that is about to end may still write to it.
    fn drop(&mut self) {
        if !self.exits {
            Python::attach(|py| array::freeze(self.array.bind(py)));
        }
    }
}

impl Borrower for AttachedLock<Option<Open>> {
    fn give_back(&self, py: Python<'_>) -> PyResult<()> {
        let open = self.lock(py)?.take();
        drop(open.map(|mut open| {
            open.exits = true;
            open
        }));
        Ok(())
    }
}

impl Loan {
    pub fn new(
        tag: Arc<str>,
        writer: Arc<AttachedLock<State>>,
        pid: u32,
        dtype: DType,
        descr: Bound<'_, PyArrayDescr>,
        shape: Vec<usize>,
        sent: Sent,
    ) -> Self {
        Loan {
            tag,
            writer,
            pid,
            dtype,
            descr: descr.unbind(),
            shape,
            sent: AttachedLock::new(sent),
            open: Arc::new(AttachedLock::new(None)),
        }
    }
}

#[pymethods]
impl Loan {
    /// bytes: what travels with the value, at most 2048 bytes. If it has attributes, these are their text. Of `user_data` and
    /// `attrs` the one that is set last counts.
    #[getter]
    fn user_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let user_data = self.sent.lock(py)?.user_data().to_vec();
        Ok(PyBytes::new(py, &user_data))
    }

    #[setter]
    fn set_user_data(&self, py: Python<'_>, user_data: UserData<'_>) -> PyResult<()> {
        let set = self.sent.lock(py)?.set_user_data(user_data.bytes());
        set.map_err(raise)
    }

    /// dict or None: the attributes of the value, as for `Writer.write`; None if it has none. Set a whole dict: what is
    /// changed in the one that you get counts for nothing.
    #[getter]
    fn attrs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let text = self.sent.lock(py)?.attributes().map(<[u8]>::to_vec);
        text.map(|text| attributes::parsed(py, &text)).transpose()
    }

    #[setter]
    fn set_attrs(&self, py: Python<'_>, attrs: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let set = match attrs {
            Some(attrs) => {
                let text = attributes::text(attrs)?;
                self.sent.lock(py)?.set_attributes(text)
            }
            None => self.sent.lock(py)?.set_user_data(&[]),
        };
        set.map_err(raise)
    }

    /// float or None: when the value was acquired, as Unix time in seconds. It is set as for `Writer.write`: seconds as a
    /// float, nanoseconds as an int, or a datetime.
    #[getter]
    fn acquired_at(&self, py: Python<'_>) -> PyResult<Option<f64>> {
        Ok(self.sent.lock(py)?.acquired_at().map(UnixTime::as_secs_f64))
    }

    #[setter]
    fn set_acquired_at(&self, py: Python<'_>, time: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let time = time.map(|time| unix_time("acquired_at", time)).transpose()?;
        self.sent.lock(py)?.set_acquired_at(time);
        Ok(())
    }

    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyUntypedArray>> {
        let mut open = self.open.lock(py)?;
        if open.is_some() {
            return Err(exception(py, "WriterBusyError", "the loan is open already: leave its block first"));
        }
        let borrower: Weak<AttachedLock<Option<Open>>> = Arc::downgrade(&self.open);
        let (writer, handback) = self.writer.lock_in_process(py, self.pid)?.lend(py, borrower)?;
        let mut loan = OwnedLoan::new(writer, handback, &self.dtype, &self.shape)?;
        let descr = self.descr.bind(py).clone();
        // SAFETY: the loan was made for this shape and dtype. `__exit__`, or the drop of `Open`, makes the array read-only
        // before the memory is used for something else. A view of it could still be written to, which users are told not
        // to do.
        let array = unsafe { array_over(loan.loan()?, descr, &self.shape)? };
        *open = Some(Open { loan, array: array.clone().unbind(), exits: false });
        Ok(array)
    }

    #[pyo3(signature = (*exception))]
    fn __exit__(&self, py: Python<'_>, exception: &Bound<'_, PyTuple>) -> PyResult<()> {
        let Some(mut open) = self.open.lock(py)?.take() else {
            return Ok(());
        };
        array::freeze(open.array.bind(py));
        let failed = !exception.get_item(0).map_or(true, |class| class.is_none());
        if failed {
            return Ok(());
        }
        let meta = self.sent.lock(py)?.meta();
        open.loan.publish(&self.dtype, meta).map_err(raise)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let is_open = self.open.lock(py)?.is_some();
        let (descr, shape) = (self.descr.bind(py), PyTuple::new(py, &self.shape)?);
        let open = if is_open { "open" } else { "not open" };
        Ok(format!("<ndsharray.Loan of {:?}: {descr} {shape}, {open}>", self.tag))
    }
}

/// A loan together with the writer that it borrows. Its drop hands the writer back.
struct OwnedLoan {
    /// Borrows `writer`; None after `publish`. Its drop comes before any other use of the writer.
    loan: Option<ndsharray::Loan<'static, u8>>,
    /// From `Box::into_raw`.
    writer: *mut ndsharray::Writer,
    handback: Arc<Handback>,
}

// SAFETY: the pointer owns its writer, as a box does, and a writer is Send.
unsafe impl Send for OwnedLoan {}

impl OwnedLoan {
    fn new(
        writer: Box<ndsharray::Writer>,
        handback: Arc<Handback>,
        dtype: &DType,
        shape: &[usize],
    ) -> PyResult<Self> {
        let writer = Box::into_raw(writer);
        let mut owned = OwnedLoan { loan: None, writer, handback };
        // SAFETY: the pointer comes from a box. Only the loan uses the writer until the loan is dropped, and `drop` does
        // that first.
        owned.loan = Some(unsafe { &mut *writer }.loan_bytes(dtype, shape).map_err(raise)?);
        Ok(owned)
    }

    fn loan(&mut self) -> PyResult<&mut ndsharray::Loan<'static, u8>> {
        self.loan.as_mut().ok_or_else(|| PyRuntimeError::new_err("the loan is over"))
    }

    fn publish(&mut self, dtype: &DType, meta: Meta) -> ndsharray::Result<()> {
        let Some(mut loan) = self.loan.take() else { return Ok(()) };
        loan.set_meta(meta);
        normalise(dtype, &mut loan);
        loan.publish().map(drop)
    }
}

impl Drop for OwnedLoan {
    fn drop(&mut self) {
        self.loan = None;
        // SAFETY: the pointer comes from `Box::into_raw`, and only this turns it back. The loan that borrowed the writer
        // is gone.
        let writer = unsafe { Box::from_raw(self.writer) };
        self.handback.leave(writer);
    }
}
