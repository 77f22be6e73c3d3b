//! How fast a connection takes what is sent.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A view that takes longer is made smaller, if it can be.
const LONGEST: Duration = Duration::from_millis(80);

/// Answers that are smaller say nothing of the connection.
const SMALLEST: usize = 64 << 10;

/// How fast a connection is, from the time between an answer and the next question about the same, less what the next value took.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Bytes a second, as far as it is known.
    bytes_a_second: Option<f64>,
}

impl Rate {
    /// An answer of so many bytes was sent then, and is drawn now.
    pub fn drawn(&self, nbytes: usize, sent: Instant) {
        if nbytes < SMALLEST {
            return;
        }
        let found = nbytes as f64 / sent.elapsed().as_secs_f64().max(1e-4);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Half of what was known: a few answers are enough to follow.
        state.bytes_a_second = Some(state.bytes_a_second.map_or(found, |known| (known + found) / 2.0));
    }

    /// Whether so many bytes take too long.
    pub fn is_slow_for(&self, nbytes: usize) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes_a_second.is_some_and(|rate| nbytes as f64 / rate > LONGEST.as_secs_f64())
    }
}
