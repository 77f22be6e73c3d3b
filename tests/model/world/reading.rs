//! What a reader must see.

use std::time::Duration;

use ndsharray::{Error, Snapshot};

use super::super::ops::{Next, Time};
use super::super::values::Value;
use super::{MOST_HELD, Outcome, Position, TAG, World, expect};

type Found = ndsharray::Result<Option<Snapshot>>;

impl World {
    pub(super) fn open_reader(&mut self) -> Outcome {
        match (self.store.reader(TAG), self.named) {
            (Ok(reader), Some(header)) => {
                if self.readers.len() < 6 {
                    self.readers.push((reader, Position { header, returned: None, before: 0, missed: 0 }));
                }
                Ok(())
            }
            (Err(Error::NotFound { .. }), None) => Ok(()),
            (result, named) => Err(format!("{result:?} with header {named:?}")),
        }
    }

    /// Readers follow a tag's name at once when their header is retired.
    fn follow(&mut self, i: usize) -> (Option<Value>, bool) {
        let position = &mut self.readers[i].1;
        let (old, new) = (position.header, self.named.unwrap_or(position.header));
        if self.headers[old].origin != self.headers[new].origin {
            position.before += self.headers[old].version();
        }
        position.header = new;
        (self.headers[position.header].value().cloned(), self.named.is_none())
    }

    pub(super) fn read(&mut self, i: usize, wait: bool, hold: bool) -> Outcome {
        let (value, removed) = self.follow(i);
        let newer = value.filter(|value| self.is_newer(i, value.version));
        let reader = &mut self.readers[i].0;
        let result = if wait { reader.wait(Duration::ZERO) } else { reader.read() };
        self.returned(i, result, newer, removed, hold).map(|_| ())
    }

    /// Whether a version is newer than what a reader returned last.
    fn is_newer(&self, i: usize, version: u64) -> bool {
        let position = &self.readers[i].1;
        position.returned.is_none_or(|returned| position.before + version > returned)
    }

    /// Compares what a reader returned with what it must, and counts it; whether it was a value.
    fn returned(
        &mut self,
        i: usize,
        result: Found,
        newer: Option<Value>,
        removed: bool,
        hold: bool,
    ) -> Result<bool, String> {
        let position = &mut self.readers[i].1;
        match (result, newer) {
            (Ok(None), None) => Ok(false),
            (Ok(Some(snapshot)), Some(value)) => {
                value.check(&snapshot)?;
                let place = position.before + value.version;
                position.missed += position.returned.map_or(0, |returned| place - returned - 1);
                position.returned = Some(place);
                self.hold(snapshot, value, hold);
                Ok(true)
            }
            // Only a reader that has its memory mapped may see a removed value; others count all as returned.
            (Ok(None), Some(_)) if removed => {
                position.returned = Some(position.before + self.headers[position.header].version());
                Ok(false)
            }
            (result, newer) => {
                Err(format!("{result:?}, not {newer:?} ({position:?})", position = position.returned))
            }
        }
    }

    /// The next value of a reader in its turn; whether there was one.
    pub(super) fn read_next(&mut self, i: usize, next: Next, hold: bool) -> Result<bool, String> {
        let (_, removed) = self.follow(i);
        let newer = self.next_of(i)?;
        let reader = &mut self.readers[i].0;
        let result = match next {
            Next::Read => reader.read_next(),
            Next::Wait => reader.wait_next(Duration::ZERO),
            Next::Every => reader.every(Duration::ZERO).next().transpose(),
        };
        self.returned(i, result, newer, removed, hold)
    }

    pub(super) fn read_rest(&mut self, i: usize) -> Outcome {
        while self.read_next(i, Next::Every, false)? {}
        let latest = self.readers[i].0.read().map_err(super::words)?;
        expect(latest.is_none(), || format!("{latest:?} after the last one"))
    }

    /// What a reader must return next: of the values that are there the oldest that is newer than what it returned last; at
    /// first the oldest from which on none is missing.
    fn next_of(&self, i: usize) -> Result<Option<Value>, String> {
        let position = &self.readers[i].1;
        let header = &self.headers[position.header];
        let Some(kept) = header.kept.as_ref().filter(|_| self.is_newer(i, header.version())) else {
            return Ok(None);
        };
        let present = kept.present(header.version());
        let mut versions = present.keys().copied();
        let version = match position.returned {
            Some(_) => versions.find(|&version| self.is_newer(i, version)),
            None => versions.find(|&version| (version..=header.version()).all(|v| present.contains_key(&v))),
        };
        version.map(|version| header.value_of(version).cloned()).transpose()
    }

    /// The value nearest to a time.
    pub(super) fn nearest(&mut self, i: usize, time: &Time, within: Option<u64>, hold: bool) -> Outcome {
        let (_, removed) = self.follow(i);
        let header = &self.headers[self.readers[i].1.header];
        let present = header.kept.as_ref().map(|kept| kept.present(header.version())).unwrap_or_default();
        let mut times = Vec::new();
        for (&version, &slot) in &present {
            let value = header.value_of(version)?;
            let written_at = header.kept.as_ref().map_or(0, |kept| kept.written_at(slot));
            times.push((if value.acquired_at != 0 { value.acquired_at } else { written_at }, value));
        }
        let time = match time {
            Time::At(time) => *time,
            Time::Written(which) => times.get(which % times.len().max(1)).map_or(0, |(time, _)| *time),
        };
        let distance = |of: u64| of.abs_diff(time);
        let nearest = times.iter().min_by_key(|(of, value)| (distance(*of), u64::MAX - value.version));
        let nearest = nearest.filter(|(of, _)| within.is_none_or(|within| distance(*of) <= within));
        let found = self.readers[i].0.nearest(time, within.map(Duration::from_nanos));
        match (found, nearest.map(|(_, value)| (*value).clone())) {
            (Ok(None), None) => Ok(()),
            (Ok(Some(snapshot)), Some(value)) => {
                value.check(&snapshot)?;
                self.hold(snapshot, value, hold);
                Ok(())
            }
            (Ok(None), Some(_)) if removed => Ok(()),
            (found, nearest) => Err(format!("{found:?}, not {nearest:?}")),
        }
    }

    pub(super) fn latest(&mut self, i: usize, hold: bool) -> Outcome {
        let (value, removed) = self.follow(i);
        match (self.readers[i].0.latest(), value) {
            (Err(Error::Empty { .. }), None) => Ok(()),
            (Ok(snapshot), Some(value)) => {
                value.check(&snapshot)?;
                self.hold(snapshot, value, hold);
                Ok(())
            }
            (Err(Error::NotFound { .. }), Some(_)) if removed => Ok(()),
            (result, value) => Err(format!("{result:?}, not {value:?}")),
        }
    }

    fn hold(&mut self, snapshot: Snapshot, value: Value, hold: bool) {
        if hold && self.held.len() < MOST_HELD {
            self.held.push((snapshot, value));
        }
    }
}
