//! The last seconds, kept in memory until a trigger.

use std::time::Duration;

use ndsharray::Snapshot;

use crate::error::Result;
use crate::record::held::Queue;
use crate::record::tags::Tags;
use crate::value::Value;
use crate::write::{self, RecordingWriter};

/// So many bytes are handed to the writer before values are collected again.
const BYTES_A_TURN: usize = 16 << 20;

/// Values that are not recorded yet: before the trigger the last ones; after it those that wait for the disk, with all that come
/// behind them.
#[derive(Debug)]
pub(super) struct Pretrigger {
    queue: Queue,
    time: Duration,
    is_triggered: bool,
}

impl Pretrigger {
    pub fn new(time: Duration, memory: usize) -> Self {
        Pretrigger { queue: Queue::new(memory), time, is_triggered: false }
    }

    pub fn is_triggered(&self) -> bool {
        self.is_triggered
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Keeps a copy of a value.
    pub fn push(&mut self, number: usize, missed: u64, snapshot: &Snapshot, value: &Value<'_>) -> Result<()> {
        write::check(value)?;
        self.queue.push(number, missed, snapshot, value, self.is_triggered);
        Ok(())
    }

    /// From now on what is kept is recorded.
    pub fn trigger(&mut self, tags: &mut Tags) {
        if self.is_triggered {
            return;
        }
        self.is_triggered = true;
        self.queue.drop_older(self.time);
        // What was missed before the first value of a tag does not count.
        let mut first = vec![None; tags.len()];
        for held in self.queue.iter() {
            first[held.tag].get_or_insert(held.missed);
        }
        for (tag, first) in tags.iter_mut().zip(first) {
            tag.begin(first.unwrap_or_else(|| tag.all_missed()));
        }
    }

    /// Before the trigger: drops what is too old. After it: hands values to the writer, as long as that does not wait for the disk.
    /// If memory is full, waiting it is: values that come meanwhile are missed, and counted. `all` hands over everything.
    pub fn pass_on(&mut self, tags: &mut Tags, writer: &mut RecordingWriter, all: bool) -> Result<()> {
        if !self.is_triggered {
            self.queue.expire(self.time);
            return Ok(());
        }
        let mut passed = 0;
        while let Some(held) = self.queue.front() {
            let must = all || self.queue.is_over();
            if !must && (writer.is_behind() || passed >= BYTES_A_TURN) {
                return Ok(());
            }
            let tag = tags.get_mut(held.tag);
            let value = held.value(tag.name());
            passed += value.bytes.len();
            let outcome = writer.append(&value);
            tag.outcome(outcome)?;
            self.queue.pop();
        }
        Ok(())
    }

    /// Whether all was recorded, so that values can be recorded as they come.
    pub fn is_over(&self) -> bool {
        self.is_triggered && self.queue.len() == 0
    }
}
