//! Writing a recording: values to messages, messages to chunks, chunks to a disk.
//!
//! `file` makes one MCAP file, `tail` collects what becomes one write to it, `disk` writes such blocks to their `output` and syncs it in
//! threads of its own, `channels` knows which layouts a file has met.

mod channels;
mod disk;
mod file;
pub(crate) mod options;
mod output;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::message::are_attributes;
use crate::value::Value;
use crate::write::disk::Threads;
use crate::write::file::File;
use crate::write::options::RecordingOptions;

/// The largest value that a recording takes: its elements, user data and attributes together.
pub const LARGEST_VALUE: usize = 1 << 30;

/// Writes a recording. Made by [`RecordingOptions::create`].
///
/// Values are collected in chunks of some 16 MiB, or of a second. One thread writes complete chunks, and another syncs them. What is in
/// the file is whole: a process that is killed loses at most the chunk that it collects and those that wait for the disk. If 256 MiB
/// wait for the disk, [`append`](RecordingWriter::append) waits, too.
///
/// Dropping the writer completes the file, but reports no error: call [`finish`](RecordingWriter::finish).
#[derive(Debug)]
pub struct RecordingWriter {
    options: RecordingOptions,
    path: PathBuf,
    /// What is written to; `None` after an error.
    open: Option<Open>,
    /// The files that were made.
    files: Vec<PathBuf>,
    written: Written,
    metadata: BTreeMap<String, BTreeMap<String, String>>,
}

