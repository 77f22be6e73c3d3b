//! How many answers go to a receiver at once: one that takes nothing must not use up the threads that send to the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers of at most so many bytes do not wait behind larger ones.
pub(super) const SMALL: usize = 64 << 10;
/// So many of each kind are sent to a receiver at once.
const AT_ONCE: usize = 2;
/// So many messages to all.
const MOST: usize = 128;
/// Those to whom nobody sends are forgotten when so many are known.
const MOST_KNOWN: usize = 4096;

/// A place in the lane of a receiver, until it is dropped: for one answer, until all of it is sent.
pub(super) type Place = OwnedSemaphorePermit;

/// Who sends to which receiver.
#[derive(Debug)]
pub(super) struct Lanes {
    of: Mutex<HashMap<(String, bool), Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

impl Lanes {
    pub fn new() -> Self {
        Lanes { of: Mutex::default(), all: Arc::new(Semaphore::new(MOST)) }
    }

    /// A place to send an answer of so many bytes to a receiver. Waits for one.
    pub async fn place(&self, receiver: &str, nbytes: usize) -> Option<Place> {
        let lane = {
            let mut lanes = self.of.lock().unwrap_or_else(PoisonError::into_inner);
            if lanes.len() >= MOST_KNOWN {
                lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            }
            let lane = lanes.entry((receiver.to_owned(), nbytes <= SMALL));
            lane.or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone()
        };
        lane.acquire_owned().await.ok()
    }

    /// A turn to send a message, until it is dropped. Waits for one.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.ok()
    }

    /// Forgets receivers to which nobody sends.
    pub fn expire(&self) {
        let mut lanes = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
    }
}
