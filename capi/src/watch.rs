//! The file descriptor of a reader: an eventfd, which a waiting thread of the library writes to when there is a new value.
//!
//! A future waits for the reader, or rather for a clone that has returned the same values. Whoever wakes it polls it, so that only a
//! value makes the descriptor readable, and not what else a thread may wake for. All of it happens under one lock: what the future
//! says and what the descriptor says do not come apart.

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

/// What a reader has for its file descriptor.
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

    /// Whether it is of this process, and not inherited through a fork.
    pub fn is_here(&self) -> bool {
        self.pid == std::process::id()
    }

    pub fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// The reader was asked. `moved`: it returned a value, or an error.
    pub fn follow(&mut self, reader: &Reader, moved: bool) {
        let Some(task) = self.task.as_ref().filter(|_| self.is_here()) else { return };
        // As it was, unless one of the two has moved.
        if moved || task.state().readable {
            // What it fails with makes the descriptor readable: the loop goes on.
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
            // The threads of the parent, which may have had its locks, are not here. The descriptor is this process's own.
            // SAFETY: open, and closed here alone: the task, which has it too, is forgotten.
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
                // Also if it was readable: that is a new edge.
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
        // It fails only if nobody has read it for 2^64 values.
        let _ = write(&self.eventfd, &1_u64.to_ne_bytes());
        state.readable = true;
    }

    /// Nothing makes the descriptor readable any more. A thread that is about to wake this closes it in a moment.
    fn end(&self) {
        let mut state = self.state();
        state.future = None;
        let _ = read(&self.eventfd, &mut [0_u8; 8]);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // The thread that wakes serves others too.
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
