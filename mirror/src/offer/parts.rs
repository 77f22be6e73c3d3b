//! Answers that are not sent at once. The receiver asks for one part after the other, so that a connection never has more to carry than it
//! carries in a moment: what is more urgent is not behind a large value, and Zenoh ends a connection on which a message takes five seconds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::offer::lanes::Place;
use crate::wire::message::LONGEST_PART;

/// An answer of which no more is asked for is dropped after so long. A lost connection is noticed earlier.
const IDLE: Duration = Duration::from_secs(5);
/// No answer is cut into parts that are shorter, but for its last one.
const LEAST_PART: u64 = 1 << 10;
/// So many questions for parts of an answer are open at once; a receiver needs one.
const MOST_OPEN: usize = 2;

/// An answer that is sent in parts.
#[derive(Debug)]
pub(super) struct Long {
    number: u64,
    bytes: Bytes,
    used: Mutex<Instant>,
    /// Held by whoever sends a part.
    pub sending: tokio::sync::Mutex<()>,
    /// Until all is sent: else parts of all tags would go at once, and all would be late.
    _place: Option<Place>,
}

/// The long answers to a receiver about a tag.
#[derive(Debug, Default)]
pub(super) struct Parts(Mutex<Vec<Arc<Long>>>);

/// How many bytes a part may have that the receiver wants no longer than this.
pub(super) fn length(most_at_once: u64) -> usize {
    most_at_once.clamp(LEAST_PART, LONGEST_PART as u64) as usize
}

impl Long {
    /// How many bytes the whole answer has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The part that begins there; `None` if nothing does.
    pub fn part(&self, from: u64, most_at_once: u64) -> Option<Bytes> {
        let from = usize::try_from(from).ok().filter(|&from| from < self.bytes.len())?;
        Some(self.bytes.slice(from..self.bytes.len().min(from + length(most_at_once))))
    }
}

impl Parts {
    /// Keeps an answer until all of it is sent. Returns its first part.
    pub fn keep(&self, number: u64, bytes: Bytes, first: usize, place: Option<Place>) -> Bytes {
        let part = bytes.slice(..first);
        let (used, sending) = (Mutex::new(Instant::now()), tokio::sync::Mutex::default());
        self.all().push(Arc::new(Long { number, bytes, used, sending, _place: place }));
        part
    }

    /// The answer to the question of this number; `None` if there is none, or if too many ask for it.
    pub fn get(&self, number: u64) -> Option<Arc<Long>> {
        // Each open question has a share, and so has this list.
        let fits = |long: &&Arc<Long>| long.number == number && Arc::strong_count(long) <= MOST_OPEN;
        self.all().iter().find(fits).cloned()
    }

    /// A part was sent; if it ends there, the answer is not needed any more.
    pub fn sent(&self, long: &Arc<Long>, until: usize) {
        *long.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        if until >= long.len() {
            self.all().retain(|other| !Arc::ptr_eq(other, long));
        }
    }

    /// The receiver does not go on with any.
    pub fn clear(&self) {
        self.all().clear();
    }

    /// Drops those of which no more is asked for.
    pub fn expire(&self) {
        let idle =
            |long: &Arc<Long>| long.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() > IDLE;
        // Whoever sends a part of it has a share, too.
        self.all().retain(|long| Arc::strong_count(long) > 1 || !idle(long));
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Long>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_there_until_its_end_was_sent() {
        let parts = Parts::default();
        let bytes = Bytes::from((0..=255_u8).cycle().take(5000).collect::<Vec<_>>());
        assert_eq!(parts.keep(7, bytes.clone(), 2000, None), bytes[..2000]);
        assert!(parts.get(6).is_none());
        let long = parts.get(7).unwrap();
        assert_eq!(long.part(2000, 1500).unwrap(), bytes[2000..3500]);
        assert_eq!(long.part(2000, 0).unwrap(), bytes[2000..3024], "a part that is too short costs too much");
        assert_eq!(long.part(4999, u64::MAX).unwrap(), bytes[4999..]);
        assert_eq!((long.part(5000, 1500), long.part(u64::MAX, 1500)), (None, None));
        parts.sent(&long, 3500);
        assert!(parts.get(7).is_some());
        parts.sent(&long, 5000);
        assert!(parts.get(7).is_none());
    }

    #[test]
    fn few_ask_at_once_and_what_is_in_use_stays() {
        let parts = Parts::default();
        parts.keep(1, Bytes::from_static(&[0; 10]), 5, None);
        let one = parts.get(1);
        let other = parts.get(1);
        assert!(one.is_some() && other.is_some() && parts.get(1).is_none());
        let ago = Instant::now().checked_sub(2 * IDLE).unwrap();
        *one.as_ref().unwrap().used.lock().unwrap() = ago;
        parts.expire();
        drop(other);
        drop(one);
        assert!(parts.get(1).is_some(), "somebody sent a part of it");
        parts.expire();
        assert!(parts.get(1).is_none(), "nobody asked for more");
    }
}
