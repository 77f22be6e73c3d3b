//! `follow`: each new value of a tag, or every one, as raw bytes on stdout, or as the frames of a y4m stream.

use std::io::Write;
use std::time::Duration;

use ndsharray::{DType, Error, Reader, Store};

use crate::failure::{Failure, Result, say};
use crate::film::Film;
use crate::pace::{self, Fps};
use crate::stdio::{Out, ToTerminal};
use crate::stop::Stop;
use crate::{tags, units, y4m};

/// How long it waits for a value before it checks whether the reader of its output, and the writer, are still there.
const STEP: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    /// Write every value that the writer keeps (its --history), in order, instead of the latest
    #[arg(long)]
    every: bool,
    /// Wait for the tag if it does not exist yet, and for the next writer when one has gone, instead of ending
    #[arg(long)]
    wait: bool,
    /// End after this many values
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), allow_negative_numbers = true)]
    count: Option<u64>,
    /// Write a YUV4MPEG2 stream, for ffmpeg and mpv, of grey or colour pictures (uint8). Frames are repeated or left out to
    /// keep the rate --fps, by the times at which the values were acquired, or else written
    #[arg(long, requires = "fps")]
    y4m: bool,
    /// The frames per second of the stream, such as 30, 29.97 or 30000/1001
    #[arg(long, value_name = "N", requires = "y4m", value_parser = pace::parse, allow_negative_numbers = true)]
    fps: Option<Fps>,
    #[command(flatten)]
    to_terminal: ToTerminal,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    args.to_terminal.check(&args.tag)?;
    let stop = Stop::listen()?;
    let mut out = Out::new(&stop);
    let tag = tags::one(store, &args.tag)?;
    let Some(mut reader) = open(store, &tag, args.wait, &stop, &out)? else { return Ok(()) };
    let mut sink = match args.fps.filter(|_| args.y4m) {
        Some(fps) => Sink::Y4m(Film::new(fps)),
        None => Sink::Bytes { written: 0 },
    };
    let outcome = follow(&mut reader, &tag, args, &stop, &mut out, &mut sink);
    let missed = reader.missed();
    let outcome = match outcome {
        // Ctrl-C and a closed pipe are the usual ways to end it.
        Err(Failure::Interrupted | Failure::Quiet) => Ok(()),
        outcome => outcome,
    };
    if outcome.is_ok() {
        say(&format!("{tag}: {}, {missed} missed", sink.said()));
    }
    outcome
}

/// Opens the tag; with `--wait`, as soon as it exists. `None` if the command is ended before that.
fn open(store: &Store, tag: &str, wait: bool, stop: &Stop, out: &Out<'_>) -> Result<Option<Reader>> {
    loop {
        let step = if wait { STEP } else { Duration::ZERO };
        match store.reader_options(tag).wait(step).open() {
            Err(Error::NotFound { .. }) if wait => {
                if stop.asked() || !out.listened_to() {
                    return Ok(None);
                }
            }
            opened => return Ok(Some(opened?)),
        }
    }
}

fn follow(
    reader: &mut Reader,
    tag: &str,
    args: &Args,
    stop: &Stop,
    out: &mut Out<'_>,
    sink: &mut Sink,
) -> Result<()> {
    let mut values = 0;
    let mut layout: Option<(DType, Vec<usize>)> = None;
    loop {
        // Asked before the value is read: else the last value of a writer that ends in between would be lost.
        let ends = !args.wait && !reader.writer_alive()?;
        let timeout = if ends { Duration::ZERO } else { STEP };
        let value = if args.every { reader.wait_next(timeout)? } else { reader.wait(timeout)? };
        stop.check()?;
        let Some(value) = value else {
            if ends || !out.listened_to() {
                return Ok(());
            }
            continue;
        };
        if layout.as_ref().is_none_or(|(dtype, shape)| value.dtype() != dtype || value.shape() != shape) {
            if let Some((dtype, shape)) = &layout {
                let new = format!("{} of shape {}", value.dtype(), units::shape(value.shape()));
                if let Sink::Y4m(_) = sink {
                    let old = format!("{dtype} of shape {}", units::shape(shape));
                    return Err(Failure::failed(format!(
                        "{tag}: the layout is now {new}, and the frames of a y4m stream stay as they are, {old}: start again for a new stream"
                    )));
                }
                say(&format!("{tag}: the layout is now {new}"));
            }
            layout = Some((value.dtype().clone(), value.shape().to_vec()));
        }
        let failed = |error| stop.failure(&error, Failure::stdout);
        match sink {
            Sink::Bytes { written } => {
                out.write_all(value.bytes()).map_err(failed)?;
                *written += 1;
            }
            Sink::Y4m(film) => {
                let form = y4m::Form::of(value.dtype(), value.shape())?;
                film.show(form, &value, out).map_err(failed)?;
            }
        }
        values += 1;
        if args.count.is_some_and(|count| values >= count) {
            return Ok(());
        }
    }
}

/// What becomes of the values, with counts of what was written.
enum Sink {
    Bytes { written: u64 },
    Y4m(Film),
}

impl Sink {
    fn said(&self) -> String {
        match self {
            Sink::Bytes { written } => format!("{} written", units::count(*written, "value")),
            Sink::Y4m(film) => film.said(),
        }
    }
}
