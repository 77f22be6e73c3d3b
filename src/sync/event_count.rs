//! The event count: how a writer wakes sleepers, with no system call while nobody sleeps.
//!
//! Reader: prepare, which gives a key; look for a value; announce; sleep on the key. Writer: publish, which counts `seq` up;
//! notify.
//! The announcement and the count are stored before a full fence on either side, so a reader that sleeps on an old key
//! is seen by the writer, and a reader that is not seen finds the count moved and does not sleep.
//!
//! The low half of the latch's sequence number is the futex word: a publish moves it by itself, and a count of its own
//! would cost every publish one more locked instruction.
//!
//! `waiting` is a flag, not a count: a sleeper that is killed leaves nothing that must be taken back.

use crate::sync::{AtomicU32, AtomicU64, Ordering, Point, fence, fence_after_rmw, omitted};

/// Moves the sequence number, and leaves it naming the same record.
const SAME_RECORD: u64 = 2;

/// The two words: the latch's `seq` in region 0 of the header, `waiting` in region 1.
#[derive(Clone, Copy)]
pub(crate) struct EventCount<'a> {
    pub seq: &'a AtomicU64,
    pub waiting: &'a AtomicU32,
}

impl EventCount<'_> {
    /// What a reader sleeps on, taken before it looks for a value.
    pub fn prepare(&self) -> u32 {
        // Acquire: pairs with the publish; the value published before is visible.
        self.seq.load(Ordering::Acquire) as u32
    }

    /// Tells the writer that somebody is about to sleep.
    pub fn announce(&self) {
        self.waiting.store(1, Ordering::Relaxed);
        // Flag before the kernel's look at `seq`, against the writer's count before its look at the flag.
        fence(Point::AnnounceFence, Ordering::SeqCst);
    }

    /// After a publish: true if somebody may sleep, and then the caller wakes all.
    #[inline]
    pub fn notify(&self) -> bool {
        // Count before the look at the flag. What counted is the compare-exchange of the publish before.
        fence_after_rmw(Point::NotifyFence);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return false;
        }
        self.waiting.store(0, Ordering::Relaxed);
        // The count moves once more after the flag is cleared. Without it:
        //   1. writer: publish 1; sees the flag of reader A
        //   2. reader B: key 1; finds value 1, nothing newer; flag = 1 (it was)
        //   3. writer: flag = 0, which was B's too; wakes all, B not yet among them
        //   4. reader B: sleeps on key 1
        //   5. writer: publish 2; flag 0: nobody is woken.
        // With it, B's key is stale at 4 and B looks again, or B sleeps before the wake and is woken.
        if !omitted(Point::NotifyAgain) {
            self.seq.fetch_add(SAME_RECORD, Ordering::Release);
        }
        true
    }

    /// Moves the count, so that everybody looks again: the header is retired, or adopted by a new writer.
    pub fn advance(&self) {
        self.seq.fetch_add(SAME_RECORD, Ordering::SeqCst);
    }
}

#[cfg(all(loom, test))]
#[path = "event_count_loom.rs"]
mod loom_tests;
