//! What the source knows of each receiver and tag.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndsharray::Store;

use crate::offer::held::Held;
use crate::offer::memory::Memory;
use crate::offer::parts::Parts;

/// A receiver that has not asked about a tag for this long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// The most pairs of a receiver and a tag that are known at once.
const MOST_HELD: usize = 4096;
/// If there is no room for another pair, those that were not asked about for this long are forgotten.
const IDLE: Duration = Duration::from_secs(5);
/// The least time between two such attempts to make room.
const SWEEP_EVERY: Duration = Duration::from_millis(100);
/// The most questions of one receiver about one tag that are open at once.
const MOST_OPEN: usize = 4;
/// The longest name of a receiver, in bytes.
const LONGEST_NAME: usize = 64;

/// What is known of all receivers.
#[derive(Debug)]
pub(super) struct Holds {
    known: Mutex<Known>,
    memory: Memory,
}

#[derive(Debug, Default)]
struct Known {
    of: HashMap<(String, String), Used>,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Used {
    hold: Arc<Hold>,
    last: Instant,
}

/// What is known of one receiver and one tag.
#[derive(Debug)]
pub(super) struct Hold {
    pub held: tokio::sync::Mutex<Held>,
    pub parts: Parts,
}

impl Holds {
    pub fn new(memory: Memory) -> Self {
        Holds { known: Mutex::default(), memory }
    }

    /// What is known of a receiver and a tag; `None` if the receiver's name is too long, if too many pairs are known, or if this receiver has too
    /// many open questions.
    ///
    /// # Errors
    /// Those of [`Store::reader`].
    pub fn get(&self, store: &Store, receiver: &str, tag: &str) -> ndsharray::Result<Option<Arc<Hold>>> {
        if receiver.len() > LONGEST_NAME {
            return Ok(None);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hold) = known.find(receiver, tag) {
            // Each open question holds a reference, and so does this map.
            return Ok((Arc::strong_count(&hold) <= MOST_OPEN + 1).then_some(hold));
        }
        if known.of.len() >= MOST_HELD {
            known.sweep();
            if known.of.len() >= MOST_HELD {
                return Ok(None);
            }
        }
        let held = tokio::sync::Mutex::new(Held::new(store.reader(tag)?, self.memory.clone()));
        let hold = Arc::new(Hold { held, parts: Parts::default() });
        let used = Used { hold: hold.clone(), last: Instant::now() };
        known.of.insert((receiver.to_owned(), tag.to_owned()), used);
        Ok(Some(hold))
    }

    /// What is known of a receiver and a tag; `None` if the receiver has not asked about the tag before.
    pub fn find(&self, receiver: &str, tag: &str) -> Option<Arc<Hold>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).find(receiver, tag)
    }

    /// Drops long answers of which no more parts are asked for.
    pub fn expire_parts(&self) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.of.values().for_each(|used| used.hold.parts.expire());
    }

    /// Forgets receivers that no longer ask.
    pub fn expire(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).forget(FORGOTTEN);
    }
}

impl Known {
    fn find(&mut self, receiver: &str, tag: &str) -> Option<Arc<Hold>> {
        let used = self.of.get_mut(&(receiver.to_owned(), tag.to_owned()))?;
        used.last = Instant::now();
        Some(used.hold.clone())
    }

    /// Tries to make room, unless that was tried a moment ago.
    fn sweep(&mut self) {
        let now = Instant::now();
        if self.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP_EVERY) {
            self.swept = Some(now);
            self.forget(IDLE);
        }
    }

    fn forget(&mut self, idle: Duration) {
        self.of.retain(|_, used| used.last.elapsed() < idle || Arc::strong_count(&used.hold) > 1);
    }
}
