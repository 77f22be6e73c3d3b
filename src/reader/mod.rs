//! Reading: the latest value, pinned in place or copied.

mod acquire;
mod follow;
mod progress;
mod resolve;
mod sleep;
pub(crate) mod snapshot;
pub(crate) mod wait_any;

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files::peek::writer_alive;
use crate::files::tag::TagPath;
use crate::format::record::Hot;
use crate::reader::follow::Follower;
use crate::reader::progress::Progress;
use crate::reader::sleep::Sleeper;
use crate::reader::snapshot::{Data, Snapshot, Value, View, ViewInner};
use crate::shm::header::Header;
use crate::shm::pinned::{self, Borrowed, Kept, Pinned, Source, Viewing};
use crate::shm::registry::Tally;

/// A reader of a tag: any number of them, in any process.
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
    pub(crate) follower: Follower,
    /// What the last value was taken from.
    pub(crate) source: RefCell<Option<Arc<Source>>>,
    /// Whether a value was found in it by its own slot's word, not by the record alone.
    pub(crate) verified: Cell<bool>,
    /// The same for views, which borrow it.
    viewing: RefCell<Option<Viewing>>,
    /// The value that a hot loop asks for again and again.
    kept: RefCell<Option<Kept>>,
    progress: Progress,
}

impl Reader {
    pub(crate) fn open(tag: TagPath) -> Result<Self> {
        Ok(Self::new(Follower::open(tag)?))
    }

    fn new(follower: Follower) -> Self {
        Reader {
            follower,
            source: RefCell::new(None),
            verified: Cell::new(false),
            viewing: RefCell::new(None),
            kept: RefCell::new(None),
            progress: Progress::default(),
        }
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        self.follower.tag().tag()
    }

