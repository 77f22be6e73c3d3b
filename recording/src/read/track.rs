//! The values of a tag.

use std::collections::HashMap;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use indexmap::IndexMap;
use ndsharray::{DType, UnixTime};

use crate::error::{Problem, Result};
use crate::message::decode::{self, Decoded};
use crate::read::Inner;
use crate::read::channels::Declared;
use crate::read::index::{Location, Position, Values};
use crate::read::message::Message;
use crate::read::order::Clock;
use crate::read::records::{MessageHead, Raw};

/// The values that were recorded of a tag, in the order in which they were written. Nothing is read before it is asked for.
#[derive(Clone, Debug)]
pub struct Track {
    inner: Arc<Inner>,
    number: usize,
}

/// A dtype and shape that values of a tag have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrackLayout {
    /// The element type.
    pub dtype: DType,
    /// The length of each axis; `None` if the recording does not say it, since it differs from value to value.
    pub shape: Option<Vec<usize>>,
    /// How many values have it.
    pub values: usize,
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

    /// The value number `index`, counted from 0; `None` if there are fewer.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged), if the chunk that the value is in does not have the checksum that it says, if it
    /// does not decompress, or if the value does not fit what the recording says of it.
    pub fn get(&self, index: usize) -> Result<Option<Message>> {
        let Some(location) = self.locations().get(index) else { return Ok(None) };
        let Inner { file, index, .. } = &*self.inner;
        let Position { chunk, offset } = location.position;
        let records = index.chunks.records(file, chunk)?;
        let damaged = |problem: Problem| file.damaged(index.chunks.offset(chunk, offset), problem);
        let (_, data) = message_at(&records, location).map_err(damaged)?;
        let channel = &index.channels[&location.channel];
        let decoded = decode::decode(channel.schema, records.slice(data)).map_err(damaged)?;
        check_layout(channel.layout.as_ref(), &decoded).map_err(damaged)?;
        Ok(Some(Message::new(decoded, location.written_at)))
    }

    /// The values, one after the other.
    pub fn iter(&self) -> Messages {
        self.range(..)
    }

    /// The values with these numbers, from 0, one after the other. Numbers behind the last value are passed over.
    pub fn range(&self, numbers: impl RangeBounds<usize>) -> Messages {
        let start = match numbers.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match numbers.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => usize::MAX,
        };
        let end = end.min(self.len());
        Messages { track: self.clone(), left: start.min(end)..end }
    }

    /// When each value was written.
    pub fn written_at(&self) -> impl ExactSizeIterator<Item = UnixTime> {
        self.locations().iter().map(|location| location.written_at)
    }

    /// When each value was acquired, or else written.
    ///
    /// The index of a recording does not have these times. When they are first asked for, the head of each value is read; chunks that
    /// are compressed are decompressed for it. Checksums are not computed. A value that cannot be read counts as acquired when it was
    /// written.
    pub fn acquired_at(&self) -> impl ExactSizeIterator<Item = UnixTime> {
        self.published_at().iter().copied()
    }

    /// The number of the value that was written nearest to a time; of two that are as near, the one that was written earlier. `None` if
    /// there is no value.
    pub fn nearest(&self, time: impl Into<UnixTime>) -> Option<usize> {
        let time = time.into();
        let locations = self.locations();
        if !self.values().is_some_and(|values| values.ascending) {
            let by_distance = |(_, written): &(usize, UnixTime)| (written.abs_diff(time), *written);
            return self.written_at().enumerate().min_by_key(by_distance).map(|(index, _)| index);
        }
        let after = locations.partition_point(|location| location.written_at < time);
        let Some(before) = after.checked_sub(1) else { return (!locations.is_empty()).then_some(0) };
        let written = locations[before].written_at;
        match locations.get(after) {
            Some(later) if later.written_at.abs_diff(time) < written.abs_diff(time) => Some(after),
            _ => Some(locations.partition_point(|location| location.written_at < written)),
        }
    }

    /// The layouts of the values, in the order of their first values. The recording has them apart from the values. Only if it does not,
    /// because another program made it, values are read.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged).
    pub fn layouts(&self) -> Result<Vec<TrackLayout>> {
        let mut layouts: IndexMap<(DType, Option<Vec<usize>>), usize> = IndexMap::new();
        // Which of them a channel has that says it.
        let mut of_channels = HashMap::new();
        for (index, location) in self.locations().iter().enumerate() {
            if let Some(&number) = of_channels.get(&location.channel) {
                layouts[number] += 1;
                continue;
            }
            let declared = self.inner.index.channels[&location.channel].layout.as_ref();
            let entry = layouts.entry(self.layout_of(index, declared)?);
            if declared.is_some_and(|declared| declared.dtype.is_some()) {
                of_channels.insert(location.channel, entry.index());
            }
            *entry.or_insert(0) += 1;
        }
        let layouts = layouts.into_iter();
        Ok(layouts.map(|((dtype, shape), values)| TrackLayout { dtype, shape, values }).collect())
    }

    /// The layout of a value: as declared, if that says all.
    fn layout_of(&self, index: usize, declared: Option<&Declared>) -> Result<(DType, Option<Vec<usize>>)> {
        if let Some(Declared { dtype: Some(dtype), shape }) = declared {
            return Ok((dtype.clone(), shape.clone()));
        }
        let value = self.get(index)?.expect("there is such a value");
        let shape = declared.map_or_else(|| Some(value.shape().to_vec()), |declared| declared.shape.clone());
        Ok((value.dtype().clone(), shape))
    }

    /// The bytes of all arrays together, not compressed. Values are read only if the recording does not have their layouts apart from
    /// them, or if these differ from value to value.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged).
    pub fn nbytes(&self) -> Result<u64> {
        let mut nbytes = 0u64;
        let layouts = self.layouts()?;
        if layouts.iter().all(|layout| layout.shape.is_some()) {
            for TrackLayout { dtype, shape, values } in layouts {
                let lengths = shape.into_iter().flatten().map(|length| length as u64);
                let of_one = lengths.fold(dtype.itemsize() as u64, u64::saturating_mul);
                nbytes = nbytes.saturating_add(of_one.saturating_mul(values as u64));
            }
        } else {
            for value in self {
                nbytes += value?.bytes().len() as u64;
            }
        }
        Ok(nbytes)
    }

    /// The time of a value that there is.
    pub(super) fn time(&self, index: usize, by: Clock) -> UnixTime {
        match by {
            Clock::Written => self.locations()[index].written_at,
            Clock::Acquired => self.published_at()[index],
        }
    }

    /// The place of a value that there is.
    pub(super) fn position(&self, index: usize) -> Position {
        self.locations()[index].position
    }

    fn published_at(&self) -> &[UnixTime] {
        let Some(values) = self.values() else { return &[] };
        values.published_at.get_or_init(|| {
            let mut chunk = None;
            let mut published_at = |location: &Location| {
                let number = location.position.chunk;
                if chunk.as_ref().is_none_or(|(known, _)| *known != number) {
                    chunk =
                        Some((number, self.inner.index.chunks.unchecked_records(&self.inner.file, number)));
                }
                let (_, Ok(records)) = chunk.as_ref()? else { return None };
                message_at(records, location).ok().map(|(head, _)| UnixTime::from(head.publish_time))
            };
            values
                .locations
                .iter()
                .map(|location| published_at(location).unwrap_or(location.written_at))
                .collect()
        })
    }

    fn values(&self) -> Option<&Values> {
        self.inner.index.tracks.get_index(self.number).map(|(_, values)| values)
    }

    fn locations(&self) -> &[Location] {
        self.values().map_or(&[], |values| &values.locations)
    }
}

