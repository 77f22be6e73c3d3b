//! A word, private to this process, to sleep on. To ring it changes the word, and wakes the sleepers.

use std::sync::Arc;
use std::task::Wake;

use crate::shm::futex;
use crate::sync::{AtomicU64, Ordering};

/// Counts how often it was rung. A sleeper takes the count as its key before it looks for what it waits for, and sleeps
/// only while the count is the key.
pub(crate) struct Doorbell {
    count: AtomicU64,
}

impl Doorbell {
    pub fn new() -> Arc<Self> {
        Arc::new(Doorbell { count: AtomicU64::new(0) })
    }

    pub fn key(&self) -> u32 {
        // Acquire: a thread that finds it rung sees what was done before the ring.
        self.count.load(Ordering::Acquire) as u32
    }

    /// The word to sleep on.
    pub fn word(&self) -> &AtomicU64 {
        &self.count
    }

    pub fn ring(&self) {
        self.count.fetch_add(1, Ordering::Release);
        futex::wake_all(&self.count);
    }
}

impl Wake for Doorbell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}
