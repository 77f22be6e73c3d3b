//! The values of several tags in one order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ndsharray::UnixTime;

use crate::read::Recording;
use crate::read::index::Position;
use crate::read::track::Track;

/// Which of the times of a value orders it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Clock {
    /// When it was written.
    #[default]
    Written,
    /// When it was acquired, or else written.
    Acquired,
}

/// The values of several tags in the order of a clock. Made by [`Recording::in_order`].
///
/// Each item is a value's tag, as an index into the tags that were given, its number in the [`Track`], and its time.
#[derive(Clone, Debug)]
pub struct InOrder {
    /// `None` for the order of the file.
    by: Option<Clock>,
    /// `None` for a tag that the recording does not have.
    tracks: Vec<Option<Sorted>>,
    /// The next value of each track that has one.
    next: BinaryHeap<Reverse<Next>>,
    left: usize,
}

/// A track, in the order of its times.
#[derive(Clone, Debug)]
struct Sorted {
    track: Track,
    /// The numbers of its values; `None` if their times ascend as they are.
    numbers: Option<Vec<usize>>,
}

/// A value that may be the next; the smallest is. Of those with the same time, the first in the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    time: UnixTime,
    position: Position,
    tag: usize,
    /// Where it is in its sorted track.
    nth: usize,
}

impl Recording {
    /// The values of some tags in the order of their times. Each item is `(tag, value, time)`: the number of the tag in `tags`, the
    /// number of the value in its [`Track`], and the time. A tag that the recording does not have has no values.
    ///
    /// No value is read, except that [`Clock::Acquired`] reads the heads of the messages, as [`Track::acquired_at`] does. Values that
    /// were recorded at the same time lie beside each other in the file. So reading them in the order of writing reads the file from its
    /// start to its end.
    pub fn in_order(&self, tags: &[&str], by: Clock) -> InOrder {
        InOrder::of(self, tags, Some(by))
    }

    /// All values in the order of the file, each as its track and its number there.
    pub(crate) fn in_file_order(&self) -> impl Iterator<Item = (Track, usize)> {
        let tags = self.tags().collect::<Vec<_>>();
        let tracks = tags.iter().filter_map(|tag| self.track(tag).ok()).collect::<Vec<_>>();
        InOrder::of(self, &tags, None).map(move |(tag, index, _)| (tracks[tag].clone(), index))
    }
}

impl InOrder {
    fn of(recording: &Recording, tags: &[&str], by: Option<Clock>) -> Self {
        let mut order = InOrder { by, tracks: Vec::new(), next: BinaryHeap::new(), left: 0 };
        for (tag, name) in tags.iter().enumerate() {
            let sorted = recording.track(name).ok().map(|track| Sorted::new(track, by));
            order.left += sorted.as_ref().map_or(0, |sorted| sorted.track.len());
            order.tracks.push(sorted);
            order.next.extend(order.candidate(tag, 0).map(Reverse));
        }
        order
    }

    fn number(&self, tag: usize, nth: usize) -> Option<usize> {
        self.tracks[tag].as_ref()?.number(nth)
    }

    fn candidate(&self, tag: usize, nth: usize) -> Option<Next> {
        let number = self.number(tag, nth)?;
        let track = &self.tracks[tag].as_ref()?.track;
        Some(Next { time: time(track, number, self.by), position: track.position(number), tag, nth })
    }
}

impl Iterator for InOrder {
    type Item = (usize, usize, UnixTime);

    fn next(&mut self) -> Option<Self::Item> {
        let Reverse(Next { time, tag, nth, .. }) = self.next.pop()?;
        self.next.extend(self.candidate(tag, nth + 1).map(Reverse));
        self.left -= 1;
        Some((tag, self.number(tag, nth)?, time))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for InOrder {}

impl Sorted {
    fn new(track: Track, by: Option<Clock>) -> Self {
        let ascending =
            (1..track.len()).all(|number| time(&track, number - 1, by) <= time(&track, number, by));
        let numbers = (!ascending).then(|| {
            let mut numbers = (0..track.len()).collect::<Vec<_>>();
            // Stable: values of the same time stay in their order.
            numbers.sort_by_key(|&number| time(&track, number, by));
            numbers
        });
        Sorted { track, numbers }
    }

    fn number(&self, nth: usize) -> Option<usize> {
        match &self.numbers {
            Some(numbers) => numbers.get(nth).copied(),
            None => (nth < self.track.len()).then_some(nth),
        }
    }
}

/// The time that orders a value; the same for all, if none does.
fn time(track: &Track, number: usize, by: Option<Clock>) -> UnixTime {
    by.map_or(UnixTime::from(0), |by| track.time(number, by))
}