/// The head of the message that a location names, and where its data is in the records.
fn message_at(records: &[u8], location: &Location) -> Result<(MessageHead, Range<usize>), Problem> {
    let expected = "the message that the index says";
    let wrong = || ("another record".to_owned(), expected);
    let start = usize::try_from(location.position.offset).map_err(|_| wrong())?;
    let raw =
        Raw::at(records, start).filter(|raw| raw.opcode == mcap::records::op::MESSAGE).ok_or_else(wrong)?;
    let head = MessageHead::of(&records[raw.body.clone()]).ok_or_else(wrong)?;
    if (head.channel, UnixTime::from(head.log_time)) != (location.channel, location.written_at) {
        let found =
            format!("a message of channel {} written at {}", head.channel, UnixTime::from(head.log_time));
        return Err((found, expected));
    }
    Ok((head, raw.body.start + MessageHead::LENGTH..raw.body.end))
}

/// Checks that a value has the layout that its channel says.
fn check_layout(declared: Option<&Declared>, value: &Decoded) -> Result<(), Problem> {
    if declared.is_none_or(|declared| declared.fits(&value.dtype, &value.shape)) {
        return Ok(());
    }
    Err((format!("{} of shape {:?}", value.dtype, value.shape), "the layout that the channel says"))
}

/// Values of a tag, one after the other. Made by [`Track::iter`] and [`Track::range`]. A value that is damaged is an error, and others
/// follow.
#[derive(Clone, Debug)]
pub struct Messages {
    track: Track,
    left: Range<usize>,
}

impl Iterator for Messages {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        self.track.get(self.left.next()?).transpose()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        self.track.get(self.left.nth(n)?).transpose()
    }
}

impl DoubleEndedIterator for Messages {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.track.get(self.left.next_back()?).transpose()
    }
}

impl ExactSizeIterator for Messages {}

impl IntoIterator for &Track {
    type Item = Result<Message>;
    type IntoIter = Messages;

    fn into_iter(self) -> Messages {
        self.iter()
    }
}
