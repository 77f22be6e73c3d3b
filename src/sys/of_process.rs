//! What belongs to one process alone: a forked child begins with a new one.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys::fork::{self, Known};

/// State of this process, under a lock. A forked child finds the lock free and the state new: that of the parent belongs to threads
/// which the child does not have, so the child leaves it as it is, for ever.
pub(crate) struct OfProcess<T: 'static> {
    state: Mutex<(u64, T)>,
}

impl<T: Default> OfProcess<T> {
    /// `first`: as `T::default()`, which cannot be called here.
    pub const fn new(first: T) -> Self {
        OfProcess { state: Mutex::new((0, first)) }
    }

    pub fn lock(&'static self) -> Locked<T> {
        // Locked under `hold` only, so that a forked child finds it free.
        let known = fork::hold();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 != fork::generation() {
            std::mem::forget(std::mem::replace(&mut *state, (fork::generation(), T::default())));
        }
        Locked { state, known }
    }
}

/// The state, while nobody else changes it and no fork happens. What is dropped meanwhile must not ask for either.
pub(crate) struct Locked<T: 'static> {
    // Dropped in this order.
    state: MutexGuard<'static, (u64, T)>,
    known: MutexGuard<'static, Known>,
}

impl<T> Locked<T> {
    /// The state, and what a fork must know.
    pub fn parts(&mut self) -> (&mut T, &mut Known) {
        (&mut self.state.1, &mut self.known)
    }
}

impl<T> Deref for Locked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.state.1
    }
}

impl<T> DerefMut for Locked<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.state.1
    }
}
