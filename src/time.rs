//! Unix times, to the nanosecond.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A Unix time: how long after the beginning of 1970, in nanoseconds.
///
/// It is made from a [`SystemTime`], from a [`Duration`] since 1970, or from nanoseconds:
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use ndsharray::UnixTime;
///
/// let time = UnixTime::from(1_700_000_000_000_000_000_u64);
/// assert_eq!(time, Duration::from_secs(1_700_000_000).into());
/// assert_eq!(UnixTime::from(SystemTime::from(time)), time);
/// assert_eq!(time.as_secs_f64(), 1.7e9);
/// ```
///
/// Times before 1970 become 0, those after 2554 the last nanosecond that 64 bits count to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time now, by this machine's clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// A time that is stored as nanoseconds, 0 if there is none.
    pub(crate) fn stored(nanoseconds: u64) -> Option<Self> {
        (nanoseconds != 0).then_some(UnixTime(nanoseconds))
    }

    /// Nanoseconds since 1970.
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// Seconds since 1970; in steps of a quarter of a microsecond in this century.
    pub fn as_secs_f64(self) -> f64 {
        Duration::from_nanos(self.0).as_secs_f64()
    }

    /// How far two times are apart.
    pub fn abs_diff(self, other: UnixTime) -> Duration {
        Duration::from_nanos(self.0.abs_diff(other.0))
    }
}

impl From<u64> for UnixTime {
    /// From nanoseconds since 1970.
    fn from(nanoseconds: u64) -> Self {
        UnixTime(nanoseconds)
    }
}

impl From<Duration> for UnixTime {
    fn from(since_1970: Duration) -> Self {
        UnixTime(since_1970.as_nanos().try_into().unwrap_or(u64::MAX))
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().into()
    }
}

impl From<UnixTime> for SystemTime {
    fn from(time: UnixTime) -> Self {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(time.0)
    }
}

impl fmt::Display for UnixTime {
    /// Seconds, with nine digits behind the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}
