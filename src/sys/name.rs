//! What stands at a path; linking, renaming, exchanging and unlinking names; listing a directory.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, RenameFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys::file::{FileId, Status};
use crate::sys::space::write_error;
use crate::sys::step;

/// The status of what stands at `path` itself (a symlink is not followed); `None` if nothing does.
pub(crate) fn status_at(path: &Path) -> Result<Option<Status>> {
    step("newfstatat");
    match rustix::fs::lstat(path) {
        Ok(stat) => Ok(Some(Status::new(&stat))),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(Error::io(path, "look at it", error)),
    }
}

/// Whether the kernel says that `id` stands at `path`.
pub(crate) fn stands_at(id: FileId, path: &Path) -> Result<bool> {
    Ok(status_at(path)?.is_some_and(|status| status.id == id))
}

/// Gives the file at `old` a second name; `None` if something has that name, `Some(false)` if `old` is gone or the filesystem has
/// no links.
pub(crate) fn link(old: &Path, new: &Path) -> Result<Option<bool>> {
    step("linkat");
    match rustix::fs::linkat(CWD, old, CWD, new, AtFlags::empty()) {
        Ok(()) => Ok(Some(true)),
        Err(Errno::EXIST) => Ok(None),
        Err(Errno::NOENT | Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => Ok(Some(false)),
        Err(error) => Err(write_error(new, "link it", error)),
    }
}

/// Renames without replacing; false if something stands at `new` already.
pub(crate) fn rename_new(old: &Path, new: &Path) -> Result<bool> {
    step("renameat2");
    match rustix::fs::renameat_with(CWD, old, CWD, new, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(rename_error(old, error, "renameat2 with RENAME_NOREPLACE")),
    }
}

/// Exchanges two names at one instant.
pub(crate) fn exchange(one: &Path, other: &Path) -> Result<()> {
    step("renameat2");
    rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .map_err(|error| rename_error(one, error, "renameat2 with RENAME_EXCHANGE"))
}

fn rename_error(path: &Path, error: Errno, found: &'static str) -> Error {
    match error {
        Errno::INVAL | Errno::NOSYS => Error::Unsupported { path: path.to_owned(), found },
        error => write_error(path, "rename it", error),
    }
}

/// Removes a name if it leads to the file `id`.
pub(crate) fn unlink_same(path: &Path, id: FileId) -> Result<bool> {
    Ok(stands_at(id, path)? && unlink(path)?)
}

/// Removes a name; false if there was none.
pub(crate) fn unlink(path: &Path) -> Result<bool> {
    step("unlink");
    match rustix::fs::unlink(path) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(error) => Err(write_error(path, "remove it", error)),
    }
}

/// The names in a directory that are UTF-8, as all of ours are, in order.
pub(crate) fn list(directory: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::io(directory, "list it", error);
    let mut names = Vec::new();
    step("openat");
    step("fstat");
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
