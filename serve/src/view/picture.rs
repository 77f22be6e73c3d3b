//! A value as a picture that any program shows: PNG or JPEG.

use axum::http::StatusCode;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use ndsharray::{DType, Snapshot};
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::view::sample::{Sample, Samples, with_samples};
use crate::view::wanted::Wanted;
use crate::view::{Kind, View};

/// How good a JPEG is: from 1 to 100.
const QUALITY: u8 = 85;

/// What stands for NaN in a JPEG, which has nothing that one sees through.
const NAN: u8 = 128;

/// How numbers become colours: as on the page, which `paint.js` and `range.js` of it say in the same way.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Look {
    /// The colours of numbers; gray for `bool`, `uint8` and `uint16`, else viridis.
    pub map: Option<Map>,
    /// The number that has the first colour; without it, the first of the usual range.
    pub min: Option<f64>,
    /// The number that has the last colour; without it, the last of the usual range.
    pub max: Option<f64>,
    /// The most pixels that a row has.
    pub width: Option<usize>,
    /// Which element of each of the first axes, with commas between.
    pub index: Option<String>,
}

/// 256 colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Map {
    Gray,
    Viridis,
    Turbo,
}

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Jpeg,
}

impl Format {
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Png => "image/png",
            Format::Jpeg => "image/jpeg",
        }
    }
}

impl Map {
    fn colours(self) -> Option<&'static [u8; 768]> {
        match self {
            Map::Gray => None,
            Map::Viridis => Some(include_bytes!("../../vendor/maps/viridis.bin")),
            Map::Turbo => Some(include_bytes!("../../vendor/maps/turbo.bin")),
        }
    }
}

/// Rows of pixels.
struct Pixels {
    width: u32,
    height: u32,
    colour: ExtendedColorType,
    bytes: Vec<u8>,
}

/// The value as a file of this format.
pub(crate) fn encode(value: &Snapshot, look: &Look, format: Format) -> Result<Vec<u8>, Refusal> {
    let pixels = pixels(value, look, format)?;
    let Pixels { width, height, colour, bytes } = &pixels;
    let mut out = Vec::new();
    let outcome = match format {
        // Made while somebody waits: fast rather than small.
        Format::Png => PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Sub)
            .write_image(bytes, *width, *height, *colour),
        Format::Jpeg => {
            JpegEncoder::new_with_quality(&mut out, QUALITY).write_image(bytes, *width, *height, *colour)
        }
    };
    outcome.map_err(|error| {
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, format!("no picture can be made: {error}"))
    })?;
    Ok(out)
}

fn pixels(value: &Snapshot, look: &Look, format: Format) -> Result<Pixels, Refusal> {
    let wanted = Wanted {
        index: indices(look)?,
        room: look.width.map(|width| [width, usize::MAX]),
        ..Wanted::default()
    };
    let view = View::of(value, &wanted)?;
    let (height, width, channels) = match (view.kind, &view.shape[..]) {
        (Kind::Plane, [height, width]) => (*height, *width, 1),
        (Kind::Plane, [height, width, channels @ (3 | 4)]) => (*height, *width, *channels),
        _ => return Err(no_picture(value)),
    };
    let side = |length: usize| u32::try_from(length).ok().filter(|&length| length > 0);
    let (Some(width), Some(height)) = (side(width), side(height)) else { return Err(no_picture(value)) };
    let as_is = *value.dtype() == DType::UInt8
        && channels != 4
        && look.map.is_none_or(|map| map == Map::Gray)
        && look.min.is_none()
        && look.max.is_none();
    let (colour, bytes) = match as_is {
        true if channels == 1 => (ExtendedColorType::L8, view.body),
        true => (ExtendedColorType::Rgb8, view.body),
        false => coloured(&view.numbers(), channels, value.dtype(), look, format),
    };
    Ok(Pixels { width, height, colour, bytes })
}

