//! How many pins this process holds, slot by slot. A fork doubles them, and they limit how much a process may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many slots of one tag this process holds in place, in whatever data files and through whatever readers.
#[derive(Default)]
pub(crate) struct Holds {
    slots: AtomicU32,
}

impl Holds {
    #[inline(always)]
    pub fn slots(&self) -> u32 {
        self.slots.load(Ordering::Relaxed)
    }
}

/// Pins by slot. A forked child inherits a copy, as it inherits those who hold them.
pub(crate) struct Held {
    now: Box<[AtomicU32]>,
    /// What `count` counted last.
    counted: Box<[AtomicU32]>,
    of_tag: Arc<Holds>,
}

// Relaxed everywhere: these are counts, and nothing is reached through them. A fork sees each at some moment. The pins
// themselves are counted in shared memory, before these go up and after these went down.
impl Held {
    pub fn new(slots: usize, of_tag: Arc<Holds>) -> Self {
        let zeros = || (0..slots).map(|_| AtomicU32::new(0)).collect();
        Held { now: zeros(), counted: zeros(), of_tag }
    }

    #[inline(always)]
    pub fn add(&self, slot: usize) {
        if self.now[slot].fetch_add(1, Ordering::Relaxed) == 0 {
            self.of_tag.slots.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    pub fn sub(&self, slot: usize) {
        if self.now[slot].fetch_sub(1, Ordering::Relaxed) == 1 {
            self.of_tag.slots.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether this process would hold more than `most` slots of the tag if it took this one.
    #[inline(always)]
    pub fn is_over(&self, slot: usize, most: u32) -> bool {
        self.of_tag.slots() >= most && self.now[slot].load(Ordering::Relaxed) == 0
    }

    /// Before a fork: calls `f` with each slot that is held, and how often.
    pub fn count(&self, f: impl Fn(usize, u32)) {
        for (slot, (now, counted)) in self.now.iter().zip(&self.counted).enumerate() {
            let now = now.load(Ordering::Relaxed);
            counted.store(now, Ordering::Relaxed);
            if now != 0 {
                f(slot, now);
            }
        }
    }

    /// In the child: calls `f` with each slot that is held more often (or, wrapping, less) than was counted, and by how much.
    pub fn recount(&self, f: impl Fn(usize, u32)) {
        for (slot, (now, counted)) in self.now.iter().zip(&self.counted).enumerate() {
            let more = now.load(Ordering::Relaxed).wrapping_sub(counted.load(Ordering::Relaxed));
            if more != 0 {
                f(slot, more);
            }
        }
    }
}
