//! The slots of a data file, as its writer remembers them: which to claim next, and which are not needed any more.

use crate::format::segment::MOST_SLOTS;
use crate::shm::segment::Segment;
use crate::sync::{Ordering, pin};

/// After so many claims that did not need them, slots at the end are given back.
const GIVE_BACK_EVERY: u32 = 4096;
/// So many claims take the oldest of the history before the next attempt to get storage on a full store.
const GROW_AGAIN_AFTER: u32 = 64;

/// No slot.
const NONE: u16 = u16::MAX;

/// What a writer knows of the slots by itself. It trusts nothing that another writer left, which may have been killed.
pub(crate) struct Slots {
    /// How many have storage.
    count: usize,
    /// Those behind them and before this one may have some, too, which a killed writer did not give back.
    end: usize,
    /// The slots with the values that stay in place, at least the last one: a ring, which goes on at `next` with the oldest.
    window: Box<[u16]>,
    next: usize,
    /// The slots that have none of these values, as bits. Readers may hold some. One that is being filled is free until it is
    /// published, so nothing has to give it back if it is not.
    free: [u64; MOST_SLOTS / 64],
    /// By slot: the number that this writer has written to the entry, 0 if it wrote none.
    known: Vec<u64>,
    /// How many of them claims needed since the last look at what can be given back, and how many claims there were.
    needed: usize,
    claims: u32,
    /// Claims that are left until more storage is asked for again.
    no_space_for: u32,
}

impl Slots {
    /// Those of a new file, which has one.
    pub fn new(limit: usize, history: usize) -> Self {
        Slots {
            count: 1,
            end: 1,
            window: vec![NONE; history.max(1)].into(),
            next: 0,
            free: [1, 0, 0, 0],
            known: vec![0; limit],
            needed: 1,
            claims: 0,
            no_space_for: 0,
        }
    }

    /// Those of a file that is adopted, which has room for `end`: the versions in it are known, the entries are not.
    /// `current`: the slot of the record, whatever damaged lines say of others.
    pub fn adopted(segment: &Segment, current: usize, count: usize, end: usize, history: usize) -> Self {
        let mut slots =
            Slots { count, end, free: [0; MOST_SLOTS / 64], ..Slots::new(segment.identity().limit, history) };
        (0..count).for_each(|slot| slots.flip(slot));
        let content = |slot: usize| segment.content(slot).load(Ordering::Relaxed);
        let mut versions: Vec<_> = (0..count).map(|slot| (content(slot), slot)).collect();
        versions.sort_unstable_by_key(|&(version, slot)| (slot == current, version));
        versions.retain(|&(version, _)| version != 0);
        versions.into_iter().for_each(|(_, slot)| slots.published(slot));
        slots
    }

    #[inline(always)]
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn is_free(&self, slot: usize) -> bool {
        self.free[slot / 64] & 1 << (slot % 64) != 0
    }

    /// A free slot is taken, or a taken one is free.
    #[inline(always)]
    fn flip(&mut self, slot: usize) {
        self.free[slot / 64 % (MOST_SLOTS / 64)] ^= 1 << (slot % 64);
    }

    /// Takes a slot for filling, if one is free that no value of the history needs: the first, so that what a burst of
    /// readers needed is not touched afterwards.
    #[inline]
    pub fn claim(&mut self, segment: &Segment) -> Option<usize> {
        self.claims += 1;
        for (word, &free) in self.free.iter().enumerate() {
            let mut bits = free;
            while bits != 0 {
                let slot = 64 * word + bits.trailing_zeros() as usize;
                if try_claim(segment, slot) {
                    self.needed = self.needed.max(slot + 1);
                    return Some(slot);
                }
                bits &= bits - 1;
            }
        }
        None
    }

    /// Takes the slot of the oldest value that nobody holds, but for the last one: there is no storage for more.
    pub fn claim_oldest(&mut self, segment: &Segment) -> Option<usize> {
        let length = self.window.len();
        let before_last = (self.next..self.next + length - 1).map(|place| place % length);
        let mut older = before_last.filter(|&place| self.window[place] != NONE);
        let place = older.find(|&place| try_claim(segment, self.window[place].into()))?;
        let slot = std::mem::replace(&mut self.window[place], NONE).into();
        self.flip(slot);
        Some(slot)
    }

    /// One more has storage, and is claimed.
    pub fn add(&mut self) -> usize {
        let slot = self.count;
        self.count += 1;
        self.needed = self.count;
        self.flip(slot);
        // There is space again: the next one need not wait.
        self.no_space_for = 0;
        slot
    }

    /// There was no storage for one more.
    pub fn found_no_space(&mut self) {
        self.no_space_for = GROW_AGAIN_AFTER;
    }

    /// Whether storage is to be asked for, of which there was none the last time.
    pub fn may_grow(&mut self) -> bool {
        self.no_space_for = self.no_space_for.saturating_sub(1);
        self.no_space_for == 0
    }

    /// Whether it is time to look at what can be given back.
    #[inline(always)]
    pub fn is_look_due(&self) -> bool {
        self.claims > GIVE_BACK_EVERY
    }

    /// How many slots are to be kept of those that there are; the next look is after as many claims again.
    pub fn kept(&mut self) -> usize {
        let keep = self.needed.max(2);
        (self.needed, self.claims) = (0, 0);
        keep
    }

    /// Gives up the last slot, if it is free and nobody holds it; true if that is so.
    pub fn remove_last(&mut self, segment: &Segment) -> bool {
        let last = self.count - 1;
        if !self.is_free(last) || !try_claim(segment, last) {
            return false;
        }
        self.flip(last);
        self.count = last;
        true
    }

    /// What an earlier writer may not have given back, but for the slots that are to be kept.
    pub fn left_over(&mut self, keep: usize) -> std::ops::Range<usize> {
        self.count.max(keep)..std::mem::take(&mut self.end)
    }

    /// Nothing is known of a slot's entry any more.
    pub fn forget(&mut self, slot: usize) {
        self.known[slot] = 0;
    }

    /// A claimed slot has the last value now; that of the value which leaves the history is free.
    #[inline(always)]
    pub fn published(&mut self, slot: usize) {
        let left = std::mem::replace(&mut self.window[self.next], slot as u16);
        self.next = if self.next + 1 == self.window.len() { 0 } else { self.next + 1 };
        self.flip(slot);
        if left != NONE {
            self.flip(left.into());
        }
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

/// Claims a slot unless it is held.
#[inline(always)]
pub(crate) fn try_claim(segment: &Segment, slot: usize) -> bool {
    pin::claim(segment.content(slot), &segment.pin_counts(slot))
}
