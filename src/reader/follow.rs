//! Following a tag: which header is its header now, and which record is current.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::error::Result;
use crate::files::open::map_header;
use crate::files::tag::TagPath;
use crate::format::record::Hot;
use crate::shm::header::{Header, RecordId};
use crate::sync::seq_latch::FROZEN;
use crate::sys::clock::now_coarse;
use crate::sys::name::stands_at;

/// How often a reader that finds nothing new looks whether the tag's file was replaced.
const LOOK_EVERY: u64 = 100_000_000;
/// How many headers in a row may be replaced before this reader has mapped them.
const SUCCESSIONS: u32 = 1000;
/// `view` and `latest` look at the clock after at most so many calls that found nothing new; after fewer if these take longer
/// than half of [`LOOK_EVERY`].
const IDLE_CALLS: u32 = 32;
/// So many calls within this time, in nanoseconds, are a hot loop.
const HOT: u64 = 10_000_000;

/// A tag, with the header that it had when last looked at.
pub(crate) struct Follower {
    tag: TagPath,
    header: RefCell<Arc<Header>>,
    /// The record last read, and the sequence number that it had.
    seq: Cell<Option<u64>>,
    hot: Cell<Hot>,
    /// How many values this reader saw under earlier headers, if the present one does not count on from theirs.
    before: Cell<u64>,
    /// The last version that was read from a record that is not damaged.
    known: Cell<u64>,
    looked_at: Cell<u64>,
    /// Calls that are left until the next look at the clock, if they find nothing new.
    left: Cell<u32>,
    /// Calls from the last look at the clock to the next.
    pause: Cell<u32>,
    /// What the clock said at the last look.
    clock: Cell<u64>,
    /// The header is about to be replaced: each call looks.
    attentive: Cell<bool>,
    /// The value has not changed over many calls in a hot loop.
    hot_loop: Cell<bool>,
}

impl Follower {
    pub fn open(tag: TagPath) -> Result<Self> {
        let header = map_header(tag.header())?.ok_or_else(|| tag.not_found())?;
        Ok(Self::new(tag, Arc::new(header), 0))
    }

    fn new(tag: TagPath, header: Arc<Header>, before: u64) -> Self {
        Follower {
            tag,
            header: RefCell::new(header),
            seq: Cell::new(None),
            hot: Cell::new(Hot::default()),
            before: Cell::new(before),
            known: Cell::new(0),
            looked_at: Cell::new(now_coarse()),
            left: Cell::new(2),
            pause: Cell::new(2),
            clock: Cell::new(now_coarse()),
            attentive: Cell::new(false),
            hot_loop: Cell::new(false),
        }
    }

    pub fn tag(&self) -> &TagPath {
        &self.tag
    }

    pub fn header(&self) -> Arc<Header> {
        self.header.borrow().clone()
    }

    /// The ordinal of a version: its number among all values of the tag that this reader could see. A greater one is newer,
    /// also when the tag was removed and made again.
    #[inline]
    pub fn ordinal(&self, version: u64) -> u64 {
        self.before.get().saturating_add(version)
    }

    /// The header with the key of its event count: taken before looking for a value, slept on afterwards.
    pub fn prepare(&self) -> (Arc<Header>, u32) {
        let header = self.header();
        let key = header.event_count().prepare();
        (header, key)
    }

    /// The record now. As long as the sequence number stays, so does the record.
    #[inline(always)]
    pub fn current(&self) -> Hot {
        if !self.is_current() {
            self.read();
        }
        // Loaded from its cell in either case: a copy that is handed on has to wait for the stores of its words.
        self.hot.get()
    }

    /// Whether the record last read is the one in use.
    #[inline(always)]
    pub fn is_current(&self) -> bool {
        self.seq.get() == Some(self.header.borrow().latch().seq())
    }

    /// The same, for a caller that has the record's words.
    #[inline(always)]
    pub fn is_current_with(&self, hot: &Hot) -> bool {
        debug_assert!(self.seq.get().is_none() || self.hot.get() == *hot, "another record was read since");
        self.is_current()
    }

