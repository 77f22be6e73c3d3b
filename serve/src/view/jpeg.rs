//! A plane of bytes as JPEG, which is about a tenth as long.

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

use crate::view::{Kind, View};

/// How good: from 1 to 100. At 85, few see a difference.
const QUALITY: u8 = 85;

/// The longest side that JPEG has.
const LONGEST: usize = 65_535;

impl View {
    /// The JPEG of the view; `None` if it is not a plane of `uint8` with one or three channels, for which alone JPEG is made.
    pub(crate) fn to_jpeg(&self) -> Option<Vec<u8>> {
        let colour = match self.shape[..] {
            [_, _] => ExtendedColorType::L8,
            [_, _, 3] => ExtendedColorType::Rgb8,
            _ => return None,
        };
        let (height, width) = (self.shape[0], self.shape[1]);
        let fits = self.kind == Kind::Plane && self.is_bytes && (1..=LONGEST).contains(&height.min(width));
        if !fits || height.max(width) > LONGEST {
            return None;
        }
        let mut out = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
        encoder.encode(&self.body, width as u32, height as u32, colour).ok()?;
        Some(out)
    }
}
