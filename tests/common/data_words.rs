//! A tag's data file, as a file of words.

use std::fs::File;
use std::os::unix::fs::FileExt;

use ndsharray::Store;

// Places in a data file, as docs/design.md has them.
const LIMIT: u64 = 72;
const REGION_0: u64 = 80;
const LINES: u64 = 256;
const LINE: u64 = 64;
/// Words of a line behind the version.
pub const WRITTEN_AT: u64 = 1;
pub const CLOCK_OFFSET: u64 = 2;
pub const CLOCK_DOMAIN: u64 = 3;
/// From one pin count to the next, and how many of them a slot has.
const PIN: u64 = 128;
const SHARDS: u64 = 4;

/// The words of a tag's data file, in its file.
pub struct DataWords(File);

impl DataWords {
    /// Of the data file that the tag has now.
    pub fn of(store: &Store, tag: &str) -> DataWords {
        let name = store.stat(tag).unwrap().value.unwrap().data_file;
        DataWords(File::options().read(true).write(true).open(store.directory().join(name)).unwrap())
    }

    pub fn file(&self) -> &File {
        &self.0
    }

    fn word(&self, offset: u64) -> u64 {
        let mut word = [0; 8];
        self.0.read_exact_at(&mut word, offset).unwrap();
        u64::from_ne_bytes(word)
    }

    /// How many slots it may have.
    pub fn limit(&self) -> u64 {
        self.word(LIMIT)
    }

    /// A word of a slot's line.
    pub fn line(&self, slot: u64, word: u64) -> u64 {
        self.word(LINES + slot * LINE + 8 * word)
    }

    pub fn set_line(&self, slot: u64, word: u64, number: u64) {
        self.0.write_all_at(&number.to_ne_bytes(), LINES + slot * LINE + 8 * word).unwrap();
    }

    /// The version of the value in a slot; 0 while it is filled, or if there is none.
    pub fn content(&self, slot: u64) -> u64 {
        self.line(slot, 0)
    }

    pub fn set_content(&self, slot: u64, version: u64) {
        self.set_line(slot, 0, version);
    }

    fn pin(&self, slot: u64, shard: u64) -> u64 {
        let mut region = [0; 4];
        self.0.read_exact_at(&mut region, REGION_0).unwrap();
        u64::from(u32::from_ne_bytes(region)) + (slot * SHARDS + shard) * PIN
    }

    /// The pin counts of a slot.
    pub fn pins(&self, slot: u64) -> Vec<u32> {
        let count = |shard| {
            let mut count = [0; 4];
            self.0.read_exact_at(&mut count, self.pin(slot, shard)).unwrap();
            u32::from_ne_bytes(count)
        };
        (0..SHARDS).map(count).collect()
    }

    pub fn set_pins(&self, slot: u64, shard: u64, count: u32) {
        self.0.write_all_at(&count.to_ne_bytes(), self.pin(slot, shard)).unwrap();
    }
}
