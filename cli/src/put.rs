//! `put`: publishes the array of a file as the value of a tag.

use std::fs::OpenOptions;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use ndsharray::{DType, Meta, Store, UnixTime};
use rustix::fs::OFlags;
use serde::Serialize;

use crate::failure::{Failure, Result, say};
use crate::feed::{Feed, with_writer};
use crate::picture::Picture;
use crate::stdio::In;
use crate::stop::Stop;
use crate::transfer::Transfer;
use crate::{encoding, npy, picture, seconds, table, units};

/// What a zip file begins with, such as one of `numpy.savez`.
const NPZ: &[u8] = b"PK\x03\x04";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    /// An npy or PNG file, whatever it is called; - is stdin
    file: PathBuf,
    #[command(flatten)]
    feed: Feed,
    /// When the value was acquired, in Unix seconds, as `date +%s.%N` prints them
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse, allow_negative_numbers = true)]
    acquired_at: Option<UnixTime>,
    /// Publish a colour picture with blue first, as OpenCV has it, and say so in the attribute `encoding` (bgr8, bgra8, bgr16, bgra16)
    #[arg(long)]
    bgr: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    tag: &'a str,
    version: u64,
    dtype: &'a str,
    shape: &'a [usize],
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let mut meta = args.feed.meta()?;
    if let Some(time) = args.acquired_at {
        meta = meta.acquired_at(time);
    }
    let stop = Stop::listen()?;
    let stdin = args.file.as_os_str().as_bytes() == b"-";
    let failed = |error: &io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Failure::bad(format!("{:?} ends too early: expected the whole array", args.file))
        }
        io::ErrorKind::InvalidData => {
            Failure::bad(format!("{:?} is not a valid npy file: {error}", args.file))
        }
        _ => Failure::io(&args.file, "read", error),
    };
    let (input, size): (Box<dyn Read>, Option<u64>) = if stdin {
        (Box::new(In::stdin(&stop)), None)
    } else {
        // The other end of a FIFO may not be open yet. `In` waits for it, which a signal can end; opening must not wait.
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&args.file);
        let file = file.map_err(|error| failed(&error))?;
        let size = file.metadata().ok().filter(|found| found.is_file()).map(|found| found.len());
        (Box::new(In::new(file, &stop)), size)
    };
    let mut input = BufReader::new(Transfer::new(input, size.unwrap_or(0), &stop));
    let end = |error: &io::Error| stop.failure(error, failed);
    let mut start = Vec::new();
    input.by_ref().take(8).read_to_end(&mut start).map_err(|error| end(&error))?;
    if start.starts_with(npy::MAGIC) {
        let mut input = Cursor::new(start).chain(input);
        if args.bgr {
            return Err(Failure::bad(format!(
                "--bgr is for pictures, and {:?} is an npy file: it is published as it is, without --bgr",
                args.file
            )));
        }
        let form = npy::Form::read(&mut input).map_err(|error| end(&error))?;
        return publish(
            store,
            args,
            meta,
            form.dtype(),
            form.shape(),
            |to| form.fill(&mut input, to)?.map_err(|error| end(&error)),
            &stop,
        );
    }
    if start == picture::MAGIC {
        // The decoder seeks, which a pipe cannot. A picture is small enough to be read whole.
        let mut bytes = start;
        input.read_to_end(&mut bytes).map_err(|error| end(&error))?;
        return put_picture(store, args, meta, Cursor::new(bytes), &stop);
    }
    if start.is_empty() {
        return Err(Failure::bad(format!("{:?} is empty: name an npy or PNG file", args.file)));
    }
    if start.starts_with(NPZ) {
        return Err(Failure::bad(format!(
            "{:?} is a zip file; if it is npz, which may hold several arrays, save one of them with numpy.save",
            args.file
        )));
    }
    let text = format!(
        "{:?} is neither npy nor PNG: found \"{}\" at its start, expected \"{}\" or \"{}\"",
        args.file,
        start.escape_ascii(),
        npy::MAGIC.escape_ascii(),
        picture::MAGIC.escape_ascii()
    );
    Err(Failure::bad(text))
}

fn put_picture(
    store: &Store,
    args: &Args,
    meta: Meta,
    input: impl io::BufRead + Seek,
    stop: &Stop,
) -> Result<()> {
    let wrong = |error: png::DecodingError| match error {
        png::DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure::bad(format!("{:?} ends too early: expected the whole picture", args.file))
        }
        error => Failure::bad(format!("{:?} is not a valid PNG file: {error}", args.file)),
    };
    let mut picture = Picture::open(input).map_err(wrong)?;
    let (dtype, shape) = (picture.dtype.clone(), picture.shape.clone());
    let Some(name) = picture.blue_first().filter(|_| args.bgr) else {
        return publish(store, args, meta, &dtype, &shape, |to| picture.fill(to).map_err(wrong), stop);
    };
    let meta = with_encoding(meta, args.feed.attributes(), name)?;
    let fill = |to: &mut [u8]| {
        picture.fill(to).map_err(wrong)?;
        encoding::exchange(to, shape[2], dtype.itemsize());
        Ok(())
    };
    publish(store, args, meta, &dtype, &shape, fill, stop)
}

/// Adds the encoding to the attributes, unless they name another one. Their own text stays as it is.
fn with_encoding(meta: Meta, attributes: Option<&str>, name: &str) -> Result<Meta> {
    let wrong = |error: &dyn std::fmt::Display| Failure::bad(format!("--attrs: {error}"));
    let text = attributes.unwrap_or("{}").trim_start();
    let parsed: serde_json::Result<serde_json::Map<_, _>> = serde_json::from_str(text);
    let parsed = parsed.map_err(|error| wrong(&error))?;
    match parsed.get(encoding::ATTRIBUTE) {
        Some(before) if before == name => Ok(meta),
        Some(before) => Err(Failure::bad(format!(
            "--attrs says that the encoding is {before}, and --bgr that it is \"{name}\": leave one of them out"
        ))),
        None => {
            let comma = if parsed.is_empty() { "" } else { ", " };
            let rest = text.trim_start_matches('{');
            let text = format!("{{\"{}\": \"{name}\"{comma}{rest}", encoding::ATTRIBUTE);
            meta.attributes_json(&text).map_err(|error| wrong(&error))
        }
    }
}

fn publish(
    store: &Store,
    args: &Args,
    meta: Meta,
    dtype: &DType,
    shape: &[usize],
    fill: impl FnOnce(&mut [u8]) -> Result<()>,
    stop: &Stop,
) -> Result<()> {
    with_writer(store, &args.tag, &args.feed, |writer| {
        let mut loan = writer.loan_bytes(dtype, shape)?;
        fill(loan.as_mut_slice())?;
        loan.set_meta(meta);
        let version = loan.publish()?;
        if args.json {
            table::print_json(&Report { tag: &args.tag, version, dtype: &dtype.to_string(), shape })?;
        } else {
            let shape = units::shape(shape);
            table::print(&format!("{}: version {version}, {dtype} of shape {shape}\n", args.tag))?;
        }
        if args.feed.ephemeral {
            say(&format!("{}: goes when this command ends, at Ctrl-C", args.tag));
            stop.wait_for_signal();
        }
        Ok(())
    })
}
