//! Takes one tag: asks for its values, one after the other, and writes them to this store.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tokio::sync::watch;
use zenoh::bytes::ZBytes;
use zenoh::qos::Priority;

use crate::status::TakenTag;
use crate::take::answer::{Questions, Received};
use crate::take::copy::Copy;
use crate::take::limits::Limits;
use crate::take::meter::Meter;
use crate::take::pace::{Pace, RoundTrip};
use crate::text::plain;
use crate::wire::message::{AskValue, OfferedTag};
use crate::wire::value::Values;

/// The pause after an error, before the tag is asked for again.
const REST: Duration = Duration::from_secs(1);
/// The pause between two looks whether an earlier task for the tag has ended.
const SOON: Duration = Duration::from_millis(10);
/// The least time between two questions if the first brought nothing new.
const LEAST: Duration = Duration::from_millis(100);
/// The most values that one answer may have.
const MOST_VALUES: usize = 16_384;
/// Tags with values of at most so many bytes are asked for with a higher priority.
const SMALL: u64 = 64 << 10;
/// The longest history that a writer can have.
const LONGEST_HISTORY: usize = 248;

/// What is the same for all questions about a tag.
#[derive(Debug)]
pub(super) struct Wish {
    pub questions: Questions,
    pub round_trip: RoundTrip,
    /// The name by which the source knows this receiver.
    pub receiver: String,
    /// The name of this host.
    pub host: String,
    pub every: bool,
    /// The least time between two values.
    pub least: Duration,
    pub limits: Arc<Limits>,
    pub status: Arc<Mutex<TakenTag>>,
    /// What the source last said about the tag.
    pub offered: watch::Receiver<OfferedTag>,
}

/// How far this receiver has come with a tag.
struct Progress {
    copy: Copy,
    /// The number of the last question.
    number: u64,
    /// The cursor of the last answer that arrived.
    cursor: String,
    /// The last value: its version at the source, and its origin: where the count of versions began.
    last: Option<(u64, u64)>,
    /// With `every`: how many values the source missed, as it said last.
    missed: u64,
    /// When the last value from before this task was written at the source; 0: none is known.
    last_written_at: u64,
    pace: Pace,
    meter: Meter,
}

/// Takes the tag until the future is dropped. Then its copy is closed.
pub(super) async fn take(wish: Arc<Wish>, copy: Copy) {
    // An earlier task for this tag, which was just ended, may still be writing.
    while !copy.is_alone() {
        tokio::time::sleep(SOON).await;
    }
    let last_written_at = copy.went_on_to();
    let mut progress = Progress {
        copy,
        number: 0,
        cursor: String::new(),
        last: None,
        missed: 0,
        last_written_at,
        pace: Pace::new(wish.round_trip.clone()),
        meter: Meter::default(),
    };
    let mut offered = wish.offered.clone();
    let mut open = FuturesOrdered::new();
    let mut is_wrong = true;
    loop {
        let in_the_way = if is_wrong { progress.copy.in_the_way() } else { None };
        if let Some(reason) = in_the_way {
            // The value could not be written, so it is not asked for.
            wish.tell(&mut progress, Some(reason));
            tokio::time::sleep(REST).await;
            continue;
        }
        let nbytes = wish.offered.borrow().nbytes.min(wish.limits.most_bytes as u64);
        let most = if wish.least.is_zero() && progress.pace.is_far(nbytes) { 2 } else { 1 };
        while open.len() < most {
            progress.number += 1;
            let ask = progress.ask(&wish, !open.is_empty());
            open.push_back(asked(wish.clone(), ask, progress.pace.clone()));
        }
        let began = Instant::now();
        let (asked_at, received) = tokio::select! {
            Some(answered) = open.next() => answered,
            Ok(()) = offered.changed() => {
                if !offered.borrow_and_update().writer_alive {
                    progress.copy.close();
                }
                continue;
            }
        };
        let of_wish = wish.clone();
        let took = asked_at.elapsed();
        let took_in = tokio::task::spawn_blocking(move || {
            let outcome = match received {
                Ok(received) => progress.take_in(&of_wish, received),
                Err(error) => {
                    progress.pace.lost();
                    Err(error)
                }
            };
            (progress, outcome)
        });
        let Ok((back, outcome)) = took_in.await else { return };
        progress = back;
        is_wrong = outcome.is_err();
        let rest = if outcome == Ok(0) { LEAST.saturating_sub(took) } else { Duration::ZERO };
        wish.tell(&mut progress, outcome.err().map(|error| plain(&error)));
        if is_wrong {
            // An open question may say that it follows the one that went wrong. So all open questions are dropped.
            open = FuturesOrdered::new();
            tokio::time::sleep(REST).await;
        } else {
            tokio::time::sleep(rest.max(wish.least.saturating_sub(began.elapsed()))).await;
        }
    }
}

