//! The lock of a reader that may be closed: the state is there as long as the reader is open.

use std::ops::{Deref, DerefMut};

use pyo3::prelude::*;

use crate::error::exception;
use crate::object::attached_lock::{AttachedLock, Guard};
use crate::reader::state::{Locked, State};

/// The state of a reader, until it is closed.
pub struct OpenState(AttachedLock<Option<State>>);

impl OpenState {
    pub fn new(state: State) -> Self {
        OpenState(AttachedLock::new(Some(state)))
    }

    /// Locks the state. A reader that was closed has none.
    #[inline(always)]
    pub fn lock<'a>(&'a self, py: Python<'a>) -> PyResult<Open<'a>> {
        let guard = self.0.lock(py)?;
        if guard.is_some() { Ok(Open(guard)) } else { Err(closed(py, guard)) }
    }

    pub fn is_closed(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.0.lock(py)?.is_none())
    }

    /// Takes the state away for good, to be dropped without the lock; None if it was taken before.
    pub fn close(&self, py: Python<'_>) -> PyResult<Option<State>> {
        Ok(self.0.lock(py)?.take())
    }
}

#[cold]
fn closed(py: Python<'_>, guard: Guard<'_, Option<State>>) -> PyErr {
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
pub struct Open<'a>(Guard<'a, Option<State>>);

impl Deref for Open<'_> {
    type Target = State;

    #[inline(always)]
    fn deref(&self) -> &State {
        match &*self.0 {
            Some(state) => state,
            None => unreachable!("only an open reader is locked"),
        }
    }
}

impl DerefMut for Open<'_> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut State {
        match &mut *self.0 {
            Some(state) => state,
            None => unreachable!("only an open reader is locked"),
        }
    }
}
