//! Reading a recording.
//!
//! `file` opens and maps, `records` knows the bytes, `channels` which tags there are, `summary` and `scan` are two ways to an `index`,
//! `chunks` gives the records of chunks, `track` the values, `order` those of several tags.

mod channels;
mod chunks;
mod file;
mod index;
pub(crate) mod message;
pub(crate) mod order;
mod records;
mod scan;
mod summary;
pub(crate) mod track;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ndsharray::UnixTime;

use crate::error::{Error, Result};
use crate::read::file::File;
use crate::read::index::Index;
use crate::read::track::Track;
use crate::write::options::Compression;

/// A recording that is read: for each tag, the values that were recorded. The file stays open as long as the recording, a clone of it or
/// a value from it exists. Threads may share a recording.
///
/// A complete file is opened by its index, and no value is read before it is asked for. A file without an index is scanned when it is
/// opened, up to its last whole chunk: it is still being recorded, or it was cut, because the recorder was killed or the disk was full.
/// What other programs wrote into the file is passed over.
///
/// The file is mapped, and values that are not compressed are parts of the mapping: nothing is copied. So do not truncate or overwrite
/// a file that is open: a process that reads behind its new end is ended by SIGBUS. Appending to the file, as a recorder does, renaming
/// and removing it do no harm.
///
/// ```
/// use ndsharray::{DType, UnixTime};
/// use ndsharray_recording::{Recording, RecordingOptions, Value};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("run.mcap");
/// # let mut writer = RecordingOptions::new().min_free(0).create(&path)?;
/// # for version in 1..=3 {
/// #     writer.append(&Value {
/// #         tag: "cam", dtype: &DType::UInt8, shape: &[2, 3], bytes: &[version as u8; 6], user_data: &[], attributes: None, version,
/// #         written_at: UnixTime::from(version), acquired_at: None, source_written_at: None,
/// #     })?;
/// # }
/// # writer.finish()?;
/// let recording = Recording::open(&path)?;
/// for tag in recording.tags() {
///     let track = recording.track(tag)?;
///     println!("{tag}: {} values", track.len());
///     for value in &track {
///         let value = value?;
///         println!("{}: {:?}, {} bytes", value.written_at(), value.shape(), value.bytes().len());
///     }
/// }
/// # assert_eq!(recording.track("cam")?.get(2)?.unwrap().bytes(), [3; 6]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Recording {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    file: File,
    index: Index,
}

impl Recording {
    /// Opens a recording. A damaged file is no error: what is whole can be read, and [`left_out`](Recording::left_out) lists the rest.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such file, or no permission; [`Error::NotARecording`] if it is something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let file = File::open(path.as_ref())?;
        let index = Index::of(&file);
        Ok(Recording { inner: Arc::new(Inner { file, index }) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.inner.file.path()
    }

    /// Whether the file was finished; false if it was cut, or is still being recorded.
    pub fn is_complete(&self) -> bool {
        self.inner.index.is_complete
    }

    /// What was left out when the file was opened, each as an error, at most a thousand: damaged chunks and records, with their places;
    /// channels whose names are no tags; and channels that are defined twice. Damaged values of a complete file are not among them:
    /// they are errors when they are read.
    pub fn left_out(&self) -> &[Error] {
        &self.inner.index.left_out
    }

    /// As [`left_out`](Recording::left_out), if nothing else has the recording.
    pub(crate) fn into_left_out(self) -> Vec<Error> {
        Arc::into_inner(self.inner).map_or_else(Vec::new, |inner| inner.index.left_out)
    }

    /// The names of the tags, sorted.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.index.tracks.keys().map(String::as_str)
    }

    /// The values of a tag.
    ///
    /// # Errors
    /// [`Error::NoTag`].
    pub fn track(&self, tag: &str) -> Result<Track> {
        match self.inner.index.tracks.get_index_of(tag) {
            Some(number) => Ok(Track::new(self.inner.clone(), number)),
            None => Err(Error::NoTag {
                path: self.path().to_owned(),
                tag: tag.to_owned(),
                tags: self.tags().map(str::to_owned).collect(),
            }),
        }
    }

    /// When the first and the last value were written, over all tags; `None` if there is none.
    pub fn span(&self) -> Option<(UnixTime, UnixTime)> {
        let times = || {
            self.inner
                .index
                .tracks
                .values()
                .flat_map(|values| &values.locations)
                .map(|location| location.written_at)
        };
        Some((times().min()?, times().max()?))
    }

    /// How the file is compressed, as its first chunk says.
    pub fn compression(&self) -> Compression {
        self.inner.index.chunks.compression(&self.inner.file)
    }

    /// The metadata records of the file: the name of each, and its entries, names with texts. The record `ndsharray.missed` has the number
    /// of missed values for each tag.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.inner.index.metadata.iter().map(|(name, entries)| (name.as_str(), entries))
    }
}
