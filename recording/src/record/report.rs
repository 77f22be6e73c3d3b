//! What is said of a recording, while it is made and in its file.

use std::collections::BTreeMap;
use std::time::Duration;

use ndsharray::{Store, UnixTime};

use crate::record::tag::Tag;
use crate::write::Written;

/// The names of the metadata records.
pub(super) const MISSED: &str = "ndsharray.missed";
pub(super) const RECORDING: &str = "ndsharray.recording";
pub(super) const SOURCES: &str = "ndsharray.sources";

/// How far a recording has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How long it has run.
    pub time: Duration,
    /// The bytes of its files, with those that wait for the disk.
    pub bytes: u64,
    /// How many values were recorded.
    pub values: u64,
    /// How many were missed.
    pub missed: u64,
    /// How many are kept in memory, by a pretrigger.
    pub waiting: usize,
    /// Whether values are recorded: false if they wait for a trigger.
    pub is_triggered: bool,
}

/// The outcome of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The files.
    pub written: Written,
    /// The tags, sorted by name.
    pub tags: Vec<RecordedTag>,
}

/// The outcome of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedTag {
    /// The tag.
    pub tag: String,
    /// How many values were recorded.
    pub values: u64,
    /// How many were not: they were overwritten before they were read, or could not be recorded.
    pub missed: u64,
    /// Whether there was an error of this tag, which [`take_errors`](crate::Recorder::take_errors) told.
    pub has_failed: bool,
}

impl RecordedTag {
    pub(super) fn of(tag: &Tag) -> Self {
        RecordedTag {
            tag: tag.name().to_owned(),
            values: tag.values(),
            missed: tag.missed(),
            has_failed: tag.has_failed(),
        }
    }
}

/// The record of the recording itself.
pub(super) fn of_recording(
    store: &Store,
    started_at: UnixTime,
    ended_at: Option<UnixTime>,
) -> BTreeMap<String, String> {
    let nanoseconds = |time: UnixTime| time.as_nanos().to_string();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut entries = BTreeMap::from([
        ("host".to_owned(), host),
        ("library".to_owned(), concat!("ndsharray ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("started_at".to_owned(), nanoseconds(started_at)),
        ("store".to_owned(), store.directory().to_string_lossy().into_owned()),
    ]);
    if let Some(ended_at) = ended_at {
        entries.insert("ended_at".to_owned(), nanoseconds(ended_at));
    }
    entries
}
