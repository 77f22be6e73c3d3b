//! The lock of what only threads that are attached to the interpreter touch.
//!
//! A mutex costs two locked instructions, of the eight of a read. Where the interpreter has its own lock, threads that
//! are attached to it take turns anyhow, and a flag is enough: this lock is for threads that let go of the interpreter
//! while they hold it, or run Python code, in which the interpreter takes it from them.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::error::named;

/// Whether attached threads take turns. An interpreter without a lock of its own has longer heads of objects.
pub const TURNS: bool = size_of::<ffi::PyObject>() == 2 * size_of::<usize>();

const FREE: u32 = 0;
const TAKEN: u32 = 1;

pub struct Lock<T> {
    state: AtomicU32,
    /// How many threads sleep until it is free, or are about to.
    waiting: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: one thread at a time has the value, as with a mutex: `try_lock` gives it to one, and `Guard` takes it back.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    pub fn new(value: T) -> Self {
        Lock { state: AtomicU32::new(FREE), waiting: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// Waits detached from the interpreter, if it must.
    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> Guard<'a, T> {
        match self.try_lock(py) {
            Some(guard) => guard,
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
        // Not made before it is known: a guard that goes frees the lock.
        if free { Some(Guard { lock: self, attached: PhantomData }) } else { None }
    }

    #[cold]
    #[inline(never)]
    fn wait_in_process<'a>(&'a self, py: Python<'a>, pid: u32) -> PyResult<Guard<'a, T>> {
        if std::process::id() != pid {
            let message = "found it in use by another thread of the parent process, expected the process that opened it";
            return Err(named(py, "ForkedError", message));
        }
        Ok(self.wait(py))
    }

    #[cold]
    #[inline(never)]
    fn wait<'a>(&'a self, py: Python<'a>) -> Guard<'a, T> {
        // Before the state is looked at again, as `Guard` changes the state before it looks here. SeqCst makes this an
        // order without an interpreter's lock, too.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        loop {
            if let Some(guard) = self.try_lock(py) {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                return guard;
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
