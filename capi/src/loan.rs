//! Loans: the memory of the next value.

use std::ffi::{c_char, c_void};

use ndsharray::Loan;

use crate::argument::{Out, exclusive};
use crate::array;
use crate::call::{call, or, quietly};
use crate::failure::{Failure, Outcome, nds_error};
use crate::meta::{self, nds_meta};
use crate::status::nds_status::{self, NDS_OK};
use crate::writer::nds_writer;

/// The memory of a value that is not published yet. It ends with nds_loan_publish or nds_loan_abandon. One thread at a time may use
/// it or its writer; several may fill the memory.
pub struct nds_loan {
    /// Borrows the writer; `None` once it is published.
    loan: Option<Loan<'static, u8>>,
    writer: *mut nds_writer,
    nbytes: usize,
}

impl Drop for nds_loan {
    fn drop(&mut self) {
        // Before the writer may be used again.
        self.loan = None;
        // SAFETY: it was lent to this loan, and a writer that is lent is not freed.
        unsafe { nds_writer::give_back(self.writer) };
    }
}

/// Lends the memory of the next value, to be filled in place: no copy at all.
///
/// The elements lie in C order. At first they are those of some earlier value, or zero; with dtype bool they are all 0. While the
/// loan is open, other calls of its writer give NDS_BUSY. The other errors are those of nds_writer_write.
///
/// # Safety
/// The writer was not closed; `dtype` is a text; `shape` has `ndim` lengths. `loan` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_writer_loan(
    writer: *mut nds_writer,
    dtype: *const c_char,
    ndim: usize,
    shape: *const usize,
    loan: *mut *mut nds_loan,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(loan, "loan", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        let handle = unsafe { exclusive(writer, "writer") }?;
        // SAFETY: as the caller says. The loan ends before the writer is used again or freed: `lent` says so from here on.
        let mut lent = unsafe {
            let (writer, dtype) = handle.with_dtype(dtype)?;
            let writer: *mut ndsharray::Writer = writer;
            (*writer).loan_bytes(dtype, array::shape(shape, ndim)?)?
        };
        handle.lend();
        let nbytes = lent.as_mut_slice().len();
        out.set(Box::into_raw(Box::new(nds_loan { loan: Some(lent), writer, nbytes })));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// The memory to fill: nds_loan_nbytes bytes, aligned to a page. It is the caller's until the loan ends. NULL for NULL, and in a
/// forked child, since the memory is the parent's.
///
/// # Safety
/// The loan is NULL, or has not ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_loan_data(loan: *mut nds_loan) -> *mut c_void {
    let data = || {
        // SAFETY: NULL or valid, as the caller says.
        let loan = unsafe { loan.as_mut() }?;
        let memory = loan.loan.as_mut()?.as_mut_slice();
        (memory.len() == loan.nbytes).then(|| memory.as_mut_ptr().cast())
    };
    or(data, None).unwrap_or(std::ptr::null_mut())
}

/// The length of the value in bytes; 0 for NULL.
///
/// # Safety
/// The loan is NULL, or has not ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_loan_nbytes(loan: *const nds_loan) -> usize {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { loan.as_ref() }.map_or(0, |loan| loan.nbytes)
}

/// Sets what travels with the value, in place of what was set before. If `meta` is NULL, nothing travels with it.
///
/// # Safety
/// The loan has not ended; `meta` is NULL or has valid pointers. `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_loan_set_meta(
    loan: *mut nds_loan,
    meta: *const nds_meta,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let (loan, meta) = unsafe { (exclusive(loan, "loan")?, meta::read(meta)?) };
        let Some(loan) = &mut loan.loan else { return Err(over()) };
        loan.set_meta(meta);
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

#[cold]
fn over() -> Failure {
    Failure::argument("the loan is over; ask for a new one")
}

/// Makes this the latest value; `version`, which may be NULL, gets its number. The loan ends even if this fails; then nothing
/// is published.
///
/// The errors are those of nds_writer_write.
///
/// # Safety
/// The loan has not ended, and nobody writes to its memory any more. `version` is NULL or can be written to, and `error` too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_loan_publish(
    loan: *mut nds_loan,
    version: *mut u64,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || -> Outcome {
        // SAFETY: as the caller says.
        let handle = unsafe { exclusive(loan, "loan") }?;
        // SAFETY: from `nds_writer_loan`, and it did not end before, as the caller says.
        let mut owned = unsafe { Box::from_raw(handle) };
        let lent = owned.loan.take().ok_or_else(over)?;
        let published = lent.publish()?;
        // SAFETY: the loan that borrowed the writer is used up; the writer is not freed before `owned` gives it back.
        unsafe { &mut *owned.writer }.published(published);
        drop(owned);
        // SAFETY: as the caller says.
        unsafe { Out::optional(version) }.set(published);
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// Ends a loan without publishing anything. NULL is allowed.
///
/// # Safety
/// The loan is NULL, or has not ended: to end it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_loan_abandon(loan: *mut nds_loan) {
    if !loan.is_null() {
        // SAFETY: from `nds_writer_loan`, and it did not end before, as the caller says.
        quietly(|| drop(unsafe { Box::from_raw(loan) }));
    }
}
