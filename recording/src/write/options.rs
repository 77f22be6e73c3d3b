//! What a recording is to be like.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::write::RecordingWriter;

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: fastest, and arrays can be read where they lie in the file.
    #[default]
    None,
    /// LZ4: fast.
    Lz4,
    /// Zstandard: smaller.
    Zstd,
}

/// What a recording is to be like. [`create`](RecordingOptions::create) makes it.
#[derive(Clone, Debug)]
pub struct RecordingOptions {
    compression: Compression,
    split_at: Option<u64>,
    min_free: u64,
}

impl Default for RecordingOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordingOptions {
    /// Not compressed, one file, and 1 GiB of the disk left free.
    pub fn new() -> Self {
        RecordingOptions { compression: Compression::None, split_at: None, min_free: 1 << 30 }
    }

    /// Compresses the chunks.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Goes on in a new file when one has so many bytes: `run.mcap` becomes `run-0001.mcap`, `run-0002.mcap` and so on.
    #[must_use]
    pub fn split(mut self, bytes: u64) -> Self {
        self.split_at = Some(bytes.max(1));
        self
    }

    /// Ends the recording when the disk has fewer free bytes than that.
    #[must_use]
    pub fn min_free(mut self, bytes: u64) -> Self {
        self.min_free = bytes;
        self
    }

    /// Makes the file, which must not exist yet, with mode 0600.
    ///
    /// # Errors
    /// [`Exists`](crate::Error::Exists), [`NoSpace`](crate::Error::NoSpace) and [`Io`](crate::Error::Io).
    pub fn create(self, path: impl AsRef<Path>) -> Result<RecordingWriter> {
        RecordingWriter::create(self, path.as_ref().to_owned())
    }

    pub(super) fn compresses(&self) -> Option<mcap::Compression> {
        match self.compression {
            Compression::None => None,
            Compression::Lz4 => Some(mcap::Compression::Lz4),
            Compression::Zstd => Some(mcap::Compression::Zstd),
        }
    }

    pub(super) fn split_at(&self) -> Option<u64> {
        self.split_at
    }

    pub(super) fn leaves_free(&self) -> u64 {
        self.min_free
    }

    /// The path of the file number `index` of the recording `path`.
    pub(super) fn nth_path(&self, path: &Path, index: usize) -> PathBuf {
        if self.split_at.is_none() {
            return path.to_owned();
        }
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{:04}", index + 1));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    }
}
