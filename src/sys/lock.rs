//! Locks of files: the writer's `flock`, and the name lock of a header.

#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::sys::file::{FileId, PathFile};
use crate::sys::{fork, step};

/// The bytes of a header that record locks are of.
#[derive(Clone, Copy)]
enum Byte {
    /// Whoever is going to change what the tag's name leads to.
    Name = 0,
    /// Its writer, so that one can ask whether it lives without taking a lock.
    Writer = 1,
}

/// How long a `flock` that is held is tried for.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long a name lock is tried for: a takeover copies the value under it.
const NAME_PATIENCE: Duration = Duration::from_secs(30);

/// A descriptor for an exclusive `flock`, and for a header's name lock; never mapped (a mapping would keep the locks in
/// forked children).
///
/// Closing gives the locks back; the kernel closes at any death of the process.
pub(crate) struct Lock {
    file: ManuallyDrop<PathFile>,
    generation: u64,
}

impl Lock {
    /// Opens `path` for the locks that need no permission to write; locks nothing yet.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_with(path, PathFile::open)
    }

    /// Opens `path` for all locks; locks nothing yet.
    pub fn open_writable(path: &Path) -> io::Result<Self> {
        Self::open_with(path, PathFile::open_writable)
    }

    fn open_with(path: &Path, open: fn(&Path) -> io::Result<PathFile>) -> io::Result<Self> {
        let mut known = fork::hold();
        let file = open(path)?;
        known.add_descriptor(file.as_file().as_raw_fd());
        Ok(Lock { file: ManuallyDrop::new(file), generation: fork::generation() })
    }

    /// Opens `path` for all locks if the file `id` stands there; `None` if that is gone or another file.
    pub fn open_same(path: &Path, id: FileId) -> Result<Option<Self>> {
        Self::same(Self::open_writable(path), path, id)
    }

    /// The same without permission to write.
    pub fn open_same_for_reading(path: &Path, id: FileId) -> Result<Option<Self>> {
        Self::same(Self::open(path), path, id)
    }

    fn same(opened: io::Result<Self>, path: &Path, id: FileId) -> Result<Option<Self>> {
        match opened {
            Ok(lock) => Ok((lock.file.status()?.id == id).then_some(lock)),
            Err(error) => match error.raw_os_error() {
                // Gone, or no regular file.
                Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP) => Ok(None),
                _ => Err(Error::io(path, "open it to lock it", error)),
            },
        }
    }

    pub fn file(&self) -> &PathFile {
        &self.file
    }

    /// The file has another name now.
    pub fn renamed(&mut self, path: &Path) {
        self.file.renamed(path);
    }

    /// Takes the `flock` if nobody has it; true if it is now held.
    pub fn try_exclusive(&self) -> Result<bool> {
        step("flock");
        self.attempt()
    }

    fn attempt(&self) -> Result<bool> {
        self.outcome(fs2::FileExt::try_lock_exclusive(self.file.as_file()))
    }

    /// Takes the `flock`; false if somebody keeps it for 50 ms: a process that is being started has a copy of a dead or
    /// leaving writer's descriptor, and with it the lock, until its exec.
    pub fn exclusive(&self) -> Result<bool> {
        // One step, however often it is tried.
        step("flock");
        with_patience(PATIENCE, || self.attempt())
    }

    fn outcome(&self, outcome: io::Result<()>) -> Result<bool> {
        match outcome {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(false),
            Err(error) => match error.raw_os_error() {
                Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {
                    Err(Error::Unsupported { path: self.file.path().to_owned(), found: "flock" })
                }
                _ => Err(Error::io(self.file.path(), "lock it", error)),
            },
        }
    }

    /// Takes the name lock of a header if nobody has it. Whoever is going to change what the tag's name leads to holds the
    /// name lock of the header that the name leads to. The header's writer does not hold it.
    ///
    /// It is a record lock of the open file: it needs permission to write, is independent of the `flock`, and ends with the
    /// last descriptor at the latest.
    pub fn try_name(&self) -> Result<bool> {
        self.set_record_lock(Byte::Name, libc::F_WRLCK).map(|()| true).or_else(|error| {
            match error.raw_os_error() {
                Some(libc::EAGAIN | libc::EACCES) => Ok(false),
                Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP) => Err(Error::Unsupported {
                    path: self.file.path().to_owned(),
                    found: "fcntl with F_OFD_SETLK",
                }),
                _ => Err(Error::io(self.file.path(), "lock its name", error)),
            }
        })
    }

    /// Takes the name lock; false if somebody keeps it for half a minute.
    pub fn name(&self) -> Result<bool> {
        with_patience(NAME_PATIENCE, || self.try_name())
    }

    /// Gives the name lock back.
    pub fn release_name(&self) {
        let _ = self.set_record_lock(Byte::Name, libc::F_UNLCK);
    }

    /// Lets others see that this process is the writer. It is the `flock` that makes it so: who may only read can keep this
    /// lock from being taken, and is told then that nobody writes.
    pub fn show_writer(&self) {
        let _ = self.set_record_lock(Byte::Writer, libc::F_WRLCK);
    }

    fn set_record_lock(&self, byte: Byte, kind: libc::c_int) -> io::Result<()> {
        record_lock(&self.file, byte, kind, libc::F_OFD_SETLK).map(|_| ())
    }
}

