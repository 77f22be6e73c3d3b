//! Writers.

use std::ffi::{CString, c_char};

use ndsharray::{DType, Writer};

use crate::argument::{Out, exclusive, shared, text};
use crate::array::{self, nds_array};
use crate::call::{call, quietly};
use crate::dtype::LastDType;
use crate::failure::{self, Failure, Outcome, nds_error};
use crate::grown::{self, Grown};
use crate::meta::{self, nds_meta};
use crate::status::nds_status::{self, NDS_OK};
use crate::store::nds_store;
use crate::strides;

/// The one writer of a tag. One thread at a time may use it or its loan; it need not always be the same thread.
pub struct nds_writer {
    /// From `Box::into_raw`: a loan borrows it, but not the rest.
    writer: *mut Writer,
    dtype: LastDType,
    tag: CString,
    version: u64,
    /// A loan has the writer.
    lent: bool,
    /// It is closed, and goes with its loan.
    closed: bool,
}

/// For nds_writer_options.flags: the tag is removed when the writer is closed, or found to have been killed.
pub const NDS_EPHEMERAL: u32 = 1;
/// For nds_writer_options.flags: a living writer of the same user is replaced; its next write gives NDS_ENDED.
pub const NDS_TAKEOVER: u32 = 2;

/// How a writer is opened. If all but the size is 0, these are the defaults.
///
/// nds_writer_options options = {.size = sizeof options, .flags = NDS_EPHEMERAL, .history = 8};
///
/// Later versions may add fields at its end: `size` says which version the caller was compiled with.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct nds_writer_options {
    /// sizeof(nds_writer_options).
    pub size: usize,
    /// The permissions of the tag's files, such as 0640. 0: 0600 for a new tag; a tag that exists keeps its own.
    pub mode: u32,
    /// NDS_EPHEMERAL, NDS_TAKEOVER, both (with |) or 0.
    pub flags: u32,
    /// The least number of bytes that a slot has room for. 0: the size of the first value.
    pub capacity: usize,
    /// How many of the last values stay in place, 0 to 248.
    pub history: usize,
    /// Where the values come from, up to 128 bytes of UTF-8, for programs that copy them from another host; or NULL.
    pub source: *const c_char,
}

// SAFETY: `#[repr(C)]`, the size first, numbers and pointers alone.
unsafe impl Grown for nds_writer_options {
    const FIRST_SIZE: usize = 40;
}