/// Asks a question and waits for its answer. Also returns when the question was asked.
async fn asked(wish: Arc<Wish>, question: AskValue, pace: Pace) -> (Instant, Result<Received, String>) {
    let at = Instant::now();
    let is_small = wish.offered.borrow().nbytes <= SMALL;
    let priority = if is_small { Priority::InteractiveHigh } else { Priority::Data };
    (at, wish.questions.ask(question, priority, pace).await)
}

impl Progress {
    fn ask(&self, wish: &Wish, follows: bool) -> AskValue {
        AskValue {
            receiver: wish.receiver.clone(),
            number: self.number,
            after: self.cursor.clone(),
            follows,
            every: wish.every,
            most_bytes: wish.limits.most_bytes as u64,
            last_written_at: self.last_written_at,
            host: wish.host.clone(),
            most_at_once: 0,
        }
    }

    /// Writes the values of an answer to the store. Returns how many were written.
    ///
    /// # Errors
    /// What is wrong, as a text for people.
    fn take_in(&mut self, wish: &Wish, received: Received) -> Result<usize, String> {
        let Received { answer, payload, took, pace, .. } = &received;
        self.pace = pace.clone();
        let (written, passed_over) = self.write(wish, payload)?;
        if !answer.cursor.is_empty() {
            self.cursor.clone_from(&answer.cursor);
            self.missed = answer.missed;
        }
        if !payload.is_empty() {
            self.meter.latency = took.saturating_sub(self.pace.one_way());
        }
        if !wish.offered.borrow().writer_alive {
            self.copy.close();
        }
        match passed_over {
            Some(error) => Err(error),
            None if answer.error.is_empty() => Ok(written),
            None => Err(answer.error.clone()),
        }
    }

    /// Writes values. Returns how many, and why some were passed over.
    fn write(&mut self, wish: &Wish, payload: &ZBytes) -> Result<(usize, Option<String>), String> {
        let history = if wish.every { wish.offered.borrow().history as usize } else { 0 };
        let history = history.min(LONGEST_HISTORY);
        let (mut values, mut passed_over) = (Values::of(payload), None);
        let most = if wish.every { MOST_VALUES } else { 1 };
        let (mut arrived_here, mut written) = (0, 0);
        while let Some(arrived) = values.next() {
            let arrived = arrived.map_err(|text| format!("the source sends what is no value: {text}"))?;
            arrived_here += 1;
            if arrived_here > most || (!wish.every && values.left() != arrived.nbytes) {
                return Err(format!("the source sends more than {most} values at once"));
            }
            let last = self.last.filter(|(_, origin)| *origin == arrived.origin).map(|(version, _)| version);
            if last.is_some_and(|last| arrived.version <= last) {
                // This value, or a newer one, arrived before.
                values.pass_over(arrived.nbytes)?;
                continue;
            }
            if self.last.is_none() && self.last_written_at != 0 && arrived.written_at == self.last_written_at
            {
                // It is the last value from before this task, so it is not written again.
                self.copy.resume(history)?;
                values.pass_over(arrived.nbytes)?;
                self.last = Some((arrived.version, arrived.origin));
                continue;
            }
            let room = wish.limits.make_room(self.copy.tag(), arrived.nbytes, history);
            if let (Err(error), true) = (&room, wish.every) {
                // It is passed over. Otherwise the values after it would never be asked for.
                passed_over = Some(error.clone());
                values.pass_over(arrived.nbytes)?;
                self.last = Some((arrived.version, arrived.origin));
                continue;
            }
            room?;
            self.copy.write(&arrived, &mut values, history)?;
            let skipped = last.map_or(0, |last| arrived.version - last - 1);
            self.last = Some((arrived.version, arrived.origin));
            self.meter.wrote(arrived.nbytes, if wish.every { 0 } else { skipped });
            written += 1;
        }
        Ok((written, passed_over))
    }
}

impl Wish {
    /// Writes the status of the tag: its figures, and what is wrong.
    fn tell(&self, progress: &mut Progress, error: Option<String>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        progress.meter.tell(&mut status);
        if self.every {
            status.skipped = progress.missed;
        }
        status.error = error;
    }
}
