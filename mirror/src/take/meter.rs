//! Figures of a tag that is taken, for people.

use std::time::{Duration, Instant};

use crate::status::TakenTag;

/// A rate is that of so long.
const WINDOW: Duration = Duration::from_secs(2);

/// Counts what was written.
#[derive(Debug, Default)]
pub(super) struct Meter {
    values: u64,
    nbytes: u64,
    skipped: u64,
    /// How long the last value was under way.
    pub latency: Duration,
    /// Where the last window began, and how many values there were then.
    begun: Option<(Instant, u64)>,
    rate: f64,
}

impl Meter {
    pub fn wrote(&mut self, nbytes: usize, skipped: u64) {
        self.values += 1;
        self.nbytes += nbytes as u64;
        self.skipped = self.skipped.saturating_add(skipped);
    }

    pub fn tell(&mut self, status: &mut TakenTag) {
        let now = Instant::now();
        let (begun, values) = *self.begun.get_or_insert((now, 0));
        let passed = now.duration_since(begun);
        if passed >= WINDOW {
            self.rate = (self.values - values) as f64 / passed.as_secs_f64();
            self.begun = Some((now, self.values));
        }
        status.values = self.values;
        status.bytes = self.nbytes;
        status.skipped = self.skipped;
        status.rate = self.rate;
        status.latency = self.latency.as_secs_f64();
    }
}
