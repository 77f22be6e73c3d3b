//! Reading a recording.

mod index;
pub(crate) mod message;
pub(crate) mod order;
pub(crate) mod track;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use memmap2::Mmap;
use ndsharray::UnixTime;

use crate::error::{Error, Result};
use crate::read::index::Index;
use crate::read::track::Track;

/// A recording: for each tag, the values that were recorded of it. It is open as long as it, or a value of it, exists.
///
/// A file that was cut, since the process that recorded was killed or its disk was full, is read up to the cut.
#[derive(Clone, Debug)]
pub struct Recording {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    path: PathBuf,
    file: Bytes,
    index: Index,
}

impl Recording {
    /// Opens a recording.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotARecording`] and [`Error::Damaged`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| Error::io(path, "open", error))?;
        // SAFETY: the file is not written to while it is read. Who truncates it ends the readers with SIGBUS, as with every mapped
        // file; the documentation says so.
        let mapped = unsafe { Mmap::map(&file) }.map_err(|error| Error::io(path, "map", error))?;
        let file = Bytes::from_owner(mapped);
        let index = Index::of(path, &file)?;
        Ok(Recording { inner: Arc::new(Inner { path: path.to_owned(), file, index }) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether the file was finished; false if it was cut.
    pub fn is_complete(&self) -> bool {
        self.inner.index.is_complete
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
        match self.inner.index.tracks.get_full(tag) {
            Some((number, _, _)) => Ok(Track::new(self.inner.clone(), number)),
            None => Err(Error::NoTag {
                path: self.inner.path.clone(),
                tag: tag.to_owned(),
                tags: self.tags().map(str::to_owned).collect(),
            }),
        }
    }

    /// When the first and the last value were written, over all tags; `None` if there is none.
    pub fn span(&self) -> Option<(UnixTime, UnixTime)> {
        let times = || self.inner.index.tracks.values().flatten().map(|location| location.written_at);
        Some((times().min()?, times().max()?))
    }

    /// The metadata records of the file: names, each with names and texts. What was missed is under `ndsharray.missed`, a number of
    /// values for each tag.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &std::collections::BTreeMap<String, String>)> {
        self.inner.index.metadata.iter().map(|(name, entries)| (name.as_str(), entries))
    }
}
