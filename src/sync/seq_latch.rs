//! The latch: two records and a sequence number, of which one record is always whole.
//!
//! `seq & 1` names the record that readers use (as in the Linux kernel's `seqcount_latch_t`). The writer writes the other one
//! and then counts `seq` up, which publishes it. A writer that is killed at any instruction leaves the record in use whole, so
//! a reader never waits for anybody, and the next writer just goes on: its publish overwrites the other record as a whole.
//!
//! Whoever takes the place of a living writer *freezes* the latch: from that instant on nothing is published through it,
//! whatever its writer is in the middle of. A latch that is *retired* stays frozen for ever.
//!
//! Knows no files: it borrows its atomics.

use crate::sync::{AtomicU64, Ordering, Point, fence, omitted};

/// Nothing is published until the latch is thawed.
pub(crate) const FROZEN: u64 = 1 << 63;
/// Nothing is published any more: the header was taken over or removed.
pub(crate) const RETIRED: u64 = 1 << 62;

/// No counting from 0 comes here, only damage. From here it would come to the bits above.
const HIGHEST: u64 = 1 << 61;

/// The sequence number with its two records.
#[derive(Clone, Copy)]
pub(crate) struct SeqLatch<'a> {
    pub seq: &'a AtomicU64,
    pub records: [&'a [AtomicU64]; 2],
}

impl SeqLatch<'_> {
    /// The sequence number now. As long as it stays, so does the value last read under it.
    #[inline(always)]
    pub fn seq(&self) -> u64 {
        // Acquire: as in `read`.
        self.seq.load(Ordering::Acquire)
    }

    /// Reads the record in use, and returns its sequence number.
    ///
    /// Tries again only when a publish happened meanwhile, so it ends unless the writer is faster for ever.
    #[inline]
    pub fn read(&self, words: &mut [u64]) -> u64 {
        loop {
            // Acquire: pairs with the release in `publish`. The record that a number names was complete before it.
            let seq = self.seq.load(Ordering::Acquire);
            for (to, from) in words.iter_mut().zip(self.records[(seq & 1) as usize]) {
                *to = from.load(Ordering::Relaxed);
            }
            // If a word above came from a later publish, the number stored before that word is visible below:
            //   1. writer: seq = s + 1; next publish: release fence; word = new
            //   2. reader: word (new); acquire fence; seq is s + 1 or later, not s: again.
            fence(Point::ReadFence, Ordering::Acquire);
            if self.seq.load(Ordering::Relaxed) == seq || omitted(Point::ReadRecheck) {
                return seq;
            }
            std::hint::spin_loop();
        }
    }

    /// Makes `words` what readers see; false if the latch is frozen, and then nothing happened. Only the holder of the
    /// header's lock calls it.
    // Where it is called the number of words is known, and the loop over them is none.
    #[inline(always)]
    pub fn publish(&self, words: &[u64]) -> bool {
        loop {
            let seq = self.seq.load(Ordering::Relaxed);
            if seq & (FROZEN | RETIRED) != 0 {
                return false;
            }
            // The number that took this record out of use is visible to whoever sees one of the words that follow.
            fence(Point::PublishFence, Ordering::Release);
            for (to, from) in self.records[(seq & 1 ^ 1) as usize].iter().zip(words) {
                to.store(*from, Ordering::Relaxed);
            }
            // One instant decides between a publish and a freeze. A load and a store here would lose:
            //   1. writer: sees that the latch is not frozen
            //   2. taker: freezes it, reads version 1 as the last one
            //   3. writer: publishes version 2
            //   4. reader: sees version 2, then follows the taker to version 1.
            // Release: the readers that turn to this record see its words.
            let next = seq.wrapping_add(1);
            if omitted(Point::PublishVeto) {
                self.seq.store(next, Ordering::Release);
                return true;
            }
            // It fails for a freeze, for a count that was moved on to wake somebody, or if somebody damaged the number.
            if self.seq.compare_exchange(seq, next, Ordering::Release, Ordering::Relaxed).is_ok() {
                return true;
            }
        }
    }

    /// Whether nothing is published now.
    #[inline(always)]
    pub fn is_frozen(&self) -> bool {
        // Acquire: pairs with `freeze` and `retire`.
        self.seq.load(Ordering::Acquire) & (FROZEN | RETIRED) != 0
    }

    /// Whether nothing is published any more.
    #[inline(always)]
    pub fn is_retired(&self) -> bool {
        // Acquire: pairs with `retire`. The name changed before, and the record is final.
        self.seq.load(Ordering::Acquire) & RETIRED != 0
    }

    /// Ends publishing until `thaw`: what is read after this is the last value.
    pub fn freeze(&self) {
        // The veto stands on the modification order of `seq` alone. Acquire: what was published before is visible.
        self.seq.fetch_or(FROZEN, Ordering::AcqRel);
    }

    /// Lets the writer publish again, unless the latch is retired.
    pub fn thaw(&self) {
        // Release: whoever froze it has read its last word of it.
        self.seq.fetch_and(!FROZEN, Ordering::Release);
    }

    /// Sets a count right that damage has brought near the bits above it. For an adopter; to readers it is one more change.
    pub fn lower(&self) {
        // Relaxed: it says nothing new of the records.
        self.seq.fetch_and(!HIGHEST, Ordering::Relaxed);
    }

    /// Ends publishing for ever.
    pub fn retire(&self) {
        // As `freeze`. Release: whoever sees it looks for the tag again, and finds that its name was changed before.
        self.seq.fetch_or(FROZEN | RETIRED, Ordering::AcqRel);
    }
}

#[cfg(all(loom, test))]
#[path = "seq_latch_loom.rs"]
mod loom_tests;
