//! What there is to know about a tag.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::null;

use ndsharray::{Stat, UnixTime};

use crate::call::quietly;
use crate::dtype::{self, nds_dtype};
use crate::failure::text;

/// What nds_store_stat says about a tag. The caller frees it with nds_stat_free, which also frees all that it points to. Any thread
/// may use it.
///
/// Only the library makes it, so later versions may add fields at its end.
#[repr(C)]
pub struct nds_stat {
    /// The tag.
    pub tag: *const c_char,
    /// Where the values come from, as the writer said; "" for a writer of this machine.
    pub source: *const c_char,
    /// Storage that the tag's files take, in bytes.
    pub bytes: u64,
    /// The pid of the process that writes the tag, in its own PID namespace; 0 if there is no writer.
    pub pid: u32,
    /// The user that owns the tag's files.
    pub uid: u32,
    /// The permissions of the header.
    pub mode: u32,
    /// Whether a writer has the tag now.
    pub writer_alive: bool,
    /// Whether the tag is removed when its writer is closed.
    pub ephemeral: bool,

    /// The version of the value; 0 if there is no value: then all fields that follow are 0 or NULL.
    pub version: u64,
    /// What the elements are, as numpy writes it.
    pub dtype: *const c_char,
    /// The dtype as a number.
    pub dtype_code: nds_dtype,
    /// The size of an element in bytes.
    pub itemsize: usize,
    /// The number of axes.
    pub ndim: usize,
    /// The length of each axis.
    pub shape: *const usize,
    /// The length of the value in bytes.
    pub nbytes: usize,
    /// When the value was published, in nanoseconds since 1970.
    pub written_at: u64,
    /// How long ago the value was published, in nanoseconds.
    pub age: u64,
    /// When the value was acquired, in nanoseconds since 1970; 0 if the writer did not say so.
    pub acquired_at: u64,
    /// When the value was written in the store that it was copied from, in nanoseconds since 1970; 0 if it was not
    /// copied.
    pub source_written_at: u64,
    /// The user data of the value, or the text of its attributes; NULL if there are none, or if values come too fast to read
    /// them.
    pub user_data: *const c_void,
    /// The length of the user data in bytes.
    pub user_data_size: usize,
    /// The attributes of the value as JSON text; NULL if there are none, or if values come too fast to read them.
    pub attributes: *const c_char,
    /// The name of the data file.
    pub data_file: *const c_char,
    /// How many values the data file has room for.
    pub slots_allocated: usize,
    /// How many of these slots are held by readers.
    pub slots_pinned: usize,
    /// The room in each slot, in bytes.
    pub slot_capacity: usize,
}

/// A stat with what it points to.
#[repr(C)]
struct Owner {
    // First, so that its address is that of the whole.
    stat: nds_stat,
    texts: Vec<CString>,
    shape: Vec<usize>,
    user_data: Vec<u8>,
}

/// A stat that the caller frees.
pub fn into_raw(found: Stat) -> *mut nds_stat {
    let mut texts = Vec::new();
    // The text lies on the heap, and stays there when its `CString` is moved.
    let mut keep = |text: CString| {
        let pointer = text.as_ptr();
        texts.push(text);
        pointer
    };
    let mut stat = nds_stat {
        tag: keep(text(found.tag)),
        source: keep(text(found.source)),
        bytes: found.bytes,
        pid: found.pid.unwrap_or(0),
        uid: found.uid,
        mode: found.mode,
        writer_alive: found.writer_alive,
        ephemeral: found.ephemeral,
        version: 0,
        dtype: null(),
        dtype_code: nds_dtype::NDS_OTHER_DTYPE,
        itemsize: 0,
        ndim: 0,
        shape: null(),
        nbytes: 0,
        written_at: 0,
        age: 0,
        acquired_at: 0,
        source_written_at: 0,
        user_data: null(),
        user_data_size: 0,
        attributes: null(),
        data_file: null(),
        slots_allocated: 0,
        slots_pinned: 0,
        slot_capacity: 0,
    };
    let (mut shape, mut user_data) = (Vec::new(), Vec::new());
    if let Some(value) = found.value {
        let nanoseconds = |time: Option<UnixTime>| time.map_or(0, UnixTime::as_nanos);
        stat.version = value.version;
        stat.dtype = match dtype::built_in(&value.dtype).map(CStr::as_ptr) {
            Some(text) => text,
            None => keep(dtype::spelled(&value.dtype)),
        };
        stat.dtype_code = dtype::code(&value.dtype);
        stat.itemsize = value.dtype.itemsize();
        shape = value.shape;
        (stat.ndim, stat.shape) = (shape.len(), shape.as_ptr());
        stat.nbytes = value.nbytes;
        stat.written_at = value.written_at.as_nanos();
        stat.age = value.age.as_nanos().try_into().unwrap_or(u64::MAX);
        stat.acquired_at = nanoseconds(value.acquired_at);
        stat.source_written_at = nanoseconds(value.source_written_at);
        user_data = value.user_data.unwrap_or_default();
        if !user_data.is_empty() {
            (stat.user_data, stat.user_data_size) = (user_data.as_ptr().cast(), user_data.len());
        }
        stat.attributes = value.attributes_json.map_or(null(), |json| keep(text(json)));
        stat.data_file = keep(text(value.data_file));
        stat.slots_allocated = value.slots.allocated;
        stat.slots_pinned = value.slots.pinned;
        stat.slot_capacity = value.slots.capacity;
    }
    Box::into_raw(Box::new(Owner { stat, texts, shape, user_data })).cast()
}

/// Frees a stat. NULL is allowed.
///
/// # Safety
/// The stat is NULL, or was not freed: to free it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_stat_free(stat: *mut nds_stat) {
    if !stat.is_null() {
        // SAFETY: from `into_raw`, which made an `Owner`, and not freed before, as the caller says.
        quietly(|| drop(unsafe { Box::from_raw(stat.cast::<Owner>()) }));
    }
}
