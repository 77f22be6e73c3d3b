//! Following a tag: which header is its header now, and which record is current.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::retire;
use crate::format::record::Hot;
use crate::shm::header::{self, Header, Mark};
use crate::sync::seq_latch::FROZEN;
use crate::sys::file;

/// How often a reader that finds nothing new looks whether the tag's file was replaced.
const LOOK_EVERY: u64 = 100_000_000;
/// How many headers in a row it may find replaced before it has mapped them.
const SUCCESSIONS: u32 = 1000;
/// At the latest after so many looks at an unchanged value in a row, `view` and `latest` look at the clock; after fewer if
/// these take longer than half of that time.
const IDLE_CALLS: u32 = 32;
/// If so many take no longer than this they are a hot loop.
const HOT: u64 = 10_000_000;

/// A tag, with the header that it had when last looked at.
pub(crate) struct Follower {
    pub directory: PathBuf,
    pub tag: String,
    header: RefCell<Arc<Header>>,
    /// The record last read, and the sequence number that it had.
    seq: Cell<Option<u64>>,
    hot: Cell<Hot>,
    /// How many values there were under the headers before, as far as the present one does not count on from them.
    before: Cell<u64>,
    /// The last version that was read and was not damaged.
    known: Cell<u64>,
    looked_at: Cell<u64>,
    /// Calls until the next look at the clock, if they find nothing new, and from that one to the next but one.
    left: Cell<u32>,
    pause: Cell<u32>,
    /// When the clock was looked at last.
    clock: Cell<u64>,
    /// The header is about to be replaced: each call looks.
    attentive: Cell<bool>,
    /// The value has not changed over many calls in a hot loop.
    hot_loop: Cell<bool>,
}

impl Follower {
    pub fn open(directory: &Path, tag: &str) -> Result<Self> {
        let path = directory.join(tag);
        let header = open_header(&path)?.ok_or_else(|| Error::NotFound { tag: tag.to_owned(), path })?;
        Ok(Self::new(directory, tag, Arc::new(header), 0))
    }

    fn new(directory: &Path, tag: &str, header: Arc<Header>, before: u64) -> Self {
        Follower {
            directory: directory.to_owned(),
            tag: tag.to_owned(),
            header: RefCell::new(header),
            seq: Cell::new(None),
            hot: Cell::new(Hot::default()),
            before: Cell::new(before),
            known: Cell::new(0),
            looked_at: Cell::new(file::now_coarse()),
            left: Cell::new(2),
            pause: Cell::new(2),
            clock: Cell::new(file::now_coarse()),
            attentive: Cell::new(false),
            hot_loop: Cell::new(false),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.tag)
    }

    pub fn header(&self) -> Arc<Header> {
        self.header.borrow().clone()
    }

    /// The place of a version among all values of the tag, as this saw them: greater means newer, also when the tag
    /// was removed and made again.
    #[inline]
    pub fn place(&self, version: u64) -> u64 {
        self.before.get().saturating_add(version)
    }

    /// The header with its futex word, to be taken before looking for a value and slept on after.
    pub fn ticket(&self) -> (Arc<Header>, u32) {
        let header = self.header();
        let ticket = header.bell().ticket();
        (header, ticket)
    }

    /// The record now. As long as the sequence number stays, so does the record.
    #[inline(always)]
    pub fn current(&self) -> Hot {
        if !self.is_current() {
            self.read();
        }
        // From where it is kept in either case: a copy handed on would be waited for, word by word.
        self.hot.get()
    }

    /// Whether the record last read is the one in use.
    #[inline(always)]
    pub fn is_current(&self) -> bool {
        self.seq.get() == Some(self.header.borrow().latch().seq())
    }

    /// The same, of a caller that has the record's words.
    #[inline(always)]
    pub fn is_current_with(&self, hot: &Hot) -> bool {
        debug_assert!(self.seq.get().is_none() || self.hot.get() == *hot, "another record was read since");
        self.is_current()
    }

    /// What tells the record last read from all others that this has read: the sequence number, and which header's.
    pub fn mark(&self) -> Option<Mark> {
        Some(Mark { header: self.header_serial(), seq: self.seq.get()? })
    }

    /// Whether that record is the one in use.
    #[inline(always)]
    pub fn is_at(&self, mark: Mark) -> bool {
        let header = self.header.borrow();
        header.latch().seq() == mark.seq && header.serial() == mark.header
    }

