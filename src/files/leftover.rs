//! Files that are left over: whether they may be removed, and what becomes of them.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::sys::file::{FileId, Status};
use crate::sys::lock::Lock;
use crate::sys::name::{stands_at, status_at, unlink};
use crate::sys::owner;

/// Whether what is found is removed, or only reported (a dry run).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Remove,
    Say,
}

/// What becomes of a file that is left over.
pub(crate) enum End {
    /// A header or temporary file that goes, with its bytes of storage; and the data file that goes with it, by its uuid and bytes.
    Removed { bytes: u64, data_file: Option<(u128, u64)> },
    /// A header that is put back, with the data file of that uuid.
    PutBack { data_file: u128 },
}

/// Whether a regular file stands there that belongs to this user (or any, for root).
pub(crate) fn is_mine(status: &Status) -> bool {
    status.is_file() && (status.uid == owner::uid() || owner::uid() == 0)
}

/// Removes a name, or says that it would go; false if it leads to another file by now.
pub(crate) fn remove(path: &Path, id: FileId, found: Found) -> Option<bool> {
    let still = stands_at(id, path).ok()?;
    let gone = found == Found::Say || (still && unlink(path).ok()?);
    Some(still && gone)
}

/// Whether a file with our magic is of another format or byte order, or has features that this library does not know: then it is
/// not tidied up. (A file in the making says nothing yet.)
pub(crate) fn is_unknown<T>(identity: &Result<T>) -> bool {
    match identity {
        Err(Error::UnknownFeatures { .. }) => true,
        Err(Error::FormatVersion { found, .. } | Error::Endianness { found, .. }) => *found != 0,
        _ => false,
    }
}

/// A regular file of this user whose lock nobody holds, locked.
pub(crate) struct Free {
    pub lock: Lock,
    path: PathBuf,
    pub status: Status,
}

impl Free {
    pub fn lock(path: &Path) -> Option<Self> {
        let status = status_at(path).ok()??;
        if !is_mine(&status) {
            return None;
        }
        let lock = Lock::open_same_for_reading(path, status.id).ok()??;
        // Locked first: asking who owns it may set its mode, which its maker may be about to do.
        let free = lock.try_exclusive().ok()?
            && owner::is_owner(lock.file(), &status)
            && stands_at(status.id, path).ok()?;
        free.then(|| Free { lock, path: path.to_owned(), status })
    }

    pub fn remove(self, found: Found) -> Option<u64> {
        remove(&self.path, self.status.id, found)?.then_some(self.status.allocated)
    }
}
