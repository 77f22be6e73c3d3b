//! `play`: writes the values of a recording to the store again, each at its time.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use ndsharray::Store;
use ndsharray_recording::{Clock, Played, Player, PlayerOptions, Recording, Step, Timing};

use crate::failure::{Failure, Result, say};
use crate::stop::Stop;
use crate::{feed, seconds, survey, tags, units};

/// How long it waits for the next value before it looks whether a signal came.
const STEP: Duration = Duration::from_millis(50);
/// How long the tags stay after the last value, so that readers that are behind catch up.
const LAST: Duration = Duration::from_secs(1);
/// How often the progress line changes.
const SHOW: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording to play
    file: PathBuf,
    /// Play only these tags, by name or pattern (as for ls). Put it after FILE: it takes all words that follow
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    tags: Vec<String>,
    /// Play a tag under another name; may be given several times
    #[arg(long, value_name = "OLD=NEW", value_parser = rename)]
    rename: Vec<(String, String)>,
    /// The times that give order and pace: when values were written, or when they were acquired
    #[arg(long, value_enum, default_value_t = By::Written)]
    by: By,
    /// How fast to play: 2 is twice as fast as recorded, 0.5 half as fast; 0.001 to 1000, or max for as fast as possible
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed, allow_negative_numbers = true)]
    speed: f64,
    /// Start again after the last value, until Ctrl-C
    #[arg(long = "loop")]
    repeat: bool,
    /// Skip the first SECONDS of the recording
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse_duration, allow_negative_numbers = true)]
    from: Option<Duration>,
    /// End SECONDS after the start of the recording
    #[arg(long, value_name = "SECONDS", value_parser = seconds::parse_duration, allow_negative_numbers = true)]
    to: Option<Duration>,
    /// Keep the last N values of each tag, 0 to 248, for readers that read every value [default: what fits into 64 MiB, at least 2]
    #[arg(long, value_name = "N", value_parser = feed::history, allow_negative_numbers = true)]
    history: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Written,
    Acquired,
}

fn rename(text: &str) -> Result<(String, String), String> {
    let names = text.split_once('=').filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let (old, new) = names.ok_or_else(|| "expected OLD=NEW, such as cam=sim-cam".to_owned())?;
    Ok((old.to_owned(), new.to_owned()))
}

fn speed(text: &str) -> Result<f64, String> {
    if text == "max" {
        return Ok(f64::INFINITY);
    }
    let found = text.parse().ok().filter(|speed| (0.001..=1000.0).contains(speed));
    found.ok_or_else(|| "expected 0.001 to 1000, such as 0.5 or 2, or max".to_owned())
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let recording = Recording::open(&args.file)?;
    let options = options(&recording, args)?;
    let stop = Stop::listen()?;
    let mut player = options.open(&recording, store).map_err(failure)?;
    let file = args.file.display();
    if !recording.is_complete() {
        say(&format!("{file}: not finished: cut, or still being recorded; what is whole is played"));
    }
    if let [first, rest @ ..] = recording.left_out() {
        let more = units::count(rest.len() as u64, "more part");
        let more = if rest.is_empty() { String::new() } else { format!(", with {more}") };
        say(&format!("{first}; it is left out{more}"));
    }
    let start = Instant::now();
    let outcome = play(&mut player, args, &stop);
    let time = start.elapsed();
    say(&format!("{file}: {}", report(&player.played(), args, time)));
    outcome?;
    // A signal ends it as it ends pipe and follow.
    stop.wait_at_most(LAST);
    Ok(())
}

