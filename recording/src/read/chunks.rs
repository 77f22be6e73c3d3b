//! The records of chunks: where they lie, or decompressed.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use crate::error::{Error, Problem, Result};
use crate::read::file::File;
use crate::read::records::{ChunkHead, Codec};
use crate::write::LARGEST_VALUE;
use crate::write::options::Compression;

/// The most that a chunk may have when it is decompressed: the largest value, and what else a chunk takes before it is closed.
const LARGEST_CHUNK: u64 = LARGEST_VALUE as u64 + (32 << 20);

/// So many chunks are kept decompressed, but no more than one if together they have more bytes than that.
const CHUNKS_KEPT: usize = 4;
const BYTES_KEPT: usize = 256 << 20;

/// The chunks of a file, in its order.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    list: Vec<Chunk>,
    decompressed: Cache,
}

/// A part of the file with records.
#[derive(Debug)]
pub(super) struct Chunk {
    range: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Records that are in no chunk.
    Bare,
    /// A chunk record. What it says is read when it is first needed, and its checksum is computed once.
    Chunk { head: OnceLock<Result<ChunkHead, Problem>>, sound: OnceLock<Result<(), Problem>> },
}

impl Chunk {
    pub fn bare(range: Range<usize>) -> Self {
        Chunk { range, kind: Kind::Bare }
    }

    pub fn new(range: Range<usize>) -> Self {
        Chunk { range, kind: Kind::Chunk { head: OnceLock::new(), sound: OnceLock::new() } }
    }

    /// Where it lies, if its records are in no chunk.
    pub fn bare_range(&mut self) -> Option<&mut Range<usize>> {
        matches!(self.kind, Kind::Bare).then_some(&mut self.range)
    }
}

impl Chunks {
    pub fn new(list: Vec<Chunk>) -> Self {
        Chunks { list, decompressed: Cache::default() }
    }

    /// The records of a chunk, which were checked.
    pub fn records(&self, file: &File, number: u32) -> Result<Bytes> {
        self.found(file, number, true)
    }

    /// The records of a chunk. Those that are not compressed are not checked: only what is asked for is read.
    pub fn unchecked_records(&self, file: &File, number: u32) -> Result<Bytes> {
        self.found(file, number, false)
    }

    fn found(&self, file: &File, number: u32, checks: bool) -> Result<Bytes> {
        let chunk = &self.list[number as usize];
        let damaged = |problem: &Problem| file.damaged(chunk.range.start, problem.clone());
        let Kind::Chunk { head, sound } = &chunk.kind else {
            return Ok(file.bytes().slice(chunk.range.clone()));
        };
        let head = head
            .get_or_init(|| ChunkHead::at(file.bytes(), chunk.range.clone()))
            .as_ref()
            .map_err(damaged)?;
        let stored = file.bytes().slice(head.records.clone());
        if head.codec == Codec::None {
            if checks {
                sound.get_or_init(|| head.check(&stored)).as_ref().map_err(damaged)?;
            }
            return Ok(stored);
        }
        let slot = self.decompressed.slot(number);
        slot.get_or_init(|| decompress(head, &stored)).clone().map_err(|problem| damaged(&problem))
    }

    /// Where a record of a chunk lies in the file; if it is compressed, where the chunk begins.
    pub fn offset(&self, number: u32, offset: u64) -> usize {
        let offset = offset as usize;
        let chunk = &self.list[number as usize];
        match &chunk.kind {
            Kind::Bare => chunk.range.start.saturating_add(offset),
            Kind::Chunk { head, .. } => match head.get() {
                Some(Ok(head)) if head.codec == Codec::None => head.records.start.saturating_add(offset),
                _ => chunk.range.start,
            },
        }
    }

    /// How the first chunk is compressed.
    pub fn compression(&self, file: &File) -> Compression {
        let mut heads =
            self.list.iter().filter_map(|chunk| ChunkHead::at(file.bytes(), chunk.range.clone()).ok());
        match heads.next().map(|head| head.codec) {
            None | Some(Codec::None) => Compression::None,
            Some(Codec::Lz4) => Compression::Lz4,
            Some(Codec::Zstd) => Compression::Zstd,
        }
    }
}

/// Decompresses records and checks them. No more memory is taken than they turn out to need, however much the chunk claims.
pub(super) fn decompress(head: &ChunkHead, stored: &[u8]) -> Result<Bytes, Problem> {
    if head.size > LARGEST_CHUNK {
        return Err((
            format!("a chunk of {} bytes when decompressed", head.size),
            "at most 1 GiB and 32 MiB",
        ));
    }
    let size = head.size as usize;
    // Most data does not shrink to less than an eighth. More room is made as the bytes come.
    let mut out = Vec::with_capacity(size.min(stored.len().saturating_mul(8)));
    let outcome = match head.codec {
        Codec::None => stored.take(head.size).read_to_end(&mut out),
        Codec::Lz4 => {
            lz4::Decoder::new(stored).and_then(|decoder| decoder.take(head.size).read_to_end(&mut out))
        }
        Codec::Zstd => zstd::stream::read::Decoder::with_buffer(stored)
            .and_then(|decoder| decoder.take(head.size).read_to_end(&mut out)),
    };
    outcome.map_err(|error| (format!("records that do not decompress: {error}"), "compressed records"))?;
    if out.len() != size {
        return Err((format!("{} bytes of records, which are to be {size}", out.len()), "the same number"));
    }
    head.check(&out)?;
    Ok(out.into())
}

/// The chunks that were decompressed last, the latest at the end.
#[derive(Debug, Default)]
struct Cache(Mutex<VecDeque<(u32, Slot)>>);

/// The records of a chunk. Of the threads that want them, the first decompresses and the others wait.
type Slot = Arc<OnceLock<Result<Bytes, Problem>>>;

impl Cache {
    fn slot(&self, number: u32) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().position(|(of, _)| *of == number).and_then(|at| slots.remove(at));
        let (_, slot) = known.unwrap_or_default();
        slots.push_back((number, slot.clone()));
        let nbytes = |slot: &Slot| slot.get().and_then(|found| found.as_ref().ok()).map_or(0, Bytes::len);
        while slots.len() > CHUNKS_KEPT
            || slots.len() > 1 && slots.iter().map(|(_, slot)| nbytes(slot)).sum::<usize>() > BYTES_KEPT
        {
            slots.pop_front();
        }
        slot
    }
}

// Recordings are shared by threads.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Chunks>();
    shared::<Error>();
};
