//! `pipe`: publishes each frame of a raw stream on stdin as the value of a tag.

use std::io::{self, Read};

use ndsharray::{DType, Store};

use crate::failure::{Failure, Result, say};
use crate::feed::{Feed, with_writer};
use crate::stdio::In;
use crate::stop::Stop;
use crate::units;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    tag: String,
    /// The dtype of the elements, as a numpy name or code: u1, <f4, uint8, float32, bool
    #[arg(long, value_parser = crate::dtype::parse)]
    dtype: DType,
    /// The shape of a frame, such as 720,1280,3
    #[arg(long, value_parser = parse_shape)]
    shape: Shape,
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
    let meta = args.feed.meta()?;
    let stop = Stop::listen()?;
    let mut frames = 0_u64;
    let outcome = with_writer(store, &args.tag, &args.feed, |writer| {
        let mut input = In::stdin(&stop);
        loop {
            let mut loan = writer.loan_bytes(&args.dtype, shape)?;
            let frame = loan.as_mut_slice();
            match fill(&mut input, frame) {
                // The end of the stream, or Ctrl-C: a frame that is not whole is not published.
                Ok(0) => return Ok(()),
                Err(_) if stop.asked() => return Ok(()),
                Ok(length) if length < frame.len() => {
                    return Err(Failure::bad(format!(
                        "the last frame is short and was not published: found {length} bytes of it, expected {} ({} of \
                         shape {shape:?})",
                        frame.len(),
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

/// Reads until the frame is full or the stream ends; returns how much there was.
fn fill(input: &mut impl Read, frame: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < frame.len() {
        match input.read(&mut frame[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
