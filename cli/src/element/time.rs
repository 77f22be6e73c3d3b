//! Points and lengths of time as text, as numpy prints them.

/// The count that is no time.
const NAT: i64 = i64::MIN;
/// Units shorter than a second: how many digits they have behind the point.
const FRACTIONS: [(&str, usize); 6] = [("ms", 3), ("us", 6), ("ns", 9), ("ps", 12), ("fs", 15), ("as", 18)];

/// A point in time, so many units after the begin of 1970: ISO 8601, as exact as the unit is.
pub fn point(count: i64, unit: Option<(u32, &str)>) -> String {
    let Some((many, unit)) = unit.filter(|_| count != NAT) else {
        return if count == NAT { "NaT".to_owned() } else { count.to_string() };
    };
    let count = i128::from(count) * i128::from(many);
    match unit {
        "Y" => format!("{:04}", 1970 + count),
        "M" => format!("{:04}-{:02}", 1970 + count.div_euclid(12), count.rem_euclid(12) + 1),
        "W" => date(7 * count),
        "D" => date(count),
        "h" => format!("{}T{:02}", date(count.div_euclid(24)), count.rem_euclid(24)),
        "m" => minute(count),
        "s" => second(count),
        _ => {
            let digits = FRACTIONS.iter().find(|(name, _)| *name == unit).map_or(0, |(_, digits)| *digits);
            let per_second = 10_i128.pow(digits as u32);
            let (seconds, fraction) = (count.div_euclid(per_second), count.rem_euclid(per_second));
            format!("{}.{fraction:0digits$}", second(seconds))
        }
    }
}

fn second(count: i128) -> String {
    format!("{}:{:02}", minute(count.div_euclid(60)), count.rem_euclid(60))
}

fn minute(count: i128) -> String {
    let (hours, minute) = (count.div_euclid(60), count.rem_euclid(60));
    format!("{}T{:02}:{minute:02}", date(hours.div_euclid(24)), hours.rem_euclid(24))
}

/// The date so many days after 1970-01-01.
fn date(days: i128) -> String {
    // Years that begin in March end with the day that not every year has; 400 of them have 146,097 days.
    let days = days + 719_468; // since 0000-03-01
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // March is 0. Five months in turn have 153 days.
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + 400 * era + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A length of time, such as `75 seconds`.
pub fn length(count: i64, unit: Option<(u32, &str)>) -> String {
    if count == NAT {
        return "NaT".to_owned();
    }
    let (many, unit) = unit.unwrap_or((1, ""));
    let name = match unit {
        "Y" => "years",
        "M" => "months",
        "W" => "weeks",
        "D" => "days",
        "h" => "hours",
        "m" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "ps" => "picoseconds",
        "fs" => "femtoseconds",
        "as" => "attoseconds",
        _ => "generic time units",
    };
    format!("{} {name}", i128::from(count) * i128::from(many))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy prints the same.
    #[test]
    fn points_of_every_unit() {
        for (count, unit, text) in [
            (-2000, "Y", "-030"),
            (-1, "Y", "1969"),
            (8030, "Y", "10000"),
            (-1, "M", "1969-12"),
            (-1_234_567, "M", "-100911-06"),
            (1_234_567, "W", "25630-11-28"),
            (-1_234_567, "W", "-21691-02-04"),
            (11_016, "D", "2000-02-29"),
            (-1_234_567, "D", "-1411-11-14"),
            (1_234_567, "h", "2110-11-03T07"),
            (-1, "h", "1969-12-31T23"),
            (-1_234_567, "m", "1967-08-27T15:53"),
            (-800, "s", "1969-12-31T23:46:40"),
            (i64::MAX, "s", "292277026596-12-04T15:30:07"),
            (-i64::MAX, "s", "-292277022657-01-27T08:29:53"),
            (-800, "ms", "1969-12-31T23:59:59.200"),
            (-1, "us", "1969-12-31T23:59:59.999999"),
            (i64::MAX, "ns", "2262-04-11T23:47:16.854775807"),
            (-i64::MAX, "ps", "1969-09-16T05:57:07.963145224193"),
            (1_234_567, "fs", "1970-01-01T00:00:00.000000001234567"),
            (-1, "as", "1969-12-31T23:59:59.999999999999999999"),
        ] {
            assert_eq!(point(count, Some((1, unit))), text, "{count} {unit}");
        }
        assert_eq!(point(3, Some((25, "s"))), "1970-01-01T00:01:15");
        assert_eq!(
            (point(NAT, Some((1, "s"))), point(NAT, None), point(5, None)),
            ("NaT".into(), "NaT".into(), "5".into())
        );
        // numpy's own sum overflows here.
        assert_eq!(point(i64::MAX, Some((1, "Y"))), "9223372036854777777");
        point(i64::MAX, Some((u32::MAX, "W")));
    }

    #[test]
    fn lengths() {
        assert_eq!(length(3, Some((25, "s"))), "75 seconds");
        assert_eq!(length(-1, Some((1, "ns"))), "-1 nanoseconds");
        assert_eq!(
            (length(3, None), length(NAT, Some((1, "D")))),
            ("3 generic time units".into(), "NaT".into())
        );
    }
}
