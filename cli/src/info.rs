//! `info`: what is in a recording.

use std::path::PathBuf;

use ndsharray::UnixTime;
use ndsharray_recording::{Recording, Track, TrackLayout};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::seconds::Seconds;
use crate::survey;
use crate::table::{self, Align, Table};
use crate::units;

/// The metadata record with the number of values of each tag that the recorder missed.
const MISSED: &str = "ndsharray.missed";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording to show
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A recording, as JSON has it.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    bytes: u64,
    /// False if the file was cut, or is still being recorded.
    complete: bool,
    /// When the first and the last value were written; null if there is none.
    start: Option<Seconds>,
    end: Option<Seconds>,
    duration_seconds: f64,
    values: u64,
    /// What is damaged and was left out. That values of a complete file are damaged shows when they are read.
    left_out: Vec<String>,
    tags: Vec<TagReport>,
}

#[derive(Debug, Serialize)]
struct TagReport {
    tag: String,
    values: u64,
    /// Values per second between the first and the last; null if all have the same time.
    rate: Option<f64>,
    bytes: u64,
    /// How many the recorder missed; null if the file does not say it.
    missed: Option<u64>,
    /// How the pixels of the first value lie, if it is an image.
    encoding: Option<&'static str>,
    /// In order of first appearance.
    layouts: Vec<LayoutReport>,
}

#[derive(Debug, Serialize)]
struct LayoutReport {
    dtype: String,
    /// Null if it differs from value to value.
    shape: Option<Vec<usize>>,
    values: u64,
}

pub fn run(args: &Args) -> Result<()> {
    let recording = Recording::open(&args.file)?;
    let size = std::fs::metadata(&args.file).map_err(|error| Failure::io(&args.file, "read", &error))?;
    let report = Report::of(&recording, size.len())?;
    if args.json { table::print_json(&report) } else { table::print(&report.text()) }
}

impl Report {
    fn of(recording: &Recording, bytes: u64) -> Result<Report> {
        let missed = recording.metadata().find(|(name, _)| *name == MISSED).map(|(_, entries)| entries);
        let mut tags = Vec::new();
        for tag in recording.tags() {
            let missed = missed.and_then(|missed| missed.get(tag)?.parse().ok());
            tags.push(TagReport::of(&recording.track(tag)?, missed)?);
        }
        let (start, end) = recording.span().unzip();
        Ok(Report {
            file: recording.path().display().to_string(),
            bytes,
            complete: recording.is_complete(),
            start: start.map(Seconds),
            end: end.map(Seconds),
            duration_seconds: start.zip(end).map_or(0.0, |(start, end)| end.abs_diff(start).as_secs_f64()),
            values: tags.iter().map(|tag| tag.values).sum(),
            left_out: recording.left_out().iter().map(ToString::to_string).collect(),
            tags,
        })
    }

    fn text(&self) -> String {
        let state = if self.complete { "complete" } else { "not finished: cut, or still being recorded" };
        let mut text =
            format!("file      {}, {}, {state}\n", table::visible(&self.file), units::bytes(self.bytes));
        if let (Some(start), Some(end)) = (&self.start, &self.end) {
            text += &format!("start     {} Unix time\nend       {} Unix time\n", start.0, end.0);
        }
        let counted = (units::count(self.values, "value"), units::count(self.tags.len() as u64, "tag"));
        text += &format!("duration  {:.3} s, {} of {}\n", self.duration_seconds, counted.0, counted.1);
        if !self.tags.is_empty() {
            text += &format!("\n{}", self.table().text());
        }
        for what in &self.left_out {
            text += &format!("left out: {}\n", table::visible(what));
        }
        text
    }

    fn table(&self) -> Table {
        use Align::{Left, Right};
        let mut table = Table::new(&[
            ("TAG", Left),
            ("VALUES", Right),
            ("RATE", Right),
            ("BYTES", Right),
            ("MISSED", Right),
            ("DTYPE", Left),
            ("SHAPE", Left),
            ("ENCODING", Left),
        ]);
        for tag in &self.tags {
            let dash = || "-".to_owned();
            let rate = tag.rate.map_or_else(dash, units::rate);
            let missed = tag.missed.map_or_else(dash, |missed| missed.to_string());
            let bytes = units::bytes(tag.bytes);
            table.row(
                [vec![tag.tag.clone(), tag.values.to_string(), rate, bytes, missed], tag.layout()].concat(),
            );
        }
        table
    }
}

/// So many characters of a record's fields are shown.
const WIDEST: usize = 40;

impl TagReport {
    fn of(track: &Track, missed: Option<u64>) -> Result<TagReport> {
        let first = if track.is_empty() { None } else { Some(survey::value(track, 0)?) };
        let layout = |TrackLayout { dtype, shape, values, .. }| LayoutReport {
            dtype: dtype.to_string(),
            shape,
            values: values as u64,
        };
        Ok(TagReport {
            tag: track.tag().to_owned(),
            values: track.len() as u64,
            rate: rate(track),
            bytes: track.nbytes().map_err(survey::failure)?,
            missed,
            encoding: first.and_then(|first| first.encoding()),
            layouts: track.layouts().map_err(survey::failure)?.into_iter().map(layout).collect(),
        })
    }

    /// Its layout, or how many there are, and the encoding.
    fn layout(&self) -> Vec<String> {
        let dash = || "-".to_owned();
        let (dtype, shape) = match &self.layouts[..] {
            [LayoutReport { dtype, shape, .. }] => {
                let shape =
                    shape.as_ref().map_or_else(|| "(various)".to_owned(), |shape| units::shape(shape));
                (units::shorten(dtype, WIDEST), shape)
            }
            layouts => (format!("({} layouts)", layouts.len()), dash()),
        };
        vec![dtype, shape, self.encoding.map_or_else(dash, str::to_owned)]
    }
}

/// Values per second.
fn rate(track: &Track) -> Option<f64> {
    let times: Vec<UnixTime> = track.written_at().collect();
    let time = times.last()?.abs_diff(*times.first()?).as_secs_f64();
    (time > 0.0).then(|| (times.len() - 1) as f64 / time)
}
