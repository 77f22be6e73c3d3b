//! How often tags change, from the looks that clients take at them. While nobody looks, nothing is done.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndsharray::Stat;

/// Looks that follow sooner tell too little: the rate that is known stays.
const SHORTEST: Duration = Duration::from_millis(500);

/// A rate that is older says nothing of now.
const LONGEST: Duration = Duration::from_secs(10);

/// The rates of all tags, for all clients together.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<String, Seen>>);

/// The latest value of a tag at a moment.
#[derive(Clone, Copy, Debug)]
struct Sight {
    at: Instant,
    version: u64,
    age: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    sight: Sight,
    /// Values per second, if two looks have told.
    rate: Option<f64>,
}

impl Rates {
    /// Values per second of each of these tags, which are all there are; `None` if that is not known yet. With each is when this was
    /// found of it.
    pub fn look(&self, stats: &[Option<(&Stat, Instant)>]) -> Vec<Option<f64>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *known);
        let mut look = |(stat, at): (&Stat, Instant)| {
            let value = stat.value.as_ref()?;
            let sight = Sight { at, version: value.version, age: value.age };
            let seen = Seen::after(before.get(&stat.tag), sight);
            known.insert(stat.tag.clone(), seen);
            seen.rate
        };
        stats.iter().map(|stat| stat.and_then(&mut look)).collect()
    }
}

impl Seen {
    fn after(before: Option<&Seen>, sight: Sight) -> Self {
        let Some(before) = before else { return Seen { sight, rate: None } };
        let passed = sight.at.duration_since(before.sight.at);
        if passed < SHORTEST {
            *before
        } else if passed > LONGEST {
            Seen { sight, rate: None }
        } else {
            Seen { sight, rate: rate(&before.sight, &sight, before.rate) }
        }
    }
}

/// Values per second, from the times at which two values were written: the time between two looks would round it.
///
/// The time between the two is told by their ages. Unix times would not do: somebody may have set the clock in between.
fn rate(before: &Sight, now: &Sight, known: Option<f64>) -> Option<f64> {
    let values = now.version.checked_sub(before.version)?;
    if values == 0 {
        // The next one is still to come: it is no more than one in the time since the last.
        let still = known.filter(|_| now.age <= LONGEST).unwrap_or(0.0);
        return Some(still.min(1.0 / now.age.as_secs_f64().max(1e-9)));
    }
    let time = (now.at.duration_since(before.at) + before.age).checked_sub(now.age)?.as_secs_f64();
    (time > 0.0).then(|| values as f64 / time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(start: Instant, version: u64, millis: u64, age: u64) -> Sight {
        Sight { at: start + Duration::from_millis(millis), version, age: Duration::from_millis(age) }
    }

    #[test]
    fn rates_come_from_the_times_of_writing() {
        let start = Instant::now();
        let rate = |before: (u64, u64, u64), now: (u64, u64, u64), known| {
            let of = |(version, millis, age)| sight(start, version, millis, age);
            super::rate(&of(before), &of(now), known)
        };
        assert_eq!(rate((10, 1000, 10), (16, 1210, 20), None), Some(30.0), "six values from 990 to 1190 ms");
        assert_eq!(rate((1, 1000, 9850), (2, 1200, 50), None), Some(0.1), "one value after a long pause");
        assert_eq!(rate((10, 1000, 0), (2, 1200, 0), None), None, "another header");
        assert_eq!(rate((10, 1000, 0), (16, 1200, 3_600_000), None), None, "the clock was set");
        assert_eq!(rate((10, 1000, 0), (10, 2000, 1000), None), Some(0.0));
        assert_eq!(rate((10, 1000, 0), (10, 2000, 1000), Some(0.3)), Some(0.3), "one value in three seconds");
        assert_eq!(rate((10, 1000, 0), (10, 2000, 1000), Some(30.0)), Some(1.0), "a writer that stopped");
        assert_eq!(rate((10, 1000, 0), (10, 2000, 11_000), Some(30.0)), Some(0.0));
    }

    #[test]
    fn a_rate_takes_two_looks_that_are_neither_too_close_nor_too_far_apart() {
        let start = Instant::now();
        let first = Seen::after(None, sight(start, 1, 0, 0));
        assert_eq!(first.rate, None);
        assert_eq!(Seen::after(Some(&first), sight(start, 5, 400, 0)).rate, None, "too soon");
        let second = Seen::after(Some(&first), sight(start, 11, 1000, 0));
        assert_eq!(second.rate, Some(10.0));
        assert_eq!(Seen::after(Some(&second), sight(start, 11, 1100, 100)).rate, Some(10.0), "too soon");
        assert_eq!(Seen::after(Some(&second), sight(start, 900, 60_000, 0)).rate, None, "too late");
    }
}
