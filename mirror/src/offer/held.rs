//! How far a receiver has come with a tag: which values it was sent. A receiver takes the latest value, or each value in order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use ndsharray::{Reader, Store, ValueId};

use crate::offer::frames::Frames;
use crate::offer::memory::Memory;
use crate::wire::message::AskValue;
use crate::wire::value;

/// In "each value" mode, no further value is put into an answer that has this many bytes.
const BATCH: usize = 256 << 10;
/// In "each value" mode, the most answers that are kept until the receiver says that they arrived.
const MOST_UNCONFIRMED: usize = 2;
/// The most values that are looked at in a tag's history. No writer keeps more.
const LONGEST_HISTORY: usize = 256;

/// How far a receiver has come with a tag.
#[derive(Debug)]
pub(super) struct Held {
    reader: Reader,
    /// The number of the question that was answered last.
    answered: u64,
    /// The value that was sent last.
    sent: Option<ValueId>,
    /// In "each value" mode: the answers that may not have arrived.
    unconfirmed: VecDeque<Batch>,
    /// In "each value" mode: the receiver has the values up to this one, so they are not sent.
    skip: Option<ValueId>,
    has_begun: bool,
    memory: Memory,
}

/// Values that go in one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub frames: Bytes,
    /// The last value of this answer, be it sent or passed over.
    pub cursor: Option<ValueId>,
    /// Why a value was passed over, or why none is sent.
    pub error: Option<String>,
    pub missed: u64,
    pub values: u64,
    /// If set, `Held::fill` still has to put in the latest value. It has about so many bytes.
    pub wants: Option<usize>,
}

impl Held {
    pub fn new(reader: Reader, memory: Memory) -> Self {
        Held {
            reader,
            answered: 0,
            sent: None,
            unconfirmed: VecDeque::new(),
            skip: None,
            has_begun: false,
            memory,
        }
    }

    /// The answer to a question. Waits until there is something to send.
    pub async fn next(&mut self, ask: &AskValue, store: &Store) -> ndsharray::Result<Batch> {
        if ask.number == 1 && (self.answered > 0 || self.has_begun) {
            // The receiver begins anew: its connection was lost, or the tag had gone. This question says what the receiver has now.
            *self = Held::new(store.reader(self.reader.tag())?, self.memory.clone());
        }
        if ask.every { self.each(ask, store).await } else { self.latest(ask).await }
    }

    /// Puts the latest value into an answer that wants one. Called only when the answer can be sent, so that no copy waits in memory.
    ///
    /// # Errors
    /// Those of [`Reader::latest`].
    pub async fn fill(
        &mut self,
        batch: &mut Batch,
        ask: &AskValue,
        frames: &Arc<Frames>,
    ) -> ndsharray::Result<()> {
        if batch.wants.take().is_none() {
            return Ok(());
        }
        let value = self.reader.read().and_then(|_| self.reader.latest())?;
        let (id, nbytes) = (value.id(), value.bytes().len());
        if nbytes as u64 > ask.most_bytes {
            *batch = Batch::too_large(id, nbytes, ask.most_bytes);
            return Ok(());
        }
        let (frames, tag) = (frames.clone(), self.reader.tag().to_owned());
        let made = tokio::task::spawn_blocking(move || frames.of(&tag, &value)).await;
        match made.ok().flatten() {
            Some(frame) => (batch.frames, batch.cursor, batch.values) = (frame, Some(id), 1),
            None => *batch = Batch::too_much(),
        }
        Ok(())
    }

    /// Notes that the question with this number is answered with this batch.
    pub fn answered(&mut self, number: u64, batch: &Batch) {
        self.answered = number;
        if batch.cursor.is_some() {
            self.sent = batch.cursor;
        }
    }

