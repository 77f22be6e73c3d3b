//! The callers that wait for one tag or name.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// The callers that wait for one tag or name, each with what it has seen there.
pub(super) struct Callers<S> {
    /// By id: there may be thousands, and each leaves again.
    all: BTreeMap<u64, (S, Waker)>,
}

impl<S> Callers<S> {
    pub fn new() -> Self {
        Callers { all: BTreeMap::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub fn add(&mut self, id: u64, seen: S, waker: Waker) {
        self.all.insert(id, (seen, waker));
    }

    /// Takes out a caller that waits no longer. Drop its waker without holding a lock: the waker may be the last owner of
    /// anything.
    pub fn remove(&mut self, id: u64) -> Option<Waker> {
        self.all.remove(&id).map(|(_, waker)| waker)
    }

    /// Moves the callers that have seen something else than what is there now to `woken`.
    pub fn take(&mut self, is_stale: impl Fn(&S) -> bool, woken: &mut Vec<Waker>) {
        if !self.all.values().any(|(seen, _)| is_stale(seen)) {
            return;
        }
        for (id, (seen, waker)) in std::mem::take(&mut self.all) {
            if is_stale(&seen) {
                woken.push(waker);
            } else {
                self.all.insert(id, (seen, waker));
            }
        }
    }
}

/// Wakes them all. Call it without holding a lock, since a waker runs code of others. If one panics, the others are
/// woken all the same.
pub(super) fn wake(woken: Vec<Waker>) {
    for waker in woken {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            // Dropping the payload of the panic also runs code of others, and may panic.
            std::mem::forget(panic);
        }
    }
}
