//! How each function begins and ends: no panic leaves it, and the caller learns what failed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::{Failure, Outcome, nds_error};
use crate::status::nds_status;

/// Runs the body of a function, and stores why it failed, or NULL.
///
/// # Safety
/// `error` is NULL or can be written to.
#[inline]
pub unsafe fn call(error: *mut *mut nds_error, body: impl FnOnce() -> Outcome) -> nds_status {
    let outcome = catch_unwind(AssertUnwindSafe(body));
    let (status, found) = match outcome {
        Ok(Ok(status)) => (status, std::ptr::null_mut()),
        Ok(Err(failure)) => failed(failure, error),
        Err(panic) => failed(Failure::panicked(&said(panic)), error),
    };
    if !error.is_null() {
        // SAFETY: it can be written to, as the caller says.
        unsafe { error.write(found) };
    }
    status
}

#[cold]
fn failed(failure: Failure, error: *mut *mut nds_error) -> (nds_status, *mut nds_error) {
    let status = failure.status();
    // The caller passed NULL, so nobody would free the error.
    let found = if error.is_null() { std::ptr::null_mut() } else { failure.into_raw() };
    (status, found)
}

/// Runs the body of a function that has no way to say that it failed.
pub fn quietly(body: impl FnOnce()) {
    or(body, ());
}

/// Runs the body of a function that has no way to say that it failed, and returns `otherwise` if it panics.
#[inline]
pub fn or<T>(body: impl FnOnce() -> T, otherwise: T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let _ = said(panic);
        otherwise
    })
}

/// The message of a panic.
#[cold]
fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
    // A payload may panic when it is dropped.
    std::mem::forget(panic);
    text.unwrap_or_else(|| "it panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::ptr::null_mut;

    use super::*;
    use crate::failure::{nds_error_free, nds_error_message, nds_error_status};
    use crate::status::nds_status::{NDS_INTERNAL, NDS_INVALID_ARGUMENT, NDS_OK};

    /// The status and the text of the error.
    fn run(body: impl FnOnce() -> Outcome) -> (nds_status, String) {
        let mut error = std::ptr::dangling_mut();
        // SAFETY: it can be written to.
        let status = unsafe { call(&raw mut error, body) };
        // SAFETY: `call` stored NULL or an error.
        unsafe {
            assert_eq!(nds_error_status(error), status);
            let text = CStr::from_ptr(nds_error_message(error)).to_str().unwrap().to_owned();
            nds_error_free(error);
            (status, text)
        }
    }

    #[test]
    fn a_panic_becomes_an_error() {
        let expected = |text: &str| (NDS_INTERNAL, format!("a bug in ndsharray: {text}"));
        assert_eq!(run(|| panic!("slot {}", 7)), expected("slot 7"));
        assert_eq!(run(|| panic!("a slot")), expected("a slot"));
        assert_eq!(run(|| std::panic::panic_any(7)), expected("it panicked"));
        // SAFETY: NULL is allowed: nobody wants the error.
        assert_eq!(unsafe { call(null_mut(), || panic!("a slot")) }, NDS_INTERNAL);
        assert_eq!(or(|| panic!("a slot"), 7), 7);
        quietly(|| panic!("a slot"));
    }

    #[test]
    fn what_a_body_returns_is_returned() {
        assert_eq!(run(|| Ok(NDS_OK)), (NDS_OK, String::new()));
        assert_eq!(
            run(|| Err(Failure::argument("it is\0 wrong"))),
            (NDS_INVALID_ARGUMENT, "it is? wrong".into())
        );
    }
}
