//! Reading: the latest value, pinned in place or copied.

pub(crate) mod acquire;
pub(crate) mod follow;
pub(crate) mod resolve;
pub(crate) mod sleep;
pub(crate) mod snapshot;

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::record::Hot;
use crate::reader::follow::Follower;
use crate::reader::sleep::Sleeper;
use crate::reader::snapshot::{Data, Lent, Snapshot, Value, View};
use crate::shm::header::Header;
use crate::shm::pinned::{self, Borrowed, Kept, Pinned, Source, Viewing};
use crate::shm::registry;
use crate::store::stat;

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
    /// Whether a value was in it, under its own slot's word.
    pub(crate) proven: Cell<bool>,
    /// The same for views, which borrow it.
    viewing: RefCell<Option<Viewing>>,
    /// The value that a hot loop asks for again and again.
    kept: RefCell<Option<Kept>>,
    /// The place of the value that `read` or `wait` returned last.
    returned: Option<u64>,
    missed: u64,
}

impl Reader {
    pub(crate) fn open(directory: &Path, tag: &str) -> Result<Self> {
        Ok(Reader {
            follower: Follower::open(directory, tag)?,
            source: RefCell::new(None),
            proven: Cell::new(false),
            viewing: RefCell::new(None),
            kept: RefCell::new(None),
            returned: None,
            missed: 0,
        })
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        &self.follower.tag
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
                self.returned = Some(self.follower.known_place());
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let place = self.follower.place(snapshot.version());
        if let Some(returned) = self.returned {
            self.missed += place.saturating_sub(returned).saturating_sub(1);
        }
        self.returned = Some(place);
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
            let (version, written_at) = (kept.version, kept.written_at);
            return Ok(Snapshot(Value { data: Data::Kept(kept.pinned.clone()), version, written_at }));
        }
        let hot = self.current();
        let (version, written_at) = (hot.version, hot.written_at);
        self.forget_old_viewing();
        let header = self.follower.header_serial();
        let source = self.source.borrow().as_ref().filter(|source| source.is_of(header, &hot)).cloned();
        let source = source.filter(|source| !pinned::crowded(source, hot.slot));
        match source.and_then(|source| self.pin(source, &hot)) {
            Some(pinned) if self.may_keep(pinned.source()) => {
                Ok(Snapshot(Value { data: self.keep(pinned, &hot), version, written_at }))
            }
            Some(pinned) => Ok(Snapshot(Value { data: Data::Pinned(pinned), version, written_at })),
            // As in `view`.
            None => match self.take() {
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
            return Ok(View(Lent::Kept(kept)));
        }
        let hot = self.current();
        let header = self.follower.header_serial();
        let viewing = Ref::filter_map(self.viewing.borrow(), |viewing| {
            viewing.as_ref().filter(|viewing| viewing.source.is_of(header, &hot))
        });
        let viewing = viewing.ok().map(Borrowed).filter(|viewing| !pinned::crowded(viewing, hot.slot));
        let pinned = viewing.and_then(|viewing| self.pin(viewing, &hot));
        let keep = pinned.as_ref().is_some_and(|pinned| self.may_keep(pinned.source()));
        if let Some(pinned) = pinned.filter(|_| !keep) {
            return Ok(View(Lent::Here { pinned, version: hot.version, written_at: hot.written_at }));
        }
        // A result of its own, handed on: if the call wrote where the view is going to be, so would the fast paths above,
        // and the view would be copied from there, a word of which was just stored: 10 ns.
        match self.view_slowly(keep) {
            Ok(value) => Ok(View(Lent::Elsewhere(value))),
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
            let (header, ticket) = self.follower.ticket();
            if let Some(snapshot) = self.read()? {
                return Ok(Some(snapshot));
            }
            if !Arc::ptr_eq(&header, &self.follower.header()) {
                // The tag has another header now: its bell is the one to sleep on.
                continue;
            }
            if !sleeper.sleep(&header, ticket) {
                return Ok(None);
            }
        }
    }

    /// How many values were published between those that `read` and `wait` returned; also when the writer was taken
    /// over, or the tag was removed and written again, as far as this reader could see both.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Whether a writer has the tag now.
    ///
    /// # Errors
    /// [`Error::Io`] if its lock cannot be asked for.
    pub fn writer_alive(&self) -> Result<bool> {
        self.follower.follow();
        let header = self.follower.header();
        Ok(!header.is_gone() && stat::writer_alive(&self.follower.path(), header.file())?)
    }

    /// The header with its futex word, to be taken before looking for a value and slept on after.
    pub(crate) fn ticket(&self) -> (Arc<Header>, u32) {
        self.follower.ticket()
    }

    /// Whether there is a value newer than what was returned last.
    pub(crate) fn has_newer(&self) -> bool {
        // Nothing new here? Perhaps the tag has another header by now.
        self.is_newer() || (self.follower.look() && self.is_newer())
    }

    fn is_newer(&self) -> bool {
        let version = self.current().version;
        version != 0 && self.returned.is_none_or(|returned| self.follower.place(version) > returned)
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
        let current = || self.proven.get() && self.follower.is_current_with(hot);
        Pinned::take(source, hot.slot, hot.version, current)
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
        let value = self.take()?;
        if let (Data::Pinned(pinned), Ok(mut viewing)) = (&value.data, self.viewing.try_borrow_mut()) {
            let source = pinned.source();
            if !viewing.as_ref().is_some_and(|viewing| Arc::ptr_eq(source, &viewing.source)) {
                let tally = registry::tally(source.segment.clone());
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
            follower: self.follower.clone(),
            source: RefCell::new(self.source.borrow().clone()),
            proven: self.proven.clone(),
            viewing: RefCell::new(None),
            kept: RefCell::new(None),
            returned: self.returned,
            missed: self.missed,
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("store", &self.follower.directory)
            .field("tag", &self.tag())
            .field("returned", &self.returned)
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
