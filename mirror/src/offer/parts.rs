//! Long answers, which are sent in parts. The receiver asks for one part after the other, so a connection never has more to carry than it
//! carries in a moment. So urgent messages do not wait behind a large value, and no message waits in a queue for so long that it is dropped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::offer::lanes::Place;
use crate::wire::message::LONGEST_PART;

/// If no new part of an answer was sent for this long, it gives up its place, so that other answers to its receiver need not wait.
const WAITED_FOR: Duration = Duration::from_secs(5);
/// If no new part of an answer was sent for this long, it is dropped. Until then a part that was lost can be asked for again.
const KEPT: Duration = Duration::from_secs(20);
/// The shortest part of an answer, in bytes. Only the last part may be shorter.
const LEAST_PART: u64 = 1 << 10;
/// The most questions for parts of one answer that are open at once. A receiver needs one, and one more if it lost patience.
const MOST_OPEN: usize = 3;

/// An answer that is sent in parts.
#[derive(Debug)]
pub(super) struct Long {
    /// The id of the answer.
    id: u64,
    /// The number of the question that it answers.
    number: u64,
    bytes: Bytes,
    pub values: u64,
    progress: Mutex<Progress>,
    /// Held while a part is sent.
    pub sending: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Progress {
    /// How many bytes were sent.
    sent: usize,
    /// When that number last grew.
    at: Instant,
    /// The place in the receiver's lane. It is kept until all is sent: else parts of all tags would go at once, and all would be late.
    place: Option<Place>,
}

/// The long answers to one receiver about one tag.
#[derive(Debug, Default)]
pub(super) struct Parts(Mutex<Vec<Arc<Long>>>);

/// How many bytes a part may have if the receiver wants at most so many.
pub(super) fn length(most_at_once: u64) -> usize {
    most_at_once.clamp(LEAST_PART, LONGEST_PART as u64) as usize
}

impl Long {
    /// How many bytes the whole answer has.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The part that begins at byte `from`; `None` if the answer has no such byte.
    pub fn part(&self, from: u64, most_at_once: u64) -> Option<Bytes> {
        let from = usize::try_from(from).ok().filter(|&from| from < self.bytes.len())?;
        Some(self.bytes.slice(from..self.bytes.len().min(from + length(most_at_once))))
    }

    /// Notes that a part was sent, which ends at byte `until`. Returns whether this part completed the answer.
    pub fn sent(&self, until: usize) -> bool {
        let mut progress = self.progress();
        if until <= progress.sent {
            return false;
        }
        (progress.sent, progress.at) = (until, Instant::now());
        if until == self.len() {
            progress.place = None;
        }
        until == self.len()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    /// Keeps an answer to the question with this number. Returns its id, and its first part of `first` bytes.
    pub fn keep(
        &self,
        number: u64,
        bytes: Bytes,
        values: u64,
        first: usize,
        place: Option<Place>,
    ) -> (u64, Bytes) {
        // Each id only has to differ from all others.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let (id, part) = (NEXT.fetch_add(1, Ordering::Relaxed), bytes.slice(..first));
        let progress = Mutex::new(Progress { sent: first, at: Instant::now(), place });
        self.all().push(Arc::new(Long { id, number, bytes, values, progress, sending: Default::default() }));
        (id, part)
    }

    /// The answer with this id; `None` if there is none, or if too many ask for it.
    pub fn get(&self, id: u64) -> Option<Arc<Long>> {
        // Each open question holds a reference, and so does this list.
        let fits = |long: &&Arc<Long>| long.id == id && Arc::strong_count(long) <= MOST_OPEN;
        self.all().iter().find(fits).cloned()
    }

    /// Drops answers that the receiver has: those to questions before this number. With number 1 the receiver begins anew, and all are dropped.
    pub fn clear(&self, number: u64) {
        self.all().retain(|long| number != 1 && long.number >= number);
    }

    /// Drops answers of which nothing new was sent for a long time. They give up their places before that.
    pub fn expire(&self) {
        self.all().retain(|long| {
            let mut progress = long.progress();
            let since = progress.at.elapsed();
            if since > WAITED_FOR {
                progress.place = None;
            }
            since <= KEPT
        });
    }

    fn all(&self) -> MutexGuard<'_, Vec<Arc<Long>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_there_until_it_arrived() {
        let parts = Parts::default();
        let bytes = Bytes::from((0..=255_u8).cycle().take(5000).collect::<Vec<_>>());
        let (id, part) = parts.keep(7, bytes.clone(), 1, 2000, None);
        assert_eq!(part, bytes[..2000]);
        assert!(parts.get(id + 1).is_none());
        let long = parts.get(id).unwrap();
        assert_eq!(long.part(2000, 1500).unwrap(), bytes[2000..3500]);
        assert_eq!(long.part(2000, 0).unwrap(), bytes[2000..3024], "a part that is too short costs too much");
        assert_eq!(long.part(4999, u64::MAX).unwrap(), bytes[4999..]);
        assert_eq!((long.part(5000, 1500), long.part(u64::MAX, 1500)), (None, None));
        assert!(!long.sent(3500) && long.sent(5000) && !long.sent(5000), "it is counted once");
        parts.clear(7);
        assert!(parts.get(id).is_some(), "the same question again, or one before it");
        parts.clear(8);
        assert!(parts.get(id).is_none());
        let (again, _) = parts.keep(9, bytes, 1, 2000, None);
        assert_ne!(again, id);
        parts.clear(1);
        assert!(parts.get(again).is_none());
    }

    #[test]
    fn what_does_not_go_on_goes() {
        let (parts, all) = (Parts::default(), Arc::new(tokio::sync::Semaphore::new(1)));
        let place = all.clone().try_acquire_owned().ok();
        let (id, _) = parts.keep(1, Bytes::from_static(&[0; 10]), 1, 5, place);
        let shares: Vec<_> = (0..MOST_OPEN).map_while(|_| parts.get(id)).collect();
        assert!(shares.len() == MOST_OPEN && parts.get(id).is_none(), "few ask at once");
        let long = parts.all()[0].clone();
        drop(shares);
        let since = |time: Duration| {
            long.progress().at = Instant::now().checked_sub(time).unwrap();
            parts.expire();
        };
        since(WAITED_FOR / 2);
        assert_eq!(all.available_permits(), 0);
        since(WAITED_FOR * 2);
        assert!(all.available_permits() == 1 && parts.get(id).is_some(), "it may still be asked for");
        assert!(!long.sent(5));
        since(KEPT * 2);
        assert!(parts.get(id).is_none());
    }
}