fn options(recording: &Recording, args: &Args) -> Result<PlayerOptions> {
    let by = match args.by {
        By::Written => Clock::Written,
        By::Acquired => Clock::Acquired,
    };
    let mut options = PlayerOptions::new().by(by).speed(args.speed).repeat(args.repeat);
    options = options.from(args.from.unwrap_or_default());
    if let Some(to) = args.to {
        options = options.to(to);
    }
    if !args.tags.is_empty() {
        let present = || Ok(recording.tags().map(str::to_owned).collect());
        options = options.tags(tags::all_of(&args.tags, "`ndsharray info`", present)?);
    }
    if let Some(history) = args.history {
        options = options.history(history);
    }
    for (old, new) in &args.rename {
        options = options.rename(old, new);
    }
    Ok(options)
}

/// An error of opening, with what helps here.
fn failure(error: ndsharray_recording::Error) -> Failure {
    use ndsharray::Error::{InvalidOption, WriterExists};
    use ndsharray_recording::Error::Store;
    match error {
        Store(WriterExists { tag, pid }) => {
            let pid = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
            Failure::failed(format!(
                "tag {tag:?} has a writer already{pid}: end that process, or play the tag under another name (--rename)"
            ))
        }
        Store(InvalidOption { option: "ephemeral", found, .. }) => Failure::bad(format!(
            "there is {}: remove it first (ndsharray rm), or play the tag under another name (--rename)",
            found.trim_start_matches("true for ")
        )),
        error => error.into(),
    }
}

fn play(player: &mut Player, args: &Args, stop: &Stop) -> Result<()> {
    let mut progress = Progress::new(player, args);
    while !stop.asked() {
        if player.step(STEP).map_err(survey::failure)? == Step::Ended {
            break;
        }
        progress.show(player);
    }
    Ok(())
}

/// What was played, in a line.
fn report(played: &Played, args: &Args, time: Duration) -> String {
    let mut text = format!("{} played", units::count(played.values, "value"));
    if args.repeat {
        text += &format!(" in {}", units::count(played.rounds, "round"));
    }
    match played.timing {
        Some(timing) => {
            let (median, most) = (units::age(timing.median), units::age(timing.max));
            let limit = units::age(Timing::LATE);
            text + &format!(
                ", late by {median} in the median and {most} at most, {} by more than {limit}",
                timing.late
            )
        }
        None => text + &format!(", {} in {}", units::bytes(played.nbytes), units::age(time)),
    }
}

/// A line on stderr, if that is a terminal, which says how far it is.
struct Progress {
    bar: Option<ProgressBar>,
    speed: String,
    shown: Option<Instant>,
}

impl Progress {
    fn new(player: &Player, args: &Args) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {msg}");
            let length = u64::try_from(player.length().as_millis()).unwrap_or(u64::MAX);
            ProgressBar::new(length.max(1)).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let speed = if args.speed.is_finite() { format!("x{}", args.speed) } else { "max".to_owned() };
        Progress { bar, speed, shown: None }
    }

    fn show(&mut self, player: &Player) {
        let Some(bar) = &self.bar else { return };
        if self.shown.is_some_and(|shown| shown.elapsed() < SHOW) {
            return;
        }
        self.shown = Some(Instant::now());
        let (position, length) = (player.position(), player.length());
        bar.set_position(u64::try_from(position.as_millis()).unwrap_or(u64::MAX));
        bar.set_message(format!(
            "{:.1}/{:.1} s  {}  {}",
            position.as_secs_f64(),
            length.as_secs_f64(),
            self.speed,
            units::count(player.played().values, "value")
        ));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_factors() {
        assert_eq!(rename("a=b"), Ok(("a".to_owned(), "b".to_owned())));
        assert_eq!(rename("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        for bad in ["a", "=b", "a=", ""] {
            assert!(rename(bad).unwrap_err().contains("OLD=NEW"), "{bad}");
        }
        assert_eq!((speed("0.5"), speed("1000"), speed("max")), (Ok(0.5), Ok(1000.0), Ok(f64::INFINITY)));
        for bad in ["0", "-1", "inf", "nan", "fast", "1001", ""] {
            assert!(speed(bad).unwrap_err().contains("or max"), "{bad}");
        }
    }
}
