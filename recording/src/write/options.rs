//! What a recording is to be like.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::write::RecordingWriter;
use crate::write::output::directory;

/// How chunks are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed: fastest, and arrays are read without a copy.
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

    /// Goes on in a new file when one reaches this size in bytes: `run.mcap` becomes `run-0001.mcap`, `run-0002.mcap` and so on, each of them
    /// complete in itself. Each has at least one value, except perhaps the last.
    #[must_use]
    pub fn split(mut self, bytes: u64) -> Self {
        self.split_at = Some(bytes.max(1));
        self
    }

    /// Ends the recording, with [`NoSpace`](crate::Error::NoSpace), before the disk has fewer free bytes than this. What waits for the disk
    /// counts as used, and so do up to 48 MiB that the next chunk and the index may need.
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

    /// Checks that no part of an earlier recording is in the way of one that is split: it would end this one when it comes to it.
    pub(super) fn check_parts(&self, path: &Path) -> Result<()> {
        let ending = |path: &Path| path.extension().map(|extension| extension.to_owned());
        let is_part = |other: &Path| {
            let stem = path.file_stem().unwrap_or_default().as_encoded_bytes();
            let number = other.file_stem()?.as_encoded_bytes().strip_prefix(stem)?.strip_prefix(b"-")?;
            let is_number = number.len() >= 4 && number.iter().all(u8::is_ascii_digit);
            (is_number && ending(other) == ending(path)).then_some(())
        };
        if self.split_at.is_none() {
            return Ok(());
        }
        // A directory that cannot be read may still take files.
        let entries = directory(path).read_dir().into_iter().flatten().flatten();
        let parts = entries.map(|entry| path.with_file_name(entry.file_name()));
        match parts.filter(|other| is_part(other).is_some()).min() {
            Some(path) => Err(Error::Exists { path }),
            None => Ok(()),
        }
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
