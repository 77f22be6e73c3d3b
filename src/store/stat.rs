//! `Store::stat`: the state of a tag as public values, made from `files::peek`.

use std::time::Duration;

use crate::dtype::DType;
use crate::error::Result;
use crate::files::peek::{self, Peek, SlotsPeek, writer_alive};
use crate::files::tag::{self, TagPath};
use crate::format::attributes;
use crate::format::segment::SLOTS;
use crate::store::count::Count;
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
    count: Count,
}

impl Stat {
    /// Whether the versions went on being counted since an earlier look at the same tag, so that a program that goes by them can
    /// tell what it missed. Not so if the tag was removed and made again meanwhile, as an ephemeral one is by its next writer, or
    /// if its files were put back from a copy.
    pub fn goes_on_from(&self, earlier: &Stat) -> bool {
        self.count.goes_on_from(&earlier.count)
    }

    /// Values per second since an earlier look at the same tag, from the times at which its two values were written; 0 if they are
    /// the same value. `None` if that cannot be told: one look found no value, or the versions
    /// [do not go on](Self::goes_on_from), or were written by two machines.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// let mut writer = store.writer("counts")?;
    /// writer.write_slice(&[1_u64], &[1])?;
    /// let before = store.stat("counts")?;
    /// writer.write_slice(&[2_u64], &[1])?;
    /// std::thread::sleep(std::time::Duration::from_millis(10));
    /// writer.write_slice(&[3_u64], &[1])?;
    /// let rate = store.stat("counts")?.rate_since(&before).unwrap();
    /// assert!(rate > 0.0 && rate < 200.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn rate_since(&self, earlier: &Stat) -> Option<f64> {
        self.count.rate_since(&earlier.count)
    }
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
    /// The [history](crate::WriterOptions::history) that it has room for.
    pub history: usize,
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
    let (source, origin) = (peek.source.clone(), identity.origin);
    let writer_alive = !retired && writer_alive(tag, status.id)?;
    let found = peek::value(tag, file, peek)?;
    let bytes = status.allocated + found.as_ref().map_or(0, |value| value.allocated);
    let latest = found.as_ref().map(|found| (found.record.stamp, found.line.clock.domain()));
    let (stamp, domain) = latest.unwrap_or_default();
    let count = Count::new(origin, stamp, domain);
    let value = found.map(|found| {
        let SlotsPeek { allocated, pinned, capacity, limit } = found.slots;
        let history = limit.saturating_sub(SLOTS);
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
            slots: SlotStat { allocated, pinned, capacity, history },
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
        count,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use crate::{Error, Stat, Store};

    /// Looks at the tag `a` again.
    fn look(store: &Store) -> Stat {
        store.stat("a").unwrap()
    }

    #[test]
    fn versions_go_on_under_other_writers_and_layouts_but_not_in_another_tag() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let mut before = look(&store);
        let mut goes_on = |what: &str| {
            let now = look(&store);
            assert!(now.goes_on_from(&before), "{what}");
            before = now;
        };
        writer.write_slice(&[1_u8], &[1]).unwrap();
        goes_on("the first value");
        writer.write_slice(&[1_u16; 10], &[10]).unwrap();
        goes_on("another layout");
        drop(writer);
        goes_on("no writer");
        let mut writer = store.writer("a").unwrap();
        goes_on("adopted");
        writer.write_slice(&[1_u8], &[1]).unwrap();
        goes_on("written by the next writer");
        let mut other = store.writer_options("a").takeover(true).open().unwrap();
        goes_on("taken over");
        other.write_slice(&[2_u8], &[1]).unwrap();
        goes_on("written after that");
        drop((writer, other));
        let before = look(&store);
        store.remove("a").unwrap();
        store.writer("a").unwrap().write_slice(&[3_u8], &[1]).unwrap();
        let new = look(&store);
        assert!(!new.goes_on_from(&before) && !before.goes_on_from(&new), "made again");
        assert_eq!(new.rate_since(&before), None);
    }

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
