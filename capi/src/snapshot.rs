//! Snapshots.

use std::ffi::{CString, c_char, c_void};
use std::sync::{Arc, OnceLock};

use ndsharray::{DType, Snapshot, UnixTime};

use crate::argument;
use crate::array::nds_array;
use crate::call::{or, quietly};
use crate::dtype::{self, nds_dtype};
use crate::failure::text;

/// A value, whole and unchanging for as long as it is held. Any thread may use it, several at once.
///
/// It has a reference count, which nds_snapshot_retain raises and nds_snapshot_release lowers. It outlives its reader, its writer
/// and the tag. After a fork, parent and child each release it. While it is held, it takes one slot of the store. A process that
/// holds three of a tag gets copies in its own memory from then on.
pub struct nds_snapshot {
    snapshot: Snapshot,
    dtype: OnceLock<CString>,
    attributes: OnceLock<Option<CString>>,
}

impl nds_snapshot {
    /// A snapshot that the caller releases.
    #[inline(always)]
    pub fn into_raw(snapshot: Snapshot) -> *mut nds_snapshot {
        let place = Arc::into_raw(Arc::<nds_snapshot>::new_uninit()).cast::<nds_snapshot>().cast_mut();
        // Each field where it stays. To put the whole together first, and to copy that, takes longer than the rest of a read: the
        // copy would load in larger parts what was stored a moment ago in smaller ones.
        // SAFETY: new memory that nobody else has, of this type; each field is written, so it may be an `Arc` of it from here on.
        unsafe {
            (&raw mut (*place).snapshot).write(snapshot);
            (&raw mut (*place).dtype).write(OnceLock::new());
            (&raw mut (*place).attributes).write(OnceLock::new());
        }
        place
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn dtype_text(&self) -> *const c_char {
        match dtype::built_in(self.snapshot.dtype()) {
            Some(text) => text.as_ptr(),
            None => self.dtype.get_or_init(|| dtype::spelled(self.snapshot.dtype())).as_ptr(),
        }
    }

    fn attributes_text(&self) -> *const c_char {
        let found = || self.snapshot.attributes_json().ok().flatten().map(text);
        self.attributes.get_or_init(found).as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
    }
}

/// Asks a snapshot something; `otherwise` for NULL.
///
/// # Safety
/// The snapshot is NULL, or was not released.
#[inline]
unsafe fn ask<T: Copy>(
    snapshot: *const nds_snapshot,
    otherwise: T,
    answer: impl FnOnce(&nds_snapshot) -> T,
) -> T {
    // SAFETY: as the caller says.
    match unsafe { snapshot.as_ref() } {
        Some(snapshot) => or(|| answer(snapshot), otherwise),
        None => otherwise,
    }
}

fn nanoseconds(time: Option<UnixTime>) -> u64 {
    time.map_or(0, UnixTime::as_nanos)
}

/// Raises the reference count of a snapshot, and returns the snapshot, which must be released once more then. NULL for
/// NULL.
///
/// # Safety
/// The snapshot is NULL, or was not released as often as it was held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_retain(snapshot: *const nds_snapshot) -> *mut nds_snapshot {
    if !snapshot.is_null() {
        // SAFETY: from `Arc::into_raw`, and held, as the caller says.
        unsafe { Arc::increment_strong_count(snapshot) };
    }
    snapshot.cast_mut()
}

/// Lowers the reference count of a snapshot. At 0, its value is let go. NULL is allowed.
///
/// # Safety
/// The snapshot is NULL, or was not released as often as it was held: once more is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_release(snapshot: *mut nds_snapshot) {
    if !snapshot.is_null() {
        // SAFETY: from `Arc::into_raw`, and held, as the caller says.
        quietly(|| drop(unsafe { Arc::from_raw(snapshot) }));
    }
}

/// The elements, in C order, aligned to a page or, if they are a copy, to 8 bytes at least. NULL for NULL. They must not be written
/// to.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_data(snapshot: *const nds_snapshot) -> *const c_void {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, std::ptr::null(), |value| value.snapshot.bytes().as_ptr().cast()) }
}

/// The length of the elements in bytes; 0 for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_nbytes(snapshot: *const nds_snapshot) -> usize {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| value.snapshot.bytes().len()) }
}

/// What the elements are, as numpy writes it: "float32", "<M8[ns]", "[('x', '<f4'), ('y', '<f4')]". nds_writer_write takes the same
/// text, unless it is the name of a type that numpy alone does not know, such as bfloat16. It lives as long as the snapshot; NULL
/// for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_dtype(snapshot: *const nds_snapshot) -> *const c_char {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, std::ptr::null(), nds_snapshot::dtype_text) }
}

