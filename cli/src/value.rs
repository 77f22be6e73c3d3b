//! The latest value of a tag, as JSON has it.

use ndsharray::{DType, RecordField, ValueStat};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::seconds::Seconds;

#[derive(Debug, Serialize)]
pub struct Value {
    /// Of records, the fields: `{x: float32, y: int16[2]}`.
    pub dtype: String,
    /// The fields of a record; empty if it is none.
    fields: Vec<Field>,
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

/// A field of a record.
#[derive(Debug, Serialize)]
struct Field {
    name: String,
    dtype: String,
    /// The length of each axis if the field is an array.
    shape: Vec<usize>,
    offset: usize,
    /// The fields of a record within the record.
    fields: Vec<Field>,
}

fn fields(dtype: &DType) -> Vec<Field> {
    let field = |field: &RecordField| Field {
        name: field.name().to_owned(),
        dtype: field.dtype().to_string(),
        shape: field.shape().to_vec(),
        offset: field.offset(),
        fields: fields(field.dtype()),
    };
    dtype.fields().iter().map(field).collect()
}

impl From<ValueStat> for Value {
    fn from(stat: ValueStat) -> Self {
        let attributes = stat.attributes_json.as_deref();
        Value {
            dtype: stat.dtype.to_string(),
            fields: fields(&stat.dtype),
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
