//! What this process holds of any store, locks and mapped segments, and what a fork does to it.
//!
//! A forked child inherits mappings and pins (both go on, counted) and descriptors with their locks (closed at once: a
//! lock belongs to the open file, and would outlive the parent in the child). Everything here that a fork must see
//! whole is changed under the registry's lock, which the fork takes.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::shm::held::Held;
use crate::shm::pinned::Tally;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::{self, FileId};

/// How long a lock that is held is tried for.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long a name lock is: a takeover copies the value under it.
const NAME_PATIENCE: Duration = Duration::from_secs(30);

struct Registry {
    locks: Vec<RawFd>,
    segments: Vec<Weak<Segment>>,
    tallies: Vec<Weak<Tally>>,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { locks: Vec::new(), segments: Vec::new(), tallies: Vec::new() });

/// A fork: the registry, locked from before it until after it, and what has counts of pins. It is kept meanwhile, since
/// what was counted for the child is set right in the child, also if the last who held it let go before the fork.
struct Fork {
    registry: MutexGuard<'static, Registry>,
    segments: Vec<Arc<Segment>>,
    tallies: Vec<Arc<Tally>>,
}

impl Fork {
    fn new(registry: MutexGuard<'static, Registry>) -> Self {
        let segments = registry.segments.iter().filter_map(Weak::upgrade).collect();
        let tallies = registry.tallies.iter().filter_map(Weak::upgrade).collect();
        Fork { registry, segments, tallies }
    }

    /// Every count of pins, with the segment that they are of.
    fn for_each_held(&self, f: impl Fn(&Segment, &Held)) {
        self.segments.iter().for_each(|segment| f(segment, segment.held()));
        self.tallies.iter().for_each(|tally| f(&tally.segment, &tally.held));
    }
}

/// How many forks lie between this process and the one that loaded the library.
static GENERATION: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// From before a fork until after it, on the thread that forks.
    static FORKING: RefCell<Option<Fork>> = const { RefCell::new(None) };
}

fn registry() -> MutexGuard<'static, Registry> {
    // No `Once`: a child that is forked while another thread is inside would wait for that thread for ever. At worst two
    // threads come here at once, and the handlers run twice, which they bear.
    static HANDLED: AtomicBool = AtomicBool::new(false);
    if !HANDLED.load(Ordering::Acquire) {
        file::at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
        HANDLED.store(true, Ordering::Release);
    }
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn before_fork() {
    if FORKING.try_with(|forking| forking.borrow().is_some()).unwrap_or(false) {
        return;
    }
    let fork = Fork::new(REGISTRY.lock().unwrap_or_else(PoisonError::into_inner));
    fork.for_each_held(Segment::count_for_child);
    // Without thread locals (the thread is ending) the fork goes on unlocked.
    let _ = FORKING.try_with(|forking| forking.replace(Some(fork)));
}

extern "C" fn after_fork_in_parent() {
    let _ = FORKING.try_with(RefCell::take);
}

extern "C" fn after_fork_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    let _ = FORKING.try_with(|forking| {
        if let Some(mut fork) = forking.take() {
            fork.for_each_held(Segment::recount_in_child);
            for fd in fork.registry.locks.drain(..) {
                // SAFETY: open, since `Lock` registers and closes under the registry's lock; and never used or closed
                // again here, since every `Lock` of an older generation leaves its descriptor alone.
                unsafe { file::close_inherited(fd) };
            }
        }
    });
}

/// Tells the processes on both sides of a fork apart.
#[inline]
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// A descriptor for an exclusive `flock`, and for a header's name lock, never mapped (a mapping would keep the locks in
/// forked children).
///
/// The locks are given back by closing, at the latest by the kernel when the process dies, however it dies.
pub(crate) struct Lock {
    file: ManuallyDrop<File>,
    generation: u64,
}

