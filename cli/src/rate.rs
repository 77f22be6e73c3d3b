//! How often a tag changes, from two looks at it.

use std::time::{Duration, Instant};

use ndsharray::{Error, Stat, Store};

/// How long tags are watched.
#[derive(Debug, clap::Args)]
pub struct Look {
    /// How long to watch, to tell the rate of new values; 0: no rate
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200, value_parser = milliseconds, allow_negative_numbers = true)]
    look: u64,
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|millis| *millis <= 60_000);
    found.ok_or_else(|| "expected 0 to 60000 milliseconds".to_owned())
}

impl Look {
    /// The time between the two looks; `None` if there is only one.
    pub fn time(&self) -> Option<Duration> {
        (self.look > 0).then(|| Duration::from_millis(self.look))
    }
}

/// The latest value of an array at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Sight {
    at: Instant,
    version: u64,
    age: Duration,
}

impl Sight {
    /// What `stat` says, and the value that there was then.
    pub fn of(store: &Store, tag: &str) -> Result<(Stat, Option<Sight>), Error> {
        let stat = store.stat(tag)?;
        let at = Instant::now();
        let sight = stat.value.as_ref().map(|value| Sight { at, version: value.version, age: value.age });
        Ok((stat, sight))
    }
}

/// Values per second, from the times at which two values were written: the time of a short watch would round it.
///
/// The time between the two is told by their ages. Unix times would not do: somebody may have set the clock in between. `None`
/// if the ages make no sense.
pub fn rate(before: &Sight, now: &Sight) -> Option<f64> {
    let values = now.version.checked_sub(before.version)?;
    if values == 0 {
        return Some(0.0);
    }
    let passed = now.at.duration_since(before.at) + before.age;
    let time = passed.checked_sub(now.age)?.as_secs_f64();
    (time > 0.0).then(|| values as f64 / time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_the_times_of_writing() {
        let start = Instant::now();
        let sight = |version, millis, age| Sight {
            at: start + Duration::from_millis(millis),
            version,
            age: Duration::from_millis(age),
        };
        // Six values from 990 ms to 1190 ms.
        assert_eq!(rate(&sight(10, 1000, 10), &sight(16, 1210, 20)), Some(30.0));
        assert_eq!(rate(&sight(10, 1000, 0), &sight(10, 1200, 200)), Some(0.0));
        assert_eq!(rate(&sight(10, 1000, 0), &sight(2, 1200, 0)), None, "another header");
        // One value after a long pause.
        assert_eq!(rate(&sight(1, 1000, 9850), &sight(2, 1200, 50)), Some(0.1));
        // The clock of a writer with another monotonic clock was set back or forth between the looks.
        assert_eq!(rate(&sight(10, 1000, 0), &sight(16, 1200, 3_600_000)), None);
        assert!(rate(&sight(10, 1000, 3_600_000), &sight(16, 1200, 0)).unwrap() > 0.0);
    }
}
