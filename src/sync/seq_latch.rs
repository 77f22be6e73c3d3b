//! The latch: two records and a sequence number, of which one record is always whole.
//!
//! `seq & 1` names the record that readers use (as in the Linux kernel's `seqcount_latch_t`), and the writer only ever
//! touches the other one; counting `seq` up is what publishes it. A writer killed at any instruction leaves the record
//! in use whole, so a reader never waits for anybody; the next writer repairs the other. Knows no files: it borrows its
//! atomics, in any number of words.
//!
//! Whoever takes the place of a living writer *freezes* the latch: from that instant on nothing is published through
//! it, whatever its writer is in the middle of.
//!
//! A record has a *hot* part, guarded by `seq` and written at every publish, and a *cold* part, guarded by a pair of
//! numbers of its own and written only when its identity (the layout id) changes. The own guard lets a reader take a
//! cold part of many words while publishes that do not change it go on at full speed.

use crate::sync::{AtomicU64, Ordering, Point, fence, omitted};

/// The bits of the sequence number from here up, but for the topmost, count repairs. A carry from below, after 2^48 counts,
/// only makes a reader look again (after exactly 32767 repairs as well it would freeze the header: out of reach).
pub(crate) const EPOCH_SHIFT: u32 = 48;
/// The topmost bit: nothing is published any more.
pub(crate) const FROZEN: u64 = 1 << 63;

/// One record, as it lies in the header.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    /// Words that every publish writes.
    pub hot: &'a [AtomicU64],
    /// Written before the cold words change.
    pub opened: &'a AtomicU64,
    /// Written after the cold words have changed; equal to `opened` when they are whole.
    pub closed: &'a AtomicU64,
    /// Words that change with the layout only.
    pub cold: &'a [AtomicU64],
}

