//! Recording a store: each value of its tags into a [`RecordingWriter`].
//!
//! `tag` reads one tag and counts, `tags` finds those of a store and waits for them, `held` keeps copies of values in memory,
//! `pretrigger` decides which of them are recorded, and `report` says what came of it.

mod held;
mod pretrigger;
mod report;
mod tag;
mod tags;

use std::time::{Duration, Instant};

use ndsharray::{Snapshot, Store, UnixTime};

use crate::error::{Error, Result};
use crate::record::pretrigger::Pretrigger;
use crate::record::report::{MISSED, RECORDING, SOURCES};
pub use crate::record::report::{Progress, Recorded, RecordedTag};
use crate::record::tags::Tags;
use crate::value::Value;
use crate::write::RecordingWriter;

/// A tag has its turn for so many values, and until they have so many bytes; then comes the next one. So a fast tag does not keep the
/// others waiting, and when a recording begins, the whole history of small values that come fast is read before large ones are.
const VALUES_A_TURN: usize = 256;
const BYTES_A_TURN: usize = 1 << 20;

/// The metadata are brought up to date so often, so that a file which is split off, or ended by an error, has them.
const NOTE_EVERY: Duration = Duration::from_millis(100);

/// At the end so many values of each tag are still read: more than any writer keeps.
const VALUES_AT_THE_END: usize = 256;

/// Records each value of a store's tags.
///
/// It reads with [`read_next`](ndsharray::Reader::read_next): first the values that histories still hold, then each value as it comes.
/// It also records tags that are made later, or are removed and come back. Writers never wait: a value that they overwrite before it
/// was read is missed, and counted for its tag. After an error of one tag, the other tags go on.
///
/// ```
/// # fn main() -> ndsharray_recording::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(directory.path())?;
/// # let path = directory.path().join("run.mcap");
/// use std::time::Duration;
/// use ndsharray_recording::{Recorder, RecordingOptions};
///
/// let mut writer = store.writer_options("samples").history(20).open()?;
/// for sample in 0..10_u64 {
///     writer.write_slice(&[sample], &[1])?;
/// }
/// let file = RecordingOptions::new().min_free(0).create(&path)?;
/// let mut recorder = Recorder::new(store, file);
/// recorder.run_for(Duration::from_millis(10))?; // again and again, until the recording is to end
/// let recorded = recorder.finish()?;
/// assert_eq!((recorded.written.values, recorded.tags[0].missed), (10, 0));
/// # Ok(())
/// # }
/// ```
///
/// The file gets three metadata records. `ndsharray.missed` has a number of values for each tag. `ndsharray.recording` has `host`,
/// `store` (the directory), `library`, `started_at`, and `ended_at`, in nanoseconds since 1970. `ndsharray.sources` has the sources of
/// those tags that have one.
#[derive(Debug)]
pub struct Recorder {
    tags: Tags,
    /// `None` once values are recorded as they come.
    pretrigger: Option<Pretrigger>,
    writer: RecordingWriter,
    started: Instant,
    started_at: UnixTime,
    noted: Instant,
}

impl Recorder {
    /// Records all tags of a store.
    pub fn new(store: Store, writer: RecordingWriter) -> Self {
        let now = Instant::now();
        Recorder {
            tags: Tags::new(store),
            pretrigger: None,
            writer,
            started: now,
            started_at: UnixTime::now(),
            noted: now,
        }
    }

    /// Records only the tags for which `wanted` is true. It is asked at each look at the store, some 20 times a second.
    #[must_use]
    pub fn only(mut self, wanted: impl Fn(&str) -> bool + Send + 'static) -> Self {
        self.tags.only(wanted);
        self
    }

    /// Keeps the values of the last `time` in memory, and records nothing before [`trigger`](Recorder::trigger). They take at most
    /// `memory` bytes: if that is not enough, the oldest ones are dropped sooner.
    #[must_use]
    pub fn pretrigger(mut self, time: Duration, memory: usize) -> Self {
        self.pretrigger = Some(Pretrigger::new(time, memory));
        self
    }

    /// Records what is kept in memory, in its order, and then goes on without a gap. Does nothing if there is no pretrigger, or if
    /// this was called before.
    ///
    /// While the file catches up, values that come are kept in memory behind the others. If there is no more room for them, some are
    /// missed, as when the disk is too slow.
    pub fn trigger(&mut self) {
        if let Some(pretrigger) = &mut self.pretrigger {
            pretrigger.trigger(&mut self.tags);
        }
    }

    /// Records for this time. Call it again and again without a pause: between two calls nothing is read, and what histories do not hold
    /// is missed.
    ///
    /// # Errors
    /// Those of [`RecordingWriter::append`] that end the recording, and [`Error::Store`] if the store cannot be listed.
    pub fn run_for(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now().checked_add(time);
        loop {
            self.tags.look()?;
            let found = self.round()?;
            let waits = self.pass_on(false)?;
            self.note();
            // Closes a chunk that is old enough, also if nothing comes.
            self.writer.tick()?;
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            if !found {
                self.tags.wait(waits.min(left.unwrap_or(waits)))?;
            }
        }
    }

