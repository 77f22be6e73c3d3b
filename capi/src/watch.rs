//! The file descriptor of a reader: an eventfd, which a waiting thread of the library writes to when there is a new value.
//!
//! A future waits on a clone of the reader that has returned the same values. The thread that wakes the future polls it, so only a
//! new value makes the descriptor readable: threads also wake for other reasons. All of this happens under one lock, so the future
//! and the descriptor always agree.

use std::future::Future;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use ndsharray::Reader;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{read, write};

use crate::failure::{Failure, Outcome};

/// The state behind the file descriptor of a reader.
pub struct Watch {
    task: Option<Arc<Task>>,
    pid: u32,
    descriptor: RawFd,
}

struct Task {
    eventfd: OwnedFd,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// `None` once it is ready, and when the watch has ended.
    future: Option<Pin<Box<dyn Future<Output = ndsharray::Result<()>> + Send>>>,
    /// Whether the descriptor is readable.
    readable: bool,
}

impl Watch {
    /// Begins to watch for values that are newer than what the reader returned last.
    pub fn new(reader: &Reader) -> Outcome<Self> {
        let refused = |error| Failure::system("make an eventfd", std::io::Error::from(error));
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(refused)?;
        let descriptor = eventfd.as_raw_fd();
        let task = Arc::new(Task { eventfd, state: Mutex::default() });
        task.arm(reader)?;
        Ok(Watch { task: Some(task), pid: std::process::id(), descriptor })
    }

    /// Whether this process made it, and did not inherit it through a fork.
    pub fn is_here(&self) -> bool {
        self.pid == std::process::id()
    }

    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// Called after each read. `moved`: the read returned a value, or an error.
    pub fn follow(&mut self, reader: &Reader, moved: bool) {
        let Some(task) = self.task.as_ref().filter(|_| self.is_here()) else { return };
        // If the reader has not moved and the descriptor is not readable, both are right as they are.
        if moved || task.state().readable {
            // A failure makes the descriptor readable, so the caller's loop goes on.
            let _ = task.arm(reader);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let is_here = self.is_here();
        let Some(task) = self.task.take() else { return };
        if is_here {
            task.end();
        } else {
            // The parent's threads, which may have held its locks, do not exist here. The descriptor is this process's own
            // copy. SAFETY: open, and closed here alone: the task, which has it too, is forgotten.
            unsafe { libc::close(self.descriptor) };
            std::mem::forget(task);
        }
    }
}

impl Task {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for values that are newer than what the reader returned last.
    fn arm(self: &Arc<Self>, reader: &Reader) -> Outcome<()> {
        let mut waiting = reader.clone();
        let mut state = self.state();
        state.future = Some(Box::pin(async move { waiting.changed().await }));
        match self.poll(&mut state) {
            Poll::Ready(outcome) => {
                // Also if it is readable already: this is a new edge.
                self.signal(&mut state);
                Ok(outcome?)
            }
            Poll::Pending => {
                if state.readable {
                    let _ = read(&self.eventfd, &mut [0_u8; 8]);
                    state.readable = false;
                }
                Ok(())
            }
        }
    }

    fn poll(self: &Arc<Self>, state: &mut State) -> Poll<ndsharray::Result<()>> {
        let Some(future) = &mut state.future else { return Poll::Pending };
        let waker = Waker::from(self.clone());
        let outcome = future.as_mut().poll(&mut Context::from_waker(&waker));
        if outcome.is_ready() {
            state.future = None;
        }
        outcome
    }

    fn signal(&self, state: &mut State) {
        // It fails only if the counter overflows: after 2^64 values.
        let _ = write(&self.eventfd, &1_u64.to_ne_bytes());
        state.readable = true;
    }

    /// From here on nothing makes the descriptor readable. If a thread is about to wake this task, that thread drops
    /// it, and closes the descriptor, soon after.
    fn end(&self) {
        let mut state = self.state();
        state.future = None;
        let _ = read(&self.eventfd, &mut [0_u8; 8]);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // The waking thread serves other callers too: a panic must not end it.
        let poll = AssertUnwindSafe(|| {
            let mut state = self.state();
            if self.poll(&mut state).is_ready() {
                self.signal(&mut state);
            }
        });
        if catch_unwind(poll).is_err() {
            self.signal(&mut self.state());
        }
    }
}
