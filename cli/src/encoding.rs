//! How the pixels of a picture lie: the attribute `encoding` of a value, with the names that cameras and ROS use.

use ndsharray::{DType, Snapshot, View};

/// The attribute of a value that names it.
pub const ATTRIBUTE: &str = "encoding";

/// The encoding that a value has, if it says so.
pub fn of_view(value: &View<'_>) -> Option<String> {
    text(value.attributes().ok()??)
}

/// The encoding that a value has, if it says so.
pub fn of_snapshot(value: &Snapshot) -> Option<String> {
    text(value.attributes().ok()??)
}

fn text(attributes: serde_json::Map<String, serde_json::Value>) -> Option<String> {
    Some(attributes.get(ATTRIBUTE)?.as_str()?.to_owned())
}

/// The encoding of pixels with blue first, green and red, and perhaps alpha; `None` for other than 3 or 4 channels of bytes or
/// 16-bit numbers.
pub fn blue_first(dtype: &DType, channels: usize) -> Option<&'static str> {
    match (dtype, channels) {
        (DType::UInt8, 3) => Some("bgr8"),
        (DType::UInt8, 4) => Some("bgra8"),
        (DType::UInt16, 3) => Some("bgr16"),
        (DType::UInt16, 4) => Some("bgra16"),
        _ => None,
    }
}

/// Whether pixels of this encoding have blue first. An encoding of another dtype or number of channels says nothing.
pub fn is_blue_first(encoding: Option<&str>, dtype: &DType, channels: usize) -> bool {
    encoding.is_some() && encoding == blue_first(dtype, channels)
}

/// Exchanges red and blue of each pixel of so many channels of `sample` bytes.
pub fn exchange(pixels: &mut [u8], channels: usize, sample: usize) {
    for pixel in pixels.chunks_exact_mut(channels * sample) {
        let (red, rest) = pixel.split_at_mut(sample);
        red.swap_with_slice(&mut rest[sample..2 * sample]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_encoding_of_the_same_form_counts() {
        assert!(is_blue_first(Some("bgr8"), &DType::UInt8, 3));
        assert!(is_blue_first(Some("bgra16"), &DType::UInt16, 4));
        for (encoding, dtype, channels) in [
            (None, DType::UInt8, 3),
            (None, DType::UInt8, 1),
            (Some("rgb8"), DType::UInt8, 3),
            (Some("bgr8"), DType::UInt8, 4),
            (Some("bgr8"), DType::UInt16, 3),
            (Some("BGR8"), DType::UInt8, 3),
        ] {
            assert!(!is_blue_first(encoding, &dtype, channels), "{encoding:?} {dtype} {channels}");
        }
    }

    #[test]
    fn red_and_blue_are_exchanged_and_alpha_stays() {
        let mut bytes = [1, 2, 3, 4, 5, 6];
        exchange(&mut bytes, 3, 1);
        assert_eq!(bytes, [3, 2, 1, 6, 5, 4]);
        let mut wide = [1, 2, 3, 4, 5, 6, 7, 8];
        exchange(&mut wide, 4, 2);
        assert_eq!(wide, [5, 6, 3, 4, 1, 2, 7, 8]);
    }
}
