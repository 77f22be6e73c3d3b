//! `Store::stat`: the state of a tag as public values, made from `files::peek`.

use std::time::Duration;

use crate::dtype::DType;
use crate::error::Result;
use crate::files::peek::{self, Peek, SlotsPeek, writer_alive};
use crate::files::tag::{self, TagPath};
use crate::format::attributes;
use crate::sys::file::{PathFile, Status};
use crate::sys::name::stands_at;
use crate::time::UnixTime;

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
    /// Where the values come from, as the writer said with [`WriterOptions::source`](crate::WriterOptions::source); empty: from
    /// a writer of this machine.
    pub source: String,
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
    pub written_at: UnixTime,
    /// How long ago that was.
    pub age: Duration,
    /// When it was acquired, if the writer said so.
    pub acquired_at: Option<UnixTime>,
    /// When it was written where it comes from, if it was brought from another store.
    pub source_written_at: Option<UnixTime>,
    /// Its user data, or the text of its attributes; `None` if values come faster than they can be looked at.
    pub user_data: Option<Vec<u8>>,
    /// Its attributes as JSON text; `None` if it has none, or as for the user data.
    pub attributes_json: Option<String>,
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

/// How often it is looked again at a tag whose header is replaced in the middle of it.
const ATTEMPTS: u32 = 1000;

pub(crate) fn stat(tag: &TagPath) -> Result<Stat> {
    for _ in 0..ATTEMPTS {
        let (peek, file, status) = peek::tag(tag)?;
        match stat_of(tag, peek, &file, status) {
            // It was taken over or removed meanwhile, and its data file went with it: that is no damage.
            Err(_) if !stands_at(status.id, tag.header())? => {}
            outcome => return outcome,
        }
    }
    Err(tag.contended("look at it"))
}

fn stat_of(tag: &TagPath, peek: Peek, file: &PathFile, status: Status) -> Result<Stat> {
    let (identity, retired, pid) = (peek.identity, peek.retired, peek.writer_pid);
    let source = peek.source.clone();
    let writer_alive = !retired && writer_alive(tag, status.id)?;
    let found = peek::value(tag, file, peek)?;
    let bytes = status.allocated + found.as_ref().map_or(0, |value| value.allocated);
    let value = found.map(|found| {
        let SlotsPeek { allocated, pinned, capacity } = found.slots;
        let (stamp, layout, line) = (found.record.stamp, found.entry.layout, found.line);
        let is_whole = found.user_data.is_some();
        let time = |nanoseconds: u64| UnixTime::stored(nanoseconds).filter(|_| is_whole);
        let text = found.user_data.as_deref().and_then(|user_data| attributes::text(&line, user_data).ok());
        let attributes = text.flatten().map(str::to_owned);
        ValueStat {
            dtype: layout.dtype().clone(),
            shape: layout.shape().to_vec(),
            nbytes: layout.nbytes(),
            version: stamp.version,
            written_at: line.clock.unix(stamp.written_at),
            age: line.clock.age(stamp.written_at),
            acquired_at: time(line.acquired_at),
            source_written_at: time(line.source_written_at),
            attributes_json: attributes,
            user_data: found.user_data,
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
        source,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::{Error, Store};

    /// A tag that changes hands meanwhile is not damaged: its new header says what there is.
    #[test]
    fn a_tag_that_is_taken_over_and_removed_has_no_error() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        store.writer("a").unwrap().write_slice(&[0_u8], &[1]).unwrap();
        let end = AtomicBool::new(false);
        let wrong = std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0..200_u32 {
                    let mut writer = store.writer_options("a").takeover(true).open().unwrap();
                    writer.write_slice(&[round], &[1]).unwrap();
                    let mut other = store.writer_options("a").takeover(true).open().unwrap();
                    other.write_slice(&[round, 1], &[2]).unwrap();
                    if round % 2 == 1 {
                        store.force_remove("a").unwrap();
                    }
                }
                end.store(true, Ordering::Relaxed);
            });
            let mut wrong = Vec::new();
            while !end.load(Ordering::Relaxed) {
                match store.stat("a") {
                    Ok(_) | Err(Error::NotFound { .. }) => {}
                    Err(error) => wrong.push(error.to_string()),
                }
            }
            wrong
        });
        assert!(wrong.is_empty(), "{} times: {}", wrong.len(), wrong[0]);
    }
}