    /// Waits until the latest value is one that the receiver does not have. The answer only says its size; `fill` puts it in.
    async fn latest(&mut self, ask: &AskValue) -> ndsharray::Result<Batch> {
        let has = if self.follows(ask) { self.sent } else { ask.after.parse().ok() };
        loop {
            // The value that this returns counts as seen, so `changed` waits for the next one.
            match self.reader.read().and_then(|_| self.reader.latest()) {
                Ok(value) if has != Some(value.id()) => {
                    return Ok(Batch { wants: Some(value.bytes().len()), ..Batch::default() });
                }
                // The receiver has this value, or nothing was written yet.
                Ok(_) | Err(ndsharray::Error::Empty { .. }) => {}
                Err(error) => return Err(error),
            }
            self.reader.changed().await?;
        }
    }

    /// The next values, in order. An answer that did not arrive is sent again.
    async fn each(&mut self, ask: &AskValue, store: &Store) -> ndsharray::Result<Batch> {
        if !self.follows(ask) {
            let arrived = ask.after.parse::<ValueId>().ok();
            if let Some(at) = self.unconfirmed.iter().position(|batch| batch.cursor == arrived) {
                self.unconfirmed.drain(..=at);
            }
            if let Some(again) = self.unconfirmed.front() {
                return Ok(again.clone());
            }
        }
        if !std::mem::replace(&mut self.has_begun, true) {
            self.skip = self.had(store, ask);
        }
        loop {
            // It is checked each time round, since one new value wakes all receivers that wait for it.
            if self.memory.is_full() {
                return Ok(Batch::too_much());
            }
            if let Some(batch) = self.collect(ask.most_bytes)? {
                if self.unconfirmed.len() >= MOST_UNCONFIRMED {
                    self.unconfirmed.pop_front();
                }
                self.unconfirmed.push_back(batch.clone());
                return Ok(batch);
            }
            self.reader.changed().await?;
        }
    }

    /// Whether the last answer counts as arrived, since the receiver asked this question while the one before was open.
    fn follows(&self, ask: &AskValue) -> bool {
        ask.follows && ask.number == self.answered.wrapping_add(1)
    }

    /// The value that the receiver's store has, if this store still keeps it.
    fn had(&self, store: &Store, ask: &AskValue) -> Option<ValueId> {
        if ask.last_written_at == 0 {
            return None;
        }
        let mut reader = store.reader(self.reader.tag()).ok()?;
        for _ in 0..LONGEST_HISTORY {
            let value = reader.read_next().ok()??;
            if value::written_at(&value) == ask.last_written_at {
                return Some(value.id());
            }
        }
        None
    }

    /// The values that were not sent yet, as many as fit into an answer; `None` if there are none.
    fn collect(&mut self, most_bytes: u64) -> ndsharray::Result<Option<Batch>> {
        let mut frames = Vec::new();
        let mut batch = Batch::default();
        while frames.len() < BATCH {
            let Some(value) = self.reader.read_next()? else { break };
            let (id, nbytes) = (value.id(), value.bytes().len());
            if self.skip.is_some_and(|skip| skip.origin() == id.origin() && id.version() <= skip.version()) {
                continue;
            }
            batch.cursor = Some(id);
            if nbytes as u64 > most_bytes {
                batch.error = Batch::too_large(id, nbytes, most_bytes).error;
                break;
            }
            value::append(&value, &mut frames);
            batch.values += 1;
        }
        batch.frames = self.memory.count(frames).into();
        batch.missed = self.reader.missed();
        Ok(batch.cursor.is_some().then_some(batch))
    }
}

impl Batch {
    /// An answer that says: the values on their way use too much memory.
    fn too_much() -> Self {
        let error = "the source has too much on its way to others".to_owned();
        Batch { error: Some(error), ..Batch::default() }
    }

    /// An answer that says: the receiver does not take a value of that size.
    fn too_large(id: ValueId, nbytes: usize, most: u64) -> Self {
        let error = format!("a value of {nbytes} bytes is larger than the {most} that the receiver takes");
        Batch { cursor: Some(id), error: Some(error), ..Batch::default() }
    }
}
