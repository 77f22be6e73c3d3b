//! Values to record, and a look at the file, also at one that is being written or was cut.

use std::path::Path;
use std::time::{Duration, Instant};

use mcap::records::{ChunkHeader, Record};
use ndsharray::{DType, UnixTime};
use ndsharray_recording::Value;

/// How long something may take that takes no time.
const PATIENCE: Duration = Duration::from_secs(120);

/// A value of bytes. It was written at its version in microseconds.
pub fn value<'a>(tag: &'a str, shape: &'a [usize], bytes: &'a [u8], version: u64) -> Value<'a> {
    Value {
        tag,
        dtype: &DType::UInt8,
        shape,
        bytes,
        user_data: b"",
        attributes: None,
        version,
        written_at: UnixTime::from(version * 1000),
        acquired_at: None,
        source_written_at: None,
    }
}

/// A chunk of a file.
pub struct Chunk {
    pub header: ChunkHeader,
    /// The versions of its values; none if it is compressed.
    pub versions: Vec<u32>,
}

/// The whole chunks of a file, and how many bytes there are after its last whole record.
pub fn chunks(path: &Path) -> (Vec<Chunk>, usize) {
    let file = std::fs::read(path).unwrap();
    let mut rest = file.strip_prefix(mcap::MAGIC).expect("it begins as an MCAP file");
    let mut chunks = Vec::new();
    while let Some((record, after)) = next(rest) {
        rest = after;
        let Record::Chunk { header, data } = record else { continue };
        let (mut data, mut versions) = (&data[..], Vec::new());
        while let Some((record, after)) = next(data).filter(|_| header.compression.is_empty()) {
            data = after;
            if let Record::Message { header, .. } = record {
                versions.push(header.sequence);
            }
        }
        chunks.push(Chunk { header, versions });
    }
    let left = if rest == mcap::MAGIC { 0 } else { rest.len() };
    (chunks, left)
}

/// The first record, and what comes after it: a byte for what it is, eight for the length, and the record.
fn next(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (&opcode, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (body, rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
    Some((mcap::parse_record(opcode, body).unwrap(), rest))
}

/// The messages of a complete file, in their order, as the official reader finds them.
pub fn messages(path: &Path) -> Vec<mcap::Message<'static>> {
    let file = std::fs::read(path).unwrap();
    mcap::Summary::read(&file).unwrap().expect("it has a summary");
    let messages = mcap::MessageStream::new(&file).unwrap();
    messages.map(|message| message.unwrap()).collect()
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it never became so");
        std::thread::sleep(Duration::from_millis(5));
    }
}
