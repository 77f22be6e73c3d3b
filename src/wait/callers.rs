//! Who waits for one thing.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Those that wait for one thing, each with what it has seen of it.
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

    /// Takes one out that waits no longer. Its waker is to be dropped without a lock: it may be the last owner of anything.
    pub fn remove(&mut self, id: u64) -> Option<Waker> {
        self.all.remove(&id).map(|(_, waker)| waker)
    }

    /// Takes out those that have seen something else than what is there now; they are to be woken.
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

/// Wakes them all, without a lock: a waker is code of others. One that panics does not keep the others from being woken.
pub(super) fn wake(woken: Vec<Waker>) {
    for waker in woken {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            // To drop what it panicked with is code of others, too, and may panic.
            std::mem::forget(panic);
        }
    }
}
