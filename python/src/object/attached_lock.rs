//! The lock of what only threads that are attached to the interpreter touch.
//!
//! A mutex costs two locked instructions, of the eight of a read. Where the interpreter has its own lock, threads that
//! are attached to it take turns anyhow, and a flag is enough: this lock is for threads that let go of the interpreter
//! while they hold it.
//!
//! No Python code is run by design while it is held, since a signal handler may be called in any: it would find its own
//! thread at the lock. What is left: garbage collection, which any allocation may begin before Python 3.12, has finalizers;
//! and names of fields that are no plain `str` have an `__eq__`. So the lock knows its thread, and gives that one an error
//! instead of waiting for ever.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::error::exception;

/// Whether attached threads take turns. An interpreter without a lock of its own has longer heads of objects.
pub const TURNS: bool = size_of::<ffi::PyObject>() == 2 * size_of::<usize>();

const FREE: u32 = 0;
const TAKEN: u32 = 1;

pub struct Lock<T> {
    state: AtomicU32,
    /// How many threads sleep until it is free, or are about to.
    waiting: AtomicU32,
    /// The thread that has it, as `this_thread` has it; 0 while it is free.
    owner: AtomicUsize,
    value: UnsafeCell<T>,
}

/// A number that no other living thread has.
#[inline(always)]
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| ptr::from_ref(place).addr())
}

// SAFETY: one thread at a time has the value, as with a mutex: `try_lock` gives it to one, and `Guard` takes it back.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub fn new(value: T) -> Self {
        Lock {
            state: AtomicU32::new(FREE),
            waiting: AtomicU32::new(0),
            owner: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    /// Waits detached from the interpreter, if it must; BusyError if this very thread has the lock.
    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, T>> {
        match self.try_lock(py) {
            Some(guard) => Ok(guard),
            None => self.wait(py),
        }
    }

    /// Locks what `pid` opened. In a forked child the lock may be held by a thread that the child does not have.
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
            // No thread comes between the two: that would have to be attached, and this one is.
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
        // Only this thread looks for its own number, so no order is needed.
        self.owner.store(this_thread(), Ordering::Relaxed);
        // Not made before it is known: a guard that goes frees the lock.
        Some(Guard { lock: self, attached: PhantomData })
    }

    #[cold]
    #[inline(never)]
    fn wait_in_process<'a>(&'a self, py: Python<'a>, pid: u32) -> PyResult<Guard<'a, T>> {
        if std::process::id() != pid {
            let message = "found it in use by another thread of the parent process, expected the process that opened it";
            return Err(exception(py, "ForkedError", message));
        }
        self.wait(py)
    }

    #[cold]
    #[inline(never)]
    fn wait<'a>(&'a self, py: Python<'a>) -> PyResult<Guard<'a, T>> {
        if self.owner.load(Ordering::Relaxed) == this_thread() {
            let message = "it is in the middle of a call on this very thread: a signal handler or a finalizer cannot use it \
                           then (set a flag, and use it after the call)";
            return Err(exception(py, "BusyError", message));
        }
        // Before the state is looked at again, as `Guard` changes the state before it looks here. SeqCst makes this an
        // order without an interpreter's lock, too.
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

/// The value, for the thread that has the lock.
pub struct Guard<'a, T> {
    lock: &'a Lock<T>,
    /// Of the thread that locked, while it is attached.
    attached: PhantomData<Python<'a>>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the guard has the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard has the lock.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // Before it is free, and so before the next one's: this thread never finds its number when it has no guard.
        self.lock.owner.store(0, Ordering::Relaxed);
        self.lock.state.store(FREE, if TURNS { Ordering::Release } else { Ordering::SeqCst });
        if self.lock.waiting.load(if TURNS { Ordering::Relaxed } else { Ordering::SeqCst }) != 0 {
            wake(&self.lock.state);
        }
    }
}

/// Sleeps while it is taken; may return early.
fn sleep(state: &AtomicU32) {
    let timeout = std::ptr::null::<libc::timespec>();
    // SAFETY: a wait on a word that outlives the call.
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
    // SAFETY: wakes a sleeper on that word, if there is one.
    unsafe { libc::syscall(libc::SYS_futex, state.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, 1) };
}
