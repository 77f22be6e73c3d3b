//! How the count of a tag's versions goes on from one look at it to another.

use crate::format::record::Stamp;

/// How far the count of a tag's versions had come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    /// Where the count began.
    origin: u64,
    /// The latest value; version 0: none yet.
    latest: Stamp,
    /// Which clock its time is of.
    domain: u64,
}

impl Count {
    pub fn new(origin: u64, latest: Stamp, domain: u64) -> Self {
        Count { origin, latest, domain }
    }

    /// Whether it is the same count, at the same value or a later one.
    pub fn goes_on_from(&self, earlier: &Count) -> bool {
        // Files that were put back from a copy have the same origin, and may have another value of the same version.
        let is_later = self.latest.version > earlier.latest.version;
        self.origin == earlier.origin && (is_later || self.latest == earlier.latest)
    }

    /// Values per second, from the times at which the two values were written: the times of the looks would round it.
    pub fn rate_since(&self, earlier: &Count) -> Option<f64> {
        if !self.goes_on_from(earlier) || earlier.latest.version == 0 {
            return None;
        }
        let values = self.latest.version - earlier.latest.version;
        if values == 0 {
            return Some(0.0);
        }
        // Times of the monotonic clock, which nobody can set. Those of two such clocks have nothing to do with each other.
        let is_same_clock = self.domain == earlier.domain;
        let time = self.latest.written_at.checked_sub(earlier.latest.written_at).filter(|_| is_same_clock)?;
        (time > 0).then(|| values as f64 * 1e9 / time as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of origin 7; written at that millisecond.
    fn count(version: u64, millis: u64) -> Count {
        Count::new(7, Stamp { version, written_at: millis * 1_000_000 }, 1)
    }

    #[test]
    fn rates_come_from_the_times_of_writing() {
        let rate = |before: Count, now: Count| now.rate_since(&before);
        assert_eq!(rate(count(10, 990), count(16, 1190)), Some(30.0));
        assert_eq!(rate(count(1, 0), count(2, 10_000)), Some(0.1), "one value after a long pause");
        assert_eq!(rate(count(10, 1000), count(10, 1000)), Some(0.0));
        assert_eq!(rate(count(0, 0), count(3, 1000)), None, "the first value: since when is not known");
        assert_eq!(rate(count(10, 1000), count(2, 1200)), None, "it went back");
        assert_eq!(rate(count(10, 1000), count(11, 1000)), None, "no time");
        assert_eq!(rate(count(10, 1000), count(11, 900)), None, "time went back");
        let other_clock = Count { domain: 2, ..count(16, 1190) };
        assert_eq!(rate(count(10, 990), other_clock), None);
        let other_origin = Count { origin: 8, ..count(16, 1190) };
        assert_eq!(rate(count(10, 990), other_origin), None);
    }

    #[test]
    fn a_count_goes_on_with_the_same_value_or_a_later_one() {
        assert!(count(5, 100).goes_on_from(&count(5, 100)));
        assert!(count(6, 100).goes_on_from(&count(5, 100)));
        assert!(count(1, 100).goes_on_from(&count(0, 0)), "the first value");
        assert!(!count(4, 200).goes_on_from(&count(5, 100)), "it went back");
        assert!(!count(5, 200).goes_on_from(&count(5, 100)), "another value of the same version");
        assert!(!Count { origin: 8, ..count(6, 200) }.goes_on_from(&count(5, 100)), "another count");
    }
}
