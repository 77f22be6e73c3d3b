//! What a C caller passes: pointers, texts, timeouts.

use std::ffi::{CStr, c_char};
use std::time::Duration;

use crate::failure::{Failure, Outcome};

#[cold]
fn null(name: &str) -> Failure {
    Failure::argument(format!("{name} is NULL; give a valid one"))
}

/// The value behind a pointer.
///
/// # Safety
/// It is NULL, or valid for as long as the call lasts.
#[inline]
pub unsafe fn shared<'a, T>(pointer: *const T, name: &str) -> Outcome<&'a T> {
    // SAFETY: as the caller says.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// The value behind a pointer, for this call alone.
///
/// # Safety
/// It is NULL, or valid, and nobody else uses it for as long as the call lasts.
#[inline]
pub unsafe fn exclusive<'a, T>(pointer: *mut T, name: &str) -> Outcome<&'a mut T> {
    // SAFETY: as the caller says.
    unsafe { pointer.as_mut() }.ok_or_else(|| null(name))
}

/// A place for a result.
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// A place that the caller must give. It gets `empty` at once, so that it is never left as it was.
    ///
    /// # Safety
    /// The pointer is NULL, or can be written to for as long as the call lasts.
    #[inline]
    pub unsafe fn new(pointer: *mut T, name: &str, empty: T) -> Outcome<Self> {
        if pointer.is_null() {
            return Err(null(name));
        }
        let out = Out(pointer);
        out.set(empty);
        Ok(out)
    }

    /// A place that may be NULL: then the result is dropped.
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    #[inline]
    pub unsafe fn optional(pointer: *mut T) -> Self {
        Out(pointer)
    }

    #[inline]
    pub fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    #[inline]
    pub fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: it can be written to, as promised to `new` or `optional`. What was there is not dropped: it may be
            // anything.
            unsafe { self.0.write(value) };
        }
    }
}

/// The bytes of a text.
///
/// # Safety
/// The pointer is NULL, or points to a NUL-terminated text that stays as it is for as long as the call lasts.
#[inline]
pub unsafe fn bytes<'a>(pointer: *const c_char, name: &str) -> Outcome<&'a [u8]> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: as the caller says.
    Ok(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// A text in UTF-8.
///
/// # Safety
/// As for [`bytes`].
pub unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Outcome<&'a str> {
    // SAFETY: as the caller says.
    let bytes = unsafe { bytes(pointer, name) }?;
    let wrong = |error| Failure::argument(format!("{name} is no UTF-8 ({error}); give it in UTF-8"));
    std::str::from_utf8(bytes).map_err(wrong)
}

/// `count` elements in a row. If there are none, the pointer may be NULL.
///
/// # Safety
/// The pointer is NULL, or points to `count` elements that stay as they are for as long as the call lasts.
#[inline]
pub unsafe fn elements<'a, T>(pointer: *const T, count: usize, name: &str) -> Outcome<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(null(name));
    }
    if count.checked_mul(size_of::<T>()).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return Err(Failure::argument(format!("{name}: {count} are more than there can be")));
    }
    // SAFETY: as the caller says; the length does not overflow.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Nanoseconds; less than 0 is for ever.
pub fn timeout(nanoseconds: i64) -> Option<Duration> {
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}
