//! Unix times as options and JSON have them: seconds, exact to the nanosecond.

use std::time::Duration;

use ndsharray::UnixTime;
use serde::ser::Error;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A Unix time that is a JSON number with nine digits behind the point. A float64 has too few digits for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(pub UnixTime);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// The time that an option gives, such as `1700000000.25`.
pub fn parse(text: &str) -> Result<UnixTime, String> {
    let nanoseconds = nanoseconds(text).filter(|&nanoseconds| nanoseconds != 0);
    nanoseconds.map(UnixTime::from).ok_or_else(|| {
        "expected Unix seconds above 0 and below 18446744073.709551616, with at most nine digits behind the point, such as \
         1700000000.25"
            .to_owned()
    })
}

/// The time from the start of something that an option gives, such as `12.5`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    nanoseconds(text).map(Duration::from_nanos).ok_or_else(|| {
        "expected seconds, 0 or more, with at most nine digits behind the point, such as 12.5".to_owned()
    })
}

fn nanoseconds(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_seconds_to_the_nanosecond() {
        for (text, nanoseconds) in [
            ("1", 1_000_000_000),
            ("0.000000001", 1),
            ("1700000000.123456789", 1_700_000_000_123_456_789),
            ("1700000000.5", 1_700_000_000_500_000_000),
            ("007.10", 7_100_000_000),
            ("18446744073.709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(UnixTime::from(nanoseconds)), "{text}");
        }
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "0",
            "0.0",
            "-1",
            "+1",
            "1.-5",
            "1.+5",
            "1e9",
            "1_000",
            " 1",
            "1,5",
            "1.2.3",
            "nan",
            "1.0000000000",
            "18446744073.709551616",
            "18446744074",
            "99999999999999999999999",
            "\u{661}",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains("at most nine digits"), "{bad}: {error}");
        }
    }

    #[test]
    fn durations_begin_at_0() {
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("12.5"), Ok(Duration::from_millis(12_500)));
        for bad in ["-1", "", "1 s", "1.0000000000", "99999999999"] {
            assert!(parse_duration(bad).unwrap_err().contains("such as 12.5"), "{bad}");
        }
    }

    #[test]
    fn json_has_all_digits() {
        let json = |nanoseconds: u64| serde_json::to_string(&Some(Seconds(nanoseconds.into()))).unwrap();
        assert_eq!(json(1_700_000_000_000_000_001), "1700000000.000000001");
        assert_eq!(json(u64::MAX), "18446744073.709551615");
    }
}
