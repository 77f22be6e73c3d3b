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
    // Nobody would free it.
    let found = if error.is_null() { std::ptr::null_mut() } else { failure.into_raw() };
    (status, found)
}

/// Runs the body of a function that has no way to say that it failed.
pub fn quietly(body: impl FnOnce()) {
    or(body, ());
}

/// Runs the body of a function that has no way to say that it failed, and returns something else if it panics.
#[inline]
pub fn or<T>(body: impl FnOnce() -> T, otherwise: T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let _ = said(panic);
        otherwise
    })
}

/// What a panic says.
#[cold]
fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
    // A payload may panic when it is dropped.
    std::mem::forget(panic);
    text.unwrap_or_else(|| "it panicked".to_owned())
}