/// A recording that can be appended to.
#[derive(Debug)]
struct Open {
    file: File,
    threads: Threads,
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
        options.check_parts(&path)?;
        let first = options.nth_path(&path, 0);
        let threads = Threads::start().map_err(|error| Error::io(&first, "start a thread for", error))?;
        let file = File::create(&first, &options, threads.disk())?;
        let open = Some(Open { file, threads });
        Ok(RecordingWriter {
            options,
            path,
            open,
            files: vec![first],
            written: Written::default(),
            metadata: BTreeMap::new(),
        })
    }

    /// Appends a value.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::InvalidValue`] and [`Error::TooManyChannels`] are about the value alone: others can follow. All
    /// others end the recording: [`Error::NoSpace`], after which the file is complete, [`Error::Cut`], [`Error::Io`], and
    /// [`Error::Ended`] after one of them.
    pub fn append(&mut self, value: &Value<'_>) -> Result<()> {
        self.add(value)?;
        self.tick()
    }

    /// As [`append`](RecordingWriter::append), but does not wait for the disk: the value is copied when this returns.
    /// [`tick`](RecordingWriter::tick), which may wait, is to be called then.
    pub(crate) fn add(&mut self, value: &Value<'_>) -> Result<()> {
        check(value)?;
        let outcome = self.file()?.append(value);
        match outcome {
            Err(error @ Error::TooManyChannels { .. }) => return Err(error),
            outcome => self.ended_by(outcome)?,
        }
        self.written.values += 1;
        Ok(())
    }

    /// Whether the next chunk would have to wait for the disk.
    pub(crate) fn is_behind(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.threads.disk().is_full())
    }

    /// The files that were made, in their order, also those that are not complete.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Closes the chunk if it is old enough, and goes on in a new file if this one is large enough. Call it a few times a second while
    /// there is nothing to append.
    ///
    /// # Errors
    /// Those of [`append`](RecordingWriter::append) that end the recording.
    pub fn tick(&mut self) -> Result<()> {
        let outcome = self.file()?.tick();
        self.ended_by(outcome)?;
        // A file without a value is not split, however small the parts are to be: the next one would be as large.
        let is_large = |split_at| {
            let file = self.open.as_ref().map(|open| &open.file);
            file.is_some_and(|file| file.has_values() && file.nbytes() >= split_at)
        };
        if self.options.split_at().is_some_and(is_large) {
            let outcome = self.next_file();
            self.ended_by(outcome)?;
        }
        Ok(())
    }

    /// Sets a metadata record: names with texts. It is written when a file is completed, into each file of a split recording.
    pub fn set_metadata(&mut self, name: &str, entries: BTreeMap<String, String>) {
        self.metadata.insert(name.to_owned(), entries);
    }

    /// The bytes that were written, with those that wait for the disk.
    pub fn nbytes(&self) -> u64 {
        self.written.bytes + self.open.as_ref().map_or(0, |open| open.file.nbytes())
    }

    /// What was written so far: the number of values that were appended, and the files that are complete, with their bytes. Use it to say
    /// more after an error.
    pub fn written(&self) -> &Written {
        &self.written
    }

    /// Completes the file: writes what is left, the metadata and the index, and syncs it.
    ///
    /// # Errors
    /// As [`append`](RecordingWriter::append).
    pub fn finish(mut self) -> Result<Written> {
        self.file()?;
        self.end()?;
        Ok(std::mem::take(&mut self.written))
    }

    fn file(&mut self) -> Result<&mut File> {
        match &mut self.open {
            Some(open) => Ok(&mut open.file),
            None => Err(Error::Ended { path: self.path.clone() }),
        }
    }

    /// Goes on in a new file. The disk may still be writing the one before it.
    fn next_file(&mut self) -> Result<()> {
        let Some(Open { file, threads }) = self.open.take() else { return Ok(()) };
        finish_file(file, &self.metadata, &mut self.written)?;
        let path = self.options.nth_path(&self.path, self.written.files.len());
        match File::create(&path, &self.options, threads.disk()) {
            Ok(file) => {
                self.files.push(path);
                self.open = Some(Open { file, threads });
            }
            Err(error) => {
                self.wait(threads)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Completes the file, and waits until everything is on the disk.
    fn end(&mut self) -> Result<()> {
        let Some(Open { file, threads }) = self.open.take() else { return Ok(()) };
        finish_file(file, &self.metadata, &mut self.written)?;
        self.wait(threads)
    }

    /// Waits until everything is on the disk.
    fn wait(&self, threads: Threads) -> Result<()> {
        let disk = threads.disk().clone();
        drop(threads);
        disk.check(&self.path)
    }

    /// After an error nothing more is appended. If the disk has room for it, the file is finished: that of a recording which stopped
    /// before the disk was full.
    fn ended_by(&mut self, outcome: Result<()>) -> Result<()> {
        let Err(error) = outcome else { return Ok(()) };
        let error = match self.end() {
            // It says more: that the file could not be finished.
            Err(cut @ Error::Cut { .. }) => cut,
            _ => error,
        };
        if let Error::Cut { path, .. } = &error {
            // It and those after it are not complete.
            let complete = self.written.files.iter().take_while(|file| *file != path).count();
            self.written.files.truncate(complete);
            let sizes = self.written.files.iter().filter_map(|file| Some(file.metadata().ok()?.len()));
            self.written.bytes = sizes.sum();
        }
        Err(error)
    }
}

impl Drop for RecordingWriter {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Completes a file, for the disk to write.
fn finish_file(
    file: File,
    metadata: &BTreeMap<String, BTreeMap<String, String>>,
    written: &mut Written,
) -> Result<()> {
    let path = file.path().to_owned();
    written.bytes += file.finish(metadata)?;
    written.files.push(path);
    Ok(())
}

/// The most axes that an array has, as in numpy.
const MOST_AXES: usize = 64;

/// Checks that a value can be read again.
pub(crate) fn check(value: &Value<'_>) -> Result<()> {
    let tag = || value.tag.to_owned();
    let nbytes = value.bytes.len();
    let total = nbytes + value.user_data.len() + value.attributes.map_or(0, str::len);
    if total > LARGEST_VALUE {
        return Err(Error::TooLarge { tag: tag(), nbytes: total });
    }
    let itemsize = value.dtype.itemsize();
    let expected = value.shape.iter().try_fold(itemsize, |nbytes, &length| nbytes.checked_mul(length));
    let problem = if let Err(error) = ndsharray::check_tag(value.tag) {
        error.to_string()
    } else if value.shape.len() > MOST_AXES {
        format!("it has {} axes, and may have at most {MOST_AXES}", value.shape.len())
    } else if expected != Some(nbytes) {
        format!("{nbytes} bytes are not {} of shape {:?}", value.dtype, value.shape)
    } else if !value.attributes.is_none_or(are_attributes) {
        "its attributes are not the text of a JSON object".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::InvalidValue { tag: tag(), problem })
}
