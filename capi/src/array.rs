//! Arrays as C describes them.

use std::ffi::{c_char, c_void};

use crate::argument::elements;
use crate::failure::{Failure, Outcome};

/// The most dimensions that an array can have.
const MOST_DIMENSIONS: usize = 64;

/// An array in the caller's memory.
///
/// nds_array image = {pixels, "uint8", 3, (size_t[]){480, 640, 3}, NULL};
///
/// Later versions add nothing to this struct.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct nds_array {
    /// The first element. It may be NULL if there are no elements. It need not be aligned.
    pub data: *const c_void,
    /// What the elements are, as numpy writes it: "float32", "<M8[ns]", "[('x', '<f4'), ('y', '<f4')]".
    pub dtype: *const c_char,
    /// The number of axes, 0 to 64.
    pub ndim: usize,
    /// The length of each axis. It may be NULL if ndim is 0.
    pub shape: *const usize,
    /// The distance in bytes from one element to the next along each axis, as in numpy; it may be negative or 0. NULL: the elements
    /// lie in C order without gaps.
    pub strides: *const isize,
}

/// The shape that a caller passes.
///
/// # Safety
/// The pointer is NULL, or points to `ndim` numbers that stay as they are for as long as the call lasts.
#[inline]
pub unsafe fn shape<'a>(pointer: *const usize, ndim: usize) -> Outcome<&'a [usize]> {
    check_dimensions(ndim)?;
    // SAFETY: as the caller says.
    unsafe { elements(pointer, ndim, "shape") }
}

/// The strides that a caller passes; `None` for NULL.
///
/// # Safety
/// As for [`shape`].
#[inline]
pub unsafe fn strides<'a>(pointer: *const isize, ndim: usize) -> Outcome<Option<&'a [isize]>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller says.
    unsafe { elements(pointer, ndim, "strides") }.map(Some)
}

#[inline]
fn check_dimensions(ndim: usize) -> Outcome<()> {
    if ndim > MOST_DIMENSIONS {
        return Err(Failure::argument(format!(
            "invalid shape: it has {ndim} dimensions; allowed is at most 64"
        )));
    }
    Ok(())
}

/// The length in bytes, unless it overflows. As in the library, axes of length 0 do not hide an overflow of the others.
#[inline]
pub fn nbytes(itemsize: usize, shape: &[usize]) -> Outcome<usize> {
    let (mut nonzero, mut empty) = (Some(itemsize), false);
    for &length in shape {
        if length == 0 {
            empty = true;
        } else {
            nonzero = nonzero.and_then(|total| total.checked_mul(length));
        }
    }
    match nonzero.filter(|&total| total <= isize::MAX as usize) {
        Some(total) => Ok(if empty { 0 } else { total }),
        None => Err(overflow(shape)),
    }
}

#[cold]
fn overflow(shape: &[usize]) -> Failure {
    let found = "it has a length that overflows; allowed is at most isize::MAX bytes";
    Failure::argument(format!("invalid shape {shape:?}: {found}"))
}
