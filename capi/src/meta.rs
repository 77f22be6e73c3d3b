//! What travels with a value.

use std::ffi::{c_char, c_void};

use ndsharray::Meta;

use crate::argument::{elements, text};
use crate::failure::{Failure, Outcome};
use crate::grown::{self, Grown};

/// What travels with a value besides its elements. If all but the size is 0, nothing does.
///
/// nds_meta meta = {.size = sizeof meta, .attributes = "{\"gain\": 2}"};
///
/// Later versions may add fields at its end: `size` says which version the caller was compiled with.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct nds_meta {
    /// sizeof(nds_meta).
    pub size: usize,
    /// Any bytes, or NULL. A value has user data or attributes, not both.
    pub user_data: *const c_void,
    /// How many bytes: at most 2048.
    pub user_data_size: usize,
    /// Attributes: a JSON object as text of at most 2048 bytes, or NULL.
    pub attributes: *const c_char,
    /// When the value was acquired, such as when the shutter opened: nanoseconds since 1970, or 0 if that is not known.
    pub acquired_at: u64,
    /// When the value was written in the store that it was copied from: nanoseconds since 1970, or 0 if it was not copied.
    pub source_written_at: u64,
}

// SAFETY: `#[repr(C)]`, the size first, numbers and pointers alone.
unsafe impl Grown for nds_meta {
    const FIRST_SIZE: usize = 48;
}

/// What C says that is to travel with a value; nothing for NULL.
///
/// # Safety
/// The pointer is NULL, or points to a struct whose pointers are valid, for as long as the call lasts.
pub unsafe fn read(pointer: *const nds_meta) -> Outcome<Meta> {
    if pointer.is_null() {
        return Ok(Meta::new());
    }
    // SAFETY: as the caller says.
    let given = unsafe { grown::read(pointer, "meta") }?;
    let mut meta = Meta::new().acquired_at(given.acquired_at).source_written_at(given.source_written_at);
    // SAFETY: as the caller says.
    let user_data =
        unsafe { elements(given.user_data.cast::<u8>(), given.user_data_size, "meta.user_data") }?;
    if !user_data.is_empty() && !given.attributes.is_null() {
        let advice = "meta has user_data and attributes: a value has one of them, so set one";
        return Err(Failure::argument(advice));
    }
    if !user_data.is_empty() {
        meta = meta.user_data(user_data)?;
    } else if !given.attributes.is_null() {
        // SAFETY: as the caller says.
        meta = meta.attributes_json(unsafe { text(given.attributes, "meta.attributes") }?)?;
    }
    Ok(meta)
}
