//! What answers may take of the machine. However many clients ask, and however slow they are, the server takes no more.

use std::sync::Arc;
use std::thread::available_parallelism;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::refusal::Refusal;

/// Answers that are sent have so many bytes in all; others wait.
const MOST_UNDER_WAY: usize = 1 << 30;

/// Of larger answers, one is sent at a time, whatever else is.
const LARGE: usize = 256 << 20;

/// What room is counted in.
const UNIT: usize = 1 << 10;

/// What all answers share.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// The right to make an answer.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

/// Room for an answer until it is sent.
#[derive(Debug)]
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
    nbytes: usize,
}

impl Default for Work {
    fn default() -> Self {
        // With more of them than processors, each would only take longer, and hold its value longer.
        let places = available_parallelism().map_or(2, usize::from).clamp(2, 16);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Work { places: semaphore(places), room: semaphore(MOST_UNDER_WAY / UNIT), large: semaphore(1) }
    }
}

impl Work {
    /// Waits for a place. Who waits for one holds no value, so that the writer keeps its slots.
    pub async fn place(&self) -> Place {
        Place { _permit: taken(&self.places, 1).await }
    }

    /// Waits for room for an answer.
    pub async fn room(&self, nbytes: usize) -> Room {
        let permit = if nbytes > LARGE {
            taken(&self.large, 1).await
        } else {
            taken(&self.room, nbytes.div_ceil(UNIT) as u32).await
        };
        Room { _permit: permit, nbytes }
    }
}

/// It fails only when a semaphore was closed, which nobody does.
async fn taken(semaphore: &Arc<Semaphore>, count: u32) -> Option<OwnedSemaphorePermit> {
    semaphore.clone().acquire_many_owned(count).await.ok()
}

impl Place {
    /// Makes an answer where it may take its time. The place is given back with it: who has it waits for room first. When nobody wants
    /// the answer any more, the place is free once it is made.
    pub async fn make<T: Send + 'static>(
        self,
        make: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<(T, Place), Refusal> {
        let made = spawn_blocking(move || make().map(|made| (made, self)));
        made.await.unwrap_or_else(|_| Err(Refusal::bug()))
    }
}

impl Room {
    /// Room for nothing.
    pub fn none() -> Self {
        Room { _permit: None, nbytes: 0 }
    }

    /// Whether so many bytes have room.
    pub fn holds(&self, nbytes: usize) -> bool {
        nbytes <= self.nbytes
    }

    /// The bytes, which take the room until they are sent.
    pub fn hold(self, bytes: Vec<u8>) -> Bytes {
        struct Held {
            bytes: Vec<u8>,
            _room: Room,
        }
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        Bytes::from_owner(Held { bytes, _room: self })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn answers_wait_for_room_until_others_are_sent() {
        let work = Work::default();
        let soon = Duration::from_millis(50);
        let mut sent: Vec<Bytes> = Vec::new();
        for _ in 0..MOST_UNDER_WAY / (64 << 20) {
            // As long as it says, but for the memory of this test.
            sent.push(work.room(64 << 20).await.hold(vec![7]));
        }
        assert!(timeout(soon, work.room(1)).await.is_err());
        let large = work.room(1 << 40).await;
        assert!(large.holds(1 << 40) && !large.holds((1 << 40) + 1));
        assert!(timeout(soon, work.room(LARGE + 1)).await.is_err(), "one at a time");
        let copy = sent[0].clone();
        sent.remove(0);
        assert!(timeout(soon, work.room(1)).await.is_err(), "it is still held");
        assert_eq!(copy, [7][..]);
        drop(copy);
        assert!(work.room(1).await.holds(1));
    }

    #[tokio::test]
    async fn no_more_are_made_at_once_than_there_are_places() {
        let work = Work::default();
        let count = work.places.available_permits();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        for _ in 0..count {
            let (place, gate) = (work.place().await, gate.clone());
            let making = tokio::spawn(place.make(move || Ok(gate.lock().unwrap().recv().is_ok())));
            // Whoever asked has gone; it is made all the same.
            tokio::time::sleep(Duration::from_millis(20)).await;
            making.abort();
        }
        assert!(timeout(Duration::from_millis(50), work.place()).await.is_err());
        (0..count).for_each(|_| open.send(()).unwrap());
        for _ in 0..count {
            timeout(Duration::from_secs(60), work.place()).await.unwrap();
        }
    }
}
