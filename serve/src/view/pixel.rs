//! How the pixels of a picture lie: the attribute `encoding` of a value, with the names that cameras and ROS use.

use ndsharray::DType;

/// The attribute of a value that names it.
pub(super) const ATTRIBUTE: &str = "encoding";

/// Name, dtype, channels, and whether blue is first.
const ENCODINGS: [(&str, DType, usize, bool); 10] = [
    ("mono8", DType::UInt8, 1, false),
    ("mono16", DType::UInt16, 1, false),
    ("rgb8", DType::UInt8, 3, false),
    ("rgba8", DType::UInt8, 4, false),
    ("rgb16", DType::UInt16, 3, false),
    ("rgba16", DType::UInt16, 4, false),
    ("bgr8", DType::UInt8, 3, true),
    ("bgra8", DType::UInt8, 4, true),
    ("bgr16", DType::UInt16, 3, true),
    ("bgra16", DType::UInt16, 4, true),
];

/// Whether the last axis is colours, if the encoding says so. An encoding of another dtype or number of channels says nothing.
pub(super) fn colour(encoding: Option<&str>, dtype: &DType, shape: &[usize]) -> Option<bool> {
    let (_, of, channels, _) = ENCODINGS.iter().find(|(name, ..)| Some(*name) == encoding)?;
    match (of == dtype, shape.last() == Some(channels)) {
        (true, true) => Some(true),
        // Gray pictures, one behind the other.
        (true, false) if *channels == 1 => Some(false),
        _ => None,
    }
}

/// Whether blue is first. An encoding of another dtype or number of channels says nothing.
pub(super) fn is_blue_first(encoding: Option<&str>, dtype: &DType, channels: usize) -> bool {
    let fits = |(name, of, count, _): &&(&str, DType, usize, bool)| {
        (Some(*name), of, *count) == (encoding, dtype, channels)
    };
    ENCODINGS.iter().find(fits).is_some_and(|&(.., blue_first)| blue_first)
}

/// Exchanges the first and the third of the channels of each pixel, which have `size` bytes each.
pub(super) fn exchange(pixels: &mut [u8], channels: usize, size: usize) {
    for pixel in pixels.chunks_exact_mut(channels * size) {
        let (first, rest) = pixel.split_at_mut(size);
        first.swap_with_slice(&mut rest[size..2 * size]);
    }
}
