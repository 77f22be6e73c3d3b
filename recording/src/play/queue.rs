//! A queue of limited size between the thread that reads values and the one that plays them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// It has at most so many values.
const MOST_VALUES: usize = 256;
/// Together they have no more bytes than that, unless there is only one.
const MOST_BYTES: usize = 64 << 20;

/// Values from one thread to another.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Told at each change of the state.
    changed: Condvar,
}

/// What there is to take.
#[derive(Debug)]
pub(super) enum Taken<T> {
    Value(T),
    NotYet,
    End,
}

/// Ends a queue when it is dropped, also by a panic: else the other thread would wait for ever.
#[derive(Debug)]
pub(super) struct EndOfValues<'a, T>(pub &'a Queue<T>);

#[derive(Debug)]
struct State<T> {
    values: VecDeque<(T, usize)>,
    nbytes: usize,
    /// It was full once: who takes values from less is late as soon as the disk is slow.
    is_primed: bool,
    /// No value is added any more.
    is_ended: bool,
    /// No value is taken any more.
    is_closed: bool,
}

impl<T> Queue<T> {
    pub fn new() -> Self {
        let (values, nbytes) = (VecDeque::new(), 0);
        let state = State { values, nbytes, is_primed: false, is_ended: false, is_closed: false };
        Queue { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The state is whole between any two lines that change it, so a panic of the other thread leaves it usable.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a value as soon as there is room; false if nobody takes it.
    pub fn push(&self, value: T, nbytes: usize) -> bool {
        let mut state = self.lock();
        while !state.is_closed && state.has_no_room(nbytes) {
            if !state.is_primed {
                state.is_primed = true;
                self.changed.notify_all();
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return false;
        }
        state.values.push_back((value, nbytes));
        state.nbytes += nbytes;
        self.changed.notify_all();
        true
    }

    /// The next value, for which it waits until a time. The first comes when no more fits, or no more comes.
    pub fn pop(&self, until: Instant) -> Taken<T> {
        let left = until.saturating_duration_since(Instant::now());
        let has_none =
            |state: &mut State<T>| !state.is_ended && (state.values.is_empty() || !state.is_primed);
        let waited = self.changed.wait_timeout_while(self.lock(), left, has_none);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Taken::NotYet;
        }
        let Some((value, nbytes)) = state.values.pop_front() else { return Taken::End };
        state.nbytes -= nbytes;
        self.changed.notify_all();
        Taken::Value(value)
    }

    /// Has the other thread add no more.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }
}

impl<T> State<T> {
    fn has_no_room(&self, nbytes: usize) -> bool {
        let is_too_much = self.values.len() >= MOST_VALUES || self.nbytes.saturating_add(nbytes) > MOST_BYTES;
        is_too_much && !self.values.is_empty()
    }
}

impl<T> Drop for EndOfValues<'_, T> {
    fn drop(&mut self) {
        self.0.lock().is_ended = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_more_is_in_it_than_fits() {
        let queue = Queue::new();
        let soon = || Instant::now() + Duration::from_secs(60);
        assert!(matches!(queue.pop(Instant::now()), Taken::NotYet));
        assert!(queue.push(0, 1));
        assert!(matches!(queue.pop(Instant::now()), Taken::NotYet), "more may come");
        let values = 2 * MOST_VALUES + 4;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _end = EndOfValues(&queue);
                for value in 1..values {
                    // Each of the first is larger than all that fits.
                    assert!(queue.push(value, if value < 4 { MOST_BYTES + 1 } else { 1 }));
                }
            });
            for value in 0..values {
                assert!(matches!(queue.pop(soon()), Taken::Value(taken) if taken == value), "{value}");
                let state = queue.lock();
                assert!(state.values.len() <= MOST_VALUES, "{state:?}");
                assert!(state.values.len() <= 1 || state.nbytes <= MOST_BYTES, "{state:?}");
            }
            assert!(matches!(queue.pop(soon()), Taken::End));
        });
        queue.close();
        assert!(!queue.push(0, 1), "nobody takes it");
    }

    #[test]
    fn closing_it_ends_a_wait_for_room() {
        let queue = Queue::new();
        std::thread::scope(|scope| {
            let all = scope.spawn(|| (0..2 * MOST_VALUES).all(|value| queue.push(value, 0)));
            // It comes when the queue is full.
            assert!(matches!(queue.pop(Instant::now() + Duration::from_secs(60)), Taken::Value(0)));
            queue.close();
            assert!(!all.join().unwrap());
        });
    }
}
