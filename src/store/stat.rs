//! `Store::stat`: the state of a tag as public values, made from `files::peek`.

use std::time::Duration;

use crate::dtype::DType;
use crate::error::Result;
use crate::files::peek::{self, SlotsPeek, writer_alive};
use crate::files::tag::{self, TagPath};

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
    /// The pid of the process that has the tag, in its own PID namespace; `None` if nobody has it.
    pub pid: Option<u32>,
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
    /// When it was published, as Unix time.
    pub written_at: Duration,
    /// How long ago that was.
    pub age: Duration,
    /// The name of the data file.
    pub data_file: String,
    /// The slots of the data file.
    pub slots: SlotStat,
}

/// What [`Stat`] says of a data file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlotStat {
    /// How many values it has room for.
    pub allocated: usize,
    /// How many of these readers hold.
    pub pinned: usize,
    /// The room for each, in bytes.
    pub capacity: usize,
}

pub(crate) fn stat(tag: &TagPath) -> Result<Stat> {
    let (peek, file, status) = peek::tag(tag)?;
    let (identity, retired, pid) = (peek.identity, peek.retired, peek.writer_pid);
    let writer_alive = !retired && writer_alive(tag, status.id)?;
    let found = peek::value(tag, &file, peek)?;
    let bytes = status.allocated + found.as_ref().map_or(0, |value| value.allocated);
    let value = found.map(|found| {
        let SlotsPeek { allocated, pinned, capacity } = found.slots;
        let (stamp, layout) = (found.record.stamp, found.entry.layout);
        ValueStat {
            dtype: layout.dtype().clone(),
            shape: layout.shape().to_vec(),
            nbytes: layout.nbytes(),
            version: stamp.version,
            written_at: found.clock.unix(stamp.written_at),
            age: found.clock.age(stamp.written_at),
            data_file: tag::data_file(tag.tag(), found.data_file),
            slots: SlotStat { allocated, pinned, capacity },
        }
    });
    Ok(Stat {
        tag: tag.tag().to_owned(),
        value,
        writer_alive,
        pid: pid.filter(|_| writer_alive),
        uid: status.uid,
        mode: status.mode,
        ephemeral: identity.ephemeral,
        bytes,
    })
}