/// The pixels of numbers: each is scaled to a byte, and coloured by the map if there is one channel. A fourth channel is not shown:
/// cameras leave it at any value. NaN is transparent if the format has that.
fn coloured(
    numbers: &[f64],
    channels: usize,
    dtype: &DType,
    look: &Look,
    format: Format,
) -> (ExtendedColorType, Vec<u8>) {
    let pixels = || numbers.chunks_exact(channels).map(|pixel| &pixel[..channels.min(3)]);
    let is_nan = |pixel: &[f64]| pixel.iter().any(|number| number.is_nan());
    let (low, high) = range(pixels().flatten(), channels, dtype, look);
    let map = match channels {
        1 => look.map.unwrap_or_else(|| usual_map(dtype)).colours(),
        _ => None,
    };
    let gray = channels == 1 && map.is_none();
    let has_alpha = format == Format::Png && pixels().any(is_nan);
    let width = if gray { 1 } else { 3 };
    let mut out = Vec::with_capacity(numbers.len() / channels * 4);
    for pixel in pixels() {
        if is_nan(pixel) {
            out.extend([if has_alpha { 0 } else { NAN }; 3].iter().take(width));
        } else if let Some(colours) = map {
            let at = 3 * usize::from(place(pixel[0], low, high));
            out.extend(&colours[at..at + 3]);
        } else {
            out.extend(pixel.iter().map(|&number| place(number, low, high)));
        }
        if has_alpha {
            out.push(if is_nan(pixel) { 0 } else { 255 });
        }
    }
    let colour = match (gray, has_alpha) {
        (true, false) => ExtendedColorType::L8,
        (true, true) => ExtendedColorType::La8,
        (false, false) => ExtendedColorType::Rgb8,
        (false, true) => ExtendedColorType::Rgba8,
    };
    (colour, out)
}

/// Which of 256 colours a number has between two bounds. With the first above the second, the colours are turned around.
fn place(number: f64, low: f64, high: f64) -> u8 {
    if low == high {
        return if number > high { 255 } else { 0 };
    }
    // Halved: the difference of two large numbers would be infinite. A cast keeps what is beyond at its end.
    ((number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * 256.0) as u8
}

/// The numbers of the first and the last colour.
fn range<'a>(
    numbers: impl Iterator<Item = &'a f64>,
    channels: usize,
    dtype: &DType,
    look: &Look,
) -> (f64, f64) {
    let usual = || match full_range(dtype) {
        Some(full) if channels > 1 || matches!(dtype, DType::Bool | DType::UInt8) => full,
        _ => {
            let finite = numbers.copied().filter(|number| number.is_finite());
            let ends = finite.fold(None, |ends: Option<(f64, f64)>, number| {
                Some(ends.map_or((number, number), |(low, high)| (low.min(number), high.max(number))))
            });
            ends.unwrap_or((0.0, 1.0))
        }
    };
    match (look.min, look.max) {
        (Some(low), Some(high)) => (low, high),
        (low, high) => {
            let usual = usual();
            (low.unwrap_or(usual.0), high.unwrap_or(usual.1))
        }
    }
}

/// All numbers that a type can hold, if they are few enough to be told apart by a colour.
fn full_range(dtype: &DType) -> Option<(f64, f64)> {
    Some(match dtype {
        DType::Bool => (0.0, 1.0),
        DType::UInt8 => (u8::MIN.into(), u8::MAX.into()),
        DType::UInt16 => (u16::MIN.into(), u16::MAX.into()),
        DType::UInt32 => (u32::MIN.into(), u32::MAX.into()),
        DType::Int8 => (i8::MIN.into(), i8::MAX.into()),
        DType::Int16 => (i16::MIN.into(), i16::MAX.into()),
        DType::Int32 => (i32::MIN.into(), i32::MAX.into()),
        _ => return None,
    })
}

fn usual_map(dtype: &DType) -> Map {
    match dtype {
        DType::Bool | DType::UInt8 | DType::UInt16 => Map::Gray,
        _ => Map::Viridis,
    }
}

fn indices(look: &Look) -> Result<Vec<usize>, Refusal> {
    let parts = look.index.iter().flat_map(|text| text.split(','));
    let found = parts.map(|part| part.trim().parse());
    found
        .collect::<Result<_, _>>()
        .map_err(|_| Refusal::bad("index: expected whole numbers with commas between, such as 3,0"))
}

#[cold]
fn no_picture(value: &Snapshot) -> Refusal {
    let text = format!(
        "{} of shape {:?} is no picture: ask for latest.npy or latest.json",
        value.dtype(),
        value.shape()
    );
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, text)
}

impl View {
    /// The elements of a plane as numbers.
    fn numbers(&self) -> Vec<f64> {
        let dtype = DType::from_name(&self.dtype).unwrap_or(DType::UInt8);
        match Samples::of(&dtype, &self.body, crate::view::wanted::Part::Magnitude) {
            Some(samples) => {
                with_samples!(&samples, elements => elements.iter().map(|element| element.number()).collect())
            }
            None => Vec::new(),
        }
    }
}
