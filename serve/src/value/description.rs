//! What is said of a tag and its value.

use ndsharray::{Snapshot, Stat, UnixTime, ValueStat};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::value::looks::{Looked, Told};

/// A tag, as `/tags` has it. Times are seconds since 1970.
#[derive(Debug, Serialize)]
pub(crate) struct TagDescription {
    tag: String,
    /// What is wrong with the tag; then nothing else is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    found: Option<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    writer_alive: bool,
    pid: Option<u32>,
    source: String,
    ephemeral: bool,
    storage_bytes: u64,
    /// Values per second, from this look and one before; `None` at the first look.
    rate: Option<f64>,
    /// How often its versions did not go on from one look to the next.
    gaps: u64,
    slots: Option<Slots>,
    value: Option<ValueDescription>,
}

/// The room for values in the data file.
#[derive(Debug, Serialize)]
struct Slots {
    allocated: usize,
    /// How many of them readers hold.
    held: usize,
    /// The room of each, in bytes.
    bytes: usize,
}

/// A value without its elements.
#[derive(Debug, Serialize)]
pub(crate) struct ValueDescription {
    dtype: String,
    shape: Vec<usize>,
    bytes: usize,
    version: u64,
    age_seconds: f64,
    written_at: f64,
    acquired_at: Option<f64>,
    source_written_at: Option<f64>,
    attributes: Option<Map<String, Value>>,
}

impl From<Looked> for TagDescription {
    fn from(looked: Looked) -> Self {
        let Looked { tag, stat, told } = looked;
        match stat {
            Err(error) => TagDescription { tag, error: Some(error.to_string()), found: None },
            Ok(stat) => TagDescription { tag, error: None, found: Some(Found::of(stat, told)) },
        }
    }
}

impl Found {
    fn of(stat: Stat, Told { rate, gaps }: Told) -> Self {
        Found {
            writer_alive: stat.writer_alive,
            pid: stat.pid,
            source: stat.source,
            ephemeral: stat.ephemeral,
            storage_bytes: stat.bytes,
            rate,
            gaps,
            slots: stat.value.as_ref().map(|value| Slots {
                allocated: value.slots.allocated,
                held: value.slots.pinned,
                bytes: value.slots.capacity,
            }),
            value: stat.value.map(ValueDescription::from),
        }
    }
}

impl From<ValueStat> for ValueDescription {
    fn from(value: ValueStat) -> Self {
        ValueDescription {
            dtype: value.dtype.to_string(),
            shape: value.shape,
            bytes: value.nbytes,
            version: value.version,
            age_seconds: value.age.as_secs_f64(),
            written_at: value.written_at.as_secs_f64(),
            acquired_at: value.acquired_at.map(UnixTime::as_secs_f64),
            source_written_at: value.source_written_at.map(UnixTime::as_secs_f64),
            // A file may say that any bytes are attributes.
            attributes: value.attributes_json.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

impl From<&Snapshot> for ValueDescription {
    fn from(value: &Snapshot) -> Self {
        ValueDescription {
            dtype: value.dtype().to_string(),
            shape: value.shape().to_vec(),
            bytes: value.bytes().len(),
            version: value.version(),
            age_seconds: value.age().as_secs_f64(),
            written_at: value.written_at().as_secs_f64(),
            acquired_at: value.acquired_at().map(UnixTime::as_secs_f64),
            source_written_at: value.source_written_at().map(UnixTime::as_secs_f64),
            attributes: value.attributes().ok().flatten(),
        }
    }
}
