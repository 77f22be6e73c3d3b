//! numpy arrays over memory that is not numpy's, and the memory of arrays: all that is unsafe about numpy.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;

use numpy::npyffi::{self, NPY_ARRAY_CARRAY_RO, NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, npy_intp};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Copies of more bytes than this are made without the interpreter's lock.
pub const LARGE: usize = 1 << 20;

/// An array over `data`, C-contiguous, that keeps `owner`, which is no array, alive as its base.
///
/// # Safety
/// - `data` is valid for reads of the bytes of such an array for as long as `owner` lives.
/// - if `writable`: for writes too.
pub unsafe fn over<'py>(
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    data: *const u8,
    writable: bool,
    owner: Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    // SAFETY: as the caller says.
    unsafe { unowned(descr, shape, data, writable).map(|array| keep(array, owner)) }
}

/// The same without a base, which is to be given to it at once.
///
/// # Safety
/// As for `over`, with an owner that `keep` gives to it.
#[inline(always)]
pub unsafe fn unowned<'py>(
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    data: *const u8,
    writable: bool,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let flags = if writable { NPY_ARRAY_CARRAY_RO | NPY_ARRAY_WRITEABLE } else { NPY_ARRAY_CARRAY_RO };
    new(descr, shape, data.cast_mut().cast(), flags)
}

/// Gives an array its base.
///
/// # Safety
/// `array` is what `unowned` returned, nobody else has seen it; and `owner` is no array.
#[inline(always)]
pub unsafe fn keep<'py>(
    array: Bound<'py, PyUntypedArray>,
    owner: Bound<'py, PyAny>,
) -> Bound<'py, PyUntypedArray> {
    // SAFETY: a valid array object without a base; the owner's reference is given away. This is what
    // PyArray_SetBaseObject comes to: before, it looks for arrays among the owner's owners, and there are none.
    unsafe { (*array.as_array_ptr()).fields.base = owner.into_ptr() };
    array
}

/// An array in C order over `data`, or with memory of numpy's own if that is null.
#[inline(always)]
fn new<'py>(
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    data: *mut c_void,
    flags: c_int,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = descr.py();
    let dims = i32::try_from(shape.len()).map_err(|_| PyValueError::new_err("too many dimensions"))?;
    // SAFETY: the descr's reference is given away, as the function wants; the shape has `dims` lengths, which fit
    // npy_intp by the layout's check; no strides means C order. It does not touch the data.
    unsafe {
        let array = PY_ARRAY_API.PyArray_NewFromDescr(
            py,
            npyffi::get_type_object(py, NpyTypes::PyArray_Type),
            descr.into_dtype_ptr(),
            dims,
            shape.as_ptr().cast::<npy_intp>().cast_mut(),
            ptr::null_mut(),
            data,
            flags,
            ptr::null_mut(),
        );
        Ok(Bound::from_owned_ptr_or_err(py, array)?.cast_into_unchecked())
    }
}

/// A new array of numpy's own, with what `bytes` holds in C order.
pub fn owned<'py>(
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    bytes: &[u8],
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let array = new(descr, shape, ptr::null_mut(), 0)?;
    fill(&array, bytes);
    Ok(array)
}

/// The length of an array's elements in bytes.
pub fn nbytes(array: &Bound<'_, PyUntypedArray>) -> usize {
    array.len() * array.dtype().itemsize()
}

fn data(array: &Bound<'_, PyUntypedArray>) -> *mut u8 {
    // SAFETY: a valid array object.
    unsafe { (*array.as_array_ptr()).fields.data.cast() }
}

/// The memory of a C-contiguous array.
///
/// Python code on other threads may write to it as long as this lives; what is copied then is a mixture, as with
/// numpy's own functions. (Formally a data race, which nobody who takes memory from Python can rule out.)
pub fn contiguous<'a>(array: &'a Bound<'_, PyUntypedArray>) -> Option<&'a [u8]> {
    if !array.is_c_contiguous() {
        return None;
    }
    let nbytes = nbytes(array);
    if nbytes == 0 {
        return Some(&[]);
    }
    // SAFETY: a C-contiguous array has its elements in one piece; the reference keeps it, and numpy refuses to resize
    // an array that is referenced elsewhere.
    Some(unsafe { slice::from_raw_parts(data(array), nbytes) })
}

/// Writes to a C-contiguous, writeable array as many bytes as it has.
fn fill(array: &Bound<'_, PyUntypedArray>, bytes: &[u8]) {
    let nbytes = nbytes(array).min(bytes.len());
    if nbytes == 0 {
        return;
    }
    let target = data(array) as usize;
    // SAFETY: the array has that many bytes in one piece, and is kept by the reference. It is no array over a
    // snapshot, which would not be writeable, so the two do not overlap.
    let copy = || unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target as *mut u8, nbytes) };
    if nbytes > LARGE { array.py().detach(copy) } else { copy() }
}

/// Copies `bytes` in C order into a writeable array of the same layout, of any strides.
pub fn assign<'py>(
    target: &Bound<'py, PyUntypedArray>,
    bytes: &[u8],
    source: impl FnOnce() -> PyResult<Bound<'py, PyUntypedArray>>,
) -> PyResult<()> {
    if target.is_c_contiguous() {
        fill(target, bytes);
        return Ok(());
    }
    copy_into(target, &source()?)
}

/// `np.copyto` for arrays of one shape: any strides, one pass. numpy lets go of the interpreter meanwhile.
pub fn copy_into(target: &Bound<'_, PyUntypedArray>, source: &Bound<'_, PyUntypedArray>) -> PyResult<()> {
    // SAFETY: two valid arrays; numpy checks that the target is writeable.
    let outcome =
        unsafe { PY_ARRAY_API.PyArray_CopyInto(target.py(), target.as_array_ptr(), source.as_array_ptr()) };
    if outcome == 0 { Ok(()) } else { Err(PyErr::fetch(target.py())) }
}

/// Whether numpy lets one write to the array.
pub fn is_writeable(array: &Bound<'_, PyUntypedArray>) -> bool {
    // SAFETY: a valid array object.
    unsafe { (*array.as_array_ptr()).fields.flags & NPY_ARRAY_WRITEABLE != 0 }
}

/// Makes the array read-only; views of it that exist stay as they are.
pub fn freeze(array: &Bound<'_, PyUntypedArray>) {
    // SAFETY: a valid array object; flags are changed under the interpreter's lock only.
    unsafe { (*array.as_array_ptr()).fields.flags &= !NPY_ARRAY_WRITEABLE };
}
