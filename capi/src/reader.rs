//! Readers.

use std::ffi::{CString, c_char, c_int};

use ndsharray::{Reader, Snapshot};

use crate::argument::{Out, exclusive, shared, text, timeout};
use crate::call::{call, or, quietly};
use crate::failure::{self, Outcome, nds_error};
use crate::snapshot::nds_snapshot;
use crate::status::nds_status::{self, NDS_NONE, NDS_OK};
use crate::store::nds_store;
use crate::watch::Watch;

/// A reader of a tag. A tag may have any number of readers, in any process. One thread at a time may use a reader; it need
/// not always be the same thread.
///
/// It follows its tag when the writer is replaced, and when the tag is removed and written again. A forked child may go on using
/// it, but not its file descriptor: ask for a new one there.
pub struct nds_reader {
    reader: Reader,
    tag: CString,
    watch: Option<Watch>,
}

impl nds_reader {
    fn into_raw(reader: Reader) -> *mut nds_reader {
        let tag = failure::text(reader.tag());
        Box::into_raw(Box::new(nds_reader { reader, tag, watch: None }))
    }

    pub fn reader(&mut self) -> &mut Reader {
        &mut self.reader
    }
}

/// Opens a reader of a tag. If there is no such tag, it waits for one for up to `wait` nanoseconds: 0 does not wait, less than 0 waits
/// for ever.
///
/// NDS_NOT_FOUND if there is none after that. A tag exists as soon as its first writer is opened; it may not have a value yet.
///
/// # Safety
/// The store was not closed; `tag` is a text. `reader` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_open(
    store: *const nds_store,
    tag: *const c_char,
    wait: i64,
    reader: *mut *mut nds_reader,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(reader, "reader", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        let (store, tag) = unsafe { (shared(store, "store")?, text(tag, "tag")?) };
        out.set(nds_reader::into_raw(store.store().reader_options(tag).wait(timeout(wait)).open()?));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// Makes another reader of the same tag, such as for another thread. What this reader has returned counts as returned by the clone
/// too. The clone has no file descriptor.
///
/// # Safety
/// The reader was not closed, and no other thread uses it. `clone` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_clone(
    reader: *const nds_reader,
    clone: *mut *mut nds_reader,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(clone, "clone", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        out.set(nds_reader::into_raw(unsafe { shared(reader, "reader") }?.reader.clone()));
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// Runs a call that may return a snapshot. `counts`: what it returns counts as returned by this reader, which the file descriptor
/// follows.
///
/// # Safety
/// The reader was not closed, and no other thread uses it. `snapshot` and `error` can be written to.
#[inline]
unsafe fn returning(
    reader: *mut nds_reader,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
    counts: bool,
    read: impl FnOnce(&mut Reader) -> ndsharray::Result<Option<Snapshot>>,
) -> nds_status {
    let body = || -> Outcome {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(snapshot, "snapshot", std::ptr::null_mut()) }?;
        // SAFETY: as the caller says.
        let handle = unsafe { exclusive(reader, "reader") }?;
        let found = read(&mut handle.reader);
        if let Some(watch) = handle.watch.as_mut().filter(|_| counts) {
            watch.follow(&handle.reader, !matches!(found, Ok(None)));
        }
        // Taken apart in one step: each move of a value is a copy.
        match found {
            Ok(Some(value)) => out.set(nds_snapshot::into_raw(value)),
            Ok(None) => return Ok(NDS_NONE),
            Err(error) => return Err(error.into()),
        }
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// The latest value if it is newer than what this reader returned last, from nds_reader_read, _wait, _read_next or _wait_next.
/// NDS_NONE and a NULL snapshot if it is not newer, and while the tag is removed. Release it with nds_snapshot_release.
///
/// NDS_NOT_FOUND if somebody removed the data file by hand; NDS_CONTENDED if the writer was faster at each attempt (rare, except
/// where readers must copy); NDS_DAMAGED if a file is damaged.
///
/// # Safety
/// The reader was not closed, and no other thread uses it. `snapshot` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_read(
    reader: *mut nds_reader,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { returning(reader, snapshot, error, true, Reader::read) }
}

/// Waits for what nds_reader_read returns, for up to `wait` nanoseconds; NDS_NONE after that. Less than 0 waits for ever.
///
/// # Safety
/// As for nds_reader_read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_wait(
    reader: *mut nds_reader,
    wait: i64,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { returning(reader, snapshot, error, true, |reader| reader.wait(timeout(wait))) }
}

/// The oldest value that is still there and newer than what this reader returned last; NDS_NONE if there is none. With a writer that
/// keeps a history, a reader that stalls while fewer values are written loses none; nds_reader_missed counts those that it lost.
///
/// The first call returns the oldest value after which there is no gap. Call nds_reader_read first to begin with the values that
/// come from now on.
///
/// # Safety
/// As for nds_reader_read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_read_next(
    reader: *mut nds_reader,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { returning(reader, snapshot, error, true, Reader::read_next) }
}

/// Waits for what nds_reader_read_next returns, for up to `wait` nanoseconds; NDS_NONE after that. Less than 0 waits for ever.
///
/// # Safety
/// As for nds_reader_read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_wait_next(
    reader: *mut nds_reader,
    wait: i64,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { returning(reader, snapshot, error, true, |reader| reader.wait_next(timeout(wait))) }
}

