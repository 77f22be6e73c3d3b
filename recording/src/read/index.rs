//! Where the values lie in a file.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use indexmap::IndexMap;
use mcap::records::{self, Record, op};
use ndsharray::UnixTime;

use crate::error::{Error, Problem, Result};
use crate::read::channels::{Channel, Channels, Refusal};
use crate::read::chunks::{Chunk, Chunks};
use crate::read::file::File;
use crate::read::records::Raw;
use crate::read::scan;
use crate::read::summary::Summary;

/// So many errors about what is left out are kept.
const ERRORS_KEPT: usize = 1000;

/// Where the values of each tag lie.
#[derive(Debug)]
pub(super) struct Index {
    /// By tag.
    pub tracks: IndexMap<String, Values>,
    pub channels: HashMap<u16, Channel>,
    pub chunks: Chunks,
    pub metadata: BTreeMap<String, BTreeMap<String, String>>,
    pub is_complete: bool,
    pub left_out: Vec<Error>,
}

/// Where the values of a tag lie, in the order of the file.
#[derive(Debug)]
pub(super) struct Values {
    pub locations: Vec<Location>,
    /// Whether no value was written before the one ahead of it.
    pub ascending: bool,
    /// When each was acquired, or else written, once it was asked for: the index of a file does not say.
    pub published_at: OnceLock<Vec<UnixTime>>,
}

/// Where a value lies, and what its message must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location {
    pub position: Position,
    pub channel: u16,
    pub written_at: UnixTime,
}

/// A place in a file, in its order: a chunk, and where the message begins in its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub chunk: u32,
    pub offset: u64,
}

impl Index {
    /// Indexes a file from its summary. One without, or whose summary does not fit the rest, is scanned.
    pub fn of(file: &File) -> Self {
        let summary = Summary::of(file.bytes());
        let indexed = summary.as_ref().and_then(|summary| summary.index(Builder::new(file)));
        indexed.unwrap_or_else(|| scan::scan(summary.as_ref(), Builder::new(file)))
    }
}

/// An index that grows in the order of the file.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub file: &'a File,
    pub channels: Channels,
    chunks: Vec<Chunk>,
    /// By number of the tag.
    locations: Vec<Vec<Location>>,
    /// The tags that have values in the last chunk, each once.
    in_last_chunk: Vec<usize>,
    nvalues: usize,
    metadata: BTreeMap<String, BTreeMap<String, String>>,
    left_out: Vec<Error>,
}

impl<'a> Builder<'a> {
    pub fn new(file: &'a File) -> Self {
        Builder {
            file,
            channels: Channels::default(),
            chunks: Vec::new(),
            locations: Vec::new(),
            in_last_chunk: Vec::new(),
            nvalues: 0,
            metadata: BTreeMap::new(),
            left_out: Vec::new(),
        }
    }

    /// Adds a schema, a channel or metadata. Others are passed over.
    pub fn add_record(&mut self, bytes: &[u8], raw: &Raw) -> Result<(), Problem> {
        if !matches!(raw.opcode, op::SCHEMA | op::CHANNEL | op::METADATA) {
            return Ok(());
        }
        let parsed = mcap::parse_record(raw.opcode, &bytes[raw.body.clone()]);
        match parsed.map_err(|error| (error.to_string(), "a record that can be parsed"))? {
            Record::Schema { header, .. } => self.channels.add_schema(&header),
            Record::Channel(record) => self.add_channel(record, raw.start),
            Record::Metadata(records::Metadata { name, metadata }) => {
                self.metadata.insert(name, metadata);
            }
            _ => {}
        }
        Ok(())
    }

    pub fn add_channel(&mut self, record: records::Channel, offset: usize) {
        match self.channels.add(record) {
            Ok(()) => {}
            Err(Refusal::Tag(error)) => self.leave_out(error.into()),
            Err(Refusal::Problem(problem)) => self.leave_out(self.file.damaged(offset, problem)),
        }
    }

    /// Adds a chunk and returns its number; `None` if there are as many as can be counted.
    pub fn add_chunk(&mut self, chunk: Chunk) -> Option<u32> {
        let number = u32::try_from(self.chunks.len()).ok()?;
        self.chunks.push(chunk);
        self.in_last_chunk.clear();
        Some(number)
    }

    /// The chunk that was added last, and its number.
    pub fn last_chunk(&mut self) -> Option<(u32, &mut Chunk)> {
        let number = self.chunks.len().checked_sub(1)?;
        Some((number as u32, self.chunks.last_mut()?))
    }

    /// Adds a value. Those of channels that are not ours are passed over.
    pub fn add_value(&mut self, location: Location) -> Result<(), Problem> {
        let Some(channel) = self.channels.get(location.channel) else { return Ok(()) };
        // Each value has 16 bytes in the index that the writer adds. Chunks that decompress to much more would take all memory.
        if self.nvalues > self.file.bytes().len() {
            return Err(("more values than the file has bytes".to_owned(), "fewer"));
        }
        self.nvalues += 1;
        if self.locations.len() <= channel.tag {
            self.locations.resize_with(channel.tag + 1, Vec::new);
        }
        let locations = &mut self.locations[channel.tag];
        if locations.last().is_none_or(|last| last.position.chunk != location.position.chunk) {
            self.in_last_chunk.push(channel.tag);
        }
        locations.push(location);
        Ok(())
    }

    /// Takes back the values of the last chunk.
    pub fn take_back(&mut self, chunk: u32) {
        for tag in self.in_last_chunk.drain(..) {
            let locations = &mut self.locations[tag];
            let before = locations.partition_point(|location| location.position.chunk < chunk);
            self.nvalues -= locations.len() - before;
            locations.truncate(before);
        }
    }

    /// Notes that something is left out.
    pub fn leave_out(&mut self, error: Error) {
        if self.left_out.len() < ERRORS_KEPT {
            self.left_out.push(error);
        }
    }

    pub fn build(self, is_complete: bool) -> Index {
        let (channels, tags) = self.channels.into_parts();
        let mut tracks = IndexMap::new();
        for (tag, mut locations) in tags.into_iter().zip(self.locations) {
            // A channel that was refused later had values before.
            locations.retain(|location| channels.contains_key(&location.channel));
            if !locations.is_empty() {
                tracks.insert(tag, Values::new(locations));
            }
        }
        tracks.sort_keys();
        Index {
            tracks,
            channels,
            chunks: Chunks::new(self.chunks),
            metadata: self.metadata,
            is_complete,
            left_out: self.left_out,
        }
    }
}

impl Values {
    fn new(mut locations: Vec<Location>) -> Self {
        locations.shrink_to_fit();
        let ascending = locations.is_sorted_by_key(|location| location.written_at);
        Values { locations, ascending, published_at: OnceLock::new() }
    }
}
