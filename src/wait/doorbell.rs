//! A word of this process alone to sleep on, which a waker moves.

use std::sync::Arc;
use std::task::Wake;

use crate::shm::futex;
use crate::sync::{AtomicU64, Ordering};

/// Counts how often it was rung. A sleeper takes the key before it looks for what it waits for, and sleeps on that.
pub(crate) struct Doorbell {
    count: AtomicU64,
}

impl Doorbell {
    pub fn new() -> Arc<Self> {
        Arc::new(Doorbell { count: AtomicU64::new(0) })
    }

    pub fn key(&self) -> u32 {
        // Acquire: what was done before it was rung is seen by whoever finds it rung.
        self.count.load(Ordering::Acquire) as u32
    }

    /// What to sleep on.
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
