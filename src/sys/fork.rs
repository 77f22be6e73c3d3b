//! What a fork does to this process: who must be told of it, and which side of it this is.
//!
//! A forked child inherits mappings (which go on, with what is counted in them) and descriptors with their locks (which the
//! child closes at once: a lock belongs to the open file, and would outlive the parent in the child). Whatever a fork must
//! find whole is changed under the [`hold`], which the fork itself takes.

#![allow(unsafe_code)]

use std::cell::RefCell;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::sys::clock;

/// What holds counts in shared memory, which a fork must double.
pub(crate) trait ForkAware: Send + Sync {
    /// In the parent, before the fork: counts for the child what this process holds.
    fn before_fork(&self);
    /// In the child: sets right what other threads of the parent changed between the count and the fork.
    fn in_child(&self);
}

/// What a fork must know.
pub(crate) struct Known {
    descriptors: Vec<RawFd>,
    aware: Vec<Weak<dyn ForkAware>>,
    /// How many of these there are when those that nobody has any more are looked for.
    prune_at: usize,
}

static KNOWN: Mutex<Known> = Mutex::new(Known { descriptors: Vec::new(), aware: Vec::new(), prune_at: 16 });

impl Known {
    /// From now on a child closes this descriptor.
    pub fn add_descriptor(&mut self, fd: RawFd) {
        self.descriptors.push(fd);
    }

    pub fn remove_descriptor(&mut self, fd: RawFd) {
        self.descriptors.retain(|&other| other != fd);
    }

    /// From now on each fork tells this, as long as somebody has it.
    pub fn add<T: ForkAware + 'static>(&mut self, new: &Arc<T>) {
        if self.aware.len() >= self.prune_at {
            self.aware.retain(|one| one.strong_count() > 0);
            self.prune_at = 2 * self.aware.len().max(8);
        }
        let new: Weak<T> = Arc::downgrade(new);
        self.aware.push(new);
    }
}

/// Keeps forks from happening until it is dropped.
pub(crate) fn hold() -> MutexGuard<'static, Known> {
    // No `Once`: a child that is forked while another thread is inside would wait for that thread for ever. At worst two
    // threads come here at once, and the handlers run twice, which they bear.
    static HANDLED: AtomicBool = AtomicBool::new(false);
    if !HANDLED.load(Ordering::Acquire) {
        // SAFETY: the handlers are `'static` functions of the right type that do not unwind.
        unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
        HANDLED.store(true, Ordering::Release);
    }
    lock()
}

fn lock() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many forks lie between this process and the one that loaded the library.
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Tells the processes on both sides of a fork apart.
#[inline]
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// A fork that is going on. It keeps all that it told alive until the child has set its counts right.
struct Fork {
    known: MutexGuard<'static, Known>,
    told: Vec<Arc<dyn ForkAware>>,
}

thread_local! {
    /// From before a fork until after it, on the thread that forks.
    static FORKING: RefCell<Option<Fork>> = const { RefCell::new(None) };
}

extern "C" fn before() {
    if FORKING.try_with(|forking| forking.borrow().is_some()).unwrap_or(false) {
        return;
    }
    let known = lock();
    let told: Vec<_> = known.aware.iter().filter_map(Weak::upgrade).collect();
    told.iter().for_each(|one| one.before_fork());
    // Without thread locals (the thread is ending) the fork goes on unlocked.
    let _ = FORKING.try_with(|forking| forking.replace(Some(Fork { known, told })));
}

extern "C" fn after_in_parent() {
    let _ = FORKING.try_with(RefCell::take);
}

extern "C" fn after_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    clock::forget_domain();
    let _ = FORKING.try_with(|forking| {
        if let Some(mut fork) = forking.take() {
            fork.told.iter().for_each(|one| one.in_child());
            for fd in fork.known.descriptors.drain(..) {
                // SAFETY: open, since a descriptor is opened and closed under `hold`; and never used or closed again in
                // this process, since its owner, of an older generation, leaves it alone.
                unsafe { libc::close(fd) };
            }
        }
    });
}
