//! Loans: the memory of the next value, as a numpy array.

use std::any::Any;
use std::sync::Arc;

use ndsharray::DType;
use numpy::{PyArrayDescr, PyUntypedArray};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::error::{exception, raise};
use crate::numpy::array;
use crate::object::attached_lock::AttachedLock;
use crate::writer::state::{Back, Memory, State, normalise};

/// As many bytes of user data as a value may have.
const USER_DATA: usize = 240;

/// The memory of the next value, from `Writer.loan`: a context manager.
///
/// The array that it yields is published at the end of the block, and nothing happens on an exception. The writer
/// cannot be used meanwhile. Views of the array that were made in the block must not be written to after it.
///
/// Examples
/// --------
/// >>> import numpy as np, ndsharray
/// >>> writer = ndsharray.Store(directory).writer("a")
/// >>> loan = writer.loan(3, np.int32)
/// >>> with loan as array:
/// ...     array[:] = [1, 2, 3]
/// ...     loan.user_data = b"frame 1"
/// >>> writer.version
/// 1
#[pyclass(frozen, module = "ndsharray")]
pub struct Loan {
    writer: Arc<AttachedLock<State>>,
    /// The process of the writer.
    pid: u32,
    dtype: DType,
    descr: Py<PyArrayDescr>,
    shape: Vec<usize>,
    user_data: AttachedLock<Vec<u8>>,
    open: AttachedLock<Option<Open>>,
}

struct Open {
    lent: Lent,
    array: Py<PyUntypedArray>,
}

impl Drop for Open {
    /// The array may live on, and what its memory is used for next is no longer its own.
    fn drop(&mut self) {
        Python::attach(|py| array::freeze(self.array.bind(py)));
    }
}

impl Loan {
    pub fn new(
        writer: Arc<AttachedLock<State>>,
        pid: u32,
        dtype: DType,
        descr: Bound<'_, PyArrayDescr>,
        shape: Vec<usize>,
        user_data: &[u8],
    ) -> PyResult<Self> {
        let user_data = AttachedLock::new(checked(user_data)?);
        Ok(Loan {
            writer,
            pid,
            dtype,
            descr: descr.unbind(),
            shape,
            user_data,
            open: AttachedLock::new(None),
        })
    }
}

#[pymethods]
impl Loan {
    /// bytes: what travels with the value, at most 240 bytes.
    #[getter]
    fn user_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let user_data = self.user_data.lock(py)?.clone();
        Ok(PyBytes::new(py, &user_data))
    }

    #[setter]
    fn set_user_data(&self, py: Python<'_>, user_data: &[u8]) -> PyResult<()> {
        let user_data = checked(user_data)?;
        *self.user_data.lock(py)? = user_data;
        Ok(())
    }

    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyUntypedArray>> {
        let mut open = self.open.lock(py)?;
        if open.is_some() {
            return Err(exception(py, "WriterBusyError", "the loan is open already"));
        }
        let mut lent = Lent::new(py, &self.writer, self.pid, &self.dtype, &self.shape)?;
        let (data, keeper) = lent.memory()?;
        let owner = Bound::new(py, Memory::new(keeper))?.into_any();
        let descr = self.descr.bind(py).clone();
        // SAFETY: the loan has the length of such an array; its memory stays mapped as long as the owner lives.
        let array = unsafe { array::over(descr, &self.shape, data, true, owner)? };
        *open = Some(Open { lent, array: array.clone().unbind() });
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
        let user_data = self.user_data.lock(py)?.clone();
        open.lent.publish(&self.dtype, &user_data).map_err(raise)
    }
}

/// User data that is not too long, said before anything is filled.
fn checked(user_data: &[u8]) -> PyResult<Vec<u8>> {
    if user_data.len() > USER_DATA {
        return Err(raise(ndsharray::Error::UserData { found: user_data.len(), expected: USER_DATA }));
    }
    Ok(user_data.to_vec())
}

/// A loan together with the writer that it borrows; dropped, the writer goes back to where it was.
struct Lent {
    /// Borrows `writer`; None once it is published. Dropped before the writer is touched.
    loan: Option<ndsharray::Loan<'static, u8>>,
    /// From `Box::into_raw`.
    writer: *mut ndsharray::Writer,
    back: Arc<Back>,
}

// SAFETY: the pointer is an owned box in all but name, and a writer may be sent.
unsafe impl Send for Lent {}

impl Lent {
    fn new(
        py: Python<'_>,
        home: &AttachedLock<State>,
        pid: u32,
        dtype: &DType,
        shape: &[usize],
    ) -> PyResult<Self> {
        let (writer, back) = home.lock_in_process(py, pid)?.lend(py)?;
        let writer = Box::into_raw(writer);
        let mut lent = Lent { loan: None, writer, back };
        // SAFETY: from a box; only the loan uses it until it is dropped, which `drop` does before anything else.
        lent.loan = Some(unsafe { &mut *writer }.loan_bytes(dtype, shape).map_err(raise)?);
        Ok(lent)
    }

    fn memory(&mut self) -> PyResult<(*mut u8, Arc<dyn Any + Send + Sync>)> {
        let Some(loan) = &mut self.loan else { return Err(PyRuntimeError::new_err("the loan is over")) };
        let keeper = loan.keeper().map_err(raise)?;
        Ok((loan.as_mut_slice().as_mut_ptr(), keeper))
    }

    fn publish(&mut self, dtype: &DType, user_data: &[u8]) -> ndsharray::Result<()> {
        let Some(mut loan) = self.loan.take() else { return Ok(()) };
        loan.set_user_data(user_data)?;
        normalise(dtype, &mut loan);
        loan.publish().map(drop)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.loan = None;
        // SAFETY: from `Box::into_raw`, once; the loan that borrowed it is gone.
        let writer = unsafe { Box::from_raw(self.writer) };
        self.back.put(writer);
    }
}
