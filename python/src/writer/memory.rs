//! numpy arrays over the memory of a value that is being written.

use std::any::Any;
use std::sync::Arc;

use ndsharray::DType;
use numpy::{PyArrayDescr, PyUntypedArray};
use pyo3::prelude::*;

use crate::error::raise;
use crate::numpy::array;

/// The base of such an array. It keeps memory of the store mapped.
#[pyclass(frozen, module = "ndsharray._native")]
struct Memory {
    _keeper: Arc<dyn Any + Send + Sync>,
}

/// Makes a writeable array over the memory of a loan. The memory stays mapped as long as the array lives.
///
/// # Safety
/// - An array of this dtype and shape has as many bytes as the loan.
/// - Nobody uses the memory in another way before the array is gone or read-only.
pub unsafe fn array_over<'py>(
    loan: &mut ndsharray::Loan<'_, u8>,
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let owner = Memory { _keeper: loan.keeper().map_err(raise)? };
    let owner = Bound::new(descr.py(), owner)?.into_any();
    let data = loan.as_mut_slice().as_mut_ptr();
    // SAFETY: the memory has the length of the array, as the caller says. The owner keeps it mapped.
    unsafe { array::over(descr, shape, data, true, owner) }
}

/// Makes every true bool a 1, as the library stores it. To numpy every byte but 0 is true.
pub fn normalise(dtype: &DType, loan: &mut ndsharray::Loan<'_, u8>) {
    if *dtype == DType::Bool {
        for byte in loan.as_mut_slice() {
            *byte = u8::from(*byte != 0);
        }
    }
}
