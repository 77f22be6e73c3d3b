//! The records of an MCAP file: a byte for what it is, eight for the length, and the body.

use std::ops::Range;

use mcap::records::op;

use crate::error::Problem;

/// The bytes of a record before its body.
const HEAD: usize = 1 + 8;

/// Where a record lies in the bytes that it was found in.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub opcode: u8,
    pub start: usize,
    pub body: Range<usize>,
}

impl Raw {
    /// The record that begins at `start`; `None` if the bytes have no whole one there.
    pub fn at(bytes: &[u8], start: usize) -> Option<Self> {
        let rest = bytes.get(start..)?;
        let (&opcode, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let begins = start + HEAD;
        // No record has the opcode 0: what was not written, such as the end of a file after a power cut, is zeros.
        (opcode != 0 && length <= rest.len()).then(|| Raw { opcode, start, body: begins..begins + length })
    }

    /// Where the next record begins.
    pub fn end(&self) -> usize {
        self.body.end
    }
}

/// The records of some bytes, up to the first that is not whole.
pub(super) fn records(bytes: &[u8]) -> impl Iterator<Item = Raw> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let raw = Raw::at(bytes, next)?;
        next = raw.end();
        Some(raw)
    })
}

/// What stands before the data of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageHead {
    pub channel: u16,
    pub log_time: u64,
    pub publish_time: u64,
}

impl MessageHead {
    pub const LENGTH: usize = 2 + 4 + 8 + 8;

    /// That of a message's body.
    pub fn of(body: &[u8]) -> Option<Self> {
        Some(MessageHead {
            channel: u16::from_le_bytes(*body.first_chunk()?),
            log_time: u64_at(body, 6)?,
            publish_time: u64_at(body, 14)?,
        })
    }
}

/// How the records of a chunk are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Lz4,
    Zstd,
}

/// What a chunk says of its records, and where they are.
#[derive(Clone, Debug)]
pub(super) struct ChunkHead {
    pub codec: Codec,
    /// The size of the records when they are not compressed.
    pub size: u64,
    /// The checksum of the records when they are not compressed; 0 if there is none.
    pub crc: u32,
    /// Where the records lie in the file.
    pub records: Range<usize>,
}

impl ChunkHead {
    /// That of the chunk which the file has at `range`.
    pub fn at(file: &[u8], range: Range<usize>) -> Result<Self, Problem> {
        let raw = Raw::at(file, range.start).filter(|raw| raw.opcode == op::CHUNK && raw.end() == range.end);
        let raw = raw.ok_or_else(|| ("no chunk, or one of another length".to_owned(), "a chunk"))?;
        let body = &file[raw.body.clone()];
        let cut = || (format!("a chunk of {} bytes", body.len()), "a chunk with a head and records");
        // After the times of its first and last message.
        let size = u64_at(body, 16).ok_or_else(cut)?;
        let crc = u32_at(body, 24).ok_or_else(cut)?;
        let name_end = usize::try_from(u32_at(body, 28).ok_or_else(cut)?)
            .ok()
            .and_then(|length| 32usize.checked_add(length));
        let name_end = name_end.filter(|&end| end <= body.len()).ok_or_else(cut)?;
        let name = &body[32..name_end];
        let stored = u64_at(body, name_end).ok_or_else(cut)?;
        let records = raw.body.start + name_end + 8..raw.body.end;
        if stored != records.len() as u64 {
            return Err((
                format!("a chunk that says {stored} bytes and has {}", records.len()),
                "the same number",
            ));
        }
        let codec = match name {
            b"" => Codec::None,
            b"lz4" => Codec::Lz4,
            b"zstd" => Codec::Zstd,
            other => {
                return Err((
                    format!("the compression \"{}\"", other[..other.len().min(20)].escape_ascii()),
                    "none, lz4 or zstd",
                ));
            }
        };
        if codec == Codec::None && size != stored {
            return Err((format!("{stored} bytes of records, which are to be {size}"), "the same number"));
        }
        Ok(ChunkHead { codec, size, crc, records })
    }

    /// Checks the records, when they are not compressed, against their checksum.
    pub fn check(&self, records: &[u8]) -> Result<(), Problem> {
        if self.crc == 0 {
            return Ok(());
        }
        match crc32fast::hash(records) {
            crc if crc == self.crc => Ok(()),
            crc => Err((format!("records with the checksum {crc:08x}"), "the checksum that the chunk says")),
        }
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}
