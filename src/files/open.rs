//! Opening headers, once they are seen to be what they should be; telling whether a file is a data file of ours.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::header::HeaderIdentity;
use crate::format::identity::{Identity, Kind};
use crate::shm::header::{Access, Header};
use crate::sys::file::{PathFile, Status};
use crate::sys::name::status_at;
use crate::sys::owner;
use crate::sys::space::write_error;

/// Opens a regular file for reading, whatever is in it: `None` if nothing stands there.
pub(crate) fn open_regular(path: &Path) -> Result<Option<(PathFile, Status)>> {
    let Some(status) = status_at(path)? else { return Ok(None) };
    let foreign = |found: &str| Error::NotAHeader { path: path.to_owned(), found: found.to_owned() };
    if !status.is_file() {
        return Err(foreign(status.kind));
    }
    let file = match PathFile::open(path) {
        Ok(file) => file,
        Err(error) => {
            return match error.raw_os_error() {
                Some(libc::ENOENT) => Ok(None),
                Some(libc::ELOOP) => Err(foreign("a symbolic link")),
                Some(libc::EACCES) if status.uid != owner::uid() => Err(not_owner(path, &status)),
                _ => Err(Error::io(path, "open it", error)),
            };
        }
    };
    let status = file.status()?;
    if !status.is_file() {
        return Err(foreign(status.kind));
    }
    Ok(Some((file, status)))
}

/// Opens what stands at `path` for reading, if it is a header: `None` if nothing stands there.
pub(crate) fn open_header(path: &Path) -> Result<Option<(PathFile, Status)>> {
    let opened = open_regular(path)?;
    if let Some((file, _)) = &opened {
        HeaderIdentity::read(file)?;
    }
    Ok(opened)
}

/// Opens a header of this user for writing: `None` if there is none. Refuses one with features that this library must know to
/// write to it.
pub(crate) fn open_own_header(path: &Path) -> Result<Option<(PathFile, Status)>> {
    let Some((_, status)) = open_header(path)? else { return Ok(None) };
    let uid = owner::uid();
    if status.uid != uid && uid != 0 {
        return Err(not_owner(path, &status));
    }
    match PathFile::open_writable(path) {
        Ok(file) => {
            HeaderIdentity::read(&file)?.check_writable(path)?;
            let status = file.status()?;
            if owner::is_owner(&file, &status) {
                Ok(Some((file, status)))
            } else {
                Err(not_owner(path, &status))
            }
        }
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        // Root of a user namespace, or without its capabilities.
        Err(error) if error.raw_os_error() == Some(libc::EACCES) && status.uid != uid => {
            Err(not_owner(path, &status))
        }
        Err(error) => Err(write_error(path, "open it for writing", error)),
    }
}

pub(crate) fn not_owner(path: &Path, status: &Status) -> Error {
    Error::NotOwner { path: path.to_owned(), found: status.uid, expected: owner::uid() }
}

/// Maps a header for reading, so that sleeps can be announced if the permissions allow; `None` if there is none.
pub(crate) fn map_header(path: &Path) -> Result<Option<Header>> {
    let Some((file, status)) = open_header(path)? else { return Ok(None) };
    // Writable only for the waiting flag; without the permission the reader wakes by itself.
    match PathFile::open_writable(path) {
        Ok(writable) if writable.status()?.id == status.id => {
            // A copy may have a hole where the flag is; on a full store this reader wakes by itself, too.
            let storage = writable.fill_holes(0, HeaderIdentity::read(&writable)?.file_size());
            let full = matches!(storage, Err(Error::NoSpace { .. }));
            Header::map(&writable, if full { Access::Reading } else { Access::Announcing }).map(Some)
        }
        _ => Header::map(&file, Access::Reading).map(Some),
    }
}

/// The error of a data file's name that leads to no regular file.
pub(crate) fn no_data_file(path: &Path, found: &str) -> Error {
    Error::corrupt(path, "file type", found, "a regular file")
}

/// Whether what stands at `path` is a data file of the header with that id, perhaps a damaged one: not somebody else's file, and
/// not one of another header that was put there under its name.
pub(crate) fn is_data_file_of(header: u128, path: &Path) -> bool {
    let regular = matches!(status_at(path), Ok(Some(status)) if status.is_file());
    let Some(file) = PathFile::open(path).ok().filter(|_| regular) else { return false };
    if let Ok(identity) = Identity::read(Kind::Segment, &file) {
        return identity.header == header;
    }
    let mut start = [0; 8];
    file.read_at(0, &mut start).unwrap_or(false) && Identity::starts(Kind::Segment, &start)
}
