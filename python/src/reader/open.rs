//! The lock of a reader that may be closed: the state is there as long as the reader is open.

use std::ops::{Deref, DerefMut};

use pyo3::prelude::*;

use crate::error::exception;
use crate::object::attached_lock::{AttachedLock, Guard};
use crate::reader::state::{Locked, State};

/// The state of a reader, until it is closed.
pub struct OpenState(AttachedLock<Life>);

enum Life {
    Open(State),
    /// How many values it had missed.
    Closed(u64),
}

impl OpenState {
    pub fn new(state: State) -> Self {
        OpenState(AttachedLock::new(Life::Open(state)))
    }

    /// Locks the state. A reader that was closed has none.
    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Open<'a>> {
        let guard = self.0.lock(py)?;
        if matches!(*guard, Life::Open(_)) { Ok(Open(guard)) } else { Err(closed(py, guard)) }
    }

    pub fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(matches!(*self.0.lock(py)?, Life::Closed(_)))
    }

    /// Takes the state away for good, to be dropped without the lock; None if it was taken before.
    pub fn close(&self, py: Python<'_>) -> PyResult<Option<State>> {
        let mut life = self.0.lock(py)?;
        let missed = missed(&life);
        match std::mem::replace(&mut *life, Life::Closed(missed)) {
            Life::Open(state) => Ok(Some(state)),
            Life::Closed(_) => Ok(None),
        }
    }

    /// How many values the reader missed, until it was closed.
    pub fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(missed(&*self.0.lock(py)?))
    }
}

fn missed(life: &Life) -> u64 {
    match life {
        Life::Open(state) => state.missed(),
        Life::Closed(missed) => *missed,
    }
}

#[cold]
fn closed(py: Python<'_>, guard: Guard<'_, Life>) -> PyErr {
    drop(guard);
    exception(py, "ReaderClosedError", "the reader is closed: open another one with Store.reader")
}

impl Locked for OpenState {
    #[inline(always)]
    fn with<T>(&self, py: Python<'_>, f: impl FnOnce(&mut State) -> T) -> PyResult<T> {
        Ok(f(&mut *self.lock(py)?))
    }
}

/// Access to the state of an open reader.
pub struct Open<'a>(Guard<'a, Life>);

impl Deref for Open<'_> {
    type Target = State;

    #[inline(always)]
    fn deref(&self) -> &State {
        match &*self.0 {
            Life::Open(state) => state,
            Life::Closed(_) => unreachable!("only an open reader is locked"),
        }
    }
}

impl DerefMut for Open<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut State {
        match &mut *self.0 {
            Life::Open(state) => state,
            Life::Closed(_) => unreachable!("only an open reader is locked"),
        }
    }
}
