//! The values of a tag.

use std::sync::Arc;

use ndsharray::UnixTime;

use crate::error::{Error, Result};
use crate::message::decode;
use crate::read::Inner;
use crate::read::index::{Location, Position};
use crate::read::message::Message;
use crate::read::order::Clock;

/// The values that were recorded of a tag, in the order in which they were written. Nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub struct Track {
    inner: Arc<Inner>,
    number: usize,
}

impl Track {
    pub(super) fn new(inner: Arc<Inner>, number: usize) -> Self {
        Track { inner, number }
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        self.inner.index.tracks.get_index(self.number).map_or("", |(tag, _)| tag)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.locations().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.locations().is_empty()
    }

    /// The value number `index`, from 0; `None` if there are not so many.
    ///
    /// # Errors
    /// [`Error::Damaged`].
    pub fn get(&self, index: usize) -> Result<Option<Message>> {
        let Some(location) = self.locations().get(index) else { return Ok(None) };
        let bytes = self.inner.file.slice(location.start..location.end);
        let decoded = decode::decode(location.schema, bytes).map_err(|(found, expected)| Error::Damaged {
            path: self.inner.path.clone(),
            offset: location.start as u64,
            found,
            expected,
        })?;
        Ok(Some(Message::new(decoded, location.written_at)))
    }

    /// When each value was written.
    pub fn written_at(&self) -> impl ExactSizeIterator<Item = UnixTime> {
        self.locations().iter().map(|location| location.written_at)
    }

    /// When each value was acquired, or else written.
    pub fn acquired_at(&self) -> impl ExactSizeIterator<Item = UnixTime> {
        self.locations().iter().map(|location| location.published_at)
    }

    /// The number of the value that was written nearest to a time; `None` if there is no value.
    pub fn nearest(&self, time: impl Into<UnixTime>) -> Option<usize> {
        let time = time.into();
        self.written_at()
            .enumerate()
            .min_by_key(|(_, written)| written.abs_diff(time))
            .map(|(index, _)| index)
    }

    /// The time of a value that there is.
    pub(super) fn time(&self, index: usize, by: Clock) -> UnixTime {
        let location = &self.locations()[index];
        match by {
            Clock::Written => location.written_at,
            Clock::Acquired => location.published_at,
        }
    }

    /// The place of a value that there is.
    pub(super) fn position(&self, index: usize) -> Position {
        Position(self.locations()[index].start)
    }

    fn locations(&self) -> &[Location] {
        self.inner.index.tracks.get_index(self.number).map_or(&[], |(_, locations)| locations)
    }
}
