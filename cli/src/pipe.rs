//! `pipe`: publishes each frame of a raw stream on stdin as the value of a tag.

use std::io::{self, BufReader, Read};

use ndsharray::{DType, Store};

use crate::failure::{Failure, Result, say};
use crate::feed::{Feed, with_writer};
use crate::stdio::In;
use crate::stop::Stop;
use crate::units;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    /// The dtype of the elements, as a numpy name or code: u1, <f4, uint8, float32, bool
    #[arg(long, value_parser = crate::dtype::parse)]
    dtype: DType,
    /// The shape of a frame, such as 720,1280,3
    #[arg(long, value_parser = parse_shape, allow_hyphen_values = true)]
    shape: Shape,
    /// The bytes from one row of the input to the next, if rows are padded: the rest of each is left out
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    row_stride: Option<usize>,
    #[command(flatten)]
    feed: Feed,
}

/// An argument of its own type: clap takes a plain list for an option that comes several times.
#[derive(Clone, Debug)]
struct Shape(Vec<usize>);

fn parse_shape(text: &str) -> Result<Shape, String> {
    crate::dtype::parse_shape(text).map(Shape)
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let Shape(shape) = &args.shape;
    if shape.contains(&0) {
        return Err(Failure::bad(format!(
            "a frame of shape {shape:?} has no bytes: give axes of at least 1"
        )));
    }
    let rows = Rows::of(args)?;
    let meta = args.feed.meta()?;
    let stop = Stop::listen()?;
    let mut frames = 0_u64;
    let outcome = with_writer(store, &args.tag, &args.feed, |writer| {
        // Only what lies in small pieces is read ahead.
        let mut input = BufReader::with_capacity(1 << 16, In::stdin(&stop));
        loop {
            let mut loan = writer.loan_bytes(&args.dtype, shape)?;
            let frame = loan.as_mut_slice();
            match rows.fill(&mut input, frame) {
                // The end of the stream, or Ctrl-C: a frame that is not whole is not published.
                Ok(0) => return Ok(()),
                Err(_) if stop.asked() => return Ok(()),
                Ok(length) if length < rows.bytes(frame) => {
                    return Err(Failure::bad(format!(
                        "the last frame is short and was not published: found {length} bytes of it, expected {} ({} of \
                         shape {shape:?})",
                        rows.bytes(frame),
                        args.dtype
                    )));
                }
                // As numpy takes them: whatever is not 0 is true.
                Ok(_) if args.dtype == DType::Bool => {
                    frame.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0))
                }
                Ok(_) => {}
                Err(error) => return Err(Failure::io("-", "read", &error)),
            }
            loan.set_meta(meta.clone());
            loan.publish()?;
            frames += 1;
        }
    });
    match outcome {
        Ok(()) => say(&format!("{}: {} published", args.tag, units::count(frames, "frame"))),
        // One line says both.
        Err(Failure::Bad(text)) => {
            return Err(Failure::Bad(format!("{text}; {} published", units::count(frames, "frame"))));
        }
        Err(failure) => return Err(failure),
    }
    Ok(())
}

/// How the rows of a frame lie in the input.
struct Rows {
    /// The bytes of a row.
    row: usize,
    /// The bytes between a row and the next one, and behind the last.
    padding: usize,
}

impl Rows {
    fn of(args: &Args) -> Result<Self> {
        let Shape(shape) = &args.shape;
        let row = |axes: &[usize]| {
            axes.iter().try_fold(args.dtype.itemsize(), |bytes, &axis| bytes.checked_mul(axis))
        };
        match (args.row_stride, &shape[..]) {
            // All of it is one row; too many bytes are refused by the writer.
            (None, axes) => Ok(Rows { row: row(axes).unwrap_or(usize::MAX), padding: 0 }),
            (Some(stride), [rows, columns @ ..]) if !columns.is_empty() => {
                let row = row(columns).unwrap_or(usize::MAX);
                if stride < row || stride.checked_mul(*rows).is_none() {
                    return Err(Failure::bad(format!(
                        "--row-stride: found {stride} bytes, expected at least {row}, which a row of shape {} has, and not too \
                         many for {rows} rows",
                        units::shape(columns)
                    )));
                }
                Ok(Rows { row, padding: stride - row })
            }
            _ => Err(Failure::bad(
                "--row-stride needs a --shape of at least two axes, rows first, such as 720,1280,3",
            )),
        }
    }

    /// The bytes that a frame takes in the input.
    fn bytes(&self, frame: &[u8]) -> usize {
        frame.len() + frame.len() / self.row * self.padding
    }

    /// Reads until the frame is full or the stream ends; returns how much there was in the input.
    fn fill(&self, input: &mut impl Read, frame: &mut [u8]) -> io::Result<usize> {
        let mut taken = 0;
        for row in frame.chunks_mut(self.row) {
            let filled = fill(input, row)?;
            let skipped = if filled == row.len() {
                io::copy(&mut input.take(self.padding as u64), &mut io::sink())? as usize
            } else {
                0
            };
            taken += filled + skipped;
            if filled < row.len() || skipped < self.padding {
                break;
            }
        }
        Ok(taken)
    }
}

/// Reads until a buffer is full or the stream ends; returns how much there was.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
