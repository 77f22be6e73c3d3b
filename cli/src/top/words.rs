//! Quantities and names as short text.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The number of a value: all its digits if there are at most nine, else four of them and the exponent.
pub fn version(version: u64) -> String {
    if version < 1_000_000_000 { version.to_string() } else { format!("{:.3e}", version as f64) }
}

/// Megabytes, whole from a hundred on.
pub fn megabytes(bytes: f64) -> String {
    let value = bytes / 1e6;
    match value {
        0.0 => "0".to_owned(),
        _ if value >= 99.95 => format!("{value:.0}"),
        _ => format!("{value:.*}", 1 + usize::from(value < 9.995)),
    }
}

/// A row of bars, the newest at the right, scaled to the greatest; a value above 0 is always seen.
pub fn bars(values: impl ExactSizeIterator<Item = f64> + Clone, width: usize) -> String {
    // Not the full block, which would touch the bars in the line above.
    const BARS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
    let values = values.clone().skip(values.len().saturating_sub(width));
    let greatest = values.clone().fold(0.0, f64::max);
    let bar = |value: f64| match value {
        value if value > 0.0 => BARS[((value / greatest * 6.0).round() as usize).min(6)],
        _ => ' ',
    };
    let bars: String = values.map(bar).collect();
    format!("{bars:>width$}")
}

/// A name of at most so many columns: the middle of a longer one is left out, since many begin or end alike.
pub fn shorten(name: &str, columns: usize) -> String {
    if name.width() <= columns {
        return name.to_owned();
    }
    let room = columns.saturating_sub(1);
    let fits = |room: usize| {
        let mut used = 0;
        move |c: &char| {
            used += c.width().unwrap_or(0);
            used <= room
        }
    };
    let begin: String = name.chars().take_while(fits(room.div_ceil(2))).collect();
    let end: Vec<char> = name.chars().rev().take_while(fits(room / 2)).collect();
    format!("{begin}…{}", end.iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_begin_and_end() {
        assert_eq!((shorten("camera", 6), shorten("camera-left", 6)), ("camera".into(), "cam…ft".into()));
        assert_eq!((shorten("日本日本日本", 6), shorten("camera", 1)), ("日…本".into(), "…".into()));
    }

    #[test]
    fn versions_have_nine_places() {
        assert_eq!([0, 999_999_999, 1_234_567_890].map(version), ["0", "999999999", "1.235e9"]);
        assert_eq!(version(u64::MAX), "1.845e19");
    }

    #[test]
    fn megabytes_have_three_digits() {
        assert_eq!([0.0, 1e4, 27.65e6, 12e9].map(megabytes), ["0", "0.01", "27.6", "12000"]);
    }

    #[test]
    fn bars_are_scaled_to_the_greatest_and_keep_the_newest() {
        assert_eq!(bars([0.0, 1.0, 4.0, 6.0].into_iter(), 6), "   ▂▅▇");
        assert_eq!(bars([8.0, 0.001, 2.0].into_iter(), 2), "▁▇");
        assert_eq!(bars([0.0, 0.0].into_iter(), 2), "  ");
    }
}
