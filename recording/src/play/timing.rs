//! How late values were written.

use std::time::Duration;

use hdrhistogram::Histogram;

/// How late values were written, after the time that the pace gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// Half of the values were written no later than that.
    pub median: Duration,
    /// The latest of them.
    pub max: Duration,
    /// How many were written more than [`Timing::LATE`] after their time.
    pub late: u64,
}

impl Timing {
    /// A value that is written later than that after its time counts as late.
    pub const LATE: Duration = Duration::from_millis(5);
}

/// Collects how late values are, in memory that does not grow.
#[derive(Debug)]
pub(super) struct Lateness {
    /// In nanoseconds, to two digits.
    histogram: Histogram<u64>,
    max: Duration,
    late: u64,
}

impl Lateness {
    pub fn new() -> Self {
        /// What is later counts as that late.
        const HOUR: u64 = 3_600_000_000_000;
        let histogram = Histogram::new_with_max(HOUR, 2).expect("an hour and two digits are in range");
        Lateness { histogram, max: Duration::ZERO, late: 0 }
    }

    pub fn add(&mut self, lateness: Duration) {
        self.histogram.saturating_record(u64::try_from(lateness.as_nanos()).unwrap_or(u64::MAX));
        self.max = self.max.max(lateness);
        self.late += u64::from(lateness > Timing::LATE);
    }

    /// `None` before the first value.
    pub fn timing(&self) -> Option<Timing> {
        let median = Duration::from_nanos(self.histogram.value_at_quantile(0.5)).min(self.max);
        (!self.histogram.is_empty()).then_some(Timing { median, max: self.max, late: self.late })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_largest() {
        let mut lateness = Lateness::new();
        assert_eq!(lateness.timing(), None);
        for micros in [80, 60, 40, 5000, 5001, 20_000, 50] {
            lateness.add(Duration::from_micros(micros));
        }
        let timing = lateness.timing().unwrap();
        assert!((79..=81).contains(&timing.median.as_micros()), "{timing:?}");
        assert_eq!((timing.max, timing.late), (Duration::from_millis(20), 2));
        lateness.add(Duration::MAX);
        assert_eq!(lateness.timing().unwrap().max, Duration::MAX);
    }
}
