//! Reading: the latest value, pinned in place or copied.

mod acquire;
pub(crate) mod changed;
mod copy;
pub(crate) mod every;
mod follow;
pub(crate) mod options;
mod poll;
mod progress;
mod resolve;
mod sleep;
pub(crate) mod snapshot;
pub(crate) mod value_id;
pub(crate) mod wait_any;
mod want;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files::peek::writer_alive;
use crate::files::tag::TagPath;
use crate::reader::acquire::acquire_latest;
use crate::reader::follow::{Follower, Target};
use crate::reader::progress::Progress;
use crate::reader::resolve::Sources;
use crate::reader::sleep::Sleeper;
use crate::reader::snapshot::{Data, Snapshot, Value, View, ViewInner};
use crate::reader::value_id::ValueId;
use crate::reader::want::Place;
use crate::shm::pinned::Pinned;
use crate::shm::registry;

/// A reader of a tag. A tag may have any number of readers, in any process.
///
/// Reading costs no system call and does not depend on the size of the array. Readers follow the tag when its writer is
/// replaced, and when it is removed and written again. `Clone` is cheap, and the way to read on several threads.
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// # let mut writer = store.writer("a")?;
/// let mut reader = store.reader("a")?;
/// writer.write_slice(&[1.5_f32, 2.5], &[2])?;
/// let value = reader.read()?.expect("a first value is always new");
/// assert_eq!((value.shape(), value.as_slice::<f32>()?), (&[2][..], &[1.5, 2.5][..]));
/// assert!(reader.read()?.is_none(), "nothing new");
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    follower: Follower,
    sources: Sources,
    progress: Progress,
    /// The slot that `read_next` took a value from last.
    last_slot: usize,
}

impl Reader {
    pub(crate) fn open(tag: TagPath) -> Result<Self> {
        let sources = Sources::new(registry::holds(tag.header()));
        Ok(Reader { follower: Follower::open(tag)?, sources, progress: Progress::default(), last_slot: 0 })
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        self.follower.tag().tag()
    }

    /// The latest value if it is newer than what this reader returned last, from `read`, [`wait`](Self::wait),
    /// [`read_next`](Self::read_next) or [`wait_next`](Self::wait_next). Also `None` while the tag is removed.
    ///
    /// # Errors
    /// [`Error::DataMissing`] if somebody removed the data file by hand; [`Error::Contended`] if the writer was faster
    /// at each attempt (rare, except where readers must copy); the errors of a damaged header or data file;
    /// [`Error::Io`].
    pub fn read(&mut self) -> Result<Option<Snapshot>> {
        if !self.has_newer() {
            return Ok(None);
        }
        let latest = self.latest().map(Some);
        self.returned(latest)
    }

