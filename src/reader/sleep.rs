//! Sleeping until something is published.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use crate::error::Result;
use crate::reader::Reader;
use crate::shm::futex;
use crate::shm::header::Header;
use crate::sync::AtomicU64;

/// The longest sleep, after which a reader looks whether the tag's file was replaced.
const SLICE: Duration = Duration::from_millis(100);
/// Sleeps of readers that the writer cannot be told of, or whose header has no writer any more.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(2);
/// What FUTEX_WAITV takes at most.
const MOST_FUTEXES: usize = 128;

/// Whether a writer will ring the header's bell for who announces that he sleeps. That of a retired header nobody rings
/// again, and the next header may not be there for long.
fn is_rung(header: &Header) -> bool {
    header.announces() && !header.is_gone()
}

/// A wait with a deadline: spins a little, then sleeps in slices.
pub(crate) struct Sleeper {
    deadline: Option<Instant>,
    backoff: Backoff,
    slice: Duration,
}

impl Sleeper {
    pub fn new(timeout: Option<Duration>) -> Self {
        // A deadline beyond what the clock can say is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Sleeper { deadline, backoff: Backoff::new(), slice: SHORTEST }
    }

    /// Waits on one header, whose `ticket` was taken before its record was read; false when the time is over.
    pub fn sleep(&mut self, header: &Header, ticket: u32) -> bool {
        let Some(slice) = self.next(is_rung(header)) else { return false };
        if let Some(slice) = slice {
            let bell = header.bell();
            if header.announces() {
                bell.announce();
            }
            futex::wait(bell.seq, ticket, slice);
        }
        true
    }

    /// Waits on several headers.
    fn sleep_any(&mut self, headers: &[(Arc<Header>, u32)]) -> bool {
        let wakeable = headers.iter().all(|(header, _)| is_rung(header)) && headers.len() <= MOST_FUTEXES;
        let Some(slice) = self.next(wakeable) else { return false };
        let Some(slice) = slice else { return true };
        let mut words: Vec<(&AtomicU64, u32)> = Vec::with_capacity(headers.len());
        for (header, ticket) in headers {
            let bell = header.bell();
            if header.announces() {
                bell.announce();
            }
            words.push((bell.seq, *ticket));
        }
        words.truncate(MOST_FUTEXES);
        if futex::wait_any(&words, slice) {
            return true;
        }
        // A kernel without FUTEX_WAITV: sleep on the first, not for long.
        if let Some((word, ticket)) = words.first() {
            futex::wait(word, *ticket, slice.min(LONGEST));
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

/// Waits until at least one reader has a newer value than it returned last, and returns that reader's index.
///
/// Others may have one too: call [`Reader::read`] on each. `None` after `timeout`, or at once
/// if there are no readers; no timeout waits for ever. Sleeps
/// in one system call (FUTEX_WAITV, Linux 5.16) for up to 128 readers; with more of them, on an older kernel, or when
/// one is on a read-only mount, in slices of at most 2 ms.
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// # let mut left = store.writer("left")?;
/// # let mut right = store.writer("right")?;
/// let (mut a, mut b) = (store.reader("left")?, store.reader("right")?);
/// right.write_slice(&[1_u8], &[1])?;
/// let ready = ndsharray::wait_any(&mut [&mut a, &mut b], std::time::Duration::from_secs(1))?;
/// assert_eq!(ready, Some(1));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Reader::read`], of any of them.
pub fn wait_any(readers: &mut [&mut Reader], timeout: impl Into<Option<Duration>>) -> Result<Option<usize>> {
    if readers.is_empty() {
        return Ok(None);
    }
    let mut sleeper = Sleeper::new(timeout.into());
    let mut headers = Vec::with_capacity(readers.len());
    loop {
        if let Some(index) = look(readers, &mut headers) {
            return Ok(Some(index));
        }
        if !sleeper.sleep_any(&headers) {
            return Ok(None);
        }
    }
}

/// The first reader that has a newer value; if none has, `headers` are those to sleep on, with their tickets.
fn look(readers: &[&mut Reader], headers: &mut Vec<(Arc<Header>, u32)>) -> Option<usize> {
    headers.clear();
    for (index, reader) in readers.iter().enumerate() {
        loop {
            let ticket = reader.ticket();
            if reader.has_newer() {
                return Some(index);
            }
            // Unless the tag has another header now: its bell is the one to sleep on.
            if Arc::ptr_eq(&ticket.0, &reader.ticket().0) {
                headers.push(ticket);
                break;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that finds another header while it looks sleeps on that one's bell, or the next value would wake nobody.
    #[test]
    fn a_wait_for_any_sleeps_on_the_header_that_it_follows() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = crate::Store::open(dir.path()).unwrap();
        let mut one = store.writer("a").unwrap();
        one.write_slice(&[1_u8], &[1]).unwrap();
        let mut reader = store.reader("a").unwrap();
        assert!(reader.read().unwrap().is_some());
        let before = reader.ticket().0;
        let _two = store.writer_options("a").takeover(true).open().unwrap();
        let mut headers = Vec::new();
        assert_eq!(look(&[&mut reader], &mut headers), None, "the same value");
        let now = reader.ticket().0;
        assert!(!Arc::ptr_eq(&before, &now), "it followed");
        assert!(Arc::ptr_eq(&headers[0].0, &now));
    }
}