/// Whether a writer has the header. Asking takes no lock, so it disturbs nobody.
pub(crate) fn has_writer(header: &PathFile) -> Result<bool> {
    is_locked(header, Byte::Writer)
}

/// Whether somebody is about to change what the name of the header leads to.
pub(crate) fn has_name_lock(header: &PathFile) -> Result<bool> {
    is_locked(header, Byte::Name)
}

fn is_locked(header: &PathFile, byte: Byte) -> Result<bool> {
    let found = record_lock(header, byte, libc::F_RDLCK, libc::F_OFD_GETLK);
    let found = found.map_err(|error| Error::io(header.path(), "ask for its lock", error))?;
    Ok(found.l_type != libc::F_UNLCK as libc::c_short)
}

/// One call about the record lock of a byte; returns what the kernel answers.
fn record_lock(file: &PathFile, byte: Byte, kind: libc::c_int, call: libc::c_int) -> io::Result<libc::flock> {
    // SAFETY: plain numbers; 0 is a value of each.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    (lock.l_start, lock.l_len) = (byte as libc::off_t, 1);
    step("fcntl");
    // SAFETY: a descriptor that is open for the call, and a structure that lives as long.
    match unsafe { libc::fcntl(file.as_file().as_raw_fd(), call, &raw mut lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(lock),
    }
}

/// Tries again and again, for so long.
fn with_patience(patience: Duration, mut attempt: impl FnMut() -> Result<bool>) -> Result<bool> {
    let deadline = Instant::now() + patience;
    while !attempt()? {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(true)
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut known = fork::hold();
        if self.generation == fork::generation() {
            known.remove_descriptor(self.file.as_file().as_raw_fd());
            // A process that is being started (vfork and posix_spawn run no handlers) has a copy of the descriptor until its
            // exec, and with it the lock; so the lock is given back before the descriptor is closed. A forked child has
            // closed its copy, or is of another generation and does not come here.
            step("flock");
            #[allow(clippy::disallowed_methods, reason = "the one place where a lock is given back")]
            let _ = fs2::FileExt::unlock(self.file.as_file());
            let _ = self.set_record_lock(Byte::Writer, libc::F_UNLCK);
            self.release_name();
            // SAFETY: dropped once, here, and not used afterwards. Closed under `hold`, so that no forked child has a
            // descriptor that is open but not known.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        }
        // Otherwise the child closed it right after the fork, and the number may be another file's by now.
    }
}