    /// The serial of the header that it was read from.
    #[inline(always)]
    pub fn header_serial(&self) -> u64 {
        self.header.borrow().serial()
    }

    /// The place of the last value that was read and was not damaged.
    pub fn known_place(&self) -> u64 {
        self.place(self.known.get())
    }

    /// Whether the same value was asked for many times in a row, and in quick succession.
    #[inline(always)]
    pub fn is_hot_loop(&self) -> bool {
        self.hot_loop.get()
    }

    #[inline(never)]
    fn read(&self) {
        self.read_record();
        // A header is frozen before it is GONE, so `seq` says when there is something to look at.
        if self.attentive.get() && self.header.borrow().is_gone() && self.look() {
            self.read_record();
        }
    }

    fn read_record(&self) {
        let (seq, _, hot) = self.header.borrow().read();
        self.seq.set(Some(seq));
        self.hot.set(hot);
        if hot != Hot::DAMAGED {
            self.known.set(hot.version);
        }
        self.left.set(2);
        self.pause.set(2);
        self.attentive.set(seq & FROZEN != 0);
        self.hot_loop.set(false);
    }

    /// Looks, at most every 100 ms, whether the tag's file is another one; true if this follows it now.
    pub fn look(&self) -> bool {
        let now = file::now_coarse();
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
        if file::stands_at(mine, &path).unwrap_or(true) {
            return false;
        }
        let Some(header) = self.open_next(&path) else { return false };
        let before = self.header.replace(Arc::new(header));
        if before.identity().origin != self.header.borrow().identity().origin {
            // A tag that was removed and made again counts from 1.
            let last = before.read().2;
            if last != Hot::DAMAGED {
                self.known.set(last.version);
            }
            self.before.set(self.known_place());
            self.known.set(0);
        }
        self.seq.set(None);
        true
    }

    /// The header that the path leads to now and that is in use.
    fn open_next(&self, path: &Path) -> Option<Header> {
        for _ in 0..SUCCESSIONS {
            let header = open_header(path).ok()??;
            if !header.is_gone() {
                return Some(header);
            }
            if file::stands_at(header.file(), path).unwrap_or(true) {
                // It came back with a mount or directory; its writer went on elsewhere, and comes here.
                return None;
            }
            // It was replaced since it was opened.
        }
        None
    }

    /// Before a value is taken that may be the same as last time: looks at the clock now and then.
    #[inline(always)]
    pub fn idle(&self) {
        // The second call, the fourth, ... and every 32nd of a hot loop; of a slow poller as many as make 50 ms. In a stream
        // in which each call finds a new value it is always the first.
        let left = self.left.get().wrapping_sub(1);
        self.left.set(left);
        if left == 0 || self.attentive.get() {
            self.look_at_the_clock();
        }
    }

    #[inline(never)]
    fn look_at_the_clock(&self) {
        let now = file::now_coarse();
        let took = now.saturating_sub(self.clock.replace(now)).max(1);
        let calls = self.pause.get();
        self.hot_loop.set(calls == IDLE_CALLS && took <= HOT && !self.attentive.get());
        let bearable = (u64::from(calls) * (LOOK_EVERY / 2) / took).clamp(1, u64::from(IDLE_CALLS)) as u32;
        self.pause.set(bearable.min(2 * calls));
        self.left.set(self.pause.get());
        self.look();
    }
}

impl Clone for Follower {
    fn clone(&self) -> Self {
        let clone = Self::new(&self.directory, &self.tag, self.header(), self.before.get());
        clone.known.set(self.known.get());
        clone
    }
}

/// Opens a header for reading, so that sleeps can be announced if the permissions allow; `None` if there is none.
fn open_header(path: &Path) -> Result<Option<Header>> {
    let Some((file, status)) = retire::open_header(path)? else { return Ok(None) };
    // Read-write only for the waiting flag; without the permission the reader wakes by itself.
    match file::open(path, true) {
        Ok(writable) if file::status_of(&writable, path)?.id == status.id => {
            // A copy may have a hole where the flag is; on a full store this reader wakes by itself, too.
            let storage =
                file::fill_holes(&writable, path, 0, header::identify(&writable, path)?.file_size());
            let announces = !matches!(storage, Err(Error::NoSpace { .. }));
            Header::map(&writable, path, announces, false).map(Some)
        }
        _ => Header::map(&file, path, false, false).map(Some),
    }
}