/// The dtype as a number; NDS_OTHER_DTYPE for one that is not built in, and for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_dtype_code(snapshot: *const nds_snapshot) -> nds_dtype {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, nds_dtype::NDS_OTHER_DTYPE, |value| dtype::code(value.snapshot.dtype())) }
}

/// Whether the elements are laid out as this dtype says, however its text is written: "float32" and "<f4" are the same. False for
/// NULL, and for a dtype that numpy has not.
///
/// # Safety
/// The snapshot is NULL, or is held; `dtype` is NULL or a text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_has_dtype(snapshot: *const nds_snapshot, dtype: *const c_char) -> bool {
    let is_same = |value: &nds_snapshot| {
        // SAFETY: as the caller says.
        let given = unsafe { argument::text(dtype, "dtype") }.ok();
        given.and_then(|given| given.parse::<DType>().ok()).as_ref() == Some(value.snapshot.dtype())
    };
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, false, is_same) }
}

/// The size of an element in bytes; 0 for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_itemsize(snapshot: *const nds_snapshot) -> usize {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| value.snapshot.dtype().itemsize()) }
}

/// The number of axes, 0 to 64; 0 for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_ndim(snapshot: *const nds_snapshot) -> usize {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| value.snapshot.shape().len()) }
}

/// The length of each axis, as many as nds_snapshot_ndim says. It lives as long as the snapshot; NULL for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_shape(snapshot: *const nds_snapshot) -> *const usize {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, std::ptr::null(), |value| value.snapshot.shape().as_ptr()) }
}

/// The value as an array, such as for nds_writer_write. Its pointers live as long as the snapshot. All zeros for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_array(snapshot: *const nds_snapshot) -> nds_array {
    let (data, dtype, shape, strides) =
        (std::ptr::null(), std::ptr::null(), std::ptr::null(), std::ptr::null());
    let none = nds_array { data, dtype, ndim: 0, shape, strides };
    let answer = |value: &nds_snapshot| nds_array {
        data: value.snapshot.bytes().as_ptr().cast(),
        dtype: value.dtype_text(),
        ndim: value.snapshot.shape().len(),
        shape: value.snapshot.shape().as_ptr(),
        strides,
    };
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, none, answer) }
}

/// The number of the value: 1 for the first that was written under the tag, one more at each write; 0 for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_version(snapshot: *const nds_snapshot) -> u64 {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| value.snapshot.version()) }
}

/// When the value was published, in nanoseconds since 1970; 0 for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_written_at(snapshot: *const nds_snapshot) -> u64 {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| value.snapshot.written_at().as_nanos()) }
}

/// How long ago the value was published, in nanoseconds. A clock that is set does not change it. 0 for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_age(snapshot: *const nds_snapshot) -> u64 {
    let age = |value: &nds_snapshot| value.snapshot.age().as_nanos().try_into().unwrap_or(u64::MAX);
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, age) }
}

/// When the value was acquired, in nanoseconds since 1970; 0 if the writer did not say so, and for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_acquired_at(snapshot: *const nds_snapshot) -> u64 {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| nanoseconds(value.snapshot.acquired_at())) }
}

/// When the value was written in the store that it was copied from, in nanoseconds since 1970; 0 if it was not copied, and for
/// NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_source_written_at(snapshot: *const nds_snapshot) -> u64 {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, 0, |value| nanoseconds(value.snapshot.source_written_at())) }
}

/// The user data of the value, or the JSON text of its attributes. `size`, which may be NULL, gets the length in bytes, 0 to
/// 2048. It lives as long as the snapshot; NULL if there is nothing, and for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held; `size` is NULL or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_user_data(
    snapshot: *const nds_snapshot,
    size: *mut usize,
) -> *const c_void {
    let find = |value: &nds_snapshot| {
        let found = value.snapshot.user_data();
        let data = if found.is_empty() { std::ptr::null() } else { found.as_ptr().cast() };
        (data, found.len())
    };
    // SAFETY: as the caller says.
    let (data, length) = unsafe { ask(snapshot, (std::ptr::null(), 0), find) };
    if !size.is_null() {
        // SAFETY: as the caller says.
        unsafe { size.write(length) };
    }
    data
}

/// The attributes of the value as JSON text, an object. It lives as long as the snapshot; NULL if it has none or they are not
/// UTF-8, and for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_attributes(snapshot: *const nds_snapshot) -> *const c_char {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, std::ptr::null(), nds_snapshot::attributes_text) }
}

/// Whether the value was copied into this process's memory, rather than held in the store; false for NULL.
///
/// # Safety
/// The snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_snapshot_is_copy(snapshot: *const nds_snapshot) -> bool {
    // SAFETY: as the caller says.
    unsafe { ask(snapshot, false, |value| value.snapshot.is_copy()) }
}
