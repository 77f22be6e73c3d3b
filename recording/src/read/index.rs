//! Where the values lie in a file.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use bytes::Bytes;
use indexmap::IndexMap;
use mcap::records::Record;
use ndsharray::UnixTime;

use crate::error::{Error, Result};
use crate::message::schema::Schema;

/// Where the values of each tag lie.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub tracks: IndexMap<String, Vec<Location>>,
    pub metadata: BTreeMap<String, BTreeMap<String, String>>,
    pub is_complete: bool,
}

/// The place of a value in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(pub usize);

/// Where a value lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location {
    pub schema: Schema,
    pub written_at: UnixTime,
    pub published_at: UnixTime,
    /// Of the message's data in the file.
    pub start: usize,
    pub end: usize,
}

impl Index {
    pub fn of(path: &Path, file: &Bytes) -> Result<Self> {
        let mut index = Index::default();
        if !file.starts_with(mcap::MAGIC) {
            let found = format!("{:?}", &file[..file.len().min(8)]);
            return Err(Error::NotARecording { path: path.to_owned(), found });
        }
        let mut channels = HashMap::new();
        let mut schemas = HashMap::new();
        for record in records(&file[8..]) {
            let Ok(record) = record else { break };
            match record {
                Record::Chunk { header, data } => {
                    assert!(header.compression.is_empty(), "compressed chunks are not read yet");
                    index.read_chunk(file, &data, &mut schemas, &mut channels);
                }
                Record::Metadata(metadata) => {
                    index.metadata.insert(metadata.name, metadata.metadata);
                }
                Record::DataEnd(_) => {
                    index.is_complete = true;
                    break;
                }
                _ => {}
            }
        }
        index.tracks.sort_keys();
        Ok(index)
    }

    fn read_chunk(
        &mut self,
        file: &Bytes,
        data: &[u8],
        schemas: &mut HashMap<u16, Schema>,
        channels: &mut HashMap<u16, (String, Schema)>,
    ) {
        for record in records(data) {
            let Ok(record) = record else { return };
            match record {
                Record::Schema { header, .. } => {
                    if let Some(schema) = Schema::of_name(&header.name) {
                        schemas.insert(header.id, schema);
                    }
                }
                Record::Channel(channel) => {
                    if let Some(&schema) = schemas.get(&channel.schema_id) {
                        channels.insert(channel.id, (channel.topic, schema));
                    }
                }
                Record::Message { header, data } => {
                    let Some((tag, schema)) = channels.get(&header.channel_id) else { continue };
                    let start = data.as_ptr().addr() - file.as_ptr().addr();
                    self.tracks.entry(tag.clone()).or_default().push(Location {
                        schema: *schema,
                        written_at: UnixTime::from(header.log_time),
                        published_at: UnixTime::from(header.publish_time),
                        start,
                        end: start + data.len(),
                    });
                }
                _ => {}
            }
        }
    }
}

/// The records of a part of a file: a byte for what it is, eight for the length, and the record.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = mcap::McapResult<Record<'_>>> {
    std::iter::from_fn(move || {
        let (&opcode, rest) = bytes.split_first()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let (body, rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        bytes = rest;
        Some(mcap::parse_record(opcode, body))
    })
}
