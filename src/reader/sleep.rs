//! Sleeping until something is published, or a tag exists.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_utils::Backoff;

use crate::reader::follow::Target;
use crate::shm::futex::{self, MOST_FUTEXES};
use crate::sync::AtomicU64;
use crate::wait::doorbell::Doorbell;
use crate::wait::names;

/// The longest sleep, after which a reader looks whether the tag's file was replaced.
const SLICE: Duration = Duration::from_millis(100);
/// The shortest and the longest sleep of a reader that no writer will wake.
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(2);
/// How long to sleep if nobody reports a new tag: no thread could be started, or there is no FUTEX_WAITV.
const UNTOLD: Duration = Duration::from_millis(10);

/// A wait with a deadline: spins a little, then sleeps in slices.
pub(crate) struct Sleeper {
    deadline: Option<Instant>,
    backoff: Backoff,
    slice: Duration,
    /// Rung when a name that is waited for refers to another file; made when it is first needed.
    doorbell: Option<Arc<Doorbell>>,
}

impl Sleeper {
    pub fn new(timeout: Option<Duration>) -> Self {
        // A deadline that the clock cannot express is none.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Sleeper { deadline, backoff: Backoff::new(), slice: SHORTEST, doorbell: None }
    }

    /// Waits for any of the targets, which were taken before their readers looked; false when the time is over.
    pub fn sleep(&mut self, targets: &[Target]) -> bool {
        // One word serves all names.
        let is_gone = targets.iter().any(|target| target.is_gone);
        let most = MOST_FUTEXES - usize::from(is_gone);
        // A sleeper that announces itself on a header that is in use will be woken.
        let mut headers = targets.iter().filter_map(|target| target.header.as_ref());
        let is_woken = headers.clone().count() <= most && headers.all(|(header, _)| header.announces());
        // A look at a name is a system call, so this does not spin.
        let spins = !targets.iter().all(|target| target.is_gone);
        let Some(slice) = self.next(is_woken, spins) else { return false };
        let Some(mut slice) = slice else { return true };
        // The key is taken before any thread can ring the bell.
        let doorbell = is_gone
            .then(|| self.doorbell.get_or_insert_with(Doorbell::new).clone())
            .map(|doorbell| (doorbell.key(), doorbell));
        let mut words: Vec<(&AtomicU64, u32)> = Vec::with_capacity(targets.len() + 1);
        let mut waiting = Vec::new();
        for target in targets {
            if let Some((header, key)) = &target.header {
                let event_count = header.event_count();
                if header.announces() {
                    event_count.announce();
                }
                words.push((event_count.seq, *key));
            }
            if let Some((_, doorbell)) = doorbell.as_ref().filter(|_| target.is_gone) {
                match names::wait(&target.name, target.seen, doorbell.clone().into()) {
                    Ok(name) => waiting.push(name),
                    Err(_) => slice = slice.min(UNTOLD),
                }
            }
        }
        words.truncate(most);
        if let Some((rung, doorbell)) = &doorbell {
            words.push((doorbell.word(), *rung));
        }
        match words[..] {
            [(word, key)] => futex::wait(word, key, slice),
            _ if futex::wait_any(&words, slice) => {}
            // A kernel without FUTEX_WAITV: sleep on the first, not for long.
            [(word, key), ..] if targets.len() > 1 => futex::wait(word, key, slice.min(LONGEST)),
            [(word, key), ..] => futex::wait(word, key, slice.min(UNTOLD)),
            [] => std::thread::sleep(slice),
        }
        true
    }

    /// `None`: the time is over. `Some(None)`: spun instead of sleeping. Else how long to sleep at most.
    fn next(&mut self, is_woken: bool, spins: bool) -> Option<Option<Duration>> {
        let left = match self.deadline {
            Some(deadline) => {
                deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?
            }
            None => SLICE,
        };
        if spins && !self.backoff.is_completed() {
            self.backoff.snooze();
            return Some(None);
        }
        let slice = if is_woken { SLICE } else { self.slice };
        self.slice = (self.slice * 2).min(LONGEST);
        Some(Some(slice.min(left)))
    }
}
