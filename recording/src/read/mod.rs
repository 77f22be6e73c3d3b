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

/// A recording: for each tag, the values that were recorded of it. It is open as long as it, or a value of it, exists. Clones share it,
/// and threads may.
///
/// A complete file is opened by its index, and no value is read before it is asked for. A file that was cut, since the process that
/// recorded was killed or its disk was full, or that is still being recorded, is scanned up to the last whole chunk that it has when
/// it is opened. What others wrote into the file is passed over.
///
/// The file is mapped. Values that are not compressed are parts of the mapping: nothing is copied. So a file must not be truncated or
/// written over while it is open: who truncates it ends the processes that read behind its end with SIGBUS. To append to it, as a
/// recorder does, to rename and to remove it are no harm.
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
    /// Opens a recording.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such file, or no permission; [`Error::NotARecording`] if it is something else. Of a file that is
    /// damaged, what is left can be read: see [`left_out`](Recording::left_out).
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

    /// What was left out when the file was opened, each as an error: chunks and records that are damaged, with where they are, and
    /// channels whose names are no tags or that are defined twice. At most a thousand. Damage to the values of a complete file is not
    /// among them: it shows when they are read.
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

    /// How its first chunk is compressed: its writer did so with all.
    pub fn compression(&self) -> Compression {
        self.inner.index.chunks.compression(&self.inner.file)
    }

    /// The metadata records of the file: names, each with names and texts. What was missed is under `ndsharray.missed`, a number of
    /// values for each tag.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.inner.index.metadata.iter().map(|(name, entries)| (name.as_str(), entries))
    }
}
