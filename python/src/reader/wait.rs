//! Waiting for a new value. It is done in steps, so that Ctrl-C is noticed.
//!
//! A wait sleeps on a clone of the reader, called the probe, and lets other threads use the interpreter meanwhile. When
//! there is a value, it acquires the value from the reader itself. So no lock is held during a sleep, other threads may
//! read meanwhile, and a wait that ends early has acquired nothing.

use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::error::{exception, raise};
use crate::reader::open::OpenState;
use crate::reader::state::{Acquired, Which, acquire};

/// The longest time that a signal goes unnoticed.
const STEP: Duration = Duration::from_millis(100);

/// When a wait ends; None if it never does.
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// `name`: the name of the argument, for the error.
    pub fn new(py: Python<'_>, name: &str, timeout: Option<f64>) -> PyResult<Self> {
        let Some(timeout) = timeout else { return Ok(Deadline(None)) };
        if timeout.is_nan() {
            let message = format!("{name} is nan: pass a number of seconds, or None to wait for ever");
            return Err(exception(py, "InvalidArgumentError", &message));
        }
        // A time that is too long to count is for ever.
        let timeout = Duration::try_from_secs_f64(timeout.max(0.0)).ok();
        Ok(Deadline(timeout.and_then(|timeout| Instant::now().checked_add(timeout))))
    }

    /// How long the next sleep may take; None when the time is over.
    pub fn step(&self) -> Option<Duration> {
        let Some(deadline) = self.0 else { return Some(STEP) };
        let left = deadline.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left.min(STEP))
    }
}

/// Sleeps until one of the readers has a new value, and returns its index; None when the step is over.
pub fn sleep(py: Python<'_>, readers: &mut [ndsharray::Reader], step: Duration) -> PyResult<Option<usize>> {
    let woken = py.detach(|| {
        let mut readers: Vec<&mut ndsharray::Reader> = readers.iter_mut().collect();
        ndsharray::wait_any(&mut readers, step)
    });
    py.check_signals()?;
    woken.map_err(raise)
}

/// How a wait for a value ends without one.
#[derive(Clone, Copy)]
pub struct End {
    /// After how many seconds; None: never.
    pub timeout: Option<f64>,
    /// Whether it also ends when the tag has no writer any more.
    pub with_writer: bool,
}

/// Acquires a new value of a reader, and waits for it; None when the wait has ended.
pub fn new_value(py: Python<'_>, state: &OpenState, which: Which, end: End) -> PyResult<Option<Acquired>> {
    let deadline = Deadline::new(py, "timeout", end.timeout)?;
    let mut was_idle = false;
    loop {
        if let Some(acquired) = acquire(py, state, which)? {
            return Ok(Some(acquired));
        }
        let step = deadline.step();
        if end.with_writer && (was_idle || step.is_none()) {
            let alive = state.lock(py)?.writer_alive();
            if !alive.map_err(raise)? {
                // The writer may have written once more before it left.
                return acquire(py, state, which);
            }
        }
        let Some(step) = step else { return Ok(None) };
        // The probe knows which value was returned last, so it also finds one that came after `acquire` looked. A value
        // that another thread acquires and puts back is found when `acquire` looks next.
        let mut probe = state.lock(py)?.probe();
        was_idle = sleep(py, std::slice::from_mut(&mut probe), step)?.is_none();
    }
}
