//! Estimates how fast a connection is, from how long answers are on their way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::offer::HOLD;
use crate::wire::message::LONGEST_PART;

/// How long an answer may take, in addition to the time for its bytes and the time for which the source holds the question.
const PATIENCE: Duration = Duration::from_secs(7);
/// How long a part of an answer may take, in addition to the time for its bytes.
const PATIENCE_FOR_PART: Duration = Duration::from_secs(5);
/// The most time that is allowed for the bytes.
const LONGEST: Duration = Duration::from_secs(3600);
/// The rate of a connection that is not known yet, in bytes a second.
const UNKNOWN: f64 = 500e3;
/// The lowest rate that is assumed after a loss, in bytes a second.
const SLOWEST: f64 = 4e3;
/// Answers of at most so many bytes tell how long a round trip takes.
const SMALL: usize = 4 << 10;
/// On a connection that is not known yet, more bytes than this may take longer than a round trip.
const MANY: u64 = 64 << 10;
/// A host with a round trip of at most this is near: one question at a time is enough.
const NEAR: Duration = Duration::from_millis(2);
/// The least time that a part of a value is made to take. A message that is more urgent waits about so long behind it.
const SHORTEST_PART: Duration = Duration::from_millis(100);
/// A part is made to take so many round trips, if that is longer: for one round trip between two parts, nothing is on its way.
const ROUND_TRIPS: u32 = 10;
/// The most time that a part is made to take, so that nothing else on the connection has to wait for long.
const LONGEST_PART_TIME: Duration = Duration::from_millis(500);
/// The shortest part that is worth a question, in bytes.
const LEAST_PART: f64 = 8e3;
/// A new rate counts as at most so many times the known one.
const GROWTH: f64 = 4.0;

/// How long a round trip to a host takes. All questions to the host share it.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrip(Arc<Mutex<Option<Duration>>>);

impl RoundTrip {
    /// Notes that a round trip took so long.
    fn took(&self, took: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The shortest counts: other messages on the connection make an answer late, and nothing makes it early.
        *known = Some(known.map_or(took, |known| known.min(took)));
    }

    fn get(&self) -> Option<Duration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How fast a connection is for the values of a tag.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    round_trip: RoundTrip,
    bytes_a_second: Option<f64>,
}

impl Pace {
    pub fn new(round_trip: RoundTrip) -> Self {
        Pace { round_trip, bytes_a_second: None }
    }

    /// Notes how long an answer of so many bytes took: question and answer together, without the time that the question waited for a value.
    pub fn arrived(&mut self, nbytes: usize, took: Duration) {
        if nbytes <= SMALL {
            self.round_trip.took(took);
            return;
        }
        // At least a quarter of the time is for the bytes, since the round trip is not known exactly.
        let moving = took.saturating_sub(self.round_trip.get().unwrap_or_default()).max(took / 4);
        let found = nbytes as f64 / moving.as_secs_f64().max(1e-6);
        let rate = self.bytes_a_second.map_or(found, |known| 0.5 * (known + found.min(known * GROWTH)));
        self.bytes_a_second = Some(rate);
    }

    /// Notes that an answer did not arrive: the connection may be much slower than assumed.
    pub fn lost(&mut self) {
        let known = self.bytes_a_second.unwrap_or(UNKNOWN).min(UNKNOWN);
        self.bytes_a_second = Some((known / 4.0).max(SLOWEST));
    }

    /// How long to wait for an answer of so many bytes.
    pub fn patience(&self, nbytes: u64) -> Duration {
        HOLD + PATIENCE + self.moving(nbytes)
    }

    /// How long to wait for a part of so many bytes.
    pub fn patience_for_part(&self, nbytes: u64) -> Duration {
        PATIENCE_FOR_PART + self.moving(nbytes)
    }

    /// How long so many bytes take at the rate that is known.
    fn moving(&self, nbytes: u64) -> Duration {
        let moving = nbytes as f64 / self.bytes_a_second.unwrap_or(UNKNOWN).max(1.0);
        Duration::try_from_secs_f64(moving).unwrap_or(LONGEST).min(LONGEST)
    }

    /// How many bytes of a value are asked for at once.
    pub fn part(&self) -> u64 {
        let Some(rate) = self.bytes_a_second else { return (UNKNOWN * SHORTEST_PART.as_secs_f64()) as u64 };
        let round_trips = self.round_trip.get().unwrap_or_default().saturating_mul(ROUND_TRIPS);
        let time = round_trips.clamp(SHORTEST_PART, LONGEST_PART_TIME).as_secs_f64();
        (rate * time).clamp(LEAST_PART, LONGEST_PART as f64) as u64
    }

    /// Whether a second question should be open while an answer of so many bytes is on its way: if a round trip is not short, and takes longer
    /// than the bytes.
    pub fn is_far(&self, nbytes: u64) -> bool {
        let moving = match self.bytes_a_second {
            Some(rate) => nbytes as f64 / rate,
            None if nbytes <= MANY => 0.0,
            None => return false,
        };
        self.round_trip.get().is_some_and(|trip| trip > NEAR && trip.as_secs_f64() > moving)
    }

    /// How long a message takes one way.
    pub fn one_way(&self) -> Duration {
        self.round_trip.get().unwrap_or_default() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn patience_grows_with_the_size() {
        let mut pace = Pace::default();
        assert_eq!(pace.patience(0), Duration::from_secs(9));
        assert_eq!(pace.patience(50_000_000), Duration::from_secs(109), "an unknown connection may be slow");
        pace.arrived(1 << 20, Duration::from_secs(1));
        assert_eq!(pace.patience(50 << 20), Duration::from_secs(59));
        assert_eq!(pace.patience(u64::MAX), Duration::from_secs(3609));
    }

    #[test]
    fn far_hosts_are_asked_twice() {
        let mut pace = Pace::default();
        assert!(!pace.is_far(0), "nothing is known");
        pace.arrived(100, 50 * MILLI);
        assert!(pace.is_far(100) && !pace.is_far(1 << 20), "many bytes may take longer");
        pace.arrived(1 << 20, 250 * MILLI);
        assert!(!pace.is_far(1 << 20), "the bytes take longer");
        let mut near = Pace::default();
        near.arrived(100, MILLI / 4);
        assert!(!near.is_far(100));
    }

    #[test]
    fn parts_take_a_moment_each() {
        let mut pace = Pace::default();
        assert_eq!(pace.part(), 50_000, "an unknown connection may be slow");
        pace.arrived(1_000_000, Duration::from_secs(1));
        assert_eq!(pace.part(), 100_000);
        pace.arrived(0, 50 * MILLI);
        assert_eq!(pace.part(), 500_000, "ten round trips");
        pace.arrived(0, 900 * MILLI);
        assert_eq!(pace.part(), 500_000, "what was late does not count");
        let mut far = Pace::default();
        far.arrived(0, 900 * MILLI);
        assert_eq!(far.part(), 50_000);
        far.arrived(1_000_000, 2900 * MILLI);
        assert_eq!(far.part(), 250_000, "never more than half a second");
        for _ in 0..8 {
            far.lost();
        }
        assert_eq!((far.part(), far.patience_for_part(8000)), (8000, Duration::from_secs(7)));
        far.arrived(8000, Duration::from_secs(1));
        let before = far.part();
        far.arrived(1 << 30, MILLI);
        assert!(far.part() > before && far.part() < 3 * before, "{before} and {}", far.part());
        for _ in 0..30 {
            far.arrived(1 << 30, MILLI);
        }
        assert_eq!(far.part(), 16 << 20);
    }
}
