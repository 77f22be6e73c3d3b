//! One MCAP file that is being written.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcap::records::{MessageHeader, Metadata};

use crate::error::{Error, Result};
use crate::message::encode;
use crate::message::image::Image;
use crate::message::schema::Schema;
use crate::value::Value;
use crate::write::block::{Block, End};
use crate::write::channels::Channels;
use crate::write::disk::{self, Disk, Threads};
use crate::write::options::RecordingOptions;

/// A chunk is closed when it has so many bytes, or is so old.
pub(super) const CHUNK_SIZE: usize = 16 << 20;
const CHUNK_AGE: Duration = Duration::from_secs(1);

/// The bytes of a chunk before its first record, if it is not compressed: opcode, length, start and end time, uncompressed size,
/// CRC, the length of "", and compressed size.
const CHUNK_HEAD: u64 = 1 + 8 + 8 + 8 + 8 + 4 + 4 + 8;
/// Those of a message before its data: opcode, length, channel, sequence, log time and publish time.
const MESSAGE_HEAD: u64 = 1 + 8 + 2 + 4 + 8 + 8;

/// One MCAP file that is being written.
pub(super) struct File {
    path: PathBuf,
    writer: mcap::Writer<Block>,
    channels: Channels,
    disk: Arc<Disk>,
    /// Last of those with the disk: dropping it waits for it.
    threads: Threads,
    end: End,
    /// The chunk that is open.
    chunk: Option<Chunk>,
    message: Vec<u8>,
    compressed: bool,
    leaves_free: u64,
}

#[derive(Debug)]
struct Chunk {
    since: Instant,
    nbytes: usize,
}

impl File {
    pub fn create(path: &Path, options: &RecordingOptions) -> Result<Self> {
        check_free(path, options.leaves_free())?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
            _ => Error::io(path, "create", error),
        })?;
        let (disk, threads) = Disk::new(file, path)?;
        let block = Block::new(disk.clone());
        let end = block.end();
        let compression = options.compresses();
        let writer = mcap::WriteOptions::new()
            .compression(compression)
            // Chunks are closed here, since they may also be old.
            .chunk_size(None)
            .library(concat!("ndsharray ", env!("CARGO_PKG_VERSION")))
            // Each chunk has a checksum. That of the whole file would take as long again, and readers would have to read all of it.
            .calculate_data_section_crc(false)
            .create(block)
            .map_err(|error| failed(path, error))?;
        Ok(File {
            path: path.to_owned(),
            writer,
            channels: Channels::default(),
            disk,
            threads,
            end,
            chunk: None,
            message: Vec::new(),
            compressed: compression.is_some(),
            leaves_free: options.leaves_free(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the file, with those that are not written yet.
    pub fn nbytes(&self) -> u64 {
        self.end.get()
    }

    pub fn append(&mut self, value: &Value<'_>) -> Result<()> {
        self.disk.check()?;
        if self.chunk.is_none() {
            let waiting = self.disk.nbytes_waiting() + value.bytes.len() + CHUNK_SIZE;
            check_free(&self.path, self.leaves_free.saturating_add(waiting as u64))?;
        }
        let image = Image::of(value);
        let schema = if image.is_some() { Schema::RawImage } else { Schema::Array };
        // Writes schema and channel, if they are new, into a chunk, which it opens.
        let before = self.end.get();
        let channel_id = self.channels.of(value, schema, &mut self.writer)?;
        let is_open = self.chunk.is_some() || self.end.get() != before;
        let head = if is_open { MESSAGE_HEAD } else { CHUNK_HEAD + MESSAGE_HEAD };
        let start = if self.compressed { 0 } else { self.end.get() + head };
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
        let chunk = self.chunk.get_or_insert_with(|| Chunk { since: Instant::now(), nbytes: 0 });
        chunk.nbytes += self.message.len();
        Ok(())
    }

    /// Closes the chunk if it is large or old enough.
    pub fn tick(&mut self) -> Result<()> {
        self.disk.check()?;
        let Some(chunk) = &self.chunk else { return Ok(()) };
        if chunk.nbytes < CHUNK_SIZE && chunk.since.elapsed() < CHUNK_AGE {
            return Ok(());
        }
        self.chunk = None;
        self.writer.flush().map_err(|error| failed(&self.path, error))
    }

    /// Completes the file and waits until it is synced. Returns its size.
    pub fn finish(mut self, metadata: &BTreeMap<String, BTreeMap<String, String>>) -> Result<u64> {
        let failed = |error| failed(&self.path, error);
        for (name, entries) in metadata {
            let record = Metadata { name: name.clone(), metadata: entries.clone() };
            self.writer.write_metadata(&record).map_err(failed)?;
        }
        self.writer.finish().map_err(failed)?;
        self.writer.into_inner().flush().map_err(|error| Error::io(&self.path, "write", error))?;
        drop(self.threads);
        self.disk.check()?;
        Ok(self.end.get())
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).field("chunk", &self.chunk).finish_non_exhaustive()
    }
}

/// Checks that the disk has so many bytes left.
fn check_free(path: &Path, wanted: u64) -> Result<()> {
    let free = disk::free(path);
    if free < wanted { Err(Error::NoSpace { path: path.to_owned(), free, wanted }) } else { Ok(()) }
}

fn failed(path: &Path, error: mcap::McapError) -> Error {
    Error::io(path, "write", io::Error::other(error))
}
