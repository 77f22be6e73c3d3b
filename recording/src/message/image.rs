//! Which arrays are images that viewers show.

use ndsharray::DType;

use crate::value::Value;

/// An array as an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// How the pixels lie, in the words of `foxglove.RawImage`.
    pub encoding: &'static str,
    /// Rows.
    pub height: u32,
    /// Pixels in a row.
    pub width: u32,
}

/// The encodings, each with its dtype and number of channels. Of those with the same dtype and number, the first is the one of
/// an array that does not say.
const ENCODINGS: [(&str, DType, usize); 7] = [
    ("mono8", DType::UInt8, 1),
    ("mono16", DType::UInt16, 1),
    ("32FC1", DType::Float32, 1),
    ("rgb8", DType::UInt8, 3),
    ("bgr8", DType::UInt8, 3),
    ("rgba8", DType::UInt8, 4),
    ("bgra8", DType::UInt8, 4),
];

/// The smallest side of an array that is taken for an image though it does not say that it is one: what is smaller, such as a
/// table of points or a matrix, rarely is.
const SMALLEST: usize = 16;

impl Image {
    /// The value as an image: if its attribute `encoding` is one of those above and fits, or if it has none, its shape is HxW, or
    /// HxWx1, 3 or 4, with each side at least 16, and its dtype is one of those above. Nothing else is an image.
    pub fn of(value: &Value<'_>) -> Option<Image> {
        let (height, width, channels) = match *value.shape {
            [height, width] => (height, width, 1),
            [height, width, channels] => (height, width, channels),
            _ => return None,
        };
        let fitting = || ENCODINGS.iter().filter(|row| row.1 == *value.dtype && row.2 == channels);
        let said = said(value);
        let encoding = match &said {
            Some(said) => fitting().find(|row| row.0 == said)?.0,
            None if height.min(width) < SMALLEST => return None,
            None => fitting().next()?.0,
        };
        let side = |length: usize| u32::try_from(length).ok().filter(|&length| length > 0);
        let image = Image { encoding, height: side(height)?, width: side(width)? };
        u32::try_from(image.step(value.dtype, channels)).is_ok().then_some(image)
    }

    /// Bytes in a row.
    fn step(self, dtype: &DType, channels: usize) -> usize {
        self.width as usize * channels * dtype.itemsize()
    }
}

/// What the attribute `encoding` says, if there is one.
fn said(value: &Value<'_>) -> Option<String> {
    let text = value.attributes?;
    // Most values have attributes without it.
    if !text.contains("\"encoding\"") {
        return None;
    }
    let attributes: ndsharray::serde_json::Value = ndsharray::serde_json::from_str(text).ok()?;
    attributes.get("encoding").map(|said| said.as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use ndsharray::UnixTime;

    use super::*;

    fn encoding(dtype: DType, shape: &[usize], attributes: Option<&str>) -> Option<&'static str> {
        let value = Value {
            tag: "cam",
            dtype: &dtype,
            shape,
            bytes: &[],
            user_data: &[],
            attributes,
            version: 1,
            written_at: UnixTime::from(0),
            acquired_at: None,
            source_written_at: None,
        };
        Image::of(&value).map(|image| image.encoding)
    }

    #[test]
    fn shapes_and_dtypes_tell_images() {
        for (dtype, shape, expected) in [
            (DType::UInt8, &[480, 640][..], Some("mono8")),
            (DType::UInt8, &[480, 640, 1], Some("mono8")),
            (DType::UInt8, &[480, 640, 2], None),
            (DType::UInt8, &[480, 640, 3], Some("rgb8")),
            (DType::UInt8, &[480, 640, 4], Some("rgba8")),
            (DType::UInt16, &[480, 640], Some("mono16")),
            (DType::UInt16, &[480, 640, 3], None),
            (DType::Float32, &[480, 640], Some("32FC1")),
            (DType::Float64, &[480, 640], None),
            (DType::UInt8, &[480], None),
            (DType::Float32, &[4, 4], None),
            (DType::UInt8, &[0, 640], None),
            (DType::UInt8, &[2, 480, 640, 3], None),
        ] {
            assert_eq!(encoding(dtype.clone(), shape, None), expected, "{dtype} {shape:?}");
        }
    }

    #[test]
    fn what_the_writer_says_comes_first() {
        let bgr = Some(r#"{"encoding":"bgr8"}"#);
        assert_eq!(encoding(DType::UInt8, &[480, 640, 3], bgr), Some("bgr8"));
        assert_eq!(encoding(DType::UInt8, &[2, 2, 3], bgr), Some("bgr8"));
        assert_eq!(encoding(DType::UInt8, &[480, 640], bgr), None);
        assert_eq!(encoding(DType::UInt8, &[480, 640, 3], Some(r#"{"encoding":"hsv8"}"#)), None);
        assert_eq!(encoding(DType::UInt8, &[480, 640, 3], Some(r#"{"encoding":7}"#)), None);
        assert_eq!(encoding(DType::UInt8, &[480, 640, 3], Some(r#"{"exposure":7}"#)), Some("rgb8"));
    }
}
