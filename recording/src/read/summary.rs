//! The summary at the end of a complete file: its channels, and where its chunks and their indexes are.

use std::collections::{HashMap, HashSet};

use mcap::records::{self, Record, op};
use ndsharray::UnixTime;

use crate::read::chunks::Chunk;
use crate::read::index::{Builder, Index, Location, Position};
use crate::read::records::{Raw, records};

/// The length of the footer: opcode, length, the starts of two sections, and the checksum.
const FOOTER: usize = 1 + 8 + 8 + 8 + 4;

/// A summary whose checksum is right.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Where it begins, in the file. All data lies before.
    start: usize,
    schemas: Vec<records::SchemaHeader>,
    channels: Vec<records::Channel>,
    /// In the order of the file. Each lies, with its indexes, behind the one before and in the file.
    chunks: Vec<ChunkIndex>,
    metadata: Vec<records::MetadataIndex>,
    statistics: Option<records::Statistics>,
}

#[derive(Clone, Copy, Debug)]
struct ChunkIndex {
    start: usize,
    /// Where the chunk ends, and its message indexes begin.
    end: usize,
    indexes_end: usize,
    /// The size of its records when they are not compressed.
    size: u64,
}

impl Summary {
    /// The summary of a file; `None` if it has none that can be relied upon.
    pub fn of(file: &[u8]) -> Option<Self> {
        let body = file.strip_suffix(mcap::MAGIC)?;
        let footer_start = body.len().checked_sub(FOOTER)?;
        let raw =
            Raw::at(body, footer_start).filter(|raw| raw.opcode == op::FOOTER && raw.end() == body.len())?;
        let Ok(Record::Footer(footer)) = mcap::parse_record(raw.opcode, &body[raw.body]) else { return None };
        let start = usize::try_from(footer.summary_start).ok()?;
        let records_of_it = body.get(start..footer_start)?;
        // The checksum is over everything from here to itself. 0 stands for none.
        let checked = &body[start..body.len() - 4];
        if start < mcap::MAGIC.len()
            || footer.summary_crc != 0 && crc32fast::hash(checked) != footer.summary_crc
        {
            return None;
        }
        let mut summary = Summary { start, ..Summary::default() };
        let mut end = 0;
        for raw in records(records_of_it) {
            end = raw.end();
            summary.add(raw.opcode, &records_of_it[raw.body])?;
        }
        summary.chunks.sort_unstable_by_key(|chunk| chunk.start);
        (end == records_of_it.len() && summary.is_orderly()).then_some(summary)
    }

    fn add(&mut self, opcode: u8, body: &[u8]) -> Option<()> {
        if !matches!(opcode, op::SCHEMA | op::CHANNEL | op::CHUNK_INDEX | op::METADATA_INDEX | op::STATISTICS)
        {
            return Some(());
        }
        match mcap::parse_record(opcode, body).ok()? {
            Record::Schema { header, .. } => self.schemas.push(header),
            Record::Channel(channel) => self.channels.push(channel),
            Record::ChunkIndex(index) => self.chunks.push(ChunkIndex::of(&index)?),
            Record::MetadataIndex(index) => self.metadata.push(index),
            Record::Statistics(statistics) => self.statistics = Some(statistics),
            _ => {}
        }
        Some(())
    }

    /// Whether all chunks lie in the data, and none in another: no part of the file is read twice.
    fn is_orderly(&self) -> bool {
        let mut end = mcap::MAGIC.len();
        self.chunks.iter().all(|chunk| chunk.start >= std::mem::replace(&mut end, chunk.indexes_end))
            && end <= self.start
    }

    /// Adds the schemas and channels to an index.
    pub fn add_channels(&self, builder: &mut Builder<'_>) {
        for schema in &self.schemas {
            builder.channels.add_schema(schema);
        }
        for channel in &self.channels {
            builder.add_channel(channel.clone(), self.start);
        }
    }

