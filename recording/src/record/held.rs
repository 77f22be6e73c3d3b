//! Values that wait in memory until they are recorded.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ndsharray::{DType, Snapshot, UnixTime};

use crate::value::Value;

/// Copies of values, in the order in which they came. They take at most so much memory; the buffers of those that went are used
/// again.
#[derive(Debug)]
pub(super) struct Queue {
    held: VecDeque<Held>,
    /// What the values take, and what is spare.
    nbytes: usize,
    most: usize,
    /// Values that went, by the size of their buffer.
    spare: BTreeMap<usize, Vec<Held>>,
}

/// A copy of a value.
#[derive(Debug)]
pub(super) struct Held {
    /// The number of its tag.
    pub tag: usize,
    /// How many of its tag were missed until it came.
    pub missed: u64,
    /// When it was written, by the clock that nobody sets.
    written: Instant,
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
    user_data: Vec<u8>,
    has_attributes: bool,
    version: u64,
    written_at: UnixTime,
    acquired_at: Option<UnixTime>,
    source_written_at: Option<UnixTime>,
}

impl Queue {
    pub fn new(most: usize) -> Self {
        Queue { held: VecDeque::new(), nbytes: 0, most, spare: BTreeMap::new() }
    }

    /// Adds a value. Unless `keeps`, the oldest ones are dropped to make room; one that is too large for all of it is not taken, and
    /// those of its tag before it are dropped, so that the tag has no gap. The other tags keep theirs.
    pub fn push(&mut self, tag: usize, missed: u64, snapshot: &Snapshot, value: &Value<'_>, keeps: bool) {
        let wanted = value.bytes.len();
        let mut held = self.take_spare(wanted).unwrap_or_else(|| Held::new(value));
        let nbytes = held.nbytes_for(value);
        if !keeps && nbytes > self.most {
            self.retain(|held| held.tag != tag);
            return;
        }
        while self.nbytes + nbytes > self.most && self.drop_spare() {}
        while !keeps && self.nbytes + nbytes > self.most && self.drop_oldest() {}
        held.set(tag, missed, snapshot, value);
        self.nbytes += held.nbytes();
        self.held.push_back(held);
    }

    /// Drops the oldest values while they are older than that.
    pub fn expire(&mut self, age: Duration) {
        while self.held.front().is_some_and(|held| held.written.elapsed() > age) {
            self.pop();
        }
    }

    /// Drops all values that are older than that, also those behind younger ones.
    pub fn drop_older(&mut self, age: Duration) {
        self.retain(|held| held.written.elapsed() <= age);
    }

    fn retain(&mut self, is_kept: impl Fn(&Held) -> bool) {
        let nbytes = &mut self.nbytes;
        self.held.retain(|held| {
            let is_kept = is_kept(held);
            *nbytes -= if is_kept { 0 } else { held.nbytes() };
            is_kept
        });
    }

    pub fn front(&self) -> Option<&Held> {
        self.held.front()
    }

    /// Ends with the oldest value: its memory becomes spare.
    pub fn pop(&mut self) {
        if let Some(held) = self.held.pop_front() {
            self.spare.entry(held.bytes.capacity()).or_default().push(held);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether it takes more memory than it may.
    pub fn is_over(&self) -> bool {
        self.nbytes > self.most
    }

    /// A spare value whose buffer has room for so many bytes, and not for many more.
    fn take_spare(&mut self, wanted: usize) -> Option<Held> {
        let (&capacity, spare) = self.spare.range_mut(wanted..=wanted + wanted / 4 + 64).next()?;
        let held = spare.pop();
        if spare.is_empty() {
            self.spare.remove(&capacity);
        }
        self.nbytes -= held.as_ref().map_or(0, Held::nbytes);
        held
    }

    fn drop_spare(&mut self) -> bool {
        let Some(mut entry) = self.spare.last_entry() else { return false };
        self.nbytes -= entry.get_mut().pop().map_or(0, |held| held.nbytes());
        if entry.get().is_empty() {
            entry.remove();
        }
        true
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(held) = self.held.pop_front() else { return false };
        self.nbytes -= held.nbytes();
        true
    }
}

impl Held {
    fn new(value: &Value<'_>) -> Self {
        Held {
            tag: 0,
            missed: 0,
            written: Instant::now(),
            dtype: value.dtype.clone(),
            shape: Vec::new(),
            bytes: Vec::new(),
            user_data: Vec::new(),
            has_attributes: false,
            version: 0,
            written_at: value.written_at,
            acquired_at: None,
            source_written_at: None,
        }
    }

    fn set(&mut self, tag: usize, missed: u64, snapshot: &Snapshot, value: &Value<'_>) {
        let now = Instant::now();
        self.tag = tag;
        self.missed = missed;
        self.written = now.checked_sub(snapshot.age()).unwrap_or(now);
        if self.dtype != *value.dtype {
            self.dtype = value.dtype.clone();
        }
        replace(&mut self.shape, value.shape);
        replace(&mut self.bytes, value.bytes);
        replace(&mut self.user_data, value.user_data);
        self.has_attributes = value.attributes.is_some();
        self.version = value.version;
        self.written_at = value.written_at;
        self.acquired_at = value.acquired_at;
        self.source_written_at = value.source_written_at;
    }

    /// What is recorded of it. Attributes are the text of the user data.
    pub fn value<'a>(&'a self, tag: &'a str) -> Value<'a> {
        let attributes = std::str::from_utf8(&self.user_data).ok().filter(|_| self.has_attributes);
        Value {
            tag,
            dtype: &self.dtype,
            shape: &self.shape,
            bytes: &self.bytes,
            user_data: &self.user_data,
            attributes,
            version: self.version,
            written_at: self.written_at,
            acquired_at: self.acquired_at,
            source_written_at: self.source_written_at,
        }
    }

    /// The memory that it takes.
    fn nbytes(&self) -> usize {
        size_of::<Held>() + 8 * self.shape.capacity() + self.bytes.capacity() + self.user_data.capacity()
    }

    /// The memory that it will take with that value.
    fn nbytes_for(&self, value: &Value<'_>) -> usize {
        size_of::<Held>()
            + 8 * self.shape.capacity().max(value.shape.len())
            + self.bytes.capacity().max(value.bytes.len())
            + self.user_data.capacity().max(value.user_data.len())
    }
}

fn replace<T: Copy>(vec: &mut Vec<T>, with: &[T]) {
    vec.clear();
    // Exactly: what is held is counted.
    vec.reserve_exact(with.len());
    vec.extend_from_slice(with);
}
