//! The slots of a data file, as its writer remembers them: which to claim next, and which are not needed any more.

use crate::shm::segment::Segment;
use crate::sync::{Ordering, pin};

/// After so many claims that did not need them, slots at the end are given back.
const GIVE_BACK_EVERY: u32 = 4096;

/// What a writer knows of the slots by itself. It trusts nothing that another writer left, which may have been killed.
pub(crate) struct Slots {
    /// How many have storage.
    count: usize,
    /// Those behind them and before this one may have some, too, which a killed writer did not give back.
    end: usize,
    /// By slot: the version last published, 0 if none.
    published: Vec<u64>,
    /// By slot: the number that this writer has written to the entry, 0 if it wrote none.
    known: Vec<u64>,
    /// How many of them claims needed since the last look at what can be given back, and how many claims there were.
    needed: usize,
    claims: u32,
}

impl Slots {
    pub fn new(limit: usize, count: usize) -> Self {
        Slots { count, end: count, published: vec![0; limit], known: vec![0; limit], needed: 0, claims: 0 }
    }

    /// Those of a file that is adopted, which has room for `end`: the versions in it are known, the entries are not.
    pub fn adopted(segment: &Segment, count: usize, end: usize) -> Self {
        let mut slots = Slots { end, ..Slots::new(segment.identity().limit, count) };
        for (published, content) in slots.published.iter_mut().zip(segment.contents()) {
            *published = content.load(Ordering::Relaxed);
        }
        slots
    }

    #[inline(always)]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes a slot for filling, if one is free. `base`: how many slots a stream goes through in turn.
    #[inline]
    pub fn claim(&mut self, segment: &Segment, current: Option<usize>, base: usize) -> Option<usize> {
        self.claims += 1;
        let claimed = if base <= 2 {
            // The first that is free, so that what a burst needed is not touched afterwards.
            (0..self.count).find(|&slot| try_claim(segment, slot, current))
        } else {
            self.claim_oldest(segment, current, base)
        };
        if let Some(slot) = claimed {
            self.needed = self.needed.max(slot + 1);
        }
        claimed
    }

    /// The least recently published of the first `base` slots, so that a value stays in place for long; else the first of the
    /// others.
    #[inline(never)]
    fn claim_oldest(&mut self, segment: &Segment, current: Option<usize>, base: usize) -> Option<usize> {
        let mut order: Vec<usize> = (0..self.count).collect();
        order[..base.min(self.count)].sort_unstable_by_key(|&slot| self.published[slot]);
        order.into_iter().find(|&slot| try_claim(segment, slot, current))
    }

    /// One more has storage, and is claimed.
    pub fn add(&mut self) -> usize {
        self.count += 1;
        self.needed = self.count;
        self.count - 1
    }

    /// Whether it is time to look at what can be given back.
    #[inline(always)]
    pub fn is_look_due(&self) -> bool {
        self.claims > GIVE_BACK_EVERY
    }

    /// How many slots are to be kept of those that there are; the next look is after as many claims again.
    pub fn kept(&mut self, base: usize) -> usize {
        let keep = self.needed.max(base).max(2);
        (self.needed, self.claims) = (0, 0);
        keep
    }

    /// The last slot has no storage any more.
    pub fn remove_last(&mut self) {
        self.count -= 1;
        self.forget(self.count);
    }

    /// What an earlier writer may not have given back, but for the slots that are to be kept.
    pub fn left_over(&mut self, keep: usize) -> std::ops::Range<usize> {
        self.count.max(keep)..std::mem::take(&mut self.end)
    }

    /// Nothing is known of a slot any more.
    pub fn forget(&mut self, slot: usize) {
        (self.published[slot], self.known[slot]) = (0, 0);
    }

    /// A slot holds no value.
    pub fn emptied(&mut self, slot: usize) {
        self.published[slot] = 0;
    }

    #[inline(always)]
    pub fn published(&mut self, slot: usize, version: u64) {
        self.published[slot] = version;
    }

    /// Whether a slot's entry is that of the number, by what this writer has written itself.
    #[inline(always)]
    pub fn knows(&self, slot: usize, number: u64) -> bool {
        self.known[slot] == number
    }

    pub fn wrote_entry(&mut self, slot: usize, number: u64) {
        self.known[slot] = number;
    }
}

/// Claims a slot unless it is the current one, or held.
#[inline(always)]
pub(crate) fn try_claim(segment: &Segment, slot: usize, current: Option<usize>) -> bool {
    Some(slot) != current && pin::claim(segment.content(slot), &segment.pin_counts(slot))
}
