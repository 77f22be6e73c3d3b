//! The text of one element.

use ndsharray::DType;
use ndsharray::half::f16;

use crate::element;

/// How the numbers of an element are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Digits {
    /// Six, for people.
    Six,
    /// As many as tell the number from all others of its dtype.
    All,
}

/// Whether elements are numbers, whose last digits are to be below each other.
pub fn is_number(dtype: &DType) -> bool {
    !matches!(dtype, DType::Custom(_))
}

pub fn text(dtype: &DType, bytes: &[u8], digits: Digits) -> String {
    match (dtype, digits) {
        (DType::Custom(_), _) => custom(dtype, bytes, digits),
        (DType::Float16 | DType::Float32 | DType::Float64, Digits::All) => float(bytes),
        (DType::Complex64 | DType::Complex128, Digits::All) => {
            let [re, im] = [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]].map(float);
            let sign = if im.starts_with('-') { "" } else { "+" };
            format!("{re}{sign}{im}j")
        }
        _ => element::text(dtype, bytes),
    }
}

/// A floating-point number with all its digits.
fn float(bytes: &[u8]) -> String {
    match *bytes {
        [a, b] => f16::from_ne_bytes([a, b]).to_string(),
        [a, b, c, d] => {
            let value = f32::from_ne_bytes([a, b, c, d]);
            scientific(value.abs().into(), value.to_string(), format!("{value:e}"))
        }
        [a, b, c, d, e, f, g, h] => {
            let value = f64::from_ne_bytes([a, b, c, d, e, f, g, h]);
            scientific(value.abs(), value.to_string(), format!("{value:e}"))
        }
        _ => String::new(),
    }
}

/// The shorter of two texts of a number of that size: 1e300 has 301 digits.
fn scientific(size: f64, plain: String, scientific: String) -> String {
    if size == 0.0 || (1e-5..1e16).contains(&size) || !size.is_finite() { plain } else { scientific }
}

/// Text of numpy's `S` and `U` dtypes; the bytes of any other dtype in hex.
fn custom(dtype: &DType, bytes: &[u8], digits: Digits) -> String {
    let (order, kind) = dtype.descr().split_at_checked(1).unwrap_or_default();
    let said = if kind.starts_with('S') {
        let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    } else if kind.starts_with('U') {
        let read = if order == ">" { u32::from_be_bytes } else { u32::from_le_bytes };
        let codes = bytes.chunks_exact(4).filter_map(|code| code.try_into().ok()).map(read);
        let text: String =
            codes.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        text.trim_end_matches('\0').to_owned()
    } else {
        return element::text(dtype, bytes);
    };
    // For people it is seen where the text ends.
    if digits == Digits::Six { format!("{said:?}") } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_all_their_digits() {
        let of = |value: f64| text(&DType::Float64, &value.to_ne_bytes(), Digits::All);
        for value in [0.1, 1.0 / 3.0, -1e300, 5e-324, f64::MAX, 0.0, 123456789.0, 1e16, 1e-5] {
            let text = of(value);
            assert_eq!(text.parse::<f64>().unwrap(), value, "{text}");
            assert!(text.len() < 26, "{text}");
        }
        assert_eq!(
            (of(0.1), of(2.0), of(f64::NAN), of(-f64::INFINITY)),
            ("0.1".into(), "2".into(), "NaN".into(), "-inf".into())
        );
        assert_eq!(text(&DType::Float32, &0.1_f32.to_ne_bytes(), Digits::All), "0.1");
        assert_eq!(text(&DType::Float32, &16777217_f32.to_ne_bytes(), Digits::All), "16777216");
        let half = f16::from_f32(0.1);
        assert_eq!(
            text(&DType::Float16, &half.to_ne_bytes(), Digits::All).parse::<f32>().unwrap(),
            half.to_f32()
        );
        let pair = [0.1_f32.to_ne_bytes(), (-1e-9_f32).to_ne_bytes()].concat();
        assert_eq!(text(&DType::Complex64, &pair, Digits::All), "0.1-1e-9j");
        let count = text(&DType::UInt64, &u64::MAX.to_ne_bytes(), Digits::All);
        assert_eq!(count, u64::MAX.to_string());
    }

    #[test]
    fn strings_and_other_bytes() {
        let of = |size, descr, bytes: &[u8], digits| {
            text(&DType::custom("x", size, descr).unwrap(), bytes, digits)
        };
        assert_eq!(of(5, "|S5", b"ab\x1b\0\0", Digits::Six), "\"ab\\u{1b}\"");
        assert_eq!(of(5, "|S5", b"a,\"b\0", Digits::All), "a,\"b");
        let little: Vec<u8> = "°C\0".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let big: Vec<u8> = "°C\0".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        assert_eq!(
            (of(12, "<U3", &little, Digits::All), of(12, ">U3", &big, Digits::All)),
            ("°C".into(), "°C".into())
        );
        assert_eq!(of(4, "<U1", &[0xff; 4], Digits::All), "\u{fffd}");
        assert_eq!(of(2, "|V2", &[1, 0xfe], Digits::Six), "01fe");
    }
}