/// The latest value, new or not. This does not change what nds_reader_read returns next.
///
/// NDS_EMPTY if nothing was ever written; NDS_NOT_FOUND if the tag was removed and its value cannot be reached any more; and
/// the errors of nds_reader_read.
///
/// # Safety
/// As for nds_reader_read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_latest(
    reader: *mut nds_reader,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { returning(reader, snapshot, error, false, |reader| reader.latest().map(Some)) }
}

/// The value that was acquired nearest to a time (nanoseconds since 1970), of those that are still there. NDS_NONE if none is at
/// most `within` nanoseconds away; a `within` of less than 0 sets no limit. A value without a time of acquisition counts by when it
/// was written. This does not change what nds_reader_read returns next.
///
/// # Safety
/// As for nds_reader_read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_nearest(
    reader: *mut nds_reader,
    time: u64,
    within: i64,
    snapshot: *mut *mut nds_snapshot,
    error: *mut *mut nds_error,
) -> nds_status {
    // SAFETY: as the caller says.
    unsafe { returning(reader, snapshot, error, false, |reader| reader.nearest(time, timeout(within))) }
}

/// Whether the latest value is another one than that of the snapshot. It costs a few nanoseconds. A loop that runs much more often
/// than something is written keeps its snapshot and asks this. True if the snapshot is NULL; false if the reader is.
///
/// # Safety
/// The reader is NULL, or was not closed and no other thread uses it; the snapshot is NULL, or is held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_has_changed(
    reader: *const nds_reader,
    snapshot: *const nds_snapshot,
) -> bool {
    // SAFETY: as the caller says.
    match unsafe { (reader.as_ref(), snapshot.as_ref()) } {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(reader), Some(held)) => or(|| reader.reader.has_changed(held.snapshot()), true),
    }
}

/// How many values were published between those that nds_reader_read, _wait, _read_next and _wait_next returned; 0 for NULL.
///
/// # Safety
/// The reader is NULL, or was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_missed(reader: *const nds_reader) -> u64 {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { reader.as_ref() }.map_or(0, |reader| or(|| reader.reader.missed(), 0))
}

/// Whether a writer has the tag now.
///
/// # Safety
/// The reader was not closed, and no other thread uses it. `alive` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_writer_alive(
    reader: *mut nds_reader,
    alive: *mut bool,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(alive, "alive", false) }?;
        // SAFETY: as the caller says.
        out.set(unsafe { exclusive(reader, "reader") }?.reader.writer_alive()?);
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// A file descriptor that is readable while there is a value newer than what this reader returned last: for poll, select and epoll,
/// by level or by edge.
///
/// Each nds_reader_read, _wait, _read_next or _wait_next updates it: it is readable, with a new edge, if there is a value that is
/// newer still, and else not readable. So a loop may take one value each time, or read until NDS_NONE. It does not become readable
/// when a writer leaves: ask nds_reader_writer_alive now and then. If waiting fails, because no thread can be started, it stays
/// readable.
///
/// The descriptor belongs to the reader, and closes with it: remove it from an epoll set before you close the reader. Only wait for
/// it: do not read it, write to it or close it. Each call returns the same one. A thread of this process does the waiting, one for
/// every 127 tags. In a forked child the inherited descriptor still follows the parent's reader: call this function again there,
/// which closes it and returns a new one.
///
/// NDS_IO if there are no descriptors left, or no thread can be started.
///
/// # Safety
/// The reader was not closed, and no other thread uses it. `fd` and `error` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_fd(
    reader: *mut nds_reader,
    fd: *mut c_int,
    error: *mut *mut nds_error,
) -> nds_status {
    let body = || {
        // SAFETY: as the caller says.
        let out = unsafe { Out::new(fd, "fd", -1) }?;
        // SAFETY: as the caller says.
        let handle = unsafe { exclusive(reader, "reader") }?;
        let watch = match handle.watch.take().filter(Watch::is_here) {
            Some(watch) => handle.watch.insert(watch),
            None => handle.watch.insert(Watch::new(&handle.reader)?),
        };
        out.set(watch.descriptor());
        Ok(NDS_OK)
    };
    // SAFETY: as the caller says.
    unsafe { call(error, body) }
}

/// The tag. It lives as long as the reader; NULL for NULL.
///
/// # Safety
/// The reader is NULL, or was not closed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_tag(reader: *const nds_reader) -> *const c_char {
    // SAFETY: NULL or valid, as the caller says.
    unsafe { reader.as_ref() }.map_or(std::ptr::null(), |reader| reader.tag.as_ptr())
}

/// Closes a reader and its file descriptor. Its snapshots live on. NULL is allowed.
///
/// # Safety
/// The reader is NULL, or was not closed: to close it twice is undefined.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nds_reader_close(reader: *mut nds_reader) {
    if !reader.is_null() {
        // SAFETY: from `nds_reader_open` or `nds_reader_clone`, and not closed before, as the caller says.
        quietly(|| drop(unsafe { Box::from_raw(reader) }));
    }
}
