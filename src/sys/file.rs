//! The one door to system calls on files, and to the clock.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::os::unix::fs::{FileExt as _, PermissionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// Says that a system call follows, where the tests count them.
#[cfg(not(ndsharray_steps))]
#[inline(always)]
pub(crate) fn step(_call: &'static str) {}

#[cfg(ndsharray_steps)]
pub(crate) use crate::sync::steps::step;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

/// What `stat` says of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub id: FileId,
    pub size: u64,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    /// Whether it has a name still.
    pub named: bool,
    /// Bytes of storage that it takes.
    pub allocated: u64,
    pub kind: &'static str,
}

impl Status {
    pub fn is_file(&self) -> bool {
        self.kind == REGULAR
    }
}

const REGULAR: &str = "a regular file";

/// The status of what stands at `path` itself (a symlink is not followed); `None` if nothing does.
pub(crate) fn status_at(path: &Path) -> Result<Option<Status>> {
    step("newfstatat");
    match rustix::fs::lstat(path) {
        Ok(stat) => Ok(Some(status(&stat))),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(Error::io(path, "look at it", error)),
    }
}

/// The status of an open file.
pub(crate) fn status_of(file: &File, path: &Path) -> Result<Status> {
    step("fstat");
    let stat = rustix::fs::fstat(file).map_err(|error| Error::io(path, "look at it", error))?;
    Ok(status(&stat))
}

fn status(stat: &rustix::fs::Stat) -> Status {
    use rustix::fs::FileType;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => REGULAR,
        FileType::Directory => "a directory",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice => "a character device",
        FileType::BlockDevice => "a block device",
        _ => "something unknown",
    };
    Status {
        id: FileId { device: stat.st_dev, inode: stat.st_ino },
        size: u64::try_from(stat.st_size).unwrap_or(0),
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode & 0o7777,
        named: stat.st_nlink > 0,
        allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        kind,
    }
}

/// Opens the regular file at `path`: never follows a symlink, never blocks on a FIFO, never passes to another program.
pub(crate) fn open(path: &Path, writable: bool) -> io::Result<File> {
    // Looked at first: opening a device may do things, and opening a FIFO lets its other end go on.
    step("newfstatat");
    if !status(&rustix::fs::lstat(path)?).is_file() {
        return Err(Errno::LOOP.into());
    }
    let access = if writable { OFlags::RDWR } else { OFlags::RDONLY };
    let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    step("openat");
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Whether a file could not be opened for want of descriptors or memory, which says nothing of the file.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// Gives `file` the storage of `offset..offset + length`, so that touching it can never fail.
pub(crate) fn allocate(file: &File, path: &Path, offset: u64, length: u64) -> Result<()> {
    // Beyond the limit the kernel sends SIGXFSZ, which kills.
    step("prlimit64");
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
    if limit.is_some_and(|limit| offset.saturating_add(length) > limit) {
        return Err(no_space(path, length));
    }
    loop {
        step("fallocate");
        return match rustix::fs::fallocate(file.as_fd(), FallocateFlags::empty(), offset, length) {
            Ok(()) => Ok(()),
            Err(Errno::INTR) => continue,
            Err(Errno::NOSPC | Errno::DQUOT | Errno::FBIG) => Err(no_space(path, length)),
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                Err(Error::Unsupported { path: path.to_owned(), found: "fallocate" })
            }
            Err(error) => Err(Error::io(path, "allocate storage for it", error)),
        };
    }
}

/// Fills the holes in a part of a file of ours that will be touched. A file that this library made has none; a copy of
/// it may.
pub(crate) fn fill_holes(file: &File, path: &Path, offset: u64, length: u64) -> Result<()> {
    let Status { size, allocated, .. } = status_of(file, path)?;
    let length = length.min(size.saturating_sub(offset));
    if allocated < size && length > 0 { allocate(file, path, offset, length) } else { Ok(()) }
}

/// The error of a full store, with the figures of the filesystem that `path` is on.
pub(crate) fn no_space(path: &Path, wanted: u64) -> Error {
    let directory = path.parent().unwrap_or(path);
    let (free, total) = space(directory);
    Error::NoSpace { path: directory.to_owned(), wanted, free, total }
}

/// Free and total bytes of the filesystem that `directory` is on; 0 where it does not say.
pub(crate) fn space(directory: &Path) -> (u64, u64) {
    step("statfs");
    step("statfs");
    (fs2::available_space(directory).unwrap_or(0), fs2::total_space(directory).unwrap_or(0))
}

/// Fills `buffer` from the start of the file; false if the file is shorter.
pub(crate) fn read_at(file: &File, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<bool> {
    step("pread64");
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(Error::io(path, "read it", error)),
    }
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_at(file: &File, path: &Path, offset: u64, bytes: &[u8]) -> Result<()> {
    step("pwrite64");
    file.write_all_at(bytes, offset).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => no_space(path, bytes.len() as u64),
        _ => Error::writing(path, "write it", error),
    })
}

