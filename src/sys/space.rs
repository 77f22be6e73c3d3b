//! How much space a store has, and the errors of writing to one that is full or not writable.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys::step;

/// The space of a filesystem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Space {
    /// How many bytes it has room for; 0 if it does not say, as one without a limit.
    pub total: u64,
    /// How many bytes of these are free for this user.
    pub free: u64,
}

impl Space {
    /// That of the filesystem that `directory` is on.
    pub(crate) fn of(directory: &Path) -> io::Result<Space> {
        step("statfs");
        let found = rustix::fs::statvfs(directory)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { total: bytes(found.f_blocks), free: bytes(found.f_bavail) })
    }
}

/// Free and total bytes of the filesystem that `directory` is on; 0 where it does not say.
fn space(directory: &Path) -> (u64, u64) {
    let Space { total, free } = Space::of(directory).unwrap_or_default();
    (free, total)
}

/// Whether a filesystem that says how much space it has has less than that.
pub(crate) fn exceeds_space(path: &Path, wanted: u64) -> bool {
    let (free, total) = space(path.parent().unwrap_or(path));
    total != 0 && wanted > free
}

/// What `statfs` says of hugetlbfs (linux/magic.h).
const HUGETLBFS: u64 = 0x9584_58f6;

/// The error of hugetlbfs, if that is what `directory` is on: it has pages of 2 MiB or more only, cannot be written to by a
/// system call, and calls itself full when it is asked for less.
fn hugetlbfs(directory: &Path) -> Option<Error> {
    step("statfs");
    let found =
        rustix::fs::statfs(directory).is_ok_and(|found| found.f_type as u64 & 0xffff_ffff == HUGETLBFS);
    found.then(|| Error::Unsupported {
        path: directory.to_owned(),
        found: "hugetlbfs, which has no small pages,",
    })
}

/// The error of a full store, with the figures of the filesystem that `path` is on.
pub(crate) fn no_space(path: &Path, wanted: u64, source: impl Into<io::Error>) -> Error {
    let directory = path.parent().unwrap_or(path);
    if let Some(error) = hugetlbfs(directory) {
        return error;
    }
    let (free, total) = space(directory);
    Error::NoSpace { path: directory.to_owned(), wanted, free, total, source: source.into() }
}

/// The error of a file or directory that should let this process write.
pub(crate) fn write_error(path: &Path, operation: &'static str, source: impl Into<io::Error>) -> Error {
    let source = source.into();
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::NotWritable { path: path.to_owned(), operation, source }
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            no_space(path, 0, source)
        }
        io::ErrorKind::InvalidInput => hugetlbfs(path.parent().unwrap_or(path)).unwrap_or(Error::Io {
            path: path.to_owned(),
            operation,
            source,
        }),
        _ => Error::Io { path: path.to_owned(), operation, source },
    }
}

/// Refuses a file that would grow beyond `ulimit -f`: the kernel would send SIGXFSZ, which kills.
pub(crate) fn check_file_size_limit(path: &Path, offset: u64, length: u64) -> Result<()> {
    step("prlimit64");
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    match limit {
        Some(limit) if offset.saturating_add(length) > limit => Err(no_space(path, length, Errno::FBIG)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever error it becomes, the number of the kernel's stays in it.
    #[test]
    fn numbers_stay() {
        let number = |errno: Errno| match write_error(Path::new("/x/y"), "write it", errno) {
            Error::NotWritable { source, .. } => ("not writable", source.raw_os_error()),
            Error::NoSpace { source, .. } => ("no space", source.raw_os_error()),
            Error::Io { source, .. } => ("other", source.raw_os_error()),
            error => panic!("{error:?}"),
        };
        for (errno, expected) in [
            (Errno::ACCESS, "not writable"),
            (Errno::PERM, "not writable"),
            (Errno::ROFS, "not writable"),
            (Errno::NOSPC, "no space"),
            (Errno::DQUOT, "no space"),
            (Errno::FBIG, "no space"),
            (Errno::MFILE, "other"),
            (Errno::NFILE, "other"),
            (Errno::NOMEM, "other"),
            (Errno::IO, "other"),
            (Errno::INVAL, "other"),
        ] {
            assert_eq!(number(errno), (expected, Some(errno.raw_os_error())));
        }
    }
}
