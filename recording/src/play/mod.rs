//! Playing a recording: its values are written to a store again, each at its time.
//!
//! `ahead` reads values before their time, through a `queue`; `timing` collects how late they are written; `options` chooses what
//! is played, and opens the writers.

mod ahead;
pub(crate) mod options;
mod queue;
pub(crate) mod timing;

use std::time::{Duration, Instant};

use ndsharray::Writer;

use crate::error::Result;
use crate::play::ahead::{Ahead, Plan, Ready};
use crate::play::queue::Taken;
use crate::play::timing::{Lateness, Timing};

/// The longest that a step waits, whatever its caller says: some limit that can be added to any time.
const LONGEST_STEP: Duration = Duration::from_secs(3600);

/// Writes the values of a recording to a store again, each at its time. Made by [`PlayerOptions::open`](crate::PlayerOptions::open).
///
/// Values keep dtype, shape, bytes, user data or attributes, and the time of acquisition. Their versions and times of writing are new. The
/// time at which a value was originally written is its [`source_written_at`](ndsharray::Snapshot::source_written_at); one that was a copy
/// when it was recorded keeps the time at its first source.
///
/// The tags are ephemeral: dropping the player removes them, with what readers have not read yet. Keep the player for a moment after the
/// last value, so that readers catch up.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("run.mcap");
/// # let store = ndsharray::Store::open(directory.path())?;
/// # store.writer("pose")?.write_slice(&[1.0, 2.0], &[2])?;
/// # let value = store.reader("pose")?.latest()?;
/// # let mut writer = ndsharray_recording::RecordingOptions::new().min_free(0).create(&path)?;
/// # writer.append(&ndsharray_recording::Value::of("pose", &value)?)?;
/// # writer.finish()?;
/// # store.remove("pose")?;
/// use std::time::Duration;
/// use ndsharray_recording::{PlayerOptions, Recording, Step};
///
/// let recording = Recording::open(&path)?;
/// let mut player = PlayerOptions::new().speed(2.0).open(&recording, &store)?;
/// // A program that has something else to do, too, takes shorter steps.
/// while player.step(Duration::from_secs(1))? != Step::Ended {}
/// assert_eq!(store.reader("pose")?.latest()?.as_slice::<f64>()?, [1.0, 2.0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Player {
    writers: Vec<Writer>,
    ahead: Ahead,
    /// Infinite: no value waits for its time.
    speed: f64,
    length: Duration,
    /// When the first value was there: the times of all are counted from here, so that errors do not add up.
    started: Option<Instant>,
    next: Option<Box<Ready>>,
    position: Duration,
    values: u64,
    nbytes: u64,
    rounds: u64,
    lateness: Lateness,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A value was written.
    Played,
    /// The time of the next value has not come yet.
    NotYet,
    /// There is no further value.
    Ended,
}

/// What was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Played {
    /// How many values.
    pub values: u64,
    /// The bytes of their elements.
    pub nbytes: u64,
    /// How many rounds were begun: more than 1 only if the recording is repeated.
    pub rounds: u64,
    /// How late they were; `None` if there was none, or if they did not wait for their time.
    pub timing: Option<Timing>,
}

impl Player {
    fn start(writers: Vec<Writer>, plan: Plan, speed: f64, length: Duration) -> Result<Self> {
        let position = plan.from;
        let ahead = Ahead::start(plan)?;
        Ok(Player {
            writers,
            ahead,
            speed,
            length,
            started: None,
            next: None,
            position,
            values: 0,
            nbytes: 0,
            rounds: 0,
            lateness: Lateness::new(),
        })
    }

    /// Writes the next value when its time has come. Waits at most `patience` for that.
    ///
    /// The first value starts the clock; from then on, a caller that takes no steps makes values late.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged), and those of [`ndsharray::Writer`]: the tag was removed, or the store is full. The
    /// next step goes on after the value.
    pub fn step(&mut self, patience: Duration) -> Result<Step> {
        let until = Instant::now() + patience.min(LONGEST_STEP);
        let ready = match self.next.take() {
            Some(ready) => ready,
            None => match self.ahead.next(until) {
                Taken::Value(ready) => ready?,
                Taken::NotYet => return Ok(Step::NotYet),
                Taken::End => return Ok(Step::Ended),
            },
        };
        let started = *self.started.get_or_insert_with(Instant::now);
        let due = self.speed.is_finite().then(|| started + ready.offset.div_f64(self.speed));
        if due.is_some_and(|due| due > until) {
            self.next = Some(ready);
            sleep_until(until);
            return Ok(Step::NotYet);
        }
        write(&mut self.writers[ready.tag], &ready, due)?;
        if let Some(due) = due {
            self.lateness.add(due.elapsed());
        }
        self.position = ready.position;
        self.values += 1;
        self.nbytes += ready.bytes.len() as u64;
        self.rounds = ready.round + 1;
        Ok(Step::Played)
    }

    /// Where the last value that was written is in the recording: how long after its start.
    pub fn position(&self) -> Duration {
        self.position
    }

    /// How long the recording is: from its first value to its last, over all tags.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// What was played until now.
    pub fn played(&self) -> Played {
        Played {
            values: self.values,
            nbytes: self.nbytes,
            rounds: self.rounds,
            timing: self.lateness.timing(),
        }
    }
}

/// Writes a value when it is due. All but the publishing is done before.
fn write(writer: &mut Writer, ready: &Ready, due: Option<Instant>) -> ndsharray::Result<()> {
    let mut loan = writer.loan_bytes(&ready.dtype, &ready.shape)?;
    let memory = loan.as_mut_slice();
    if memory.len() == ready.bytes.len() {
        memory.copy_from_slice(&ready.bytes);
        loan.set_meta(ready.meta.clone());
        sleep_until(due.unwrap_or_else(Instant::now));
        loan.publish()?;
    } else {
        // The writer is at its end, and this says why.
        drop(loan);
        writer.write_bytes_with(&ready.dtype, &ready.shape, &ready.bytes, &ready.meta)?;
    }
    Ok(())
}

/// Sleeps until a time of the monotonic clock.
fn sleep_until(time: Instant) {
    loop {
        let left = time.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left);
    }
}
