//! A store.

use std::ffi::{CString, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ndsharray::{GcReport, Store};

use crate::argument::{Out, bytes, shared, text};
use crate::call::{call, quietly};
use crate::failure::{self, Outcome, nds_error};
use crate::names::{self, nds_names};
use crate::stat::{self, nds_stat};
use crate::status::nds_status::{self, NDS_OK};

/// A directory of named arrays. Any thread may use it, several at once.
pub struct nds_store {
    store: Store,
    directory: CString,
}

impl nds_store {
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// The version of the library, such as "2.0.0". It is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn nds_library_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Opens the store in a directory, which must exist. NULL: the one that the environment variable NDSHARRAY_DIR names, else /dev/shm.
///
/// NDS_NOT_FOUND if there is no such directory.
///
/// # Safety
/// `directory` is NULL or a text. `store` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_open(
    directory: *const c_char,
    store: *mut *mut nds_store,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(store, "store", std::ptr::null_mut()) }?;
        let found = if directory.is_null() {
            Store::open_default()?
        } else {
            // SAFETY: as the caller says.
            let directory = unsafe { bytes(directory, "directory") }?;
            Store::open(Path::new(OsStr::from_bytes(directory)))?
        };
        let directory = failure::text(found.directory().as_os_str().as_bytes());
        out.set(Box::into_raw(Box::new(nds_store { store: found, directory })));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// Closes a store. Its writers, readers and snapshots live on. NULL is allowed.
///
/// # Safety
/// The store is NULL, or was not closed: to close it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_close(store: *mut nds_store) {
    if !store.is_null() {
        // SAFETY: from `nds_store_open`, and not closed before, as the caller says.
        quietly(|| drop(unsafe { Box::from_raw(store) }));
    }
}

/// The directory, as an absolute path. It lives as long as the store; NULL for NULL.
///
/// # Safety
/// The store is NULL, or was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_directory(store: *const nds_store) -> *const c_char {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { store.as_ref() }.map_or(std::ptr::null(), |store| store.directory.as_ptr())
}

/// The tags of the store, sorted. Free them with nds_names_free.
///
/// # Safety
/// The store was not closed. `tags` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_tags(
    store: *const nds_store,
    tags: *mut *mut nds_names,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(tags, "tags", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        let store = unsafe { shared(store, "store") }?;
        out.set(names::into_raw(store.store.tags()?));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// What there is to know about a tag; no file is mapped. Free it with nds_stat_free.
///
/// # Safety
/// The store was not closed; `tag` is a text. `stat` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_stat(
    store: *const nds_store,
    tag: *const c_char,
    stat: *mut *mut nds_stat,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(stat, "stat", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        let (store, tag) = unsafe { (shared(store, "store")?, text(tag, "tag")?) };
        out.set(stat::into_raw(store.store.stat(tag)?));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// Removes a tag with its value. Snapshots that are held stay as they are.
///
/// NDS_BUSY if a writer has it, NDS_PERMISSION if it is another user's.
///
/// # Safety
/// The store was not closed; `tag` is a text. `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_remove(
    store: *const nds_store,
    tag: *const c_char,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { remove(store, tag, error, Store::remove) }
}

/// Removes a tag even if it is damaged or has a writer. The next write of that writer gives NDS_ENDED.
///
/// # Safety
/// As for nds_store_remove.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_force_remove(
    store: *const nds_store,
    tag: *const c_char,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { remove(store, tag, error, Store::force_remove) }
}

/// # Safety
/// As for [`nds_store_remove`].
unsafe fn remove(
    store: *const nds_store,
    tag: *const c_char,
    error: *mut *mut nds_error,
    removal: fn(&Store, &str) -> ndsharray::Result<()>,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let (store, tag) = unsafe { (shared(store, "store")?, text(tag, "tag")?) };
        removal(&store.store, tag)?;
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// Removes what killed processes of this user left in the store. Files in use stay.
///
/// `removed` gets the names of the files, to be freed with nds_names_free; `bytes` gets the storage that they took. Both may be
/// NULL.
///
/// # Safety
/// The store was not closed. What is not NULL can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_gc(
    store: *const nds_store,
    removed: *mut *mut nds_names,
    bytes: *mut u64,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { call(error, || gc(store, removed, bytes, Store::gc)) }
}

/// What nds_store_gc would remove now. Nothing is removed.
///
/// # Safety
/// As for nds_store_gc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_store_gc_dry_run(
    store: *const nds_store,
    removed: *mut *mut nds_names,
    bytes: *mut u64,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { call(error, || gc(store, removed, bytes, Store::gc_dry_run)) }
}

/// # Safety
/// As for [`nds_store_gc`].
unsafe fn gc(
    store: *const nds_store,
    removed: *mut *mut nds_names,
    bytes: *mut u64,
    collect: fn(&Store) -> ndsharray::Result<GcReport>,
) -> Outcome {
    // SAFETY: as the caller says.
    let (names, size) = unsafe { (Out::optional(removed), Out::optional(bytes)) };
    names.set(std::ptr::null_mut());
    size.set(0);
    // SAFETY: as the caller says.
    let report = collect(&unsafe { shared(store, "store") }?.store)?;
    size.set(report.bytes);
    if names.is_wanted() {
        names.set(names::into_raw(report.removed));
    }
    Ok(NDS_OK)
}

// What the header says of threads.
const _: () = {
    const fn any_thread<T: Send + Sync>() {}
    any_thread::<nds_store>();
    any_thread::<nds_error>();
    any_thread::<crate::snapshot::nds_snapshot>();
    const fn one_at_a_time<T: Send>() {}
    one_at_a_time::<ndsharray::Writer>();
    one_at_a_time::<ndsharray::Loan<'static, u8>>();
    one_at_a_time::<crate::reader::nds_reader>();
};
