//! Who waits for one thing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Those that wait for one thing, each with what it has seen of it.
pub(super) struct Callers<S> {
    /// By id: there may be thousands, and each leaves again.
    all: Vec<(u64, S, Waker)>,
}

impl<S> Callers<S> {
    pub fn new() -> Self {
        Callers { all: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Each id is greater than all before it.
    pub fn add(&mut self, id: u64, seen: S, waker: Waker) {
        self.all.push((id, seen, waker));
    }

    /// Takes one out that waits no longer. Its waker is to be dropped without a lock: it may be the last owner of anything.
    pub fn remove(&mut self, id: u64) -> Option<Waker> {
        let index = self.all.binary_search_by_key(&id, |(id, ..)| *id).ok()?;
        Some(self.all.remove(index).2)
    }

    /// Takes out those that have seen something else than what is there now; they are to be woken.
    pub fn take(&mut self, is_stale: impl Fn(&S) -> bool, woken: &mut Vec<Waker>) {
        let all = std::mem::take(&mut self.all);
        for (id, seen, waker) in all {
            if is_stale(&seen) {
                woken.push(waker);
            } else {
                self.all.push((id, seen, waker));
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
