//! Open files that know their path, and what the kernel says of them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, Mode, OFlags, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::sys::space::{check_file_size_limit, exceeds_space, no_space, write_error};
use crate::sys::step;

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Device and inode.
    pub fn parts(self) -> (u64, u64) {
        (self.device, self.inode)
    }

    pub fn from_parts(device: u64, inode: u64) -> Self {
        FileId { device, inode }
    }
}

/// What `stat` says of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    pub id: FileId,
    pub size: u64,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    /// Whether the file still has a name.
    pub named: bool,
    /// Bytes of storage that it takes.
    pub allocated: u64,
    pub kind: &'static str,
}

/// How much storage is asked for in one call: a call of this takes some 10 ms.
const CHUNK: u64 = 32 << 20;
/// And how much at least, if signals interrupt the calls.
const LEAST_CHUNK: u64 = 64 << 10;

const REGULAR: &str = "a regular file";

impl Status {
    pub fn is_file(&self) -> bool {
        self.kind == REGULAR
    }

    pub(super) fn new(stat: &rustix::fs::Stat) -> Self {
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
}

/// Whether a file could not be opened for want of descriptors or memory, which says nothing of the file.
pub(crate) fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM))
}

/// An open file with its path, which its errors name.
#[derive(Debug)]
pub(crate) struct PathFile {
    file: File,
    path: PathBuf,
}

impl PathFile {
    pub fn new(file: File, path: &Path) -> Self {
        PathFile { file, path: path.to_owned() }
    }

    /// Opens the regular file at `path` for reading. Never follows a symlink, never blocks on a FIFO, never passes the
    /// descriptor to another program.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::RDONLY)
    }

    /// The same for reading and writing.
    pub fn open_writable(path: &Path) -> io::Result<Self> {
        Self::open_with(path, OFlags::RDWR)
    }

    fn open_with(path: &Path, access: OFlags) -> io::Result<Self> {
        // Looked at first: opening a device may do things, and opening a FIFO lets its other end go on.
        step("newfstatat");
        if !Status::new(&rustix::fs::lstat(path)?).is_file() {
            return Err(Errno::LOOP.into());
        }
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        step("openat");
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        Ok(PathFile::new(file, path))
    }

    /// Another descriptor of the same open file.
    pub fn reopen(&self) -> Result<Self> {
        step("fcntl");
        let file = self.file.try_clone().map_err(|error| Error::io(&self.path, "open it again", error))?;
        Ok(PathFile { file, path: self.path.clone() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file has another name now.
    pub fn renamed(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
    }

    pub fn as_file(&self) -> &File {
        &self.file
    }

    pub fn status(&self) -> Result<Status> {
        step("fstat");
        let stat =
            rustix::fs::fstat(&self.file).map_err(|error| Error::io(&self.path, "look at it", error))?;
        Ok(Status::new(&stat))
    }

    /// Fills `buffer` from `offset` on; false if the file is shorter.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<bool> {
        step("pread64");
        match self.file.read_exact_at(buffer, offset) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(Error::io(&self.path, "read it", error)),
        }
    }

    /// Writes all of `bytes` at `offset`.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        step("pwrite64");
        self.file.write_all_at(bytes, offset).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull => no_space(&self.path, bytes.len() as u64, error),
            _ => write_error(&self.path, "write it", error),
        })
    }

    /// Gives the file the storage of `offset..offset + length`, so that touching it can never fail.
    pub fn allocate(&self, offset: u64, length: u64) -> Result<()> {
        self.allocate_rest(offset, length, length)
    }

    /// The same of a part that lacks storage for at least `lacking` bytes.
    fn allocate_rest(&self, offset: u64, length: u64, lacking: u64) -> Result<()> {
        check_file_size_limit(&self.path, offset, length)?;
        // In one call the kernel would say at once that this is more than there is. A chunk at a time it would first give all
        // that there is.
        if lacking > CHUNK && exceeds_space(&self.path, lacking) {
            return Err(no_space(&self.path, length, Errno::NOSPC));
        }
        // In chunks: on older kernels a signal undoes what one call has done, so a timer that is faster than a large call would
        // have it begin anew for ever. A call that was interrupted is made smaller, whatever the timer's period is.
        let (mut at, mut most) = (offset, CHUNK);
        while at < offset + length {
            let chunk = most.min(offset + length - at);
            step("fallocate");
            match rustix::fs::fallocate(self.file.as_fd(), FallocateFlags::empty(), at, chunk) {
                Ok(()) => at += chunk,
                Err(Errno::INTR) => most = (most / 2).max(LEAST_CHUNK),
                Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
                    return Err(no_space(&self.path, length, error));
                }
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                    return Err(Error::Unsupported { path: self.path.clone(), found: "fallocate" });
                }
                Err(error) => return Err(Error::io(&self.path, "allocate storage for it", error)),
            }
        }
        Ok(())
    }

    /// Adds so many bytes of storage at the end, which is `size`. If that fails, the file is as before.
    pub fn extend(&self, size: u64, length: u64) -> Result<()> {
        self.allocate(size, length).inspect_err(|_| {
            step("ftruncate");
            let _ = rustix::fs::ftruncate(self.file.as_fd(), size);
        })
    }

    /// Gives the storage of a part back; it reads as zeros afterwards. A filesystem that cannot do it keeps the storage.
    pub fn punch(&self, offset: u64, length: u64) {
        step("fallocate");
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = rustix::fs::fallocate(self.file.as_fd(), flags, offset, length);
    }

    /// Says that the file is in use now, as far as this process may: cleaners by age leave it alone.
    pub fn touch(&self) {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        step("utimensat");
        let _ = rustix::fs::futimens(&self.file, &Timestamps { last_access: now, last_modification: now });
    }

    /// Fills the holes in a part of a file of ours that will be touched. A file that this library made has none; a copy
    /// of it may have some.
    pub fn fill_holes(&self, offset: u64, length: u64) -> Result<()> {
        let Status { size, allocated, .. } = self.status()?;
        let length = length.min(size.saturating_sub(offset));
        if allocated >= size || length == 0 {
            return Ok(());
        }
        // All the storage that there is may be in this part.
        self.allocate_rest(offset, length, length.saturating_sub(allocated))
    }
}