impl Record<'_> {
    #[inline(always)]
    fn write_hot(&self, words: &[u64]) {
        for (to, from) in self.hot.iter().zip(words) {
            to.store(*from, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn write<C: AsRef<[u64]>>(&self, hot: &[u64], id: u64, cold: impl Fn() -> C) {
        // The number that took this record out of use is visible to whoever sees one of the words that follow.
        fence(Point::PublishFence, Ordering::Release);
        if self.closed.load(Ordering::Relaxed) != id {
            self.write_cold(id, cold);
        }
        self.write_hot(hot);
    }

    #[cold]
    #[inline(never)]
    fn write_cold<C: AsRef<[u64]>>(&self, id: u64, words: impl Fn() -> C) {
        let words = words();
        self.opened.store(id, Ordering::Relaxed);
        // A reader that sees one of the words below sees `opened` too, after its own acquire fence.
        fence(Point::PublishFence, Ordering::Release);
        for (to, from) in self.cold.iter().zip(words.as_ref()) {
            to.store(*from, Ordering::Relaxed);
        }
        // Release: whoever reads this id as `closed` reads all the words above.
        self.closed.store(id, Ordering::Release);
    }
}

/// The sequence number with its two records.
#[derive(Clone, Copy)]
pub(crate) struct Latch<'a> {
    pub seq: &'a AtomicU64,
    pub records: [Record<'a>; 2],
}

impl<'a> Latch<'a> {
    /// The sequence number now; as long as it stays, so does the value last read under it.
    #[inline]
    pub fn seq(&self) -> u64 {
        // Acquire: as in `read`.
        self.seq.load(Ordering::Acquire)
    }

    /// Reads the current hot words, and returns the sequence number and the record they came from.
    ///
    /// Retries only when a publish happened meanwhile, so it ends unless the writer is faster for ever.
    #[inline]
    pub fn read(&self, hot: &mut [u64]) -> (u64, Record<'a>) {
        loop {
            // Acquire: pairs with the release in `publish`: the record that a number names was completed before it.
            let seq = self.seq.load(Ordering::Acquire);
            let record = &self.records[(seq & 1) as usize];
            for (to, from) in hot.iter_mut().zip(record.hot) {
                *to = from.load(Ordering::Relaxed);
            }
            // If a word above came from a later publish, the number stored before that word is visible below:
            //   1. writer: seq = s + 1; next publish: release fence; word = new
            //   2. reader: word (new); acquire fence; seq is s + 1 or later, not s: again.
            fence(Point::ReadFence, Ordering::Acquire);
            if self.seq.load(Ordering::Relaxed) == seq {
                return (seq, *record);
            }
            std::hint::spin_loop();
        }
    }

    /// Reads the cold words of a record that [`read`](Self::read) returned with `seq`, if they are whole and of `id`.
    pub fn read_cold(&self, seq: u64, record: &Record<'_>, id: u64, words: &mut [u64]) -> bool {
        // Acquire: pairs with the release store at the end of `write_cold`.
        if record.closed.load(Ordering::Acquire) != id {
            return false;
        }
        for (to, from) in words.iter_mut().zip(record.cold) {
            *to = from.load(Ordering::Relaxed);
        }
        // If a word above came from a later write, that write's `opened` is visible below; if from a repair (which
        // may write the same id again, over words half-written under another), the epoch stored before it is.
        fence(Point::ReadFence, Ordering::Acquire);
        // Acquire: if this `opened` is the repair's, the epoch is visible at the load after it.
        record.opened.load(Ordering::Acquire) == id
            && self.seq.load(Ordering::Relaxed) >> EPOCH_SHIFT == seq >> EPOCH_SHIFT
    }

    /// Makes `hot`, and the cold words of `id`, what readers see; false if the latch is frozen, and then nothing
    /// happened. An id stands for the same cold words for ever. Only the holder of the header's lock calls it.
    // Where it is called the number of hot words is known, and the loops over them are none.
    #[inline(always)]
    pub fn publish<C: AsRef<[u64]>>(&self, hot: &[u64], id: u64, cold: impl Fn() -> C) -> bool {
        loop {
            let seq = self.seq.load(Ordering::Relaxed);
            if seq & FROZEN != 0 {
                return false;
            }
            // By reference: a copy of what was just put together would wait for it.
            let [used, spare] = [seq & 1, seq & 1 ^ 1].map(|i| &self.records[i as usize]);
            spare.write(hot, id, &cold);
            // One instant decides between a publish and a freeze. A load and a store here would lose:
            //   1. writer: sees that the latch is not frozen
            //   2. taker: freezes it, reads version 1 as the last one
            //   3. writer: publishes version 2
            //   4. reader: sees version 2, then follows the taker to version 1.
            // Release: the readers that turn to the spare record see its words.
            let next = seq.wrapping_add(1);
            let published = if omitted(Point::PublishVeto) {
                self.seq.store(next, Ordering::Release);
                true
            } else {
                // It fails for a freeze, or if somebody damaged the number.
                self.seq.compare_exchange(seq, next, Ordering::Release, Ordering::Relaxed).is_ok()
            };
            if published {
                // The same in the other record, so that at rest nothing depends on the number.
                used.write(hot, id, &cold);
                return true;
            }
        }
    }

    /// Whether the latch is frozen.
    #[inline]
    pub fn is_frozen(&self) -> bool {
        // Acquire: pairs with `freeze`.
        self.seq.load(Ordering::Acquire) & FROZEN != 0
    }

    /// Ends publishing: what is read after this is the last value, until `thaw`.
    pub fn freeze(&self) {
        // Acquire: what was published before is visible. Release: a writer that is turned back sees what was done before.
        self.seq.fetch_or(FROZEN, Ordering::AcqRel);
    }

    /// Lets the writer publish again.
    pub fn thaw(&self) {
        // Release: whoever froze it has read its last word of it.
        self.seq.fetch_and(!FROZEN, Ordering::Release);
    }

    /// Of a latch that holds no value: whatever its cold parts say they are, they are those of no id. (In a damaged file
    /// they may say to be of the id that is used next, and would not be written then.)
    pub fn forget_cold(&self) {
        for record in &self.records {
            record.closed.store(0, Ordering::Relaxed);
            record.opened.store(0, Ordering::Relaxed);
        }
    }

    /// Mends what a writer left that was killed inside `publish`: copies the good record over the other. The latch is
    /// not frozen afterwards.
    pub fn repair(&self) {
        // Acquire: what the dead writer stored before this number.
        let seq = self.seq.load(Ordering::Acquire);
        let good = self.records[(seq & 1) as usize];
        let bad = self.records[(seq & 1 ^ 1) as usize];
        // A new epoch, of the same parity, before the bad record is touched: a reader still on it turns away.
        //   1. reader: seq = s, on record b; cold guard closed = id; some words of b, half-written under id'
        //   2. repair: writes b again, opened = id
        //   3. reader: opened = id. Only the epoch tells that the words were not those of id.
        let epoch = if omitted(Point::RepairEpoch) { 0 } else { 1 << EPOCH_SHIFT };
        self.seq.store((seq & !FROZEN).wrapping_add(epoch) & !FROZEN, Ordering::Release);
        // The epoch is visible to whoever sees one of the words that follow.
        fence(Point::RepairFence, Ordering::Release);
        if !omitted(Point::RepairCopy) {
            let copy = |words: &[AtomicU64]| -> Vec<u64> {
                words.iter().map(|word| word.load(Ordering::Relaxed)).collect()
            };
            bad.write_cold(good.closed.load(Ordering::Relaxed), || copy(good.cold));
            bad.write_hot(&copy(good.hot));
        }
    }
}

#[cfg(all(loom, test))]
#[path = "seq_latch_loom.rs"]
mod loom_tests;
