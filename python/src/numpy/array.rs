//! numpy arrays over memory that is not numpy's, and access to the memory of arrays.
//!
//! All `unsafe` code about arrays is in this file.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

use numpy::npyffi::{self, NPY_ARRAY_CARRAY_RO, NPY_ARRAY_WRITEABLE, NpyTypes, PY_ARRAY_API, npy_intp};
use numpy::{PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyModule;
use pyo3::{ffi, intern};

use crate::numpy::masked;

/// A copy of more bytes than this lets other threads use the interpreter meanwhile.
pub const LARGE: usize = 1 << 20;

/// Makes a C-contiguous array over `data`. The array keeps `owner` alive, as its base.
///
/// # Safety
/// - `data` is valid for reads of as many bytes as the array has, as long as `owner` lives.
/// - If `writable`, it is valid for writes too.
/// - `owner` is not an array.
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

/// Makes the same array without a base. The caller gives it one with `keep`, at once.
///
/// # Safety
/// As for `over`, with the owner that `keep` gets.
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

/// Gives an array its base: the object that it keeps alive.
///
/// # Safety
/// - `array` comes from `unowned`, and no other code has seen it.
/// - `owner` is not an array.
#[inline(always)]
pub unsafe fn keep<'py>(
    array: Bound<'py, PyUntypedArray>,
    owner: Bound<'py, PyAny>,
) -> Bound<'py, PyUntypedArray> {
    // SAFETY: this is a valid array object without a base. The array takes over the reference to the owner.
    // PyArray_SetBaseObject ends in the same store. Before that it looks through a chain of arrays for the last owner,
    // and `owner` is not an array.
    unsafe { (*array.as_array_ptr()).fields.base = owner.into_ptr() };
    array
}

/// Makes an array in C order over `data`. If `data` is null, numpy allocates the memory.
#[inline(always)]
fn new<'py>(
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    data: *mut c_void,
    flags: c_int,
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = descr.py();
    let dims = i32::try_from(shape.len()).map_err(|_| PyValueError::new_err("too many dimensions"))?;
    // SAFETY: the function takes over the reference to the descr. The shape has `dims` lengths, and each fits npy_intp,
    // as the library checks for every layout. Without strides the order is C. The function does not touch the data.
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

/// Makes a new array whose memory is numpy's. Its elements are not set.
pub fn empty<'py>(descr: Bound<'py, PyArrayDescr>, shape: &[usize]) -> PyResult<Bound<'py, PyUntypedArray>> {
    new(descr, shape, ptr::null_mut(), 0)
}

/// Makes a new array whose memory is numpy's, and copies `bytes` into it, in C order.
pub fn owned<'py>(
    descr: Bound<'py, PyArrayDescr>,
    shape: &[usize],
    bytes: &[u8],
) -> PyResult<Bound<'py, PyUntypedArray>> {
    let array = empty(descr, shape)?;
    fill(&array, bytes);
    Ok(array)
}

/// Turns an argument into an array. An array stays as it is; anything else goes through `numpy.asanyarray`.
#[inline(always)]
pub fn from_array_like<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    match exact(value) {
        Some(array) => Ok(array.clone()),
        None => converted(value),
    }
}

/// A value that is an array already; None if it is not.
#[inline(always)]
pub fn given<'a, 'py>(value: &'a Bound<'py, PyAny>) -> PyResult<Option<&'a Bound<'py, PyUntypedArray>>> {
    match exact(value) {
        Some(array) => Ok(Some(array)),
        None => {
            masked::refuse(value)?;
            Ok(value.cast().ok())
        }
    }
}

/// A value whose class is `numpy.ndarray` itself.
#[inline(always)]
fn exact<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PyUntypedArray>> {
    // SAFETY: a value of that class is an array.
    is_exact(value).then(|| unsafe { value.cast_unchecked() })
}

/// Whether the class of a value is `numpy.ndarray` itself.
#[inline(always)]
pub fn is_exact(value: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the reference is to a valid object. The other call returns the class `numpy.ndarray`.
    unsafe { ffi::Py_TYPE(value.as_ptr()) == npyffi::get_type_object(value.py(), NpyTypes::PyArray_Type) }
}

#[cold]
#[inline(never)]
fn converted<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyUntypedArray>> {
    let py = value.py();
    let numpy = PyModule::import(py, intern!(py, "numpy"))?;
    let array = numpy.call_method1(intern!(py, "asanyarray"), (value,))?;
    masked::refuse(&array)?;
    // numpy drops the masks of arrays in a list, so look for them. numpy has walked through the list already, so it is
    // not endless.
    masked::refuse(value)?;
    array
        .cast_into()
        .map_err(|_| PyTypeError::new_err("array cannot be made an array: numpy.asanyarray returned none"))
}

