//! `record`: every value of tags to an MCAP file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use ndsharray::Store;
use ndsharray_recording::{Compression, Error, RecordedTag, Recorder, Recording, RecordingOptions};
use signal_hook::consts::{SIGUSR1, SIGUSR2};

use crate::failure::{Failure, Result, say};
use crate::gauge::Gauge;
use crate::stop::Stop;
use crate::{seconds, tags, units};

/// How long it records before it looks for signals and shows how it goes.
const STEP: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tags, by name or pattern (as for ls), also those that appear later [default: all tags]
    #[arg(value_name = "TAG", add = crate::complete::tags())]
    tags: Vec<String>,
    /// The file to make, such as run.mcap; it must not exist yet
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// End after this many seconds, if Ctrl-C does not come before
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse_duration, allow_negative_numbers = true)]
    duration: Option<Duration>,
    /// Go on in a new file when one reaches this size, such as 4GB; the files are run-0001.mcap, run-0002.mcap and so on
    #[arg(long, value_name = "SIZE", value_parser = part_size, allow_negative_numbers = true)]
    split: Option<u64>,
    /// Compress the file: lz4 is fast, zstd makes smaller files. Only a file that is not compressed is read without a copy
    #[arg(long, value_name = "HOW", default_value = "none")]
    compress: Compress,
    /// End with an error before the disk has less free space than this
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size, allow_negative_numbers = true)]
    min_free: u64,
    /// Wait for a signal, with the values of the last SECONDS in memory; then record these and all that follow
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse_duration, allow_negative_numbers = true)]
    pretrigger: Option<Duration>,
    /// The signal that --pretrigger waits for, as `kill -USR1 PID` sends it [default: USR1]
    #[arg(long, value_name = "SIGNAL", requires = "pretrigger")]
    trigger: Option<Trigger>,
    /// The most memory that --pretrigger takes; when it is full, the oldest values are dropped [default: 1GiB]
    #[arg(long, value_name = "SIZE", requires = "pretrigger", value_parser = size, allow_negative_numbers = true)]
    pretrigger_memory: Option<u64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Compress {
    None,
    Lz4,
    Zstd,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Trigger {
    Usr1,
    Usr2,
}

/// The size of a part.
fn part_size(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if bytes == 0 { Err("expected a size above 0, such as 4GB".to_owned()) } else { Ok(bytes) }
}

fn size(text: &str) -> Result<u64, String> {
    units::parse_bytes(text).map(|bytes| bytes as u64)
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let wanted = tags::filter(store, &args.tags)?;
    let stop = Stop::listen()?;
    let trigger = Signal::of(args)?;
    let mut recorder = recorder(store, args, wanted)?;
    let outcome = {
        let mut gauge = Gauge::new(&args.output, args.min_free);
        record(&mut recorder, args, &stop, trigger.as_ref(), &mut gauge)
    };
    let untriggered = !recorder.progress().is_triggered;
    let mut files = recorder.files().to_vec();
    let mut tags = recorder.tags();
    let outcome = outcome.and_then(|()| {
        let recorded = recorder.finish().map_err(|error| failure(error, args))?;
        (tags, files) = (recorded.tags, recorded.written.files);
        Ok(())
    });
    if outcome.is_err() {
        count_again(&mut tags, &files);
    }
    for tag in &tags {
        say(&format!("{}: {}, {} missed", tag.tag, units::count(tag.values, "value"), tag.missed));
    }
    if untriggered {
        say("the trigger did not come: nothing was recorded");
    } else if tags.is_empty() && outcome.is_ok() {
        let none = if args.tags.is_empty() { "no tag" } else { "no such tag" };
        say(&format!("there was {none}: nothing was recorded; `ndsharray ls` lists the tags"));
    }
    for file in &files {
        say(&described(file));
    }
    outcome?;
    let failed = tags.iter().filter(|tag| tag.has_failed).count() as u64;
    if failed > 0 {
        let text = format!("{} had errors, which are told above", units::count(failed, "tag"));
        return Err(Failure::failed(text));
    }
    Ok(())
}

fn recorder(store: &Store, args: &Args, wanted: tags::Filter) -> Result<Recorder> {
    let mut options = RecordingOptions::new().min_free(args.min_free).compression(match args.compress {
        Compress::None => Compression::None,
        Compress::Lz4 => Compression::Lz4,
        Compress::Zstd => Compression::Zstd,
    });
    if let Some(bytes) = args.split {
        options = options.split(bytes);
    }
    let writer = options.create(&args.output).map_err(|error| failure(error, args))?;
    let recorder = Recorder::new(store.clone(), writer).only(move |tag| wanted.fits(tag));
    Ok(match args.pretrigger {
        Some(time) => {
            let memory = args.pretrigger_memory.unwrap_or(1 << 30);
            recorder.pretrigger(time, usize::try_from(memory).unwrap_or(usize::MAX))
        }
        None => recorder,
    })
}

/// Records until a signal comes or the time is over.
fn record(
    recorder: &mut Recorder,
    args: &Args,
    stop: &Stop,
    trigger: Option<&Signal>,
    gauge: &mut Gauge<'_>,
) -> Result<()> {
    let end = args.duration.and_then(|duration| Instant::now().checked_add(duration));
    while !stop.asked() {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            break;
        }
        let outcome = recorder.run_for(left.map_or(STEP, |left| left.min(STEP)));
        for (tag, error) in recorder.take_errors() {
            let text = error.to_string();
            gauge.say(&if text.contains(&tag) { text } else { format!("{tag}: {text}") });
        }
        outcome.map_err(|error| failure(error, args))?;
        if trigger.is_some_and(Signal::came) && !recorder.progress().is_triggered {
            recorder.trigger();
            gauge.say("triggered");
        }
        gauge.show(&recorder.progress());
    }
    Ok(())
}

/// An error that ends the recording, with what helps here.
fn failure(error: Error, args: &Args) -> Failure {
    let leaves_space = args.min_free > 0 && matches!(error, Error::NoSpace { .. });
    match Failure::from(error) {
        Failure::Failed(text) if leaves_space => {
            Failure::Failed(format!("{text}, or leave less free (--min-free)"))
        }
        failure => failure,
    }
}

/// After an error, what waited for the disk is lost: the files say how many values there are.
fn count_again(tags: &mut [RecordedTag], files: &[PathBuf]) {
    let recordings: Vec<_> = files.iter().filter_map(|file| Recording::open(file).ok()).collect();
    for tag in tags {
        let tracks = recordings.iter().filter_map(|recording| recording.track(&tag.tag).ok());
        let there = tracks.map(|track| track.len() as u64).sum();
        tag.missed += tag.values.saturating_sub(there);
        tag.values = there;
    }
}

/// A file and its size.
fn described(file: &Path) -> String {
    let size = match file.metadata() {
        Ok(metadata) => units::bytes(metadata.len()),
        Err(error) => format!("it was removed or renamed while it was recorded ({error})"),
    };
    format!("{}: {size}", file.display())
}

/// The signal that triggers a recording.
struct Signal(Arc<AtomicBool>);

impl Signal {
    fn of(args: &Args) -> Result<Option<Self>> {
        if args.pretrigger.is_none() {
            return Ok(None);
        }
        let signal = match args.trigger {
            None | Some(Trigger::Usr1) => SIGUSR1,
            Some(Trigger::Usr2) => SIGUSR2,
        };
        let came = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, came.clone())
            .map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))?;
        Ok(Some(Signal(came)))
    }

    /// Whether it came. When it comes again, that changes nothing.
    fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
