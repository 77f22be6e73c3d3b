//! One MCAP file that is being written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcap::records::{MessageHeader, Metadata};

use crate::error::{Error, Result};
use crate::message::encode;
use crate::message::image::Image;
use crate::message::schema::Schema;
use crate::value::Value;
use crate::write::channels::Channels;
use crate::write::disk::Disk;
use crate::write::options::RecordingOptions;
use crate::write::output::{self, Output};
use crate::write::tail::{Progress, Tail, failed};

/// A chunk is closed when it has so many bytes, or is so old.
const CHUNK_SIZE: usize = 16 << 20;
const CHUNK_AGE: Duration = Duration::from_secs(1);

/// So much room the disk must have, beside the last value, when a chunk is begun: for the chunk, for a value that just fits into it, and for
/// the index of the file.
const ROOM: usize = 3 * CHUNK_SIZE;

/// The bytes of a chunk before its first record, if it is not compressed: opcode, length, start and end time, uncompressed size,
/// CRC, the length of "", and compressed size.
const CHUNK_HEAD: u64 = 1 + 8 + 8 + 8 + 8 + 4 + 4 + 8;
/// Those of a message before its data: opcode, length, channel, sequence, log time and publish time.
const MESSAGE_HEAD: u64 = 1 + 8 + 2 + 4 + 8 + 8;

/// One MCAP file that is being written.
pub(super) struct File {
    path: PathBuf,
    writer: mcap::Writer<Tail>,
    channels: Channels,
    disk: Arc<Disk>,
    progress: Progress,
    /// The chunk that is open.
    chunk: Option<Chunk>,
    message: Vec<u8>,
    compressed: bool,
    leaves_free: u64,
    has_values: bool,
}

#[derive(Debug)]
struct Chunk {
    since: Instant,
    nbytes: usize,
}

impl File {
    /// Makes a file, which begins as an MCAP file when this returns.
    pub fn create(path: &Path, options: &RecordingOptions, disk: &Arc<Disk>) -> Result<Self> {
        check_free(path, disk, options.leaves_free(), 0)?;
        let output = Arc::new(Output::create(path)?);
        let tail = Tail::new(output, disk.clone());
        let progress = tail.progress();
        let compression = options.compresses();
        let mut writer = mcap::WriteOptions::new()
            .compression(compression)
            // Chunks are closed here, since they may also be old.
            .chunk_size(None)
            .library(concat!("ndsharray ", env!("CARGO_PKG_VERSION")))
            // Each chunk has a checksum. That of the whole file would take as long again, and readers would have to read all of it.
            .calculate_data_section_crc(false)
            .create(tail)
            .map_err(|error| failed(path, error))?;
        if let Err(error) = writer.flush() {
            // Dropping it would write on.
            writer.into_inner();
            return Err(failed(path, error));
        }
        Ok(File {
            path: path.to_owned(),
            writer,
            channels: Channels::default(),
            disk: disk.clone(),
            progress,
            chunk: None,
            message: Vec::new(),
            compressed: compression.is_some(),
            leaves_free: options.leaves_free(),
            has_values: false,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the file, with those that are not written yet.
    pub fn nbytes(&self) -> u64 {
        self.progress.end()
    }

    /// Whether it has a value.
    pub fn has_values(&self) -> bool {
        self.has_values
    }

    pub fn append(&mut self, value: &Value<'_>) -> Result<()> {
        self.disk.check(&self.path)?;
        if self.chunk.is_none() || value.bytes.len() > CHUNK_SIZE {
            let nbytes = value.bytes.len() + self.chunk.as_ref().map_or(0, |chunk| chunk.nbytes);
            check_free(&self.path, &self.disk, self.leaves_free, nbytes)?;
        }
        let image = Image::of(value);
        let schema = if image.is_some() { Schema::RawImage } else { Schema::Array };
        // Writes schema and channel, if they are new, into a chunk, which it opens, also if it then fails.
        let before = self.progress.end();
        let channel_id = self.channels.of(value, schema, &mut self.writer, &self.path);
        if self.progress.end() != before {
            self.chunk.get_or_insert_with(Chunk::new);
        }
        let channel_id = channel_id?;
        let head = if self.chunk.is_some() { MESSAGE_HEAD } else { CHUNK_HEAD + MESSAGE_HEAD };
        let start = if self.compressed { 0 } else { self.progress.end() + head };
        self.message.clear();
        encode::encode(value, image, start, &mut self.message);
        let header = MessageHeader {
            channel_id,
            sequence: value.version as u32,
            log_time: value.written_at.as_nanos(),
            publish_time: value.acquired_at.unwrap_or(value.written_at).as_nanos(),
        };
        self.writer
            .write_to_known_channel(&header, &self.message)
            .map_err(|error| failed(&self.path, error))?;
        self.progress.add_value();
        self.has_values = true;
        self.chunk.get_or_insert_with(Chunk::new).nbytes += MESSAGE_HEAD as usize + self.message.len();
        if self.message.capacity() > 2 * CHUNK_SIZE {
            // A large value comes rarely.
            self.message = Vec::new();
        }
        Ok(())
    }

    /// Closes the chunk if it is large or old enough.
    pub fn tick(&mut self) -> Result<()> {
        self.disk.check(&self.path)?;
        let Some(chunk) = &self.chunk else { return Ok(()) };
        if chunk.nbytes < CHUNK_SIZE && chunk.since.elapsed() < CHUNK_AGE {
            return Ok(());
        }
        self.chunk = None;
        self.writer.flush().map_err(|error| failed(&self.path, error))
    }

    /// Completes the file: the disk gets what is left of it. Returns its size.
    pub fn finish(mut self, metadata: &BTreeMap<String, BTreeMap<String, String>>) -> Result<u64> {
        let failed = |error| failed(&self.path, error);
        // The last chunk goes by itself: it stays if there is no room for the index.
        self.writer.flush().map_err(failed)?;
        for (name, entries) in metadata {
            let record = Metadata { name: name.clone(), metadata: entries.clone() };
            self.writer.write_metadata(&record).map_err(failed)?;
        }
        // It flushes too.
        self.writer.finish().map_err(failed)?;
        Ok(self.progress.end())
    }
}

impl Chunk {
    fn new() -> Self {
        Chunk { since: Instant::now(), nbytes: 0 }
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

/// Checks that the disk has room for so many bytes and a chunk more, after what waits for it, and that so much is left then.
fn check_free(path: &Path, disk: &Disk, leaves_free: u64, nbytes: usize) -> Result<()> {
    let wanted = leaves_free.saturating_add((disk.nbytes_waiting() + nbytes + ROOM) as u64);
    let free = output::free(path);
    if free < wanted { Err(Error::NoSpace { path: path.to_owned(), free, wanted }) } else { Ok(()) }
}