impl Lock {
    /// Opens `path` for locking, without locking it yet.
    pub fn open(path: &Path, writable: bool) -> std::io::Result<Self> {
        let mut registry = registry();
        let file = file::open(path, writable)?;
        registry.locks.push(file.as_raw_fd());
        Ok(Lock { file: ManuallyDrop::new(file), generation: generation() })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes the lock if nobody has it; true if it is now held.
    pub fn try_exclusive(&self, path: &Path) -> Result<bool> {
        file::step("flock");
        self.attempt(path)
    }

    fn attempt(&self, path: &Path) -> Result<bool> {
        Self::outcome(fs2::FileExt::try_lock_exclusive(&*self.file), path)
    }

    /// Takes the lock; false if somebody keeps it for 50 ms. Whoever only asks whether a writer lives holds it for an
    /// instant, which must not fail a writer that opens then.
    pub fn exclusive(&self, path: &Path) -> Result<bool> {
        let deadline = Instant::now() + PATIENCE;
        // One step, however often it is tried.
        file::step("flock");
        while !self.attempt(path)? {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(true)
    }

    /// Takes the name lock of a header that was opened for writing, if nobody has it: whoever is going to change what
    /// the tag's name leads to holds that of the header which the name leads to. A writer does not hold it.
    pub fn try_name(&self, path: &Path) -> Result<bool> {
        file::lock_record(&self.file, path)
    }

    /// Takes the name lock; false if somebody keeps it for half a minute.
    pub fn name(&self, path: &Path) -> Result<bool> {
        let deadline = Instant::now() + NAME_PATIENCE;
        while !self.try_name(path)? {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        Ok(true)
    }

    /// Gives the name lock back.
    pub fn release_name(&self) {
        file::unlock_record(&self.file);
    }

    /// Takes a shared lock if nobody has it exclusively: how one asks whether a writer lives.
    pub fn try_shared(&self, path: &Path) -> Result<bool> {
        file::step("flock");
        Self::outcome(fs2::FileExt::try_lock_shared(&*self.file), path)
    }

    fn outcome(outcome: std::io::Result<()>, path: &Path) -> Result<bool> {
        match outcome {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == fs2::lock_contended_error().raw_os_error() => Ok(false),
            Err(error) => match error.raw_os_error() {
                Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {
                    Err(Error::Unsupported { path: path.to_owned(), found: "flock" })
                }
                _ => Err(Error::io(path, "lock it", error)),
            },
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut registry = registry();
        if self.generation == generation() {
            let fd = self.file.as_raw_fd();
            registry.locks.retain(|&open| open != fd);
            // A process that is being started (vfork and posix_spawn run no handlers) has a copy of the descriptor until
            // its exec, and with it the lock; so it is given back before. A forked child has closed its copy, or is
            // of another generation and does not come here.
            file::step("flock");
            #[allow(clippy::disallowed_methods, reason = "the one place where a lock is given back")]
            let _ = fs2::FileExt::unlock(&*self.file);
            self.release_name();
            // SAFETY: dropped once, here, and not used afterwards. Closed under the registry's lock, so that no child
            // is born with a descriptor that is open but not registered.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        }
        // Otherwise the child closed it when it was born, and the number may be another file's by now.
    }
}

/// The mapping of a data file that all readers of this process share, made by `map` if there is none yet.
pub(crate) fn share_segment(
    file: FileId,
    access: Access,
    map: impl FnOnce() -> Result<Segment>,
) -> Result<Arc<Segment>> {
    let mut registry = registry();
    let shared = registry.segments.iter().filter_map(Weak::upgrade);
    // A mapped file keeps its inode, so equal ids are one file.
    if let Some(found) =
        shared.into_iter().find(|segment| segment.file() == file && segment.access() == access)
    {
        return Ok(found);
    }
    let segment = Arc::new(map()?);
    registry.segments.retain(|segment| segment.strong_count() > 0);
    registry.segments.push(Arc::downgrade(&segment));
    Ok(segment)
}

/// A count of the pins of one reader's views.
pub(crate) fn tally(segment: Arc<Segment>) -> Arc<Tally> {
    let tally = Arc::new(Tally { segment, held: Held::default() });
    let mut registry = registry();
    registry.tallies.retain(|tally| tally.strong_count() > 0);
    registry.tallies.push(Arc::downgrade(&tally));
    tally
}
