//! Reading: the latest value, pinned in place or copied.

use std::cell::{Ref, RefCell};
use std::fmt;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_utils::Backoff;

use crate::data_file::SLOTS;
use crate::error::{Error, Result};
use crate::follow::Follower;
use crate::header::Header;
use crate::locate;
use crate::record::Hot;
use crate::segment::{Access, Pinned, Source};
use crate::snapshot::{Copied, Data, Holder, Snapshot, Value, View};
use crate::stat;
use crate::wait::Sleeper;

/// How often a value that the writer takes away again is tried for. (Nobody writes under a fuzzer, which damages many.)
const ATTEMPTS: u32 = if cfg!(fuzzing) { COPIES } else { 10_000 };
/// How often it is copied at most, by a reader that cannot pin it: a copy may take long.
const COPIES: u32 = 100;

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
    follower: Follower,
    /// What the last value was taken from. Views borrow it; while they do, a newer one goes to `spare`.
    source: RefCell<Option<Arc<Source>>>,
    spare: RefCell<Option<Arc<Source>>>,
    /// Header and version of the value that `read` or `wait` returned last.
    returned: Option<(u128, u64)>,
    missed: u64,
}

impl Reader {
    pub(crate) fn open(directory: &Path, tag: &str) -> Result<Self> {
        Ok(Reader {
            follower: Follower::open(directory, tag)?,
            source: RefCell::new(None),
            spare: RefCell::new(None),
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
        self.spare.take();
        if !self.has_newer() {
            return Ok(None);
        }
        let snapshot = match self.latest() {
            Ok(snapshot) => snapshot,
            // The tag was removed and is being written again: a new header, with no value yet.
            Err(Error::Empty { .. }) => return Ok(None),
            // The tag was removed before this value was taken: it is not waited for again.
            Err(Error::NotFound { .. }) => {
                self.returned = Some((self.follower.header_id(), self.follower.current().version));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let id = self.follower.header_id();
        if let Some((_, version)) = self.returned {
            self.missed += snapshot.version().saturating_sub(version).saturating_sub(1);
        }
        self.returned = Some((id, snapshot.version()));
        Ok(Some(snapshot))
    }

    /// The latest value.
    ///
    /// # Errors
    /// [`Error::Empty`] if nothing was ever written, [`Error::NotFound`] if the tag was removed and its value cannot be
    /// reached any more; and as [`read`](Self::read).
    pub fn latest(&self) -> Result<Snapshot> {
        self.take(Self::owned).map(Snapshot)
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
    #[inline]
    pub fn view(&self) -> Result<View<'_>> {
        self.take(Self::borrowed).map(View)
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

    /// How many values were published between those that `read` and `wait` returned.
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

    /// The header with its notify count, to be taken before looking for a value and slept on after.
    pub(crate) fn ticket(&self) -> (Arc<Header>, u32) {
        self.follower.ticket()
    }

    /// Whether there is a value newer than what was returned last.
    pub(crate) fn has_newer(&self) -> bool {
        // Nothing new here? Perhaps the tag has another header by now.
        self.is_newer() || (self.follower.look() && self.is_newer())
    }

    fn is_newer(&self) -> bool {
        let hot = self.follower.current();
        let id = self.follower.header_id();
        hot.version != 0
            && self.returned.is_none_or(|(header, version)| header != id || hot.version > version)
    }

    /// Takes the latest value through a source that `hold` has for it.
    #[inline]
    fn take<'a, S: Deref<Target = Source>>(
        &'a self,
        hold: impl Fn(&'a Self, &Hot) -> Result<Option<S>>,
    ) -> Result<Value<S>> {
        self.follower.idle();
        let backoff = Backoff::new();
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            let hot = self.follower.current();
            if hot.version == 0 {
                return Err(Error::Empty { tag: self.follower.tag.clone() });
            }
            attempts += 1;
            if let Some(source) = hold(self, &hot)? {
                if source.segment.access() == Access::Copying {
                    attempts += ATTEMPTS / COPIES;
                }
                if let Some(data) = self.data(source, &hot)? {
                    return Ok(Value { data, version: hot.version, written_at: hot.written_at });
                }
            }
            // The slot was taken for a newer value since the record was read.
            backoff.snooze();
        }
        Err(Error::Contended { tag: self.follower.tag.clone() })
    }

    /// Pins or copies the value of a record; `None` if it is there no more.
    #[inline]
    fn data<S: Deref<Target = Source>>(&self, source: S, hot: &Hot) -> Result<Option<Data<S>>> {
        let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
        if !source.segment.is_usable(slot) {
            locate::grow(&self.follower, &source, slot)?;
        }
        if source.segment.access() != Access::Pinning {
            return Ok(copy(&source, slot, hot.version));
        }
        let Ok(pinned) = Pinned::take(source, slot, hot.version) else { return Ok(None) };
        if pinned.source().crowded(slot) {
            return Ok(copy(pinned.source(), slot, hot.version));
        }
        Ok(Some(Data::Pinned(pinned)))
    }

    fn owned(&self, hot: &Hot) -> Result<Option<Arc<Source>>> {
        match &*self.source.borrow() {
            Some(source) if source.is_of(hot) => return Ok(Some(source.clone())),
            _ => {}
        }
        self.fetch(hot)
    }

    #[inline]
    fn borrowed(&self, hot: &Hot) -> Result<Option<Holder<'_>>> {
        if let Ok(source) = Ref::filter_map(self.source.borrow(), |source| {
            source.as_deref().filter(|source| source.is_of(hot))
        }) {
            return Ok(Some(Holder::Reader(source)));
        }
        // Outside the borrow, so that what is found becomes the reader's own.
        Ok(self.fetch(hot)?.map(Holder::Own))
    }

    /// Finds the source of a record that the present one does not fit.
    fn fetch(&self, hot: &Hot) -> Result<Option<Arc<Source>>> {
        let spare = self.spare.borrow().clone().filter(|spare| spare.is_of(hot));
        let found = match spare {
            Some(spare) => spare,
            None => {
                let before = self.source.borrow().clone();
                match locate::source(&self.follower, hot, before.as_ref())? {
                    Some(found) => found,
                    None => return Ok(None),
                }
            }
        };
        // While views borrow the present source it stays; they are few, and end before `read` is called.
        match self.source.try_borrow_mut() {
            Ok(mut source) => {
                self.spare.take();
                *source = Some(found.clone());
            }
            Err(_) => {
                self.spare.replace(Some(found.clone()));
            }
        }
        Ok(Some(found))
    }
}

fn copy<S: Deref<Target = Source>>(source: &Source, slot: usize, version: u64) -> Option<Data<S>> {
    let (words, user_data) = source.segment.copy(slot, version, source.layout.nbytes())?;
    Some(Data::Copied(Arc::new(Copied { layout: source.layout.clone(), words, user_data })))
}

impl Clone for Reader {
    fn clone(&self) -> Self {
        Reader {
            follower: self.follower.clone(),
            source: RefCell::new(self.source.borrow().clone()),
            spare: RefCell::new(None),
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
            .field("returned", &self.returned.map(|(_, version)| version))
            .field("missed", &self.missed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    /// Another thread takes a snapshot between the count before a fork and the fork itself.
    #[test]
    fn a_fork_counts_pins_as_the_child_has_them() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = crate::Store::open(dir.path()).unwrap();
        store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
        let reader = store.reader("a").unwrap();
        let first = reader.latest().unwrap();
        let segment = reader.source.borrow().as_ref().unwrap().segment.clone();
        let pins = || -> u32 {
            segment.pin_counts(0).iter().map(|pin| pin.load(crate::sync::Ordering::Relaxed)).sum()
        };
        segment.count_for_child();
        let second = first.clone();
        segment.recount_in_child();
        assert_eq!(pins(), 4, "two here, two in the child");
        segment.count_for_child();
        drop(second);
        segment.recount_in_child();
        assert_eq!(pins(), 4, "one here, two in the first child, one in the second");
    }

    /// A reader that only ever views has its source in place, not in the spare one: no `Arc` is cloned per view.
    #[test]
    fn views_borrow_the_source() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = crate::Store::open(dir.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let reader = store.reader("a").unwrap();
        for length in [1, 2] {
            writer.write_slice(&vec![7_u8; length], &[length]).unwrap();
            assert_eq!(reader.view().unwrap().bytes().len(), length);
            let layout = reader.source.borrow().as_ref().map(|source| source.layout.nbytes());
            assert_eq!((layout, reader.spare.borrow().is_none()), (Some(length), true));
        }
    }
}
