//! A lock for state that only threads attached to the interpreter touch.
//!
//! A mutex would cost two of the eight locked instructions of a read. Where the interpreter has a lock of its own (the
//! GIL), attached threads take turns anyway, and a plain flag is enough: it only has to keep others out while a thread
//! holds this lock and has let go of the interpreter.
//!
//! Code that holds the lock runs no Python code on purpose. Any Python code may call a signal handler, and the handler
//! may come to the same lock on the same thread. Two ways to run Python code remain. Before Python 3.12 any allocation
//! may start a garbage collection, which calls finalizers. And a field of a dtype may have a name that is no plain
//! `str`, with an `__eq__` of its own. So the lock remembers its thread. If that thread comes to the lock again, it gets
//! an error and does not wait for ever.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::error::exception;

/// Whether attached threads take turns, which they do if the interpreter has a lock of its own. An interpreter without
/// one has a longer head in each object.
pub const TURNS: bool = size_of::<ffi::PyObject>() == 2 * size_of::<usize>();

const FREE: u32 = 0;
const TAKEN: u32 = 1;

pub struct AttachedLock<T> {
    state: AtomicU32,
    /// How many threads sleep until the lock is free, or are about to sleep.
    waiting: AtomicU32,
    /// The number that `this_thread` gives the thread that holds the lock; 0 while the lock is free.
    owner: AtomicUsize,
    value: UnsafeCell<T>,
}

/// A number that no other living thread has.
#[inline(always)]
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| ptr::from_ref(place).addr())
}

// SAFETY: one thread at a time has the value, as with a mutex. `try_lock` lets one thread in, and the drop of its
// `Guard` lets it out.
unsafe impl<T: Send> Sync for AttachedLock<T> {}

impl<T> AttachedLock<T> {
    pub fn new(value: T) -> Self {
        AttachedLock {
            state: AtomicU32::new(FREE),
            waiting: AtomicU32::new(0),
            owner: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Locks. If another thread holds the lock, waits detached from the interpreter. If this very thread holds it,
    /// returns BusyError.
    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, T>> {
        match self.try_lock(py) {
            Some(guard) => Ok(guard),
            None => self.wait(py),
        }
    }

    /// Locks what the process `pid` opened. In a forked child the lock may be held by a thread that the child does not
    /// have, so the child gets ForkedError instead of a wait.
    #[inline(always)]
    pub fn lock_in_process<'a>(&'a self, py: Python<'a>, pid: u32) -> PyResult<Guard<'a, T>> {
        match self.try_lock(py) {
            Some(guard) => Ok(guard),
            None => self.wait_in_process(py, pid),
        }
    }

    #[inline(always)]
    fn try_lock<'a>(&'a self, _: Python<'a>) -> Option<Guard<'a, T>> {
        let free = if TURNS {
            // No thread comes between the load and the store: it would have to be attached, and this thread is.
            let free = self.state.load(Ordering::Acquire) == FREE;
            if free {
                self.state.store(TAKEN, Ordering::Relaxed);
            }
            free
        } else {
            self.state.compare_exchange(FREE, TAKEN, Ordering::SeqCst, Ordering::Relaxed).is_ok()
        };
        if !free {
            return None;
        }
        // Each thread looks only for its own number here, so relaxed is enough.
        self.owner.store(this_thread(), Ordering::Relaxed);
        // Made only now that the lock is taken: the drop of a guard frees the lock.
        Some(Guard { lock: self, attached: PhantomData })
    }

    #[cold]
    #[inline(never)]
    fn wait_in_process<'a>(&'a self, py: Python<'a>, pid: u32) -> PyResult<Guard<'a, T>> {
        if std::process::id() != pid {
            let message = "this object was opened by the parent process, and another thread of the parent was using it \
                           at the fork: open a new one in this process";
            return Err(exception(py, "ForkedError", message));
        }
        self.wait(py)
    }

    #[cold]
    #[inline(never)]
    fn wait<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, T>> {
        if self.owner.load(Ordering::Relaxed) == this_thread() {
            let message = "this object is in the middle of a call on this very thread, so a signal handler or a finalizer \
                           cannot use it now: set a flag in the handler, and use the object after the call";
            return Err(exception(py, "BusyError", message));
        }
        // This thread first says that it waits, then looks at the state. A dropped `Guard` first frees the state, then
        // looks whether anyone waits. So one of the two sees the other. SeqCst orders these where the interpreter has no
        // lock of its own.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        loop {
            if let Some(guard) = self.try_lock(py) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return Ok(guard);
            }
            let state = &self.state;
            py.detach(|| sleep(state));
        }
    }
}

/// Access to the value, for the thread that holds the lock. Its drop frees the lock.
pub struct Guard<'a, T> {
    lock: &'a AttachedLock<T>,
    /// The guard lives only as long as the thread that locked is attached.
    attached: PhantomData<Python<'a>>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Before the lock is free, and so before the next thread stores its number. A thread that has no guard thus
        // never finds its own number here.
        self.lock.owner.store(0, Ordering::Relaxed);
        self.lock.state.store(FREE, if TURNS { Ordering::Release } else { Ordering::SeqCst });
        if self.lock.waiting.load(if TURNS { Ordering::Relaxed } else { Ordering::SeqCst }) != 0 {
            wake(&self.lock.state);
        }
    }
}

/// Sleeps while the lock is taken. May return early.
fn sleep(state: &AtomicU32) {
    let timeout = std::ptr::null::<libc::timespec>();
    // SAFETY: the kernel reads the word during the call, and the word outlives the call.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            state.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            TAKEN,
            timeout,
        )
    };
}

#[cold]
#[inline(never)]
fn wake(state: &AtomicU32) {
    // SAFETY: the call takes the word's address only, to wake one thread that sleeps on it.
    unsafe { libc::syscall(libc::SYS_futex, state.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
}
