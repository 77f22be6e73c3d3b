//! PNG: uint8 and uint16, HxW or HxWx1 to 4 (grey, grey and alpha, RGB, RGBA).

use std::io::{self, BufRead, Seek, Write};

use ndsharray::DType;
use png::{BitDepth, ColorType};

use crate::encoding;
use crate::failure::{Failure, Result};

pub const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The form of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    width: u32,
    height: u32,
    colors: ColorType,
    depth: BitDepth,
}

impl Form {
    /// The form of an array as a picture.
    pub fn of(dtype: &DType, shape: &[usize]) -> Result<Form> {
        let depth = match dtype {
            DType::UInt8 => Some(BitDepth::Eight),
            DType::UInt16 => Some(BitDepth::Sixteen),
            _ => None,
        };
        let colors = match shape {
            [_, _] | [_, _, 1] => Some(ColorType::Grayscale),
            [_, _, 2] => Some(ColorType::GrayscaleAlpha),
            [_, _, 3] => Some(ColorType::Rgb),
            [_, _, 4] => Some(ColorType::Rgba),
            _ => None,
        };
        // The longest side that PNG allows.
        let side = |axis: usize| shape.get(axis).and_then(|&n| i32::try_from(n).ok()).filter(|&n| n > 0);
        match (depth, colors, side(0), side(1)) {
            (Some(depth), Some(colors), Some(height), Some(width)) => {
                Ok(Form { width: width as u32, height: height as u32, colors, depth })
            }
            _ => Err(Failure::bad(format!(
                "PNG cannot hold {dtype} of shape {shape:?}: it takes uint8 or uint16 of shape HxW, or HxWx1 to HxWx4; \
                 save the array as .npy instead"
            ))),
        }
    }
}

/// Writes an array, whose elements are in C order, as a PNG. Its encoding may say that its pixels have blue first.
pub fn write(
    dtype: &DType,
    shape: &[usize],
    bytes: &[u8],
    encoding: Option<&str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let form = Form::of(dtype, shape).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut encoder = png::Encoder::new(out, form.width, form.height);
    encoder.set_color(form.colors);
    encoder.set_depth(form.depth);
    let mut writer = encoder.write_header().map_err(failed)?;
    let mut stream = writer.stream_writer_with_size(1 << 16).map_err(failed)?;
    let channels = form.colors.samples();
    let blue_first = encoding::is_blue_first(encoding, dtype, channels);
    let mut row = Vec::new();
    for bytes in bytes.chunks(bytes.len() / form.height as usize) {
        row.clear();
        row.extend_from_slice(bytes);
        if blue_first {
            encoding::exchange(&mut row, channels, dtype.itemsize());
        }
        swap(&mut row, form.depth);
        stream.write_all(&row)?;
    }
    stream.finish().map_err(failed)?;
    writer.finish().map_err(failed)
}

fn failed(error: png::EncodingError) -> io::Error {
    match error {
        png::EncodingError::IoError(error) => error,
        error => io::Error::other(error),
    }
}

/// 16-bit samples have the high byte first in the file.
fn swap(bytes: &mut [u8], depth: BitDepth) {
    if depth == BitDepth::Sixteen && cfg!(target_endian = "little") {
        bytes.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    }
}

/// A picture that is being read.
pub struct Picture<R: BufRead + Seek> {
    reader: png::Reader<R>,
    pub dtype: DType,
    pub shape: Vec<usize>,
}

impl<R: BufRead + Seek> Picture<R> {
    /// Reads what comes before the pixels. Palettes become colours, and fewer bits than 8 become 8.
    pub fn open(input: R) -> Result<Self, png::DecodingError> {
        let mut decoder = png::Decoder::new(input);
        decoder.set_transformations(png::Transformations::EXPAND);
        let reader = decoder.read_info()?;
        let (width, height) = reader.info().size();
        let (colors, depth) = reader.output_color_type();
        let dtype = if depth == BitDepth::Sixteen { DType::UInt16 } else { DType::UInt8 };
        let mut shape = vec![height as usize, width as usize];
        if colors.samples() > 1 {
            shape.push(colors.samples());
        }
        Ok(Picture { reader, dtype, shape })
    }

    /// The encoding of the picture with blue first; `None` if it has no colours.
    pub fn blue_first(&self) -> Option<&'static str> {
        encoding::blue_first(&self.dtype, self.shape.get(2).copied().unwrap_or(1))
    }

    /// Decodes the pixels into `to`, which has exactly their length.
    pub fn fill(&mut self, to: &mut [u8]) -> Result<(), png::DecodingError> {
        let (_, depth) = self.reader.output_color_type();
        self.reader.next_frame(to)?;
        swap(to, depth);
        self.reader.finish()
    }
}
