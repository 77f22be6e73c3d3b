//! Waiting in an event loop: how the library's threads tell a loop which of its waits are over.
//!
//! The threads do not need the interpreter for that, so they never wait for it. They note the number of the wait, and write a
//! byte to a socket that the loop watches.

use std::future::Future;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use pyo3::prelude::*;

use crate::error::raise;
use crate::reader::open::OpenState;

/// All waits of one event loop ring this alarm. It outlives the loop while a wait still refers to it.
#[pyclass(frozen, name = "_Alarm", module = "ndsharray._native")]
pub struct Alarm {
    shared: Arc<Shared>,
}

struct Shared {
    /// The waits that are over, by number.
    over: Mutex<Vec<u64>>,
    loops: UnixStream,
    ours: UnixStream,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[pymethods]
impl Alarm {
    #[new]
    fn new() -> PyResult<Self> {
        let (loops, ours) = UnixStream::pair()?;
        loops.set_nonblocking(true)?;
        ours.set_nonblocking(true)?;
        Ok(Alarm { shared: Arc::new(Shared { over: Mutex::new(Vec::new()), loops, ours }) })
    }

    /// The descriptor that the loop watches.
    fn fileno(&self) -> i32 {
        self.shared.loops.as_raw_fd()
    }

    /// The waits that are over since the last call.
    fn take(&self) -> Vec<u64> {
        // Read the bytes first: a wait that is noted after this is either taken below, or has a byte of its own.
        let mut bytes = [0; 64];
        while matches!((&self.shared.loops).read(&mut bytes), Ok(read) if read == bytes.len()) {}
        std::mem::take(&mut lock(&self.shared.over))
    }
}

/// Wakes one wait.
pub struct Ring {
    shared: Arc<Shared>,
    number: u64,
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let is_first = {
            let mut over = lock(&self.shared.over);
            over.push(self.number);
            over.len() == 1
        };
        // The thread that notes the first number writes the byte for all. If the socket is full, it is about to be
        // read.
        if is_first {
            let _ = (&self.shared.ours).write(&[1]);
        }
    }
}

/// The waits of a reader, which end when it is closed.
#[derive(Default)]
pub struct Waits(Mutex<Vec<Weak<Ring>>>);

impl Waits {
    fn add(&self, ring: &Arc<Ring>) {
        let mut waits = lock(&self.0);
        waits.retain(|wait| wait.strong_count() > 0);
        waits.push(Arc::downgrade(ring));
    }

    /// Ends all of them, as if there were a value: who then reads is told that the reader is closed.
    pub fn end(&self) {
        let waits = std::mem::take(&mut *lock(&self.0));
        waits.iter().filter_map(Weak::upgrade).for_each(Wake::wake);
    }
}

/// A wait for a new value of a reader, which nobody has read.
#[pyclass(frozen, name = "_Wait", module = "ndsharray._native")]
pub struct Wait {
    /// None if it is over.
    future: Mutex<Option<Waiting>>,
    /// Kept for [`Waits`].
    _ring: Arc<Ring>,
}

type Waiting = Pin<Box<dyn Future<Output = ndsharray::Result<()>> + Send>>;

#[pymethods]
impl Wait {
    /// Whether there is a value already.
    #[getter]
    fn ready(&self) -> bool {
        lock(&self.future).is_none()
    }

    /// Ends the wait.
    fn close(&self) {
        let future = lock(&self.future).take();
        drop(future);
    }
}

/// Begins to wait for a new value. When there is one, the tag has changed hands or the reader is closed, the alarm has the
/// number.
pub fn begin(py: Python<'_>, state: &OpenState, waits: &Waits, alarm: &Alarm, number: u64) -> PyResult<Wait> {
    let ring = Arc::new(Ring { shared: alarm.shared.clone(), number });
    let wait = |future| Wait { future: Mutex::new(future), _ring: ring.clone() };
    let mut probe = {
        let state = state.lock(py)?;
        if state.has_pending() {
            return Ok(wait(None));
        }
        // Under the lock: whoever closes the reader takes it, and ends the waits afterwards.
        waits.add(&ring);
        state.probe()
    };
    let mut future: Waiting = Box::pin(async move { probe.changed().await });
    let waker = Waker::from(ring.clone());
    match future.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Pending => Ok(wait(Some(future))),
        Poll::Ready(outcome) => outcome.map(|()| wait(None)).map_err(raise),
    }
}
