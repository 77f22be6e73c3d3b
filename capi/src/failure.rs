//! Why a call failed, as Rust passes it on and as C gets it.

use std::error::Error as _;
use std::ffi::{CString, c_char, c_int};
use std::io;

use ndsharray::Error;

use crate::call::quietly;
use crate::status::nds_status;

/// Why a call failed: its status, an errno and a text. Made by the call, freed by the caller with nds_error_free.
///
/// Any thread may use it.
pub struct nds_error(Failure);

/// Why a call fails.
#[derive(Debug)]
pub struct Failure {
    status: nds_status,
    errno: c_int,
    message: CString,
}

/// The result of a call.
pub type Outcome<T = nds_status> = Result<T, Failure>;

impl Failure {
    #[cold]
    fn new(status: nds_status, errno: c_int, message: String) -> Self {
        Failure { status, errno, message: text(message) }
    }

    /// An argument is not valid.
    #[cold]
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(nds_status::NDS_INVALID_ARGUMENT, 0, message.into())
    }

    /// The writer has an open loan.
    #[cold]
    pub fn lent() -> Self {
        let message = "the writer has a loan: publish or abandon it first";
        Self::new(nds_status::NDS_BUSY, 0, message.to_owned())
    }

    /// The operating system refused something for which the library has no error.
    #[cold]
    pub fn system(operation: &str, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        let errno = source.raw_os_error().unwrap_or(0);
        Self::new(nds_status::NDS_IO, errno, format!("cannot {operation}: {source}"))
    }

    /// The call panicked.
    #[cold]
    pub fn panicked(what: &str) -> Self {
        Self::new(nds_status::NDS_INTERNAL, 0, format!("a bug in ndsharray: {what}"))
    }

    pub fn status(&self) -> nds_status {
        self.status
    }

    /// The error that the caller gets, and frees.
    pub fn into_raw(self) -> *mut nds_error {
        Box::into_raw(Box::new(nds_error(self)))
    }
}

impl From<Error> for Failure {
    #[cold]
    fn from(error: Error) -> Self {
        let system = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        let errno = system.and_then(io::Error::raw_os_error).unwrap_or(0);
        Self::new(error.kind().into(), errno, error.to_string())
    }
}

/// A text for C. A NUL would end it, so it becomes a question mark.
pub fn text(text: impl Into<Vec<u8>>) -> CString {
    let mut bytes = text.into();
    bytes.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'?');
    CString::new(bytes).unwrap_or_default()
}

/// The status that the call returned; NDS_OK for NULL.
///
/// # Safety
/// The error is NULL, or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_error_status(error: *const nds_error) -> nds_status {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { error.as_ref() }.map_or(nds_status::NDS_OK, |error| error.0.status)
}

/// The errno of the system call that failed; 0 if no system call failed, and for NULL.
///
/// # Safety
/// The error is NULL, or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_error_errno(error: *const nds_error) -> c_int {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { error.as_ref() }.map_or(0, |error| error.0.errno)
}

/// What is wrong, as one line of UTF-8 without a newline: the path, tag or argument, and what to do. It lives as long as the error.
/// An empty text for NULL.
///
/// # Safety
/// The error is NULL, or was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_error_message(error: *const nds_error) -> *const c_char {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |error| error.0.message.as_ptr())
}

/// Frees an error. NULL is allowed.
///
/// # Safety
/// The error is NULL, or was not freed: to free it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_error_free(error: *mut nds_error) {
    if !error.is_null() {
        // SAFETY: from `into_raw`, and not freed before, as the caller says.
        quietly(|| drop(unsafe { Box::from_raw(error) }));
    }
}
