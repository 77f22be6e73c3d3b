//! The lock of a reader that may be closed. It holds the state while the reader is open.

use std::ops::{Deref, DerefMut};

use pyo3::prelude::*;

use crate::error::exception;
use crate::object::attached_lock::{AttachedLock, Guard};
use crate::reader::state::{Locked, State};

/// The state of a reader, until it is closed.
pub struct OpenState(AttachedLock<Life>);

struct Life {
    /// None: the reader was closed.
    state: Option<State>,
    /// How many values it had missed when it was closed.
    missed: u64,
}

impl OpenState {
    pub fn new(state: State) -> Self {
        OpenState(AttachedLock::new(Life { state: Some(state), missed: 0 }))
    }

    /// Locks the state. A reader that was closed has none.
    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Open<'a>> {
        let guard = self.0.lock(py)?;
        if guard.state.is_some() { Ok(Open(guard)) } else { Err(closed(py, guard)) }
    }

    pub fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.0.lock(py)?.state.is_none())
    }

    /// Takes the state out for good; None if that was done before. The caller drops it without the lock.
    pub fn close(&self, py: Python<'_>) -> PyResult<Option<State>> {
        let mut life = self.0.lock(py)?;
        let state = life.state.take();
        life.missed = state.as_ref().map_or(life.missed, State::missed);
        Ok(state)
    }

    /// How many values the reader missed, until it was closed.
    pub fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        let life = self.0.lock(py)?;
        Ok(life.state.as_ref().map_or(life.missed, State::missed))
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
        match &self.0.state {
            Some(state) => state,
            None => unreachable!("only an open reader is locked"),
        }
    }
}

impl DerefMut for Open<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut State {
        match &mut self.0.state {
            Some(state) => state,
            None => unreachable!("only an open reader is locked"),
        }
    }
}
