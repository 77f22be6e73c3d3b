//! What a data file keeps, in plain words: the last values of its writer, as many as the history has, and what readers hold. And
//! what lies in the file itself, by docs/design.md.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::unix::fs::MetadataExt;

use ndsharray::Store;

use super::ops::Options;
use crate::common::data_words::{CLOCK_OFFSET, DataWords, WRITTEN_AT};

/// Slots that a file has beside those of the history.
const SPARE: usize = 8;
/// The pin counts of other processes.
const SHARD: u64 = 2;

/// Whether a write leads to another data file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaves {
    Never,
    May,
    Must,
}

/// A data file, and what it must keep.
pub struct Kept {
    words: DataWords,
    capacity: usize,
    limit: usize,
    /// The oldest version that may be there.
    first: u64,
    /// The versions that must be there, the oldest first.
    versions: VecDeque<u64>,
    /// The most slots that were needed at once; more there may not be.
    needed: usize,
    /// Values that an earlier writer left, and that may stand for values of the history until that is full.
    left: usize,
    /// What other processes hold: slots, and the versions in them.
    others: BTreeMap<u64, u64>,
}

impl Kept {
    /// The data file that the tag has now, into which a writer with these options wrote version `first` first. `last`: the present
    /// one.
    pub fn new(store: &Store, tag: &str, first: u64, last: u64) -> Kept {
        let words = DataWords::of(store, tag);
        let capacity = store.stat(tag).unwrap().value.unwrap().slots.capacity;
        let limit = words.limit() as usize;
        let versions = VecDeque::from([last]);
        let needed = (last - first + 1) as usize;
        Kept { words, capacity, limit, first, versions, needed, left: 0, others: BTreeMap::new() }
    }

    /// What is wrong with the size of a new file for a value of so many bytes.
    pub fn check_new(&self, nbytes: usize, options: &Options) -> Result<(), String> {
        let page = rustix::param::page_size();
        let room = nbytes.max(options.capacity).max(1).next_multiple_of(page);
        let found = (self.capacity, self.limit);
        let expected = (room, SPARE + options.history);
        if found == expected {
            Ok(())
        } else {
            Err(format!("capacity and limit {found:?}, not {expected:?}"))
        }
    }

    /// Whether it is the data file that the tag has now.
    pub fn is_at(&self, store: &Store, tag: &str) -> bool {
        let now = DataWords::of(store, tag);
        now.file().metadata().unwrap().ino() == self.words.file().metadata().unwrap().ino()
    }

    /// The versions that are there, with their slots; none is above the last.
    pub fn present(&self, last: u64) -> BTreeMap<u64, u64> {
        let found = (0..self.limit as u64).map(|slot| (self.words.content(slot), slot));
        found.filter(|&(version, _)| version != 0 && version <= last).collect()
    }

    /// When the value in a slot was written, as Unix time.
    pub fn written_at(&self, slot: u64) -> u64 {
        self.words.line(slot, WRITTEN_AT).wrapping_add(self.words.line(slot, CLOCK_OFFSET))
    }

    /// What a write of so many bytes does, as far as it is to be known; the slot of the oldest value may be claimed for it.
    pub fn claim(&mut self, nbytes: usize, last: u64, options: &Options) -> Leaves {
        let no_room = options.history > 0 && self.limit < SPARE + options.history;
        if nbytes > self.capacity || no_room {
            return Leaves::Must;
        }
        self.forget_all_but(options.history);
        let present = self.present(last);
        let is_pinned = |slot: u64| self.words.pins(slot).iter().any(|&pins| pins != 0);
        let pinned = (0..self.limit as u64).filter(|&slot| is_pinned(slot));
        let kept = self.versions.iter().filter_map(|version| present.get(version).copied());
        let taken: BTreeSet<u64> = pinned.chain(kept).collect();
        self.needed = self.needed.max((taken.len() + self.left + 1).min(self.limit));
        if taken.len() == self.limit {
            // The oldest that nobody holds goes, but not the last one.
            let is_free = |version: &u64| *version != last && !is_pinned(present[version]);
            let Some(oldest) = self.versions.iter().position(is_free) else { return Leaves::Must };
            self.versions.remove(oldest);
        }
        // One without history is left for its size alone, after some writes.
        let is_small = options.history == 0 && nbytes.max(options.capacity) < self.capacity / 4;
        if is_small { Leaves::May } else { Leaves::Never }
    }

    pub fn published(&mut self, version: u64, history: usize) {
        self.versions.push_back(version);
        self.forget_all_but(history);
    }

    fn forget_all_but(&mut self, history: usize) {
        while self.versions.len() > history.max(1) {
            self.versions.pop_front();
        }
    }

    /// Another writer goes on with it. What is there beside what must be may keep its place for a while.
    pub fn adopted(&mut self, last: u64) {
        self.left = self.left.max(self.present(last).len() - self.versions.len());
    }

    /// Another process holds one of the values that are there.
    pub fn others_hold(&mut self, which: usize, last: u64) {
        let present = self.present(last);
        if let Some((&version, &slot)) = present.iter().nth(which % present.len().max(1)) {
            if !self.others.contains_key(&slot) {
                self.pin(slot, 1);
                self.others.insert(slot, version);
            }
        }
    }

    pub fn others_let_go(&mut self, which: usize) {
        if let Some(&slot) = self.others.keys().nth(which % self.others.len().max(1)) {
            self.pin(slot, -1);
            self.others.remove(&slot);
        }
    }

    fn pin(&self, slot: u64, by: i32) {
        let pins = self.words.pins(slot)[SHARD as usize];
        self.words.set_pins(slot, SHARD, pins.checked_add_signed(by).unwrap());
    }

    /// How many values others hold.
    pub fn others(&self) -> usize {
        self.others.len()
    }

    /// What is wrong with what is there.
    pub fn check(&self, last: u64, allocated: usize) -> Result<(), String> {
        let present = self.present(last);
        let missing: Vec<_> = self.versions.iter().filter(|version| !present.contains_key(version)).collect();
        let expect = |holds: bool, what: &str| {
            let versions: Vec<_> = present.keys().collect();
            let kept = &self.versions;
            if holds { Ok(()) } else { Err(format!("{what}: {versions:?} are there, {kept:?} must be")) }
        };
        expect(missing.is_empty(), &format!("{missing:?} missing"))?;
        expect(present.keys().all(|&version| version >= self.first), "from before the file")?;
        let held = |(slot, version): (&u64, &u64)| self.words.content(*slot) == *version;
        expect(self.others.iter().all(held), &format!("others hold {:?}", self.others))?;
        expect(allocated <= self.needed, &format!("{allocated} slots, {} were needed", self.needed))
    }
}
