//! Quantities as text that people read.

use std::time::Duration;

/// Bytes with three digits: `12 B`, `6.22 MB`. Powers of 1000, as `df -H` has them.
pub fn bytes(count: u64) -> String {
    scaled(count as f64, &["B", "kB", "MB", "GB", "TB", "PB", "EB"])
}

/// A number of bytes as an option gives it, such as `4096`, `1.5GB` or `64KiB`.
pub fn parse_bytes(text: &str) -> Result<usize, String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim().to_ascii_lowercase());
    let powers = [("", 0), ("k", 1), ("m", 2), ("g", 3), ("t", 4)];
    let factor = powers.into_iter().find_map(|(prefix, power)| match unit.strip_prefix(prefix)? {
        "" | "b" => Some(1000_u64.pow(power)),
        "ib" if power > 0 => Some(1024_u64.pow(power)),
        _ => None,
    });
    let bytes = factor.and_then(|factor| match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(factor),
        Err(_) => number
            .parse::<f64>()
            .ok()
            .map(|number| number * factor as f64)
            .filter(|bytes| *bytes < 1e18)
            .map(|bytes| bytes as u64),
    });
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "expected a number of bytes, such as 4096, 1.5GB or 64KiB".to_owned())
}

/// A number of things: `1 file`, `2 files`.
pub fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Values per second.
pub fn rate(rate: f64) -> String {
    if rate == 0.0 { "0".to_owned() } else { format!("{}/s", scaled(rate, &["", "k", "M", "G"])) }
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // From 999.5 on, three digits would round to 1000.
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let whole = value.fract() == 0.0 && unit == 0;
    let digits = if whole || value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
    format!("{value:.digits$} {}", units[unit]).trim_end().to_owned()
}

/// A time with its largest unit: `85 us`, `1.2 s`, `3 h`.
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0 if age.as_micros() < 1000 => format!("{} us", age.as_micros()),
        0 => format!("{} ms", age.as_millis()),
        1..10 => format!("{:.1} s", age.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A shape as `pipe` takes it: `720,1280,3`, and `()` for a single element.
pub fn shape(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "()".to_owned();
    }
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// At most so many characters of a text.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// Permissions as `ls -l` has them, without the kind of file.
pub fn mode(mode: u32) -> String {
    (0..9).rev().zip("rwxrwxrwx".chars()).map(|(bit, c)| if mode >> bit & 1 == 1 { c } else { '-' }).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (9_999, "10.0 kB"),
            (99_960, "100 kB"),
            (999_600, "1.00 MB"),
            (6_220_800, "6.22 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(rate(29.97), "30.0/s");
        assert_eq!(rate(0.5), "0.50/s");
        assert_eq!(rate(123_456.0), "123 k/s");
    }

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("8MB", 8_000_000),
            ("8 mb", 8_000_000),
            ("1.5GB", 1_500_000_000),
            ("64KiB", 65_536),
            ("2k", 2000),
            ("1 TiB", 1 << 40),
            ("10B", 10),
            ("0.5kB", 500),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "MB",
            "-1",
            "1XB",
            "1 iB",
            "1.2.3",
            "1e3",
            "99999999999999999999",
            "18446744073709551615kB",
            "1.5e9",
            ".",
        ] {
            assert!(parse_bytes(bad).unwrap_err().contains("64KiB"), "{bad}");
        }
    }

    #[test]
    fn times_shapes_and_modes() {
        for (millis, text) in
            [(0, "0 us"), (12, "12 ms"), (1234, "1.2 s"), (60_000, "60 s"), (3_600_000, "60 min")]
        {
            assert_eq!(age(Duration::from_millis(millis)), text);
        }
        assert_eq!((shape(&[]), shape(&[3, 4])), ("()".to_owned(), "3,4".to_owned()));
        assert_eq!(mode(0o640), "rw-r-----");
        assert_eq!((shorten("äöü", 3), shorten("äöüß", 3)), ("äöü".to_owned(), "äö…".to_owned()));
    }

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
}
