//! The latest value of a tag, as JSON has it.

use ndsharray::ValueStat;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::seconds::Seconds;

#[derive(Debug, Serialize)]
pub struct Value {
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: usize,
    pub version: u64,
    pub age_seconds: f64,
    written_at: Seconds,
    acquired_at: Option<Seconds>,
    source_written_at: Option<Seconds>,
    attributes: Option<Map<String, Json>>,
    /// Whether the three above could be read; false if values come faster than they can be looked at.
    metadata_known: bool,
    data_file: String,
    pub slots_allocated: usize,
    pub slots_pinned: usize,
    slot_bytes: usize,
}

impl From<ValueStat> for Value {
    fn from(stat: ValueStat) -> Self {
        let attributes = stat.attributes_json.as_deref();
        Value {
            dtype: stat.dtype.to_string(),
            shape: stat.shape,
            bytes: stat.nbytes,
            version: stat.version,
            age_seconds: stat.age.as_secs_f64(),
            written_at: Seconds(stat.written_at),
            acquired_at: stat.acquired_at.map(Seconds),
            source_written_at: stat.source_written_at.map(Seconds),
            // A file may say that any bytes are attributes.
            attributes: attributes.and_then(|text| serde_json::from_str(text).ok()),
            metadata_known: stat.user_data.is_some(),
            data_file: stat.data_file,
            slots_allocated: stat.slots.allocated,
            slots_pinned: stat.slots.pinned,
            slot_bytes: stat.slots.capacity,
        }
    }
}
