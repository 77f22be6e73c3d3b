//! Limits how many answers go to a receiver at once. A receiver that takes nothing must not use up the threads that send to others.
//!
//! Each receiver has two lanes: one for small answers, and one for larger ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers of at most so many bytes are small: they do not wait behind larger ones.
pub(super) const SMALL: usize = 64 << 10;
/// How many answers have a place in one lane at once.
const AT_ONCE: usize = 2;
/// How many messages with values are sent at once, to all receivers together.
const MOST: usize = 128;
/// When so many lanes are known, those in which nobody sends are forgotten.
const MOST_KNOWN: usize = 4096;

/// A place in a lane of a receiver, until it is dropped. One answer keeps it until all of the answer is sent.
pub(super) type Place = OwnedSemaphorePermit;

/// The lanes of all receivers.
#[derive(Debug)]
pub(super) struct Lanes {
    of: Mutex<HashMap<(String, bool), Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

impl Lanes {
    pub fn new() -> Self {
        Lanes { of: Mutex::default(), all: Arc::new(Semaphore::new(MOST)) }
    }

    /// A place to send an answer of so many bytes to a receiver. Waits until one is free.
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

    /// A turn to send one message. Waits until one is free; it is free again when what this returns is dropped.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.ok()
    }

    /// Forgets lanes in which nobody sends.
    pub fn expire(&self) {
        let mut lanes = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
    }
}
