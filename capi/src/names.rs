//! Lists of names.

use std::ffi::{CString, c_char};

use crate::call::quietly;
use crate::failure::text;

/// A list of names, such as tags. Freed by the caller with nds_names_free. Any thread may use it.
#[repr(C)]
pub struct nds_names {
    /// The number of names.
    pub count: usize,
    /// The names, as UTF-8.
    pub items: *const *const c_char,
}

/// A list with what it points to.
#[repr(C)]
struct Owner {
    // First, so that its address is that of the whole.
    list: nds_names,
    items: Vec<*const c_char>,
    names: Vec<CString>,
}

/// A list that the caller frees.
pub fn into_raw(names: Vec<String>) -> *mut nds_names {
    let names: Vec<CString> = names.into_iter().map(text).collect();
    let items: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let list = nds_names { count: items.len(), items: items.as_ptr() };
    Box::into_raw(Box::new(Owner { list, items, names })).cast()
}

/// Frees a list with its names. NULL is allowed.
///
/// # Safety
/// The list is NULL, or was not freed: to free it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_names_free(names: *mut nds_names) {
    if !names.is_null() {
        // SAFETY: from `into_raw`, which made an `Owner`, and not freed before, as the caller says.
        quietly(|| drop(unsafe { Box::from_raw(names.cast::<Owner>()) }));
    }
}