    /// How far the recording has come.
    pub fn progress(&self) -> Progress {
        Progress {
            time: self.started.elapsed(),
            bytes: self.writer.nbytes(),
            values: self.tags.iter().map(|tag| tag.values()).sum(),
            missed: self.tags.iter().map(|tag| tag.missed()).sum(),
            waiting: self.pretrigger.as_ref().map_or(0, Pretrigger::len),
            is_triggered: self.pretrigger.as_ref().is_none_or(Pretrigger::is_triggered),
        }
    }

    /// The tags so far, sorted by name, with their counts.
    pub fn tags(&self) -> Vec<RecordedTag> {
        let mut tags: Vec<_> = self.tags.iter().map(RecordedTag::of).collect();
        tags.sort_by(|one, other| one.tag.cmp(&other.tag));
        tags
    }

    /// The first error of each tag, with the tag, since the last call of this.
    pub fn take_errors(&mut self) -> Vec<(String, Error)> {
        self.tags.take_errors()
    }

    /// The files so far. The last one is being written, or was when an error ended the recording.
    pub fn files(&self) -> &[std::path::PathBuf] {
        self.writer.files()
    }

    /// Records the values that were written until now and not read yet, and completes the file. If a trigger was needed and did not come,
    /// the file has no values.
    ///
    /// # Errors
    /// As [`run_for`](Recorder::run_for).
    pub fn finish(mut self) -> Result<Recorded> {
        self.tags.look_now()?;
        for number in 0..self.tags.len() {
            let mut read = 0;
            while read < VALUES_AT_THE_END {
                match self.turn(number)? {
                    0 => break,
                    count => read += count,
                }
            }
        }
        self.pass_on(true)?;
        self.set_metadata(Some(UnixTime::now()));
        let tags = self.tags();
        Ok(Recorded { written: self.writer.finish()?, tags })
    }

    /// Each tag has its turn. False if none had a value.
    fn round(&mut self) -> Result<bool> {
        let mut found = false;
        for number in 0..self.tags.len() {
            found |= self.turn(number)? > 0;
        }
        Ok(found)
    }

    /// Records some values of a tag; returns how many it had.
    fn turn(&mut self, number: usize) -> Result<usize> {
        let mut nbytes = 0;
        for count in 0..VALUES_A_TURN {
            if nbytes >= BYTES_A_TURN {
                return Ok(count);
            }
            let Some(snapshot) = self.tags.get_mut(number).next() else { return Ok(count) };
            nbytes += snapshot.bytes().len();
            self.take(number, snapshot)?;
        }
        Ok(VALUES_A_TURN)
    }

    /// Copies a value into the file's chunk, or into memory. It is let go before anything waits for the disk.
    fn take(&mut self, number: usize, snapshot: Snapshot) -> Result<()> {
        let tag = self.tags.get_mut(number);
        let missed = tag.all_missed();
        let value = match Value::of(tag.name(), &snapshot) {
            Ok(value) => value,
            Err(error) => return tag.outcome(Err(error.into())),
        };
        if let Some(pretrigger) = &mut self.pretrigger {
            return match pretrigger.push(number, missed, &snapshot, &value) {
                Ok(()) => Ok(()),
                refused => tag.outcome(refused),
            };
        }
        let outcome = self.writer.add(&value);
        drop(snapshot);
        tag.outcome(outcome)?;
        self.writer.tick()
    }

    /// Hands on what is kept in memory; returns how long to wait at most before that is tried again.
    fn pass_on(&mut self, all: bool) -> Result<Duration> {
        let Some(pretrigger) = &mut self.pretrigger else { return Ok(Duration::MAX) };
        pretrigger.pass_on(&mut self.tags, &mut self.writer, all)?;
        if pretrigger.is_over() {
            self.pretrigger = None;
        } else if pretrigger.is_triggered() {
            return Ok(if self.writer.is_behind() { Duration::from_millis(2) } else { Duration::ZERO });
        }
        Ok(Duration::MAX)
    }

    /// Brings the metadata up to date, now and then.
    fn note(&mut self) {
        if self.noted.elapsed() >= NOTE_EVERY {
            self.noted = Instant::now();
            self.set_metadata(None);
        }
    }

    fn set_metadata(&mut self, ended_at: Option<UnixTime>) {
        let missed = self.tags.texts(|tag| Some(tag.missed().to_string()));
        self.writer.set_metadata(MISSED, missed);
        let sources =
            self.tags.texts(|tag| Some(tag.source().to_owned()).filter(|source| !source.is_empty()));
        if !sources.is_empty() {
            self.writer.set_metadata(SOURCES, sources);
        }
        let entries = report::of_recording(self.tags.store(), self.started_at, ended_at);
        self.writer.set_metadata(RECORDING, entries);
    }
}