/// Whose the files of a tag are, and what others may do with them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rights {
    pub mode: u32,
    /// User and group of the tag's header; `None`: those that new files have by themselves.
    pub owner: Option<(u32, u32)>,
}

/// Permissions of files that nobody said otherwise for: the owner alone.
pub(crate) const PRIVATE: u32 = 0o600;

/// Gives the file its owner, as far as this process may, and its permissions, whatever the umask.
pub(crate) fn set_rights(file: &File, path: &Path, rights: Rights) -> Result<()> {
    let now = status_of(file, path)?;
    if let Some((uid, gid)) = rights.owner.filter(|&owner| owner != (now.uid, now.gid)) {
        // Root writes for a user, who must be able to read it; or the tag's group is not the writer's first one. Who
        // may not give it away (root of a user namespace; a group that was left) keeps it.
        step("fchown");
        let _ = std::os::unix::fs::fchown(file, Some(uid).filter(|&uid| uid != now.uid), Some(gid));
    } else if rights.mode == now.mode {
        return Ok(());
    }
    step("fchmod");
    file.set_permissions(std::fs::Permissions::from_mode(rights.mode))
        .map_err(|error| Error::writing(path, "set its permissions", error))
}

/// Gives the file at `old` a second name; false if `old` is gone or the filesystem has no links.
pub(crate) fn link(old: &Path, new: &Path) -> Result<bool> {
    step("linkat");
    match rustix::fs::linkat(CWD, old, CWD, new, AtFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::PERM | Errno::OPNOTSUPP | Errno::MLINK) => Ok(false),
        Err(error) => Err(Error::writing(new, "link it", error)),
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
        error => Error::writing(path, "rename it", error),
    }
}

/// Takes the record lock of a file that is open for writing; false if somebody has it. It belongs to the open file, is
/// independent of `flock`, and ends with the last descriptor at the latest.
pub(crate) fn lock_record(file: &File, path: &Path) -> Result<bool> {
    match set_record_lock(file, libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) => Ok(false),
            Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP) => {
                Err(Error::Unsupported { path: path.to_owned(), found: "fcntl with F_OFD_SETLK" })
            }
            _ => Err(Error::io(path, "lock its name", error)),
        },
    }
}

/// Gives it back.
pub(crate) fn unlock_record(file: &File) {
    let _ = set_record_lock(file, libc::F_UNLCK);
}

fn set_record_lock(file: &File, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: plain numbers; 0 is a value of each.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    step("fcntl");
    // SAFETY: a descriptor that is open for the call, and a structure that lives as long.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Removes a name; false if there was none.
pub(crate) fn unlink(path: &Path) -> Result<bool> {
    step("unlink");
    match rustix::fs::unlink(path) {
        Ok(()) => Ok(true),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(error) => Err(Error::writing(path, "remove it", error)),
    }
}

/// The uid that file permissions are checked against.
pub(crate) fn uid() -> u32 {
    step("geteuid");
    rustix::process::geteuid().as_raw()
}

/// Whether an open file is this process's to change: it owns it, or is root over it.
///
/// Uids alone do not say so in a user namespace: its root has no rights over users that are not mapped, and all of these
/// look like one uid. The kernel knows: only an owner may change a file's mode.
pub(crate) fn is_owner(file: &File, status: &Status) -> bool {
    let uid = uid();
    match status.uid == uid {
        true if uid != UNMAPPED => true,
        false if uid != 0 => false,
        _ => {
            step("fchmod");
            file.set_permissions(std::fs::Permissions::from_mode(status.mode)).is_ok()
        }
    }
}

/// What users look like that a user namespace does not map, unless the machine was told otherwise.
pub(crate) const UNMAPPED: u32 = 65534;

/// The size of a memory page in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// CLOCK_MONOTONIC in nanoseconds; the same in all processes of a machine (outside time namespaces).
#[inline]
pub(crate) fn now() -> u64 {
    nanoseconds(rustix::time::ClockId::Monotonic)
}

/// The same to a few milliseconds, for a fraction of the cost.
#[inline]
pub(crate) fn now_coarse() -> u64 {
    nanoseconds(rustix::time::ClockId::MonotonicCoarse)
}

fn nanoseconds(clock: rustix::time::ClockId) -> u64 {
    let time = rustix::time::clock_gettime(clock);
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// The pid of this process, in its own PID namespace.
pub(crate) fn pid() -> u32 {
    step("getpid");
    std::process::id()
}

/// Whether the kernel says that `id` stands at `path`.
pub(crate) fn stands_at(id: FileId, path: &Path) -> Result<bool> {
    Ok(status_at(path)?.is_some_and(|status| status.id == id))
}

/// Has the three handlers run around every fork of this process, on the thread that forks.
pub(crate) fn at_fork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: the handlers are `'static` functions of the right type that do not unwind.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
}

/// Closes a descriptor whose `File` is never used again in this process.
///
/// # Safety
/// - `fd` is open in this process, and nothing in this process uses or closes it afterwards.
pub(crate) unsafe fn close_inherited(fd: RawFd) {
    // SAFETY: by the contract above.
    unsafe { libc::close(fd) };
}
