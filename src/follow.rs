//! Following a tag: which header is its header now, and which record is current.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::header::Header;
use crate::record::Hot;
use crate::{os, remove};

/// How often a reader that finds nothing new looks whether the tag's file was replaced.
const LOOK_EVERY: u64 = 100_000_000;
/// At the latest after so many looks at an unchanged value in a row, `view` and `latest` look at the clock.
const IDLE_CALLS: u32 = 32;

/// A tag, with the header that it had when last looked at.
pub(crate) struct Follower {
    pub directory: PathBuf,
    pub tag: String,
    header: RefCell<Arc<Header>>,
    /// The record last read, under the sequence number that it had.
    record: Cell<Option<(u64, Hot)>>,
    looked_at: Cell<u64>,
    idle: Cell<u32>,
    /// Whether 100 ms had passed at the last look at the clock.
    slow: Cell<bool>,
}

impl Follower {
    pub fn open(directory: &Path, tag: &str) -> Result<Self> {
        let path = directory.join(tag);
        let header = open_header(&path)?.ok_or_else(|| Error::NotFound { tag: tag.to_owned(), path })?;
        Ok(Self::new(directory, tag, Arc::new(header)))
    }

    fn new(directory: &Path, tag: &str, header: Arc<Header>) -> Self {
        Follower {
            directory: directory.to_owned(),
            tag: tag.to_owned(),
            header: RefCell::new(header),
            record: Cell::new(None),
            looked_at: Cell::new(os::now_coarse()),
            idle: Cell::new(0),
            slow: Cell::new(false),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.tag)
    }

    pub fn header(&self) -> Arc<Header> {
        self.header.borrow().clone()
    }

    /// The id of the header that [`current`](Self::current) reads.
    #[inline]
    pub fn header_id(&self) -> u128 {
        self.header.borrow().identity().id
    }

    /// The header with its notify count, to be taken before looking for a value and slept on after.
    pub fn ticket(&self) -> (Arc<Header>, u32) {
        let header = self.header();
        let ticket = header.bell().ticket();
        (header, ticket)
    }

    /// The record now. As long as the sequence number stays, so does the record.
    #[inline]
    pub fn current(&self) -> Hot {
        let header = self.header.borrow();
        match self.record.get() {
            Some((seq, hot)) if header.latch().seq() == seq => return hot,
            _ => {}
        }
        let (seq, _, hot) = header.read();
        self.record.set(Some((seq, hot)));
        self.idle.set(0);
        hot
    }

    /// Looks, at most every 100 ms, whether the tag's file is another one; true if this follows it now.
    pub fn look(&self) -> bool {
        let now = os::now_coarse();
        if now.saturating_sub(self.looked_at.get()) < LOOK_EVERY && !self.header.borrow().is_gone() {
            return false;
        }
        self.looked_at.set(now);
        self.follow()
    }

    /// Follows the tag to another file, if there is one that can be read; else stays with what it has.
    pub fn follow(&self) -> bool {
        let path = self.path();
        let mine = self.header.borrow().file();
        if os::stands_at(mine, &path).unwrap_or(true) {
            return false;
        }
        let Ok(Some(header)) = open_header(&path) else { return false };
        if header.is_gone() {
            // It came back with a mount or directory; its writer went on elsewhere, and comes here.
            return false;
        }
        self.header.replace(Arc::new(header));
        self.record.set(None);
        true
    }

    /// Before a value is taken that may be the same as last time: looks at the clock now and then, and at GONE always.
    #[inline]
    pub fn idle(&self) {
        let idle = self.idle.get().wrapping_add(1);
        self.idle.set(idle);
        // The second call, the fourth, ... and every 32nd of a hot loop; every call of a slow poller. In a stream in
        // which each call finds a new value it is always the first.
        let due = idle > 1 && (idle.is_power_of_two() || idle % IDLE_CALLS == 0);
        if due || self.slow.get() || self.header.borrow().is_gone() {
            self.slow.set(os::now_coarse().saturating_sub(self.looked_at.get()) >= LOOK_EVERY);
            self.look();
        }
    }
}

impl Clone for Follower {
    fn clone(&self) -> Self {
        Self::new(&self.directory, &self.tag, self.header())
    }
}

/// Opens a header for reading, so that sleeps can be announced if the permissions allow; `None` if there is none.
fn open_header(path: &Path) -> Result<Option<Header>> {
    let Some((file, status)) = remove::open_header(path)? else { return Ok(None) };
    // Read-write only for the waiting flag; without the permission the reader wakes by itself.
    match os::open(path, true) {
        Ok(writable) if os::status_of(&writable, path)?.id == status.id => {
            Header::map(&writable, path, true, false).map(Some)
        }
        _ => Header::map(&file, path, false, false).map(Some),
    }
}
