//! Removing a tag: its name first; then its header is *retired* (marked as used no more), which tells everybody; then its files
//! go.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::files::open::{is_data_file, open_own_header};
use crate::files::tag::TagPath;
use crate::shm::header::{Access, Header};
use crate::sys::lock::Lock;
use crate::sys::name::{rename_new, stands_at, status_at, unlink};

/// How often it is tried again when the tag's file changes hands in the middle of it. High, since one that removes can lose the
/// race to several that take over from each other, many times in a row.
pub(crate) const ATTEMPTS: u32 = 10_000;

/// Removes a tag of this user.
pub(crate) fn remove(tag: &TagPath, force: bool) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let (file, _) = open_own_header(tag.header())?.ok_or_else(|| tag.not_found())?;
        let header = Header::map(&file, Access::Writing)?;
        // A writer that opens meanwhile waits for this lock, and finds that the name is gone.
        let Some(lock) = Lock::open_same(tag.header(), header.file())? else { continue };
        let free = if force { lock.try_exclusive()? } else { lock.exclusive()? };
        if !(free || force) || !lock.name()? {
            return Err(Error::WriterExists { tag: tag.tag().to_owned(), pid: header.identity().pid });
        }
        // Otherwise it was replaced meanwhile, or removed.
        if retire(tag, &header)? {
            return Ok(());
        }
    }
    let error = std::io::Error::other("the tag's file changes all the time");
    Err(Error::io(tag.header(), "remove it", error))
}

/// Takes a mapped header's name away, says that it is retired, and removes its data file; false if the name leads to
/// another file by now, which is left as it is. The caller holds the header's name lock.
pub(crate) fn retire(tag: &TagPath, header: &Header) -> Result<bool> {
    if !stands_at(header.file(), tag.header())? {
        return Ok(false);
    }
    let aside = tag.temporary();
    match rename_new(tag.header(), &aside) {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    if !stands_at(header.file(), &aside)? {
        // Exchanged between the look and the renaming: not the one meant. Back with it, unless a newer one came.
        rename_new(&aside, tag.header())?;
        return Ok(false);
    }
    header.retire();
    unlink_data_of(tag, header);
    unlink(&aside)?;
    Ok(true)
}

/// Removes a data file of a tag. One that cannot be removed now is unreferenced, and goes with the next writer or `gc`.
pub(crate) fn unlink_data(tag: &TagPath, uuid: u128) {
    let _ = unlink(&tag.data_file(uuid));
}

/// Removes the data file that a retired header names.
pub(crate) fn unlink_data_of(tag: &TagPath, header: &Header) {
    // The record is final, since the header is frozen.
    if let Some((uuid, _)) = data_file_of(tag, header) {
        unlink_data(tag, uuid);
    }
}

/// The data file that a header names, if it is one of ours: its uuid, and the bytes of storage that it has.
pub(crate) fn data_file_of(tag: &TagPath, header: &Header) -> Option<(u128, u64)> {
    let (seq, record, hot) = header.read();
    if hot.stamp.version == 0 {
        return None;
    }
    let cold = header.read_cold(seq, &record, hot.layout_id).ok()??;
    let path: PathBuf = tag.data_file(cold.data_file);
    let allocated = status_at(&path).ok()??.allocated;
    is_data_file(&path).then_some((cold.data_file, allocated))
}
