//! `Store::stat`: the state of a tag as public values, made from `files::peek`.

use std::time::Duration;

use crate::dtype::DType;
use crate::error::Result;
use crate::files::peek::{self, SlotsPeek, writer_alive};
use crate::files::tag::{self, TagPath};
use crate::format::header::HeaderIdentity;
use crate::sys::clock::now;
use crate::sys::file::PathFile;

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

pub(crate) fn stat(tag: &TagPath) -> Result<Stat> {
    let (peek, status) = peek::tag(tag)?;
    let HeaderIdentity { pid, ephemeral, .. } = peek.identity;
    let mut bytes = status.allocated;
    let value = peek.cold.map(|cold| {
        let file = PathFile::open(&tag.data_file(cold.data_file)).ok();
        bytes += file.as_ref().and_then(|file| file.status().ok()).map_or(0, |status| status.allocated);
        let slots = file.and_then(|file| peek::slots(&file).ok());
        let written_at = peek.hot.stamp.written_at;
        ValueStat {
            dtype: cold.layout.dtype().clone(),
            shape: cold.layout.shape().to_vec(),
            nbytes: cold.layout.nbytes(),
            version: peek.hot.stamp.version,
            written_at: Duration::from_nanos(written_at),
            age: Duration::from_nanos(now().saturating_sub(written_at)),
            data_file: tag::data_file(tag.tag(), cold.data_file),
            slots: slots.map(|SlotsPeek { allocated, pinned, capacity }| SlotStat {
                allocated,
                pinned,
                capacity,
            }),
        }
    });
    Ok(Stat {
        tag: tag.tag().to_owned(),
        value,
        writer_alive: !peek.retired && writer_alive(tag, status.id)?,
        pid,
        uid: status.uid,
        mode: status.mode,
        ephemeral,
        bytes,
    })
}
