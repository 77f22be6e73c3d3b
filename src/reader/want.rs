//! Which value a reader is after, and in which slot that is.

use std::time::Duration;

use crate::format::record::Record;
use crate::reader::follow::Follower;
use crate::shm::segment::Segment;
use crate::sync::Ordering;
use crate::sync::{history, pin};
use crate::time::UnixTime;

/// Which of the values that are there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    Latest,
    /// The first of those from which on none is missing.
    First,
    /// The oldest that is newer than the value of this ordinal. It may be in the slot behind the one that was taken last.
    After(u64, usize),
    /// The one that was acquired nearest to a time, if that is not further away.
    Near(UnixTime, Option<Duration>),
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub slot: usize,
    pub version: u64,
}

impl Place {
    /// That of the latest value.
    #[inline(always)]
    pub fn of(record: &Record) -> Self {
        Place { slot: record.slot as usize, version: record.stamp.version }
    }
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// There, when it was looked at.
    At(Place),
    /// No value is near enough.
    Nothing,
    /// Values were replaced meanwhile: look again.
    Again,
}

impl Want {
    /// Looks for the value among those of a segment. `record` is the one in use.
    #[inline]
    pub fn find(self, follower: &Follower, segment: &Segment, record: &Record) -> Found {
        let latest = Place::of(record);
        match self {
            Want::Latest => Found::At(latest),
            Want::First => found(history::first(segment.contents(), latest.version)),
            Want::After(ordinal, slot) => {
                // Looked up each time: the tag may have another header by now.
                let version = follower.version_of(ordinal);
                match latest.version.checked_sub(version) {
                    None | Some(0) => Found::Nothing,
                    Some(1) => Found::At(latest),
                    Some(_) => next(segment, version, slot, latest.version),
                }
            }
            Want::Near(time, within) => nearest(segment, time, within, latest.version),
        }
    }
}

impl Want {
    /// What a reader that copies without a pin is after next, when the value that it was copying was overwritten: with each
    /// that is overtaken so it passes more values over. Else a writer that is faster than a copy would take each from it.
    pub fn later(self, follower: &Follower, place: Place, record: &Record, overtaken: u32) -> Self {
        let slot = match self {
            Want::After(_, slot) if overtaken > 0 => slot,
            Want::First if overtaken > 0 => 0,
            _ => return self,
        };
        let after = place.version + (1 << (overtaken - 1).min(7));
        // Not past the latest one.
        let after = after.min(record.stamp.version.saturating_sub(1));
        Want::After(follower.ordinal(after), slot)
    }
}

/// The oldest value that is newer than `after`. A stream goes through its slots in turn, so the next value is seldom far from
/// the last.
fn next(segment: &Segment, after: u64, slot: usize, last: u64) -> Found {
    let wanted = after + 1;
    let has = |slot: usize| {
        // Acquire: as in `history`, and it is looked at again under the pin. It is not above `last`.
        segment.content(slot).load(Ordering::Acquire) == wanted
    };
    let limit = segment.identity().limit;
    if let Some(slot) = [(slot + 1) % limit, 0].into_iter().find(|&slot| has(slot)) {
        return Found::At(Place { slot, version: wanted });
    }
    found(history::oldest(segment.contents(), after, last))
}

fn found(place: Option<(usize, u64)>) -> Found {
    place.map_or(Found::Again, |(slot, version)| Found::At(Place { slot, version }))
}

/// The value whose time is the nearest; of two the newer one.
fn nearest(segment: &Segment, time: UnixTime, within: Option<Duration>, last: u64) -> Found {
    let mut best: Option<(Duration, Place)> = None;
    for slot in 0..segment.identity().limit {
        let content = segment.content(slot);
        let version = content.load(Ordering::Acquire);
        if version == 0 || version > last {
            continue;
        }
        let mut line = None;
        if !pin::copy_unpinned(content, version, || line = Some(segment.read_line(slot))) {
            continue;
        }
        let Some(line) = line else { continue };
        let (distance, place) = (line.taken_at().abs_diff(time), Place { slot, version });
        let is_better = best
            .is_none_or(|(least, found)| distance < least || distance == least && version > found.version);
        if is_better {
            best = Some((distance, place));
        }
    }
    match best {
        Some((distance, place)) if within.is_none_or(|within| distance <= within) => Found::At(place),
        Some(_) => Found::Nothing,
        None => Found::Again,
    }
}
