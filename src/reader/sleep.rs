//! Sleeping until something is published.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use crate::shm::futex;
use crate::shm::header::Header;
use crate::sync::AtomicU64;

/// The longest sleep, after which a reader looks whether the tag's file was replaced.
const SLICE: Duration = Duration::from_millis(100);
/// The shortest and the longest sleep of a reader that no writer will wake.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(2);
/// What FUTEX_WAITV takes at most.
const MOST_FUTEXES: usize = 128;

/// Whether a sleeper that announces itself on this header will be woken. On a retired header nobody is, and it may be long before
/// there is another header.
fn is_notified(header: &Header) -> bool {
    header.announces() && !header.is_retired()
}

/// A wait with a deadline: spins a little, then sleeps in slices.
pub(crate) struct Sleeper {
    deadline: Option<Instant>,
    backoff: Backoff,
    slice: Duration,
}

impl Sleeper {
    pub fn new(timeout: Option<Duration>) -> Self {
        // A deadline that the clock cannot express is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Sleeper { deadline, backoff: Backoff::new(), slice: SHORTEST }
    }

    /// Waits on one header, whose `key` was taken before its record was read; false when the time is over.
    pub fn sleep(&mut self, header: &Header, key: u32) -> bool {
        let Some(slice) = self.next(is_notified(header)) else { return false };
        if let Some(slice) = slice {
            let event_count = header.event_count();
            if header.announces() {
                event_count.announce();
            }
            futex::wait(event_count.seq, key, slice);
        }
        true
    }

    /// Waits on several headers.
    pub fn sleep_any(&mut self, headers: &[(Arc<Header>, u32)]) -> bool {
        let wakeable = headers.iter().all(|(header, _)| is_notified(header)) && headers.len() <= MOST_FUTEXES;
        let Some(slice) = self.next(wakeable) else { return false };
        let Some(slice) = slice else { return true };
        let mut words: Vec<(&AtomicU64, u32)> = Vec::with_capacity(headers.len());
        for (header, key) in headers {
            let event_count = header.event_count();
            if header.announces() {
                event_count.announce();
            }
            words.push((event_count.seq, *key));
        }
        words.truncate(MOST_FUTEXES);
        if futex::wait_any(&words, slice) {
            return true;
        }
        // A kernel without FUTEX_WAITV: sleep on the first, not for long.
        if let Some((word, key)) = words.first() {
            futex::wait(word, *key, slice.min(LONGEST));
        }
        true
    }

    /// `None`: the time is over. `Some(None)`: spun instead of sleeping. Else how long to sleep at most.
    fn next(&mut self, wakeable: bool) -> Option<Option<Duration>> {
        let left = match self.deadline {
            Some(deadline) => {
                deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?
            }
            None => SLICE,
        };
        if !self.backoff.is_completed() {
            self.backoff.snooze();
            return Some(None);
        }
        let slice = if wakeable { SLICE } else { self.slice };
        self.slice = (self.slice * 2).min(LONGEST);
        Some(Some(slice.min(left)))
    }
}
