//! The channels of a file: which tag and layout its messages have.

use std::collections::HashMap;

use indexmap::IndexSet;
use mcap::records;
use ndsharray::DType;

use crate::error::{Problem, Result};
use crate::message::schema::{ENCODING, Schema};

/// The channels that were met so far.
#[derive(Debug, Default)]
pub(super) struct Channels {
    schemas: HashMap<u16, Option<Schema>>,
    records: HashMap<u16, records::Channel>,
    ours: HashMap<u16, Channel>,
    tags: IndexSet<String>,
}

/// A channel with values.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub schema: Schema,
    /// The number of its tag.
    pub tag: usize,
    /// What it says of its values; `None` if it says nothing.
    pub layout: Option<Declared>,
}

/// What a channel says of its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// `None` if it does not say all of it.
    pub dtype: Option<DType>,
    /// `None` if it differs from value to value.
    pub shape: Option<Vec<usize>>,
}

/// Why a channel is left out.
pub(super) enum Refusal {
    Tag(ndsharray::Error),
    Twice(Problem),
}

impl Channels {
    /// Adds a schema. If the file has two of the same number, the first counts.
    pub fn add_schema(&mut self, schema: &records::SchemaHeader) {
        let known = Schema::of_name(&schema.name).filter(|_| schema.encoding == ENCODING);
        self.schemas.entry(schema.id).or_insert(known);
    }

    /// Adds a channel. One without values of ours is passed over.
    pub fn add(&mut self, record: records::Channel) -> Result<(), Refusal> {
        if let Some(known) = self.records.get(&record.id) {
            if *known == record {
                return Ok(());
            }
            let found =
                format!("channel {} of {:?}, which was of {:?}", record.id, record.topic, known.topic);
            // Which of the two its messages are of, nobody knows.
            return match self.ours.remove(&record.id) {
                Some(_) => Err(Refusal::Twice((found, "a channel that does not change"))),
                None => Ok(()),
            };
        }
        // A channel whose schema the file does not have may come again, with it.
        let Some(&schema) = self.schemas.get(&record.schema_id) else { return Ok(()) };
        let id = record.id;
        let layout = Declared::of(&record);
        let topic = record.topic.clone();
        let encoding = record.message_encoding == ENCODING;
        self.records.insert(id, record);
        let Some(schema) = schema.filter(|_| encoding) else { return Ok(()) };
        // Images of others, which lack what makes them arrays.
        if schema == Schema::RawImage && layout.is_none() {
            return Ok(());
        }
        ndsharray::check_tag(&topic).map_err(Refusal::Tag)?;
        let (tag, _) = self.tags.insert_full(topic);
        self.ours.insert(id, Channel { schema, tag, layout });
        Ok(())
    }

    pub fn get(&self, id: u16) -> Option<&Channel> {
        self.ours.get(&id)
    }

    /// The channels with values of ours, and the tags that they number.
    pub fn into_parts(self) -> (HashMap<u16, Channel>, IndexSet<String>) {
        (self.ours, self.tags)
    }
}

impl Declared {
    fn of(record: &records::Channel) -> Option<Self> {
        let name = record.metadata.get("dtype")?;
        let dtype = match record.metadata.get("descr") {
            None => DType::from_name(name).ok(),
            Some(descr) => {
                let itemsize = record.metadata.get("itemsize").and_then(|itemsize| itemsize.parse().ok());
                itemsize.and_then(|itemsize| DType::stored(name, itemsize, descr).ok())
            }
        };
        Some(Declared { dtype, shape: record.metadata.get("shape").and_then(|text| shape(text)) })
    }

    /// Whether a value has this layout. The dtype may have another name, if it means the same.
    pub fn fits(&self, dtype: &DType, shape: &[usize]) -> bool {
        self.dtype.as_ref().is_none_or(|declared| declared == dtype)
            && self.shape.as_ref().is_none_or(|declared| declared == shape)
    }
}

/// A shape such as `[480, 640]`.
fn shape(text: &str) -> Option<Vec<usize>> {
    let lengths = text.strip_prefix('[')?.strip_suffix(']')?;
    if lengths.is_empty() {
        return Some(Vec::new());
    }
    lengths.split(", ").map(|length| length.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        for lengths in [&[][..], &[7], &[480, 640, 3]] {
            assert_eq!(shape(&format!("{lengths:?}")).as_deref(), Some(lengths));
        }
        for text in ["", "[", "]", "[-1]", "[1,2]", "[1, ]", "7"] {
            assert_eq!(shape(text), None, "{text}");
        }
    }
}
