//! A value as a picture that any program shows: PNG or JPEG.

use axum::http::StatusCode;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use ndsharray::Snapshot;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::view::sample::{Sample, Samples, with_samples};
use crate::view::wanted::Wanted;
use crate::view::{Kind, View};

/// How good a JPEG is: from 1 to 100.
const QUALITY: u8 = 85;

/// What stands for NaN, which no map has.
const NAN: [u8; 3] = [128; 3];

/// How numbers become colours. Bytes are brightness as they are, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Look {
    /// The colours of numbers; gray for bytes, else viridis.
    pub map: Option<Map>,
    /// The number that has the first colour; the least of the value if it is not given.
    pub min: Option<f64>,
    /// The number that has the last colour; the greatest of the value if it is not given.
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
        (Kind::Plane, [height, width, channels]) => (*height, *width, *channels),
        _ => return Err(no_picture(value)),
    };
    let side = |length: usize| u32::try_from(length).ok().filter(|&length| length > 0);
    let (Some(width), Some(height)) = (side(width), side(height)) else { return Err(no_picture(value)) };
    let as_is = view.dtype == "uint8"
        && look.map.is_none_or(|map| map == Map::Gray)
        && look.min.is_none()
        && look.max.is_none();
    let mut bytes = if as_is { view.body } else { shaded(&view, look, channels) };
    // A map makes three of one.
    let channels = if channels == 1 { bytes.len() / (width as usize * height as usize) } else { channels };
    let colour = match (channels, format) {
        (1, _) => ExtendedColorType::L8,
        (3, _) => ExtendedColorType::Rgb8,
        (4, Format::Png) => ExtendedColorType::Rgba8,
        (4, Format::Jpeg) => {
            // JPEG has no fourth channel.
            bytes = bytes.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
            ExtendedColorType::Rgb8
        }
        _ => return Err(no_picture(value)),
    };
    Ok(Pixels { width, height, colour, bytes })
}

/// The pixels of numbers: scaled to a byte, and coloured by the map if they have one channel.
fn shaded(view: &View, look: &Look, channels: usize) -> Vec<u8> {
    let numbers = view.numbers();
    let bounds = |start: f64, better: fn(f64, f64) -> f64| {
        numbers.iter().copied().filter(|number| number.is_finite()).fold(start, better)
    };
    let min = look.min.unwrap_or_else(|| bounds(f64::INFINITY, f64::min));
    let max = look.max.unwrap_or_else(|| bounds(f64::NEG_INFINITY, f64::max));
    // Halved first: the difference of two large numbers would be infinite.
    let unit = |number: f64| (number / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0);
    let level =
        |number: f64| if max > min { (unit(number).clamp(0.0, 1.0) * 255.0).round() as u8 } else { 128 };
    let map = if channels == 1 { look.map.unwrap_or(Map::Viridis).colours() } else { None };
    match map {
        None => numbers.iter().map(|&number| level(number)).collect(),
        Some(colours) => numbers
            .iter()
            .flat_map(|&number| match usize::from(level(number)) * 3 {
                _ if number.is_nan() => NAN,
                at => [colours[at], colours[at + 1], colours[at + 2]],
            })
            .collect(),
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
        let dtype = ndsharray::DType::from_name(&self.dtype).unwrap_or(ndsharray::DType::UInt8);
        match Samples::of(&dtype, &self.body, crate::view::wanted::Part::Magnitude) {
            Some(samples) => {
                with_samples!(&samples, elements => elements.iter().map(|element| element.number()).collect())
            }
            None => Vec::new(),
        }
    }
}
