//! What is played, and how.

use std::collections::HashMap;
use std::time::Duration;

use ndsharray::{Store, UnixTime, Writer};

use crate::error::{Error, Result};
use crate::play::Player;
use crate::play::ahead::Plan;
use crate::read::Recording;
use crate::read::order::Clock;
use crate::read::track::{Track, TrackLayout};
use crate::write::LARGEST_VALUE;

/// By default a tag keeps as many values as fit into that, ...
const HISTORY_BYTES: usize = 64 << 20;
/// ... and no more, nor fewer, than that.
const HISTORY: std::ops::RangeInclusive<usize> = 2..=248;
/// The speeds at which values wait for their time.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1000.0;
/// The longest source that a tag takes, in bytes.
const LONGEST_SOURCE: usize = 128;

/// What is played, and how. [`open`](PlayerOptions::open) makes the [`Player`].
///
/// Positions in a recording are counted from its start: the first value of all tags, by the clock that orders them.
#[derive(Clone, Debug)]
pub struct PlayerOptions {
    by: Clock,
    speed: f64,
    repeats: bool,
    from: Duration,
    to: Option<Duration>,
    tags: Option<Vec<String>>,
    renames: Vec<(String, String)>,
    history: Option<usize>,
}

impl Default for PlayerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl PlayerOptions {
    /// All tags under their names, from start to end, once, at the pace at which the values were written.
    pub fn new() -> Self {
        PlayerOptions {
            by: Clock::Written,
            speed: 1.0,
            repeats: false,
            from: Duration::ZERO,
            to: None,
            tags: None,
            renames: Vec::new(),
            history: None,
        }
    }

    /// Sets the clock whose times give order and pace. Default: [`Clock::Written`].
    #[must_use]
    pub fn by(mut self, clock: Clock) -> Self {
        self.by = clock;
        self
    }

    /// Sets the pace: 2 is twice as fast as recorded. From 0.001 to 1000, or infinity: each value follows the one before at once.
    /// Default: 1.
    #[must_use]
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// Starts again after the last value, for ever. The pause before a new round is the average time between two values, or a second if
    /// all have the same time.
    #[must_use]
    pub fn repeat(mut self, repeats: bool) -> Self {
        self.repeats = repeats;
        self
    }

    /// Begins at a position in the recording: values before it are left out.
    #[must_use]
    pub fn from(mut self, position: Duration) -> Self {
        self.from = position;
        self
    }

    /// Ends at a position in the recording: values after it are left out.
    #[must_use]
    pub fn to(mut self, position: Duration) -> Self {
        self.to = Some(position);
        self
    }

    /// Plays these tags only.
    #[must_use]
    pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// Plays a tag under another name.
    #[must_use]
    pub fn rename(mut self, tag: impl Into<String>, name: impl Into<String>) -> Self {
        self.renames.push((tag.into(), name.into()));
        self
    }

    /// Keeps the last values of each tag, 0 to 248, for readers that read every value. Default: as many as fit into 64 MiB, but at least 2
    /// and at most 248.
    #[must_use]
    pub fn history(mut self, values: usize) -> Self {
        self.history = Some(values);
        self
    }

    /// Opens the writers of all tags, as [ephemeral](ndsharray::WriterOptions::ephemeral) ones whose
    /// [source](ndsharray::WriterOptions::source) is the recording's file. If one of them cannot be opened, none stays.
    ///
    /// # Errors
    /// [`Error::NoTag`], and those of [`WriterOptions::open`](ndsharray::WriterOptions::open), such as
    /// [`WriterExists`](ndsharray::Error::WriterExists). An option that cannot be is
    /// [`InvalidOption`](ndsharray::Error::InvalidOption): a speed out of range, a start behind the end, two tags under one name.
    pub fn open(&self, recording: &Recording, store: &Store) -> Result<Player> {
        if !(SPEEDS.contains(&self.speed) || self.speed == f64::INFINITY) {
            let expected = "0.001 to 1000, or infinity for no pace at all";
            return Err(invalid("speed", self.speed.to_string(), expected));
        }
        let (start, end) = span(recording, self.by).unwrap_or((UnixTime::from(0), UnixTime::from(0)));
        let length = end.abs_diff(start);
        // To a millisecond: a part is chosen by hand.
        let seconds = |time: Duration| time.as_millis() as f64 / 1000.0;
        let from = seconds(self.from);
        if self.from > length {
            let found = format!("{from} s in a recording of {} s", seconds(length));
            return Err(invalid("from", found, "a time before its end"));
        }
        if let Some(to) = self.to.filter(|to| *to < self.from) {
            let found = format!("{} s, which is before from, {from} s", seconds(to));
            return Err(invalid("to", found, "a time after from"));
        }
        let tags = self.selected(recording)?;
        let names = self.names(recording, &tags)?;
        let source = source(recording);
        let mut writers = Vec::with_capacity(tags.len());
        for (tag, name) in tags.iter().zip(&names) {
            writers.push(self.writer(store, name, &recording.track(tag)?, &source)?);
        }
        let (by, from, repeats) = (self.by, self.from, self.repeats);
        let plan = Plan { recording: recording.clone(), tags, by, start, from, to: self.to, repeats };
        Player::start(writers, plan, self.speed, length)
    }

