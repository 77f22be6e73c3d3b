//! How fast a connection is: from how long answers are under way.

use std::time::Duration;

use crate::offer::HOLD;

/// How long an answer may take besides the bytes.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer is waited for longer.
const LONGEST: Duration = Duration::from_secs(3600);
/// What a connection is taken for before it is known, in bytes a second.
const UNKNOWN: f64 = 500e3;
/// Answers that are smaller say how long a round trip takes.
const SMALL: usize = 16 << 10;
/// A host whose round trip is shorter answers soon enough.
const NEAR: Duration = Duration::from_millis(2);

/// How fast a connection is for the values of a tag.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    round_trip: Option<Duration>,
    bytes_a_second: Option<f64>,
}

impl Pace {
    /// An answer of so many bytes was so long under way, both ways, without the time that the question waited for a value.
    pub fn arrived(&mut self, nbytes: usize, took: Duration) {
        if nbytes <= SMALL {
            // It rises slowly: what else is on the connection makes an answer late, nothing makes it early.
            let known = self.round_trip.map_or(took, |known| known + known / 8);
            self.round_trip = Some(took.min(known));
            return;
        }
        let moving = took.saturating_sub(self.round_trip.unwrap_or_default()).as_secs_f64();
        let found = nbytes as f64 / moving.max(1e-6);
        self.bytes_a_second = Some(self.bytes_a_second.map_or(found, |known| 0.5 * (known + found)));
    }

    /// How long an answer of so many bytes may take.
    pub fn patience(&self, nbytes: u64) -> Duration {
        let moving = nbytes as f64 / self.bytes_a_second.unwrap_or(UNKNOWN).max(1.0);
        HOLD + PATIENCE + Duration::try_from_secs_f64(moving).unwrap_or(LONGEST).min(LONGEST)
    }

    /// Whether a second question should be open while an answer is under way: if waiting for the first to arrive costs more time than
    /// its bytes take.
    pub fn is_far(&self, nbytes: u64) -> bool {
        let moving = nbytes as f64 / self.bytes_a_second.unwrap_or(f64::INFINITY);
        self.round_trip.is_some_and(|round_trip| round_trip > NEAR && round_trip.as_secs_f64() > moving)
    }

    /// How long a message takes one way.
    pub fn one_way(&self) -> Duration {
        self.round_trip.unwrap_or_default() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn patience_grows_with_the_size() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(0), Duration::from_secs(12));
        assert_eq!(pace.patience(50_000_000), Duration::from_secs(112), "an unknown connection may be slow");
        pace.arrived(1 << 20, Duration::from_secs(1));
        assert_eq!(pace.patience(50 << 20), Duration::from_secs(62));
        assert_eq!(pace.patience(u64::MAX), Duration::from_secs(3612));
    }

    #[test]
    fn far_hosts_are_asked_twice() {
        let mut pace = Pace::default();
        assert!(!pace.is_far(0), "nothing is known");
        pace.arrived(100, 50 * MILLI);
        assert!(pace.is_far(100));
        pace.arrived(1 << 20, 250 * MILLI);
        assert!(!pace.is_far(1 << 20), "the bytes take longer");
        let mut near = Pace::default();
        near.arrived(100, MILLI / 4);
        assert!(!near.is_far(100));
    }
}