    /// The latest value if it is newer than what this reader returned last, from `read` or [`wait`](Self::wait).
    /// `None` also while the tag is removed.
    ///
    /// # Errors
    /// [`Error::DataMissing`] if somebody removed the data file by hand; [`Error::Contended`] if the writer was faster
    /// each time (only where readers must copy); those of a damaged header or data file; [`Error::Io`].
    pub fn read(&mut self) -> Result<Option<Snapshot>> {
        if !self.has_newer() {
            return Ok(None);
        }
        let snapshot = match self.latest() {
            Ok(snapshot) => snapshot,
            // The tag was removed and is being written again: a new header, with no value yet.
            Err(Error::Empty { .. }) => return Ok(None),
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
        if let Some(kept) = self.kept() {
            return Ok(Snapshot(Value { data: Data::Kept(kept.pinned.clone()), stamp: kept.stamp }));
        }
        let hot = self.current();
        self.forget_old_viewing();
        let header = self.follower.header_serial();
        let source = self.source.borrow().as_ref().filter(|source| source.is_of(header, &hot)).cloned();
        let source = source.filter(|source| !pinned::over_pin_limit(source, hot.slot));
        match source.and_then(|source| self.pin(source, &hot)) {
            Some(pinned) if self.may_keep(pinned.source()) => {
                Ok(Snapshot(Value { data: self.keep(pinned, &hot), stamp: hot.stamp }))
            }
            Some(pinned) => Ok(Snapshot(Value { data: Data::Pinned(pinned), stamp: hot.stamp })),
            // As in `view`.
            None => match self.acquire() {
                Ok(value) => Ok(Snapshot(*value)),
                Err(error) => Err(error),
            },
        }
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
        if let Some(kept) = self.kept() {
            return Ok(View(ViewInner::Kept(kept)));
        }
        let hot = self.current();
        let header = self.follower.header_serial();
        let viewing = Ref::filter_map(self.viewing.borrow(), |viewing| {
            viewing.as_ref().filter(|viewing| viewing.source.is_of(header, &hot))
        });
        let viewing = viewing.ok().map(Borrowed).filter(|viewing| !pinned::over_pin_limit(viewing, hot.slot));
        let pinned = viewing.and_then(|viewing| self.pin(viewing, &hot));
        let keep = pinned.as_ref().is_some_and(|pinned| self.may_keep(pinned.source()));
        if let Some(pinned) = pinned.filter(|_| !keep) {
            return Ok(View(ViewInner::Here { pinned, stamp: hot.stamp }));
        }
        // Handed on, not written in place: a copy of words that were just stored waits for them (10 ns).
        match self.view_slowly(keep) {
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
        let mut sleeper = Sleeper::new(timeout.into());
        loop {
            let (header, key) = self.follower.prepare();
            if let Some(snapshot) = self.read()? {
                return Ok(Some(snapshot));
            }
            // If the tag has another header now, that is the one to sleep on.
            if Arc::ptr_eq(&header, &self.follower.header()) && !sleeper.sleep(&header, key) {
                return Ok(None);
            }
        }
    }

    /// How many values were published between those that `read` and `wait` returned; also when the writer was taken
    /// over, or the tag was removed and written again, as far as this reader could see both.
    pub fn missed(&self) -> u64 {
        self.progress.missed()
    }

    /// Whether a writer has the tag now.
    ///
    /// # Errors
    /// [`Error::Io`] if its lock cannot be asked for.
    pub fn writer_alive(&self) -> Result<bool> {
        self.follower.follow();
        let header = self.follower.header();
        Ok(!header.is_retired() && writer_alive(self.follower.tag(), header.file())?)
    }

    /// The header with the key of its event count: taken before looking for a value, slept on afterwards.
    pub(crate) fn prepare(&self) -> (Arc<Header>, u32) {
        self.follower.prepare()
    }

    /// Whether there is a value newer than what was returned last.
    pub(crate) fn has_newer(&self) -> bool {
        let newer = || {
            let version = self.current().stamp.version;
            version != 0 && self.progress.is_new(self.follower.ordinal(version))
        };
        // Nothing new here? Perhaps the tag has another header by now.
        newer() || (self.follower.look() && newer())
    }

    /// The record now. With a newer one, what was kept of the one before is let go.
    #[inline(always)]
    pub(crate) fn current(&self) -> Hot {
        if !self.follower.is_current() {
            self.let_go();
        }
        self.follower.current()
    }

    /// Of what is kept, unless views of it are out.
    #[inline]
    fn let_go(&self) {
        if let Ok(mut kept) = self.kept.try_borrow_mut() {
            *kept = None;
        }
    }

    /// What is kept of the current record.
    #[inline(always)]
    fn kept(&self) -> Option<Ref<'_, Kept>> {
        let current = |kept: &Kept| self.follower.is_at(kept.mark);
        match Ref::filter_map(self.kept.borrow(), |kept| kept.as_ref().filter(|kept| current(kept))) {
            Ok(kept) => Some(kept),
            Err(other) => {
                let stale = other.is_some();
                drop(other);
                if stale {
                    self.let_go();
                }
                None
            }
        }
    }

    /// Whether the current value is asked for again and again; not while views of an earlier one are out.
    #[inline(always)]
    fn may_keep(&self, source: &Source) -> bool {
        self.follower.is_hot_loop() && source.may_be_kept() && self.kept.try_borrow_mut().is_ok()
    }

    #[inline(always)]
    fn pin<S: pinned::Holder>(&self, source: S, hot: &Hot) -> Option<Pinned<S>> {
        let current = || self.verified.get() && self.follower.is_current_with(hot);
        Pinned::pin(source, hot.slot, hot.stamp.version, current)
    }

    /// Keeps the pin of the current record's value until there is a newer one.
    #[cold]
    #[inline(never)]
    fn keep(&self, pinned: Pinned<Arc<Source>>, hot: &Hot) -> Data {
        let (Some(mark), Ok(mut place)) = (self.follower.mark(), self.kept.try_borrow_mut()) else {
            return Data::Pinned(pinned);
        };
        Data::Kept(place.insert(Kept::new(pinned, mark, hot)).pinned.clone())
    }

    /// The first view of a layout, the first of a hot loop's that is kept, and those that `view` cannot pin.
    #[cold]
    #[inline(never)]
    fn view_slowly(&self, keep: bool) -> Result<Box<Value>> {
        if keep {
            return self.latest().map(|snapshot| Box::new(snapshot.0));
        }
        let value = self.acquire()?;
        if let (Data::Pinned(pinned), Ok(mut viewing)) = (&value.data, self.viewing.try_borrow_mut()) {
            let source = pinned.source();
            if !viewing.as_ref().is_some_and(|viewing| Arc::ptr_eq(source, &viewing.source)) {
                let tally = Tally::new(source.segment.clone());
                *viewing = Some(Viewing { source: source.clone(), tally });
            }
        }
        Ok(value)
    }

    /// Lets go of a data file that was replaced, unless views borrow it.
    pub(crate) fn forget_old_viewing(&self) {
        if let Ok(mut viewing) = self.viewing.try_borrow_mut() {
            let source = self.source.borrow();
            viewing.take_if(|viewing| {
                !source.as_ref().is_some_and(|source| Arc::ptr_eq(source, &viewing.source))
            });
        }
    }
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        Reader {
            source: self.source.clone(),
            verified: self.verified.clone(),
            progress: self.progress,
            ..Self::new(self.follower.clone())
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