/// Opens the one writer of a tag, which goes on where an earlier one left off. `options` may be NULL: the defaults.
///
/// NDS_BUSY if another writer lives and NDS_TAKEOVER is not set; NDS_PERMISSION if the tag is another user's; NDS_FOREIGN if
/// something else has its name.
///
/// # Safety
/// The store was not closed; `tag` is a text; `options` is NULL or as long as its size says. `writer` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_writer_open(
    store: *const nds_store,
    tag: *const c_char,
    options: *const nds_writer_options,
    writer: *mut *mut nds_writer,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(writer, "writer", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        let (store, tag) = unsafe { (shared(store, "store")?, text(tag, "tag")?) };
        let mut with = store.store().writer_options(tag);
        if !options.is_null() {
            // SAFETY: as the caller says.
            let given = unsafe { grown::read(options, "writer_options") }?;
            if given.flags & !(NDS_EPHEMERAL | NDS_TAKEOVER) != 0 {
                let advice = "writer_options.flags has bits that this version of ndsharray does not know";
                return Err(Failure::argument(advice));
            }
            let is_set = |flag| given.flags & flag != 0;
            with = with.ephemeral(is_set(NDS_EPHEMERAL)).takeover(is_set(NDS_TAKEOVER));
            with = with.capacity(given.capacity).history(given.history);
            if given.mode != 0 {
                with = with.mode(given.mode);
            }
            if !given.source.is_null() {
                // SAFETY: as the caller says.
                with = with.source(unsafe { text(given.source, "writer_options.source") }?);
            }
        }
        let opened = with.open()?;
        out.set(Box::into_raw(Box::new(nds_writer {
            dtype: LastDType::default(),
            tag: failure::text(opened.tag()),
            version: opened.version(),
            lent: false,
            closed: false,
            writer: Box::into_raw(Box::new(opened)),
        })));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

impl nds_writer {
    /// The writer, with the dtype of a text.
    ///
    /// # Safety
    /// `dtype` is NULL or a text.
    #[inline]
    pub unsafe fn with_dtype(&mut self, dtype: *const c_char) -> Outcome<(&mut Writer, &DType)> {
        if self.lent {
            return Err(Failure::lent());
        }
        // SAFETY: as the caller says.
        let dtype = unsafe { self.dtype.get(dtype) }?;
        // SAFETY: from a box that is dropped with this; no loan has it, and this is borrowed mutably.
        Ok((unsafe { &mut *self.writer }, dtype))
    }

    /// A loan has the writer from now on.
    pub fn lend(&mut self) {
        self.lent = true;
    }

    /// A value was published.
    #[inline]
    pub fn published(&mut self, version: u64) {
        self.version = version;
    }

    /// The loan is over.
    ///
    /// # Safety
    /// It was lent, and not freed since.
    pub unsafe fn give_back(writer: *mut nds_writer) {
        // SAFETY: as the caller says.
        unsafe {
            (*writer).lent = false;
            if (*writer).closed {
                drop(Box::from_raw(writer));
            }
        }
    }
}

impl Drop for nds_writer {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw`, and dropped here alone; no loan has it.
        drop(unsafe { Box::from_raw(self.writer) });
    }
}

/// Publishes an array; `version`, which may be NULL, gets its number. `meta` may be NULL.
///
/// The array is copied once, whatever its strides; the caller may change it afterwards. It never waits for a reader.
///
/// NDS_FULL if the store is full; NDS_ENDED if the tag was taken over or removed, or the process forked; NDS_BUSY while a loan is
/// open; NDS_INVALID_ARGUMENT for a dtype that numpy does not know, a shape that overflows, more than 64 axes, strides that reach
/// beyond the address space, and a bool that is neither 0 nor 1. The last value stays readable in each case.
///
/// # Safety
/// The writer was not closed; `array`, and `meta` if it is not NULL, have valid pointers. Every element that shape and strides
/// describe can be read, and nobody changes it meanwhile. `version` is NULL or can be written to, and `error` too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_writer_write(
    writer: *mut nds_writer,
    array: *const nds_array,
    meta: *const nds_meta,
    version: *mut u64,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let (handle, array) = unsafe { (exclusive(writer, "writer")?, shared(array, "array")?) };
        // SAFETY: as the caller says.
        let published = unsafe { write(handle, array, meta) }?;
        handle.published(published);
        // SAFETY: as the caller says.
        unsafe { Out::optional(version) }.set(published);
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// # Safety
/// As for [`nds_writer_write`].
#[inline]
unsafe fn write(handle: &mut nds_writer, array: &nds_array, meta: *const nds_meta) -> Outcome<u64> {
    // SAFETY: as the caller says.
    let (writer, dtype) = unsafe { handle.with_dtype(array.dtype) }?;
    // SAFETY: as the caller says.
    let (shape, strides) =
        unsafe { (array::shape(array.shape, array.ndim)?, array::strides(array.strides, array.ndim)?) };
    let itemsize = dtype.itemsize();
    let nbytes = array::nbytes(itemsize, shape)?;
    let data = array.data.cast::<u8>();
    if data.is_null() && nbytes > 0 {
        return Err(Failure::argument("array.data is NULL; give a valid one"));
    }
    let is_strided = |strides: &&[isize]| nbytes > 0 && !strides::is_contiguous(shape, strides, itemsize);
    if let Some(strides) = strides.filter(is_strided) {
        strides::check(data, shape, strides, itemsize)?;
        // SAFETY: as the caller says.
        let meta = unsafe { meta::read(meta) }?;
        let mut loan = writer.loan_bytes(dtype, shape)?;
        let to = loan.as_mut_slice();
        // A writer that ended after the loan began has no memory; the publish says why.
        if to.len() == nbytes {
            // SAFETY: the elements can be read, as the caller says. There is one at least, and an axis, or it would be contiguous.
            // The memory of a loan is nobody else's.
            unsafe { strides::copy(data, shape, strides, itemsize, to) };
        }
        loan.set_meta(meta);
        return Ok(loan.publish()?);
    }
    let bytes = match nbytes {
        0 => &[],
        // SAFETY: this many bytes in a row can be read, as the caller says.
        _ => unsafe { std::slice::from_raw_parts(data, nbytes) },
    };
    if meta.is_null() {
        return Ok(writer.write_bytes(dtype, shape, bytes)?);
    }
    // SAFETY: as the caller says.
    let meta = unsafe { meta::read(meta) }?;
    Ok(writer.write_bytes_with(dtype, shape, bytes, &meta)?)
}

/// The version of the last value, from this writer or an earlier one; 0 before the first value, and for NULL.
///
/// # Safety
/// The writer is NULL, or was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_writer_version(writer: *const nds_writer) -> u64 {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { writer.as_ref() }.map_or(0, |writer| writer.version)
}

/// The tag. It lives as long as the writer; NULL for NULL.
///
/// # Safety
/// The writer is NULL, or was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_writer_tag(writer: *const nds_writer) -> *const c_char {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { writer.as_ref() }.map_or(std::ptr::null(), |writer| writer.tag.as_ptr())
}

/// Closes a writer. The last value stays, unless the writer is ephemeral. While a loan is open, the writer closes with the loan. NULL
/// is allowed.
///
/// # Safety
/// The writer is NULL, or was not closed: to close it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_writer_close(writer: *mut nds_writer) {
    if writer.is_null() {
        return;
    }
    // SAFETY: from `nds_writer_open`, and not closed before, as the caller says.
    quietly(|| unsafe {
        if (*writer).lent {
            (*writer).closed = true;
        } else {
            drop(Box::from_raw(writer));
        }
    });
}
