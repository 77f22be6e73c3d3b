//! Removing a tag: its name first, then everybody is told, then its files go.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::tag;
use crate::format::segment;
use crate::shm::header::{self, Header};
use crate::shm::registry::Lock;
use crate::sys::file::{self, Status};

/// How often it is tried again when the tag's file changes hands in the middle of it. Several that take over from each
/// other as fast as they can win against one that removes, each time.
pub(crate) const ATTEMPTS: u32 = 10_000;

/// Removes a tag of this user.
pub(crate) fn remove(directory: &Path, tag: &str, force: bool) -> Result<()> {
    tag::check(tag)?;
    let path = directory.join(tag);
    let not_found = || Error::NotFound { tag: tag.to_owned(), path: path.clone() };
    for _ in 0..ATTEMPTS {
        let (file, _) = open_own(&path)?.ok_or_else(not_found)?;
        let header = Header::map(&file, &path, true, true)?;
        // A writer that opens meanwhile waits for this lock, and finds that the name is gone.
        let lock = Lock::open(&path, true).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => not_found(),
            _ => Error::io(&path, "open it", error),
        })?;
        if file::status_of(lock.file(), &path)?.id != header.file() {
            continue;
        }
        let free = if force { lock.try_exclusive(&path)? } else { lock.exclusive(&path)? };
        if !(free || force) || !lock.name(&path)? {
            return Err(Error::WriterExists { tag: tag.to_owned(), pid: header.identity().pid });
        }
        // Otherwise it was replaced meanwhile, or removed.
        if retire(directory, tag, &header)? {
            return Ok(());
        }
    }
    let error = std::io::Error::other("the tag's file changes all the time");
    Err(Error::io(&path, "remove it", error))
}

/// Takes a mapped header's name away, says that it is gone, and removes its data file; false if the name leads to another
/// file by now, which is left as it is. The caller holds the header's name lock.
pub(crate) fn retire(directory: &Path, tag: &str, header: &Header) -> Result<bool> {
    let path = directory.join(tag);
    if !file::stands_at(header.file(), &path)? {
        return Ok(false);
    }
    let aside = directory.join(tag::temporary(tag));
    match file::rename_new(&path, &aside) {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    if !file::stands_at(header.file(), &aside)? {
        // Exchanged between the look and the renaming: not the one meant. Back with it, unless a newer one came.
        file::rename_new(&aside, &path)?;
        return Ok(false);
    }
    header.retire();
    unlink_data(directory, tag, header);
    file::unlink(&aside)?;
    Ok(true)
}

/// Removes the data file that a retired header names.
pub(crate) fn unlink_data(directory: &Path, tag: &str, header: &Header) {
    // The record is final, since the header is frozen.
    if let Some((name, _)) = data_file_of(directory, tag, header) {
        let _ = file::unlink(&directory.join(name));
    }
}

/// The data file that a header names, if it is one of ours: its name, and the bytes of storage that it has.
pub(crate) fn data_file_of(directory: &Path, tag: &str, header: &Header) -> Option<(String, u64)> {
    let (seq, record, hot) = header.read();
    if hot.version == 0 {
        return None;
    }
    let cold = header.read_cold(seq, &record, hot.layout_id).ok()??;
    let name = tag::data_file(tag, cold.data_file);
    let path = directory.join(&name);
    let allocated = file::status_at(&path).ok()??.allocated;
    segment::is_ours(&path).then_some((name, allocated))
}

/// Opens what stands at `path` for reading, if it is a header: `None` if nothing stands there.
pub(crate) fn open_header(path: &Path) -> Result<Option<(std::fs::File, Status)>> {
    let opened = open_regular(path)?;
    if let Some((file, _)) = &opened {
        header::identify(file, path)?;
    }
    Ok(opened)
}

/// Opens a regular file for reading, whatever is in it: `None` if nothing stands there.
pub(crate) fn open_regular(path: &Path) -> Result<Option<(std::fs::File, Status)>> {
    let Some(status) = file::status_at(path)? else { return Ok(None) };
    let foreign = |found: &str| Error::NotAHeader { path: path.to_owned(), found: found.to_owned() };
    if !status.is_file() {
        return Err(foreign(status.kind));
    }
    let file = match file::open(path, false) {
        Ok(file) => file,
        Err(error) => {
            return match error.raw_os_error() {
                Some(libc::ENOENT) => Ok(None),
                Some(libc::ELOOP) => Err(foreign("a symbolic link")),
                Some(libc::EACCES) if status.uid != file::uid() => {
                    Err(Error::NotOwner { path: path.to_owned(), found: status.uid, expected: file::uid() })
                }
                _ => Err(Error::io(path, "open it", error)),
            };
        }
    };
    let status = file::status_of(&file, path)?;
    if !status.is_file() {
        return Err(foreign(status.kind));
    }
    Ok(Some((file, status)))
}

/// Opens a header of this user for writing: `None` if there is none.
pub(crate) fn open_own(path: &Path) -> Result<Option<(std::fs::File, Status)>> {
    let Some((_, status)) = open_header(path)? else { return Ok(None) };
    let uid = file::uid();
    let other = |status: &Status| Error::NotOwner { path: path.to_owned(), found: status.uid, expected: uid };
    if status.uid != uid && uid != 0 {
        return Err(other(&status));
    }
    match file::open(path, true) {
        Ok(file) => {
            header::identify(&file, path)?;
            let status = file::status_of(&file, path)?;
            if file::is_owner(&file, &status) { Ok(Some((file, status))) } else { Err(other(&status)) }
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        // Root of a user namespace, or without its capabilities.
        Err(error) if error.raw_os_error() == Some(libc::EACCES) && status.uid != uid => Err(other(&status)),
        Err(error) => Err(Error::writing(path, "open it for writing", error)),
    }
}
