//! Looking at a tag from outside, without a mapping.

use std::path::Path;
use std::time::Duration;

use crate::dtype::DType;
use crate::error::Result;
use crate::files::gc;
use crate::files::retire;
use crate::files::tag;
use crate::shm::header::HeaderIdentity;
use crate::shm::registry::Lock;
use crate::sys::file;
use crate::writer::open;

/// What [`Store::stat`](crate::Store::stat) says of a tag.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stat {
    /// The tag.
    pub tag: String,
    /// The current value, if there is one.
    pub value: Option<ValueStat>,
    /// Whether a writer has the tag now.
    pub writer_alive: bool,
    /// The pid of the process that made the header, in its own PID namespace; for information.
    pub pid: u32,
    /// The user that owns the tag's files.
    pub uid: u32,
    /// The permissions of the header.
    pub mode: u32,
    /// Whether the tag goes when its writer goes.
    pub ephemeral: bool,
    /// Storage that header and data file take, in bytes.
    pub bytes: u64,
}

/// What [`Stat`] says of the current value.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ValueStat {
    /// The element type.
    pub dtype: DType,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// The length of the value in bytes.
    pub nbytes: usize,
    /// The number of the value.
    pub version: u64,
    /// When it was published, on CLOCK_MONOTONIC.
    pub written_at: Duration,
    /// How long ago that was.
    pub age: Duration,
    /// The name of the data file.
    pub data_file: String,
    /// The slots of the data file; `None` if it is missing or damaged.
    pub slots: Option<SlotStat>,
}

/// What [`Stat`] says of a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotStat {
    /// How many values it has room for, at most 8.
    pub allocated: usize,
    /// How many of these readers hold.
    pub pinned: usize,
    /// The room for each, in bytes.
    pub capacity: usize,
}

pub(crate) fn stat(directory: &Path, tag: &str) -> Result<Stat> {
    let (peek, status) = open::peek(directory, tag)?;
    let HeaderIdentity { pid, ephemeral, .. } = peek.identity;
    let mut bytes = status.allocated;
    let value = peek.cold.map(|cold| {
        let data_file = tag::data_file(tag, cold.data_file);
        let path = directory.join(&data_file);
        let file = file::open(&path, false).ok();
        bytes += file.as_ref().and_then(|file| file::status_of(file, &path).ok()).map_or(0, |s| s.allocated);
        let slots = file.and_then(|file| crate::format::segment::inspect(&file, &path).ok());
        ValueStat {
            dtype: cold.layout.dtype().clone(),
            shape: cold.layout.shape().to_vec(),
            nbytes: cold.layout.nbytes(),
            version: peek.hot.version,
            written_at: Duration::from_nanos(peek.hot.written_at),
            age: Duration::from_nanos(file::now().saturating_sub(peek.hot.written_at)),
            data_file,
            slots: slots.map(|(allocated, pinned, capacity)| SlotStat { allocated, pinned, capacity }),
        }
    });
    Ok(Stat {
        tag: tag.to_owned(),
        value,
        writer_alive: !peek.gone && writer_alive(&directory.join(tag), status.id)?,
        pid,
        uid: status.uid,
        mode: status.mode,
        ephemeral,
        bytes,
    })
}

/// Whether somebody holds the lock of the header at `path`, if it still is the file `id`.
pub(crate) fn writer_alive(path: &Path, id: file::FileId) -> Result<bool> {
    if !file::stands_at(id, path)? {
        return Ok(false);
    }
    let Ok(lock) = Lock::open(path, false) else { return Ok(false) };
    let same = file::status_of(lock.file(), path)?.id == id;
    Ok(same && !lock.try_shared(path)?)
}

/// The tags of a store: every file that is a header, in order of name.
pub(crate) fn tags(directory: &Path) -> Result<Vec<String>> {
    let mut names = gc::names(directory)?;
    names.retain(|name| {
        tag::check(name).is_ok() && matches!(retire::open_header(&directory.join(name)), Ok(Some(_)))
    });
    Ok(names)
}