    /// Where the first chunk after `position` begins.
    pub fn next_chunk(&self, position: usize) -> Option<usize> {
        let later = self.chunks.partition_point(|chunk| chunk.start <= position);
        self.chunks.get(later).map(|chunk| chunk.start)
    }

    /// Indexes the file from the indexes of its chunks, without reading the chunks; `None` if it must be scanned: the indexes are
    /// damaged, or do not have all values.
    pub fn index(&self, mut builder: Builder<'_>) -> Option<Index> {
        let statistics = self.statistics.as_ref()?;
        let known = self.channels.iter().map(|channel| channel.id).collect::<HashSet<_>>();
        let all_known = statistics.channel_message_counts.keys().all(|id| known.contains(id));
        if statistics.chunk_count as usize != self.chunks.len() || !all_known {
            return None;
        }
        self.add_channels(&mut builder);
        self.add_metadata(&mut builder)?;
        let mut counts = HashMap::new();
        let mut entries = Vec::new();
        for chunk in &self.chunks {
            chunk.read_indexes(builder.file.bytes(), &mut entries)?;
            let number = builder.add_chunk(Chunk::new(chunk.start..chunk.end))?;
            for (offset, channel, written_at) in entries.drain(..) {
                *counts.entry(channel).or_insert(0u64) += 1;
                let position = Position { chunk: number, offset };
                let location = Location { position, channel, written_at: UnixTime::from(written_at) };
                builder.add_value(location).ok()?;
            }
        }
        let stated = statistics.channel_message_counts.iter().filter(|(_, count)| **count > 0);
        let all = stated.clone().count() == counts.len()
            && stated.into_iter().all(|(id, count)| counts.get(id) == Some(count));
        all.then(|| builder.build(true))
    }

    fn add_metadata(&self, builder: &mut Builder<'_>) -> Option<()> {
        let file = builder.file.bytes();
        let mut places = self.metadata.iter().map(|index| (index.offset, index.length)).collect::<Vec<_>>();
        places.sort_unstable();
        let mut end = mcap::MAGIC.len();
        for (offset, length) in places {
            let raw = Raw::at(&file[..self.start], usize::try_from(offset).ok()?)?;
            if raw.opcode != op::METADATA || raw.start < end || (raw.end() - raw.start) as u64 != length {
                return None;
            }
            end = raw.end();
            builder.add_record(file, &raw).ok()?;
        }
        Some(())
    }
}

impl ChunkIndex {
    fn of(index: &records::ChunkIndex) -> Option<Self> {
        let start = usize::try_from(index.chunk_start_offset).ok()?;
        let end = start.checked_add(usize::try_from(index.chunk_length).ok()?)?;
        let indexes_end = end.checked_add(usize::try_from(index.message_index_length).ok()?)?;
        Some(ChunkIndex { start, end, indexes_end, size: index.uncompressed_size })
    }

    /// Where the messages of the chunk begin in its records, with their channels and times, in their order; `None` if its message
    /// indexes are damaged.
    fn read_indexes(&self, file: &[u8], entries: &mut Vec<(u64, u16, u64)>) -> Option<()> {
        let bytes = file.get(self.end..self.indexes_end)?;
        let mut end = 0;
        for raw in records(bytes) {
            end = raw.end();
            let index = match (raw.opcode, mcap::parse_record(raw.opcode, &bytes[raw.body.clone()])) {
                (op::MESSAGE_INDEX, Ok(Record::MessageIndex(index))) => index,
                _ => return None,
            };
            entries
                .extend(index.records.iter().map(|entry| (entry.offset, index.channel_id, entry.log_time)));
        }
        entries.sort_unstable();
        let inside = entries.last().is_none_or(|last| last.0 < self.size);
        let apart = entries.windows(2).all(|pair| pair[0].0 < pair[1].0);
        (end == bytes.len() && inside && apart).then_some(())
    }
}