    /// The tags that are played, each once, as the recording names them.
    fn selected(&self, recording: &Recording) -> Result<Vec<String>> {
        let Some(tags) = &self.tags else { return Ok(recording.tags().map(str::to_owned).collect()) };
        let mut selected = Vec::new();
        for tag in tags {
            recording.track(tag)?;
            if !selected.contains(tag) {
                selected.push(tag.clone());
            }
        }
        Ok(selected)
    }

    /// The names under which tags are played.
    fn names(&self, recording: &Recording, tags: &[String]) -> Result<Vec<String>> {
        let mut renamed = HashMap::new();
        for (tag, name) in &self.renames {
            recording.track(tag)?;
            if !tags.contains(tag) {
                return Err(invalid(
                    "rename",
                    format!("tag {tag:?}, which is not played"),
                    "a tag that is played",
                ));
            }
            if renamed.insert(tag, name).is_some() {
                return Err(invalid("rename", format!("several names for tag {tag:?}"), "one name"));
            }
        }
        let mut taken = HashMap::new();
        let mut names = Vec::with_capacity(tags.len());
        for tag in tags {
            let name = renamed.get(tag).copied().unwrap_or(tag);
            if let Some(other) = taken.insert(name, tag) {
                let found = format!("tags {other:?} and {tag:?} both as {name:?}");
                return Err(invalid("rename", found, "a name of its own for each tag"));
            }
            names.push(name.clone());
        }
        Ok(names)
    }

    fn writer(&self, store: &Store, name: &str, track: &Track, source: &str) -> Result<Writer> {
        let largest = largest(track);
        let fitting = (HISTORY_BYTES / largest.max(1)).clamp(*HISTORY.start(), *HISTORY.end());
        let options = store.writer_options(name).ephemeral(true).source(source);
        Ok(options.capacity(largest).history(self.history.unwrap_or(fitting)).open()?)
    }
}

/// The times of the first and the last value.
fn span(recording: &Recording, by: Clock) -> Option<(UnixTime, UnixTime)> {
    if by == Clock::Written {
        return recording.span();
    }
    let tags: Vec<&str> = recording.tags().collect();
    let mut times = recording.in_order(&tags, by).map(|(_, _, time)| time);
    let first = times.next()?;
    Some((first, times.last().unwrap_or(first)))
}

/// The bytes of the largest value, as far as the recording says it without its values.
fn largest(track: &Track) -> usize {
    // A tag of which something is damaged is played up to there: its values say so when they are read.
    let layouts = track.layouts().unwrap_or_default();
    let nbytes = |layout: &TrackLayout| {
        let lengths = layout.shape.as_ref()?.iter();
        Some(lengths.fold(layout.dtype.itemsize(), |nbytes, length| nbytes.saturating_mul(*length)))
    };
    layouts.iter().filter_map(nbytes).max().unwrap_or(0).min(LARGEST_VALUE)
}

/// The file as a source: its path, or its name if that is too long.
fn source(recording: &Recording) -> String {
    let path = std::path::absolute(recording.path()).unwrap_or_else(|_| recording.path().to_owned());
    let text = |path: &std::ffi::OsStr| path.to_string_lossy().replace(char::is_control, "?");
    let whole = text(path.as_os_str());
    if whole.len() <= LONGEST_SOURCE {
        return whole;
    }
    let mut name = text(path.file_name().unwrap_or_default());
    while name.len() > LONGEST_SOURCE {
        name.pop();
    }
    name
}

fn invalid(option: &'static str, found: String, expected: &'static str) -> Error {
    Error::Store(ndsharray::Error::InvalidOption { option, found, expected })
}
