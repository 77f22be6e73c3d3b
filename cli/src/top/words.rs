//! Quantities as short text.

use std::time::Duration;

/// A number with at most six significant digits, and no more of them than it needs.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        // Adding 0 turns -0 into 0.
        return format!("{}", value + 0.0);
    }
    if value.is_infinite() {
        return value.to_string();
    }
    if !(1e-4..1e6).contains(&size) {
        let text = format!("{value:.5e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let whole = size.log10().floor().max(-4.0) as i32;
    let text = format!("{value:.*}", usize::try_from(5 - whole).unwrap_or(0));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Bytes, by powers of 1000.
pub fn bytes(count: f64) -> String {
    let mut value = count;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            return format!("{} {unit}", three(value, unit == "B"));
        }
        value /= 1000.0;
    }
    format!("{} TB", three(value, false))
}

/// Values in a second.
pub fn rate(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value < 999.5 => three(value, false),
        value if value < 999_500.0 => format!("{}k", three(value / 1e3, false)),
        value => format!("{}M", three(value / 1e6, false)),
    }
}

/// Megabytes, whole from a hundred on.
pub fn megabytes(bytes: f64) -> String {
    if bytes == 0.0 { "0".to_owned() } else { three(bytes / 1e6, false) }
}

fn three(value: f64, whole: bool) -> String {
    let decimals = if whole || value >= 99.95 { 0 } else { usize::from(value < 9.995) + 1 };
    format!("{value:.decimals$}")
}

/// How long ago, in the unit that fits.
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs_f64();
    match seconds {
        s if s < 0.0009995 => format!("{} us", age.as_micros()),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 59.95 => format!("{s:.1} s"),
        s if s < 5970.0 => format!("{:.0} min", s / 60.0),
        s if s < 171_000.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86400.0),
    }
}

/// A row of bars, the newest at the right, scaled to the greatest; a value above 0 is always seen.
pub fn bars(values: impl ExactSizeIterator<Item = f64> + Clone, width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values = values.clone().skip(values.len().saturating_sub(width));
    let greatest = values.clone().fold(0.0, f64::max);
    let bar = |value: f64| match value {
        value if value > 0.0 => BARS[((value / greatest * 7.0).round() as usize).min(7)],
        _ => ' ',
    };
    let bars: String = values.map(bar).collect();
    format!("{bars:>width$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits_and_no_idle_zeros() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-3.0, "-3"),
            (1e14, "100000000000000"),
            (0.1, "0.1"),
            (std::f64::consts::PI, "3.14159"),
            (-123.456789, "-123.457"),
            (99999.97, "100000"),
            (123456.7, "123457"),
            (1234567.8, "1.23457e6"),
            (0.0001, "0.0001"),
            (0.00012345678, "0.000123457"),
            (0.00001, "1e-5"),
            (1e300, "1e300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn units_change_where_three_digits_end() {
        assert_eq!(
            [0.0, 999.0, 999.6, 8192.0, 12.3e6].map(bytes),
            ["0 B", "999 B", "1.00 kB", "8.19 kB", "12.3 MB"]
        );
        assert_eq!([5e9, 999.7e9, 2e15].map(bytes), ["5.00 GB", "1.00 TB", "2000 TB"]);
        assert_eq!([0.0, 0.5, 29.97, 30000.0, 2e6].map(rate), ["0", "0.50", "30.0", "30.0k", "2.00M"]);
        assert_eq!([0.0, 1e4, 27.65e6, 12e9].map(megabytes), ["0", "0.01", "27.6", "12000"]);
        let of = |seconds: f64| age(Duration::from_secs_f64(seconds));
        assert_eq!([0.0, 0.0005, 0.033, 1.0].map(of), ["0 us", "500 us", "33 ms", "1.0 s"]);
        assert_eq!([59.96, 7200.0, 200_000.0].map(of), ["1 min", "2 h", "2 d"]);
    }

    #[test]
    fn bars_are_scaled_to_the_greatest_and_keep_the_newest() {
        assert_eq!(bars([0.0, 1.0, 4.0, 8.0].into_iter(), 6), "   ▂▅█");
        assert_eq!(bars([8.0, 0.001, 2.0].into_iter(), 2), "▁█");
        assert_eq!(bars([0.0, 0.0].into_iter(), 2), "  ");
    }
}
