//! The channels of a file: which tag and layout its messages have.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use indexmap::IndexSet;
use mcap::records;
use ndsharray::DType;

use crate::error::{Problem, Result};
use crate::message::decode::MOST_AXES;
use crate::message::schema::{ENCODING, Schema};

/// The channels that were met so far.
#[derive(Debug, Default)]
pub(super) struct Channels {
    schemas: HashMap<u16, Option<Schema>>,
    known: HashMap<u16, Known>,
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

/// The longest name of a channel that is kept to be told. Chunks that decompress to much more than they are could have names, and
/// metadata, that take all memory.
const LONGEST_NAME: usize = 1024;

/// A channel that was met: as much as tells whether another one is the same.
#[derive(Debug)]
struct Known {
    name: String,
    digest: u64,
}

/// Why a channel is left out.
pub(super) enum Refusal {
    Tag(ndsharray::Error),
    Problem(Problem),
}

impl Channels {
    /// Adds a schema. If the file has two of the same number, the first counts.
    pub fn add_schema(&mut self, schema: &records::SchemaHeader) {
        let known = Schema::of_name(&schema.name).filter(|_| schema.encoding == ENCODING);
        self.schemas.entry(schema.id).or_insert(known);
    }

    /// Adds a channel. One without values of ours is passed over.
    pub fn add(&mut self, record: records::Channel) -> Result<(), Refusal> {
        let this = Known::of(&record);
        if let Some(known) = self.known.get(&record.id) {
            if known.digest == this.digest {
                return Ok(());
            }
            let found = format!("channel {} of {:?}, which was of {:?}", record.id, this.name, known.name);
            // Which of the two its messages are of, nobody knows.
            return match self.ours.remove(&record.id) {
                Some(_) => Err(Refusal::Problem((found, "a channel that does not change"))),
                None => Ok(()),
            };
        }
        // A channel whose schema the file does not have may come again, with it.
        let Some(&schema) = self.schemas.get(&record.schema_id) else { return Ok(()) };
        self.known.insert(record.id, this);
        let Some(schema) = schema.filter(|_| record.message_encoding == ENCODING) else { return Ok(()) };
        let layout = Declared::of(&record);
        // Images of others, which lack what makes them arrays.
        if schema == Schema::RawImage && layout.is_none() {
            return Ok(());
        }
        if record.topic.len() > LONGEST_NAME {
            let found = format!("a channel whose name has {} bytes", record.topic.len());
            return Err(Refusal::Problem((found, "the name of a tag")));
        }
        ndsharray::check_tag(&record.topic).map_err(Refusal::Tag)?;
        let (tag, _) = self.tags.insert_full(record.topic);
        self.ours.insert(record.id, Channel { schema, tag, layout });
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

impl Known {
    fn of(record: &records::Channel) -> Self {
        let mut hasher = DefaultHasher::new();
        (record.schema_id, &record.topic, &record.message_encoding, &record.metadata).hash(&mut hasher);
        // The whole, or its beginning.
        let mut end = record.topic.len().min(LONGEST_NAME);
        while !record.topic.is_char_boundary(end) {
            end -= 1;
        }
        Known { name: record.topic[..end].to_owned(), digest: hasher.finish() }
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

/// A shape such as `[480, 640]`. One with more axes than an array has is none.
fn shape(text: &str) -> Option<Vec<usize>> {
    let lengths = text.strip_prefix('[')?.strip_suffix(']')?;
    if lengths.is_empty() {
        return Some(Vec::new());
    }
    let lengths = lengths.split(", ").take(MOST_AXES + 1).map(|length| length.parse().ok());
    lengths.collect::<Option<Vec<_>>>().filter(|shape| shape.len() <= MOST_AXES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read() {
        for lengths in [&[][..], &[7], &[480, 640, 3]] {
            assert_eq!(shape(&format!("{lengths:?}")).as_deref(), Some(lengths));
        }
        assert_eq!(shape(&format!("{:?}", [1; 64])), Some(vec![1; 64]));
        assert_eq!(shape(&format!("{:?}", [1; 65])), None);
        for text in ["", "[", "]", "[-1]", "[1,2]", "[1, ]", "7"] {
            assert_eq!(shape(text), None, "{text}");
        }
    }
}