    /// Which record was read last.
    pub fn mark(&self) -> Option<RecordId> {
        Some(RecordId { header: self.header_serial(), seq: self.seq.get()? })
    }

    /// Whether that record is the one in use.
    #[inline(always)]
    pub fn is_at(&self, mark: RecordId) -> bool {
        let header = self.header.borrow();
        header.latch().seq() == mark.seq && header.serial() == mark.header
    }

    /// The serial of the header that it was read from.
    #[inline(always)]
    pub fn header_serial(&self) -> u64 {
        self.header.borrow().serial()
    }

    /// The ordinal of the last value that was read and was not damaged.
    pub fn known_ordinal(&self) -> u64 {
        self.ordinal(self.known.get())
    }

    /// Whether the same value was asked for many times in quick succession.
    #[inline(always)]
    pub fn is_hot_loop(&self) -> bool {
        self.hot_loop.get()
    }

    #[inline(never)]
    fn read(&self) {
        self.read_record();
        // A header is frozen before it is RETIRED, so `seq` says when there is something to look at.
        if self.attentive.get() && self.header.borrow().is_retired() && self.look() {
            self.read_record();
        }
    }

    fn read_record(&self) {
        let (seq, _, hot) = self.header.borrow().read();
        self.seq.set(Some(seq));
        self.hot.set(hot);
        if hot != Hot::DAMAGED {
            self.known.set(hot.stamp.version);
        }
        self.left.set(2);
        self.pause.set(2);
        self.attentive.set(seq & FROZEN != 0);
        self.hot_loop.set(false);
    }

    /// Looks, at most every 100 ms, whether the tag's file is another one; true if this follows it now.
    pub fn look(&self) -> bool {
        let now = now_coarse();
        if now.saturating_sub(self.looked_at.get()) < LOOK_EVERY && !self.header.borrow().is_retired() {
            return false;
        }
        self.looked_at.set(now);
        self.follow()
    }

    /// Follows the tag to another header, if there is one that can be read; true if it does.
    pub fn follow(&self) -> bool {
        let path = self.tag.header();
        let mine = self.header.borrow().file();
        if stands_at(mine, path).unwrap_or(true) {
            return false;
        }
        let Some(header) = self.open_next() else { return false };
        let before = self.header.replace(Arc::new(header));
        if before.identity().origin != self.header.borrow().identity().origin {
            // A tag that was removed and made again counts from 1.
            let last = before.read().2;
            if last != Hot::DAMAGED {
                self.known.set(last.stamp.version);
            }
            self.before.set(self.known_ordinal());
            self.known.set(0);
        }
        self.seq.set(None);
        true
    }

    /// The header that the path leads to now and that is in use.
    fn open_next(&self) -> Option<Header> {
        for _ in 0..SUCCESSIONS {
            let header = map_header(self.tag.header()).ok()??;
            if !header.is_retired() {
                return Some(header);
            }
            if stands_at(header.file(), self.tag.header()).unwrap_or(true) {
                // A retired header that came back with a mount or directory. Its writer went on elsewhere, and will replace it.
                return None;
            }
            // It was replaced since it was opened.
        }
        None
    }

    /// Called before a value is acquired that may be the same as last time: looks at the clock now and then.
    #[inline(always)]
    pub fn idle(&self) {
        // At the second call that finds nothing new, the fourth, the eighth ... then at every 32nd of a hot loop, or after as
        // many as take 50 ms. A new value starts the count again.
        let left = self.left.get().wrapping_sub(1);
        self.left.set(left);
        if left == 0 || self.attentive.get() {
            self.look_at_the_clock();
        }
    }

    #[inline(never)]
    fn look_at_the_clock(&self) {
        let now = now_coarse();
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
        let clone = Self::new(self.tag.clone(), self.header(), self.before.get());
        clone.known.set(self.known.get());
        clone
    }
}
