//! Removing a tag: its name first; then its header is *retired* (marked as used no more), which tells everybody; then its files
//! go.

use std::path::Path;

use crate::error::kind::ErrorKind;
use crate::error::{Error, Result};
use crate::files::leftover::is_mine;
use crate::files::open::{is_data_file_of, not_owner, open_own_header, open_regular};
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::identity::{Identity, Kind};
use crate::shm::header::{Access, Header};
use crate::sys::file::{PathFile, is_exhausted};
use crate::sys::lock::Lock;
use crate::sys::name::{rename_new, stands_at, status_at, unlink, unlink_same};
use crate::sys::owner;

/// How often it is tried again when the tag's file changes hands in the middle of it. High, since one that removes can lose the
/// race to several that take over from each other, many times in a row.
pub(crate) const ATTEMPTS: u32 = 10_000;

/// Removes a tag of this user.
pub(crate) fn remove(tag: &TagPath, force: bool) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let (file, _) = open_own_header(tag.header())?.ok_or_else(|| tag.not_found())?;
        let header = Header::map(&file, Access::Writing)?;
        check_writable(tag, &header)?;
        // A writer that opens meanwhile waits for this lock, and finds that the name is gone.
        let Some(lock) = Lock::open_same(tag.header(), header.file())? else { continue };
        let free = if force { lock.try_exclusive()? } else { lock.exclusive()? };
        if !(free || force) || !lock.name()? {
            return Err(writer_exists(tag, &header));
        }
        if !stands_at(header.file(), tag.header())? {
            // It was replaced or removed meanwhile, perhaps by somebody who was killed amid that and has frozen it.
            continue;
        }
        // If this process is killed once the name is gone, the header is one that goes, not one that was put aside by
        // mistake.
        header.latch().freeze();
        let outcome = retire(tag, &header, || true);
        if matches!(outcome, Ok(true)) {
            return Ok(());
        }
        // Somebody changed the name by hand, or it failed: the writer goes on.
        if !header.is_retired() {
            header.latch().thaw();
        }
        outcome?;
    }
    Err(tag.contended("remove it"))
}

/// Removes a header of this user that is too damaged to be used. Its data files are left to the sweep.
pub(crate) fn remove_damaged(tag: &TagPath) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let (file, status) = open_regular(tag.header())?.ok_or_else(|| tag.not_found())?;
        match HeaderIdentity::read(&file) {
            Err(error) if error.kind() == ErrorKind::Damaged => {}
            Err(error) => return Err(error),
            // It was replaced meanwhile.
            Ok(_) => return remove(tag, true),
        }
        if !is_mine(&status) || !owner::is_owner(&file, &status) {
            return Err(not_owner(tag.header(), &status));
        }
        let Some(lock) = Lock::open_same(tag.header(), status.id)? else { continue };
        // As with a good header: whoever replaces it comes first.
        if !lock.name()? {
            return Err(Error::WriterExists { tag: tag.tag().to_owned(), pid: None });
        }
        if unlink_same(tag.header(), status.id)? {
            return Ok(());
        }
    }
    Err(tag.contended("remove it"))
}

/// The error of a tag that somebody has.
pub(crate) fn writer_exists(tag: &TagPath, header: &Header) -> Error {
    Error::WriterExists { tag: tag.tag().to_owned(), pid: header.stated_writer_pid() }
}

/// Takes a mapped header's name away, says that it is retired, and removes its data file; false if the name leads to
/// another file by now, which is left as it is, or if `still` is false once the name is gone: then it is put back. The caller
/// holds the header's name lock, or asks in `still` whether somebody does.
pub(crate) fn retire(tag: &TagPath, header: &Header, still: impl FnOnce() -> bool) -> Result<bool> {
    if !stands_at(header.file(), tag.header())? {
        return Ok(false);
    }
    let aside = tag.temporary();
    if !renamed(tag.header(), &aside)? {
        return Ok(false);
    }
    if !stands_at(header.file(), &aside)? || !still() {
        // Exchanged between the look and the renaming: not the one meant. Back with it, unless a newer one came, or a sweep
        // has put it back.
        renamed(&aside, tag.header())?;
        return Ok(false);
    }
    header.retire();
    unlink_data_of(tag, header);
    unlink(&aside)?;
    Ok(true)
}

/// Renames without replacing; false if there is nothing to rename, or something stands there.
fn renamed(from: &Path, to: &Path) -> Result<bool> {
    match rename_new(from, to) {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(false),
        outcome => outcome,
    }
}

/// Removes the data file that a retired header names.
pub(crate) fn unlink_data_of(tag: &TagPath, header: &Header) {
    // The record is final, since the header is frozen.
    if let Some((uuid, _)) = data_file_of(tag, header) {
        // One that cannot be removed now is unreferenced, and goes with the next writer or `gc`.
        let _ = unlink(&tag.data_file(uuid));
    }
}

/// Refuses a header whose data file, or which itself, has features that this library must know to change anything about it.
pub(crate) fn check_writable(tag: &TagPath, header: &Header) -> Result<()> {
    header.identity().check_writable(header.path())?;
    let record = header.record();
    if record.stamp.version == 0 || record.check(header.path()).is_err() {
        return Ok(());
    }
    let path = tag.data_file(header.identity().data_file(record.number));
    let file = match PathFile::open(&path) {
        Ok(file) => file,
        Err(error) if is_exhausted(&error) => return Err(Error::io(&path, "open it", error)),
        Err(_) => return Ok(()),
    };
    match Identity::read(Kind::Segment, &file) {
        Ok(identity) => Identity::check_writable(identity.read_compatible, &path),
        Err(error @ Error::UnknownFeatures { .. }) => Err(error),
        // Damage, which keeps nobody from writing.
        Err(_) => Ok(()),
    }
}

/// The data file that a header names, if it is one of that header's: its uuid, and the bytes of storage that it has.
pub(crate) fn data_file_of(tag: &TagPath, header: &Header) -> Option<(u128, u64)> {
    let record = header.record();
    if record.stamp.version == 0 || record.check(header.path()).is_err() {
        return None;
    }
    let uuid = header.identity().data_file(record.number);
    let path = tag.data_file(uuid);
    let allocated = status_at(&path).ok()??.allocated;
    is_data_file_of(header.identity().id, &path).then_some((uuid, allocated))
}
