//! How many pins this process holds, slot by slot. A fork doubles them, and they limit how much a process may hold.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::format::segment::SLOTS;

/// Pins by slot. A forked child inherits a copy, as it inherits those who hold them.
#[derive(Default)]
pub(crate) struct Held {
    now: [AtomicU32; SLOTS],
    /// What `count` counted last.
    counted: [AtomicU32; SLOTS],
}

// Relaxed everywhere: these are counts, and nothing is reached through them. A fork sees each at some moment. The pins
// themselves are counted in shared memory, before these go up and after these went down.
impl Held {
    #[inline(always)]
    pub fn add(&self, slot: usize) {
        self.now[slot].fetch_add(1, Ordering::Relaxed);
    }

    #[inline(always)]
    pub fn sub(&self, slot: usize) {
        self.now[slot].fetch_sub(1, Ordering::Relaxed);
    }

    /// As `add`, for counts that only one thread at a time changes: two moves instead of a locked instruction.
    #[inline(always)]
    pub fn add_alone(&self, slot: usize) {
        let now = self.now[slot].load(Ordering::Relaxed);
        self.now[slot].store(now.wrapping_add(1), Ordering::Relaxed);
    }

    #[inline(always)]
    pub fn sub_alone(&self, slot: usize) {
        let now = self.now[slot].load(Ordering::Relaxed);
        self.now[slot].store(now.wrapping_sub(1), Ordering::Relaxed);
    }

    /// How many pins there are on a slot.
    pub fn of(&self, slot: usize) -> u32 {
        self.now[slot].load(Ordering::Relaxed)
    }

    /// How many slots other than `slot` are held.
    pub fn besides(&self, slot: usize) -> usize {
        (0..SLOTS).filter(|&other| other != slot && self.of(other) > 0).count()
    }

    /// Before a fork: the pins that the child will have, by slot.
    pub fn count(&self) -> [u32; SLOTS] {
        std::array::from_fn(|slot| {
            let now = self.now[slot].load(Ordering::Relaxed);
            self.counted[slot].store(now, Ordering::Relaxed);
            now
        })
    }

    /// In the child: how many it has more (or, wrapping, less) than were counted.
    pub fn recount(&self) -> [u32; SLOTS] {
        std::array::from_fn(|slot| {
            let counted = self.counted[slot].load(Ordering::Relaxed);
            self.now[slot].load(Ordering::Relaxed).wrapping_sub(counted)
        })
    }
}