    /// What `read` or `read_next` found is returned.
    fn returned(&mut self, found: Result<Option<Snapshot>>) -> Result<Option<Snapshot>> {
        let snapshot = match found {
            Ok(Some(snapshot)) => snapshot,
            // The tag was removed and is being written again: a new header, with no value yet.
            Ok(None) | Err(Error::Empty { .. }) => return Ok(None),
            // The tag was removed before this value was taken: it is not waited for again.
            Err(Error::NotFound { .. }) => {
                self.progress.pass_over(self.follower.known_ordinal());
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        self.progress.advance(self.follower.ordinal(snapshot.version()));
        Ok(Some(snapshot))
    }

    /// The latest value.
    ///
    /// # Errors
    /// [`Error::Empty`] if nothing was ever written, [`Error::NotFound`] if the tag was removed and its value cannot be
    /// reached any more; and as [`read`](Self::read).
    #[inline(always)]
    pub fn latest(&self) -> Result<Snapshot> {
        self.follower.idle();
        let record = self.follower.current();
        let source = self.sources.get(self.follower.header_serial(), &record);
        let Place { slot, version } = Place::of(&record);
        let current = || self.follower.is_current();
        let pinned = source.and_then(|source| Pinned::take(source, slot, version, current));
        match pinned {
            Some(pinned) => {
                let id = self.follower.id(record.stamp.version);
                Ok(Snapshot(Value { data: Data::Pinned(pinned), stamp: record.stamp, id }))
            }
            // As in `view`.
            None => match acquire_latest(&self.follower, &self.sources) {
                Ok(value) => Ok(Snapshot(*value)),
                Err(error) => Err(error),
            },
        }
    }

    /// Whether the latest value is another one than this. Also true, once, when the tag was taken over or put back from a copy.
    ///
    /// It costs little more than a load of one number. So a loop that runs much more often than something is written keeps its
    /// snapshot as long as it is the latest:
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// # let mut writer = store.writer("a")?;
    /// # writer.write_slice(&[1_u8], &[1])?;
    /// let reader = store.reader("a")?;
    /// let mut parameters = reader.latest()?;
    /// for _ in 0..1000 {
    ///     if reader.has_changed(&parameters) {
    ///         parameters = reader.latest()?;
    ///     }
    ///     assert_eq!(parameters.bytes(), [1]); // work with them
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[inline(always)]
    pub fn has_changed(&self, snapshot: &Snapshot) -> bool {
        !self.is_latest(snapshot.id())
    }

    /// Whether the latest value is this one: as [`has_changed`](Self::has_changed), for callers that do not hold the value
    /// any more.
    #[doc(hidden)]
    #[inline(always)]
    pub fn is_latest(&self, id: ValueId) -> bool {
        self.follower.idle();
        let version = self.follower.current().stamp.version;
        self.follower.id(version) == id
    }

    /// The latest value, borrowed: for hot loops.
    ///
    /// A view ends before its reader does:
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// # store.writer("a")?.write_slice(&[1_u8], &[1])?;
    /// let reader = store.reader("a")?;
    /// let view = reader.view()?;
    /// assert_eq!(view.bytes(), [1]);
    /// drop(view);
    /// drop(reader);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0505
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// # store.writer("a")?.write_slice(&[1_u8], &[1])?;
    /// let reader = store.reader("a")?;
    /// let view = reader.view()?;
    /// drop(reader);
    /// assert_eq!(view.bytes(), [1]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`latest`](Self::latest).
    #[inline(always)]
    pub fn view(&self) -> Result<View<'_>> {
        self.follower.idle();
        let record = self.follower.current();
        let source = self.sources.borrow(self.follower.header_serial(), &record);
        let Place { slot, version } = Place::of(&record);
        let current = || self.follower.is_current();
        let pinned = source.and_then(|source| Pinned::take(source, slot, version, current));
        if let Some(pinned) = pinned {
            return Ok(View(ViewInner::Here { pinned, stamp: record.stamp }));
        }
        // Handed on, not written in place: a copy of words that were just stored waits for them (10 ns).
        match acquire_latest(&self.follower, &self.sources) {
            Ok(value) => Ok(View(ViewInner::Elsewhere(value))),
            Err(error) => Err(error),
        }
    }

    /// Waits for a value that is newer than what this reader returned last, and returns it; `None` after `timeout`.
    ///
    /// Spins a little, then sleeps until the writer wakes it. No timeout (`None`) waits for ever.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn wait(&mut self, timeout: impl Into<Option<Duration>>) -> Result<Option<Snapshot>> {
        self.wait_for(timeout.into(), Self::read)
    }

    /// Waits for `read` to return something.
    fn wait_for(
        &mut self,
        timeout: Option<Duration>,
        read: impl Fn(&mut Self) -> Result<Option<Snapshot>>,
    ) -> Result<Option<Snapshot>> {
        let mut sleeper = Sleeper::new(timeout);
        loop {
            let prepared = self.follower.prepare();
            if let Some(snapshot) = read(self)? {
                return Ok(Some(snapshot));
            }
            // If the tag has another header now, that is the one to sleep on.
            if !Arc::ptr_eq(&prepared.0, &self.follower.header()) {
                continue;
            }
            if !sleeper.sleep(&[self.follower.target(prepared)]) {
                return Ok(None);
            }
        }
    }

    /// How many values were published between those that `read`, `wait`, `read_next` and `wait_next` returned; also when the writer was taken
    /// over, or the tag was removed and written again, as far as this reader could see both. What could not be read any more when a
    /// tag was removed counts neither as returned nor as missed.
    pub fn missed(&self) -> u64 {
        self.progress.missed()
    }

    /// Whether a writer has the tag now.
    ///
    /// # Errors
    /// [`Error::Io`] if its lock cannot be asked for.
    pub fn writer_alive(&self) -> Result<bool> {
        self.follower.follow();
        loop {
            let header = self.follower.header();
            if !header.is_retired() && writer_alive(self.follower.tag(), header.file())? {
                return Ok(true);
            }
            // Another writer may have taken the tag over meanwhile.
            if !self.follower.follow() {
                return Ok(false);
            }
        }
    }

    /// What to wait for, unless there is a value newer than what was returned last.
    pub(crate) fn target(&self) -> Option<Target> {
        loop {
            let prepared = self.follower.prepare();
            if self.has_newer() {
                return None;
            }
            // If the tag has another header now, that is the one to wait for.
            if Arc::ptr_eq(&prepared.0, &self.follower.header()) {
                return Some(self.follower.target(prepared));
            }
        }
    }

    /// Whether there is a value newer than what was returned last.
    pub(crate) fn has_newer(&self) -> bool {
        let newer = || {
            let version = self.follower.current().stamp.version;
            version != 0 && self.progress.is_new(self.follower.ordinal(version))
        };
        // Nothing new here? Perhaps the tag has another header by now.
        newer() || (self.follower.look() && newer())
    }
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        let Reader { follower, sources, progress, last_slot } = self;
        Reader {
            follower: follower.clone(),
            sources: sources.clone(),
            progress: *progress,
            last_slot: *last_slot,
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("store", &self.follower.tag().directory())
            .field("tag", &self.tag())
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
