//! Reading ahead: a thread has the next values in memory before their time comes.

use std::hint::black_box;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ndsharray::{DType, Meta, UnixTime};

use crate::error::{Error, Result};
use crate::play::queue::{EndOfValues, Queue, Taken};
use crate::read::Recording;
use crate::read::message::Message;
use crate::read::order::Clock;
use crate::write::options::Compression;

/// The smallest page there is: reading one byte of each has the whole in memory.
const PAGE: usize = 4096;
/// The pause before the next round if the values of a round have no distance that could tell it.
const PAUSE: Duration = Duration::from_secs(1);

/// What is read.
#[derive(Debug)]
pub(super) struct Plan {
    pub recording: Recording,
    /// The tags, as the recording names them.
    pub tags: Vec<String>,
    pub by: Clock,
    /// The time from which positions count.
    pub start: UnixTime,
    pub from: Duration,
    pub to: Option<Duration>,
    /// Whether to begin again after the last value.
    pub repeats: bool,
}

/// A value that is in memory.
#[derive(Debug)]
pub(super) struct Ready {
    /// An index into the tags of the plan.
    pub tag: usize,
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// The elements: a part of the mapped file, or a copy of what was decompressed. A part of that would keep all of its chunk in
    /// memory.
    pub bytes: Bytes,
    pub meta: Meta,
    /// Where it is in the recording.
    pub position: Duration,
    /// How long after the start of playing it is to be written, at original speed.
    pub offset: Duration,
    /// 0 for the first round.
    pub round: u64,
}

type Values = Queue<Result<Box<Ready>>>;

/// The values of a plan, read by a thread. Dropping it ends the thread.
#[derive(Debug)]
pub(super) struct Ahead {
    queue: Arc<Values>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    pub fn start(plan: Plan) -> Result<Self> {
        let queue = Arc::new(Queue::new());
        let path = plan.recording.path().to_owned();
        let fill = queue.clone();
        let read = move || {
            let _end = EndOfValues(&fill);
            if let Err(error) = plan.read(&fill) {
                fill.push(Err(error), 0);
            }
        };
        let thread = std::thread::Builder::new().name("ndsharray-play".to_owned()).spawn(read);
        let thread = thread.map_err(|error| Error::io(&path, "start a thread that reads", error))?;
        Ok(Ahead { queue, thread: Some(thread) })
    }

    /// The next value, for which it waits until a time.
    pub fn next(&mut self, until: Instant) -> Taken<Result<Box<Ready>>> {
        let taken = self.queue.pop(until);
        if matches!(taken, Taken::End) {
            if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
                std::panic::resume_unwind(panic);
            }
        }
        taken
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Plan {
    fn read(&self, queue: &Values) -> Result<()> {
        let tags: Vec<&str> = self.tags.iter().map(String::as_str).collect();
        let tracks = tags.iter().map(|tag| self.recording.track(tag)).collect::<Result<Vec<_>>>()?;
        let copies = self.recording.compression() != Compression::None;
        let mut begun = Duration::ZERO;
        for round in 0.. {
            let (mut values, mut length) = (0, Duration::ZERO);
            for (tag, number, time) in self.recording.in_order(&tags, self.by) {
                let position = time.abs_diff(self.start);
                if position < self.from {
                    continue;
                }
                if self.to.is_some_and(|to| position > to) {
                    break;
                }
                (values, length) = (values + 1, position - self.from);
                let offset = begun.saturating_add(length);
                let ready = |message: Message| {
                    let meta = meta(&message)?;
                    let bytes =
                        if copies { Bytes::copy_from_slice(message.bytes()) } else { message.to_bytes() };
                    touch(&bytes);
                    let (dtype, shape) = (message.dtype().clone(), message.shape().to_vec());
                    Ok(Box::new(Ready { tag, dtype, shape, bytes, meta, position, offset, round }))
                };
                // An error is the player's to say. It goes on after it if its caller does.
                let value = tracks[tag].get(number).and_then(|message| message.map(ready).transpose());
                let Some(value) = value.transpose() else { continue };
                let nbytes = value.as_ref().map_or(0, |ready| ready.bytes.len());
                if !queue.push(value, nbytes) {
                    return Ok(());
                }
            }
            if !self.repeats || values == 0 {
                break;
            }
            begun = begun.saturating_add(length).saturating_add(pause(values, length));
        }
        Ok(())
    }
}

/// What travels with a value.
fn meta(message: &Message) -> ndsharray::Result<Meta> {
    let meta = match message.attributes_json() {
        Some(text) => Meta::new().attributes_json(text)?,
        None => Meta::new().user_data(message.user_data())?,
    };
    let meta = meta.source_written_at(message.source_written_at().unwrap_or(message.written_at()));
    Ok(match message.acquired_at() {
        Some(time) => meta.acquired_at(time),
        None => meta,
    })
}

/// How long after the last value of a round the next one begins: as long as two values are apart in the mean.
fn pause(values: u32, length: Duration) -> Duration {
    let mean = if values > 1 { length / (values - 1) } else { Duration::ZERO };
    if mean.is_zero() { PAUSE } else { mean }
}

/// Has the bytes in memory: those of a mapped file are read from the disk now, and not when the value is copied.
fn touch(bytes: &[u8]) {
    black_box(bytes.iter().step_by(PAGE).fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_as_far_apart_as_values() {
        let millis = Duration::from_millis;
        assert_eq!(pause(10, millis(450)), millis(50));
        assert_eq!((pause(1, millis(0)), pause(5, millis(0)), pause(0, millis(0))), (PAUSE, PAUSE, PAUSE));
    }
}