/// How many bytes the elements of an array have together.
pub fn nbytes(array: &Bound<'_, PyUntypedArray>) -> usize {
    array.len() * array.dtype().itemsize()
}

fn data(array: &Bound<'_, PyUntypedArray>) -> *mut u8 {
    // SAFETY: the reference is to a valid array object.
    unsafe { (*array.as_array_ptr()).fields.data.cast() }
}

/// The memory of a C-contiguous array.
///
/// Python code on other threads may write to that memory while the slice lives. A copy is then a mixture of old and new
/// elements, as with numpy's own functions. (Formally this is a data race. No code that uses memory of Python objects
/// can rule it out.)
pub fn contiguous<'a>(array: &'a Bound<'_, PyUntypedArray>) -> Option<&'a [u8]> {
    if !array.is_c_contiguous() {
        return None;
    }
    let nbytes = nbytes(array);
    if nbytes == 0 {
        return Some(&[]);
    }
    // SAFETY: a C-contiguous array has its elements in one piece. The reference keeps the array alive, and numpy does
    // not resize an array to which others refer.
    Some(unsafe { slice::from_raw_parts(data(array), nbytes) })
}

/// Copies `bytes` to the start of a C-contiguous, writeable array; as many as the array has room for.
fn fill(array: &Bound<'_, PyUntypedArray>, bytes: &[u8]) {
    let nbytes = nbytes(array).min(bytes.len());
    if nbytes == 0 {
        return;
    }
    let target = data(array) as usize;
    // SAFETY: the array has that many bytes in one piece, and the reference keeps it alive. The two do not overlap:
    // `bytes` lie in a snapshot, and an array over a snapshot is not writeable.
    let copy = || unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target as *mut u8, nbytes) };
    if nbytes > LARGE { array.py().detach(copy) } else { copy() }
}

/// The memory of an array, for a thread that does not hold the interpreter.
pub struct Room<'a> {
    start: usize,
    nbytes: usize,
    array: PhantomData<&'a ()>,
}

impl<'a> Room<'a> {
    /// That of a C-contiguous, writeable array; None of another one.
    pub fn of(array: &'a Bound<'_, PyUntypedArray>) -> Option<Self> {
        (array.is_c_contiguous() && is_writeable(array)).then(|| Room {
            start: data(array) as usize,
            nbytes: nbytes(array),
            array: PhantomData,
        })
    }

    pub fn nbytes(&self) -> usize {
        self.nbytes
    }

    /// Copies pieces to it one after the other, the first to byte `start`. Returns where the last one ends. What does not fit in is
    /// left out.
    pub fn fill_from<E>(
        &self,
        start: usize,
        pieces: impl Iterator<Item = Result<impl AsRef<[u8]>, E>>,
    ) -> Result<usize, E> {
        let mut end = start.min(self.nbytes);
        for piece in pieces {
            let piece = piece?;
            let bytes = piece.as_ref();
            let count = bytes.len().min(self.nbytes - end);
            // SAFETY: the array has `nbytes` bytes in one piece, of which `count` are left behind `end`. Its reference lives as long as
            // this, and numpy does not resize an array to which others refer. The two do not overlap: the pieces are memory that no
            // array can be written to.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (self.start as *mut u8).add(end), count) };
            end += count;
        }
        Ok(end)
    }
}

/// Copies `bytes`, which are in C order, into a writeable array of the same shape and dtype, with any strides.
/// `source` makes an array over the same bytes; it is called only if the strides need it.
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

/// Copies between two arrays of the same shape, with any strides, in one pass, as `np.copyto` does. numpy lets other
/// threads use the interpreter meanwhile.
pub fn copy_into(target: &Bound<'_, PyUntypedArray>, source: &Bound<'_, PyUntypedArray>) -> PyResult<()> {
    // SAFETY: both references are to valid arrays. numpy checks that the target is writeable.
    let outcome =
        unsafe { PY_ARRAY_API.PyArray_CopyInto(target.py(), target.as_array_ptr(), source.as_array_ptr()) };
    if outcome == 0 { Ok(()) } else { Err(PyErr::fetch(target.py())) }
}

/// Whether numpy lets Python code write to the array.
pub fn is_writeable(array: &Bound<'_, PyUntypedArray>) -> bool {
    // SAFETY: the reference is to a valid array object.
    unsafe { (*array.as_array_ptr()).fields.flags & NPY_ARRAY_WRITEABLE != 0 }
}

/// Makes the array read-only. Views of it that exist already stay as they are.
pub fn freeze(array: &Bound<'_, PyUntypedArray>) {
    // SAFETY: the reference is to a valid array object. Only attached threads change its flags.
    unsafe { (*array.as_array_ptr()).fields.flags &= !NPY_ARRAY_WRITEABLE };
}
