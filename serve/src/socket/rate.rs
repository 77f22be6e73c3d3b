//! How fast a connection takes what is sent.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A view that takes longer is made smaller, if it can be.
const LONGEST: Duration = Duration::from_millis(80);

/// Answers that are smaller say nothing of the connection.
const SMALLEST: usize = 64 << 10;

/// A page that asks so late was hidden or busy: that says nothing of the connection.
const LATEST: Duration = Duration::from_secs(2);

/// After so long it is tried again whether the connection is still slow; twice as long each time that it is.
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

/// How fast a connection is, from the time between an answer and the next question about the same.
#[derive(Debug, Default)]
pub(super) struct Rate(Mutex<Option<Known>>);

#[derive(Clone, Copy, Debug)]
struct Known {
    bytes_a_second: f64,
    at: Instant,
    patience: Duration,
}

impl Rate {
    /// An answer of so many bytes was sent then, and is drawn now, which took the browser so long.
    pub fn drawn(&self, nbytes: usize, sent: Instant, spent: Duration) {
        self.arrived(nbytes, sent.elapsed().saturating_sub(spent), Instant::now());
    }

    /// An answer of so many bytes was so long under way.
    fn arrived(&self, nbytes: usize, took: Duration, now: Instant) {
        if nbytes < SMALLEST || took > LATEST {
            return;
        }
        let found = nbytes as f64 / took.as_secs_f64().max(1e-4);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A moment in which the browser is busy makes it seem slower, nothing makes it seem faster.
        let rate = known.map_or(found, |known| f64::midpoint(known.bytes_a_second, found).max(found));
        let patience = known.map_or(FIRST_PATIENCE, |known| {
            if took > LONGEST { (known.patience * 2).min(LONGEST_PATIENCE) } else { FIRST_PATIENCE }
        });
        *known = Some(Known { bytes_a_second: rate, at: now, patience });
    }

    /// Whether so many bytes take too long.
    pub fn is_slow_for(&self, nbytes: usize) -> bool {
        self.is_slow_at(nbytes, Instant::now())
    }

    fn is_slow_at(&self, nbytes: usize, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_some_and(|known| {
            nbytes as f64 / known.bytes_a_second > LONGEST.as_secs_f64()
                && now.duration_since(known.at) < known.patience
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: usize = 1 << 20;

    #[test]
    fn a_slow_connection_is_tried_again_ever_less_often() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let rate = Rate::default();
        assert!(!rate.is_slow_at(MEGABYTE, at(0)), "nothing is known yet");
        rate.arrived(MEGABYTE, Duration::from_secs(1), at(1000));
        assert!(rate.is_slow_at(MEGABYTE, at(1100)));
        assert!(!rate.is_slow_at(SMALLEST, at(1100)), "that is soon there");
        assert!(!rate.is_slow_at(MEGABYTE, at(3100)), "tried again");
        rate.arrived(MEGABYTE, Duration::from_secs(1), at(4100));
        assert!(rate.is_slow_at(MEGABYTE, at(8000)));
        assert!(!rate.is_slow_at(MEGABYTE, at(8200)));
        rate.arrived(MEGABYTE, Duration::from_millis(10), at(8210));
        assert!(!rate.is_slow_at(MEGABYTE, at(8300)), "fast at once");
    }

    #[test]
    fn a_page_that_is_busy_or_hidden_and_small_answers_say_nothing() {
        let now = Instant::now();
        let rate = Rate::default();
        rate.arrived(MEGABYTE, Duration::from_secs(600), now);
        rate.arrived(1000, Duration::from_secs(1), now);
        assert!(!rate.is_slow_at(MEGABYTE, now));
        rate.drawn(MEGABYTE, now, Duration::from_secs(1));
        assert!(!rate.is_slow_at(MEGABYTE, now), "all of the time went to drawing");
    }
}
