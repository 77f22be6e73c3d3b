//! Writing a recording: values to messages, messages to chunks, chunks to a disk.
//!
//! `file` makes one MCAP file, `block` collects what becomes one write to it, `disk` writes the blocks and syncs them in threads of
//! its own, `channels` knows which layouts a file has met.

mod block;
mod channels;
mod disk;
mod file;
pub(crate) mod options;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::value::Value;
use crate::write::file::File;
use crate::write::options::RecordingOptions;

/// The largest array that a recording takes.
pub const LARGEST_VALUE: usize = 1 << 30;

/// Writes a recording. Made by [`RecordingOptions::create`].
///
/// Values become chunks of some 16 MiB, or of a second. A chunk is written when it is complete, by a thread, and synced by another:
/// what is in a file is whole, and a process that is killed loses at most the chunk that it collects and those that wait for the
/// disk. If the disk is too slow, [`append`](RecordingWriter::append) waits once 256 MiB do.
///
/// Dropping it finishes the file, but tells no error.
#[derive(Debug)]
pub struct RecordingWriter {
    options: RecordingOptions,
    path: PathBuf,
    /// The file that is written to; `None` after an error.
    file: Option<File>,
    /// The files that are complete.
    done: Vec<PathBuf>,
    written: Written,
    metadata: BTreeMap<String, BTreeMap<String, String>>,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The files, in their order. More than one if the recording was split.
    pub files: Vec<PathBuf>,
    /// How many values.
    pub values: u64,
    /// The bytes of the files.
    pub bytes: u64,
}

impl RecordingWriter {
    pub(crate) fn create(options: RecordingOptions, path: PathBuf) -> Result<Self> {
        let first = options.nth_path(&path, 0);
        let file = File::create(&first, &options)?;
        Ok(RecordingWriter {
            options,
            path,
            file: Some(file),
            done: Vec::new(),
            written: Written::default(),
            metadata: BTreeMap::new(),
        })
    }

    /// Appends a value.
    ///
    /// # Errors
    /// [`Error::TooLarge`] and [`Error::TooManyChannels`] are about the value alone: others can follow. All others end the
    /// recording: [`Error::NoSpace`], [`Error::Io`], and [`Error::Ended`] after one of them.
    pub fn append(&mut self, value: &Value<'_>) -> Result<()> {
        if value.bytes.len() > LARGEST_VALUE {
            return Err(Error::TooLarge { tag: value.tag.to_owned(), nbytes: value.bytes.len() });
        }
        let outcome = self.file()?.append(value);
        match outcome {
            Err(error @ Error::TooManyChannels { .. }) => return Err(error),
            outcome => self.ended_by(outcome)?,
        }
        self.written.values += 1;
        self.tick()
    }

    /// Closes the chunk if it is old enough, and goes on in a new file if this one is large enough. To be called a few times a second
    /// while there is nothing to append.
    ///
    /// # Errors
    /// Those of [`append`](RecordingWriter::append) that end the recording.
    pub fn tick(&mut self) -> Result<()> {
        let outcome = self.file()?.tick();
        self.ended_by(outcome)?;
        let split = self.options.split_at();
        if split.is_some_and(|bytes| self.file.as_ref().is_some_and(|file| file.nbytes() >= bytes)) {
            self.end_file()?;
            let path = self.options.nth_path(&self.path, self.done.len());
            let next = File::create(&path, &self.options)?;
            self.file = Some(next);
        }
        Ok(())
    }

    /// Sets a metadata record: names and texts that stand in the file, as they are when it is finished. Each file of a split recording
    /// gets them.
    pub fn set_metadata(&mut self, name: &str, entries: BTreeMap<String, String>) {
        self.metadata.insert(name.to_owned(), entries);
    }

    /// The bytes that were written or wait for it.
    pub fn nbytes(&self) -> u64 {
        self.written.bytes + self.file.as_ref().map_or(0, File::nbytes)
    }

    /// Completes the file: writes what is left, the metadata and the index, and syncs it.
    ///
    /// # Errors
    /// As [`append`](RecordingWriter::append).
    pub fn finish(mut self) -> Result<Written> {
        self.end_file()?;
        let mut written = std::mem::take(&mut self.written);
        written.files = std::mem::take(&mut self.done);
        Ok(written)
    }

    fn file(&mut self) -> Result<&mut File> {
        self.file.as_mut().ok_or_else(|| Error::Ended { path: self.path.clone() })
    }

    fn end_file(&mut self) -> Result<()> {
        let Some(file) = self.file.take() else { return Err(Error::Ended { path: self.path.clone() }) };
        let path = file.path().to_owned();
        self.written.bytes += file.finish(&self.metadata)?;
        self.done.push(path);
        Ok(())
    }

    /// After an error nothing more is appended. If the disk has room for it, the file is finished: that of a recording which stopped
    /// before the disk was full.
    fn ended_by(&mut self, outcome: Result<()>) -> Result<()> {
        if outcome.is_err() {
            let _ = self.end_file();
        }
        outcome
    }
}

impl Drop for RecordingWriter {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = self.end_file();
        }
    }
}
