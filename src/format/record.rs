//! The record: what a publish says, as three words in the header.
//!
//! Three, so that both records and the sequence number share one cache line: version, write time, and a third with number,
//! slot and a check of all.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::words::{Field, FieldKind};

// From the start of a record.
pub(crate) const VERSION: Field = Field::new("version", 0, FieldKind::U64);
pub(crate) const WRITTEN_AT: Field = VERSION.then("write time", FieldKind::U64);
pub(crate) const PLACE: Field = WRITTEN_AT.then("place", FieldKind::U64);
/// Words of a record.
pub(crate) const WORDS: usize = PLACE.end() / 8;

// The third word: 16 bits of check, 8 of slot, 40 of number.
const SLOT_SHIFT: u32 = 16;
const NUMBER_SHIFT: u32 = SLOT_SHIFT + 8;
/// Numbers are below this.
pub(crate) const NUMBERS: u64 = 1 << (64 - NUMBER_SHIFT);
/// Odd numbers with bits all over: Weyl constants of the golden ratio and of its like in two and three dimensions
/// (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018), rounded to odd.
const MIX: [u64; WORDS] = [0x9e37_79b9_7f4a_7c15, 0xc13f_a9a9_02a6_328f, 0xd1b5_4a32_d192_ed03];

/// Which value it is, and when it was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// 1 for the first value; 0: nothing was published yet.
    pub version: u64,
    /// CLOCK_MONOTONIC in nanoseconds.
    pub written_at: u64,
}

/// What a publish says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub stamp: Stamp,
    /// Counts changes of the layout or of the data file under this header: it stands for both.
    pub number: u64,
    pub slot: u64,
}

impl Record {
    /// What stands for words that no publish wrote.
    pub const DAMAGED: Record =
        Record { stamp: Stamp { version: u64::MAX, written_at: 0 }, number: u64::MAX, slot: u64::MAX };

    #[inline]
    pub fn to_words(self) -> [u64; WORDS] {
        let place = self.number << NUMBER_SHIFT | self.slot << SLOT_SHIFT;
        let Stamp { version, written_at } = self.stamp;
        [version, written_at, place | check(version, written_at, place)]
    }

    #[inline]
    pub fn from_words(words: &[u64; WORDS]) -> Self {
        let [version, written_at, last] = *words;
        let place = last >> SLOT_SHIFT << SLOT_SHIFT;
        if last ^ place != check(version, written_at, place) {
            return Record::DAMAGED;
        }
        let (number, slot) = place_of(last);
        Record { stamp: Stamp { version, written_at }, number, slot }
    }

    /// Refuses damaged words, and a version that no counting from 1 reaches.
    #[inline]
    pub fn check(&self, path: &Path) -> Result<()> {
        // Number 0 is given to nothing; a value has one.
        let numbered = self.number != 0 || self.stamp.version == 0;
        if self.stamp.version < 1 << 62 && numbered { Ok(()) } else { self.refuse(path) }
    }

    #[cold]
    fn refuse(&self, path: &Path) -> Result<()> {
        if *self == Record::DAMAGED {
            return Err(Error::corrupt(path, "check", "a damaged record", "a record that has its check"));
        }
        if self.stamp.version < 1 << 62 {
            return Err(Error::corrupt(path, "number", self.number, "at least 1"));
        }
        Err(Error::corrupt(path, VERSION.name, self.stamp.version, "less than 2^62"))
    }
}

/// Number and slot of the third word.
#[inline]
pub(crate) fn place_of(word: u64) -> (u64, u64) {
    (word >> NUMBER_SHIFT, word >> SLOT_SHIFT & ((1 << (NUMBER_SHIFT - SLOT_SHIFT)) - 1))
}

/// 16 bits that hardly any damage of the words leaves right; 0 for zeros. (Tearing is the latch's business.)
#[inline]
fn check(version: u64, written_at: u64, place: u64) -> u64 {
    let [a, b, c] = MIX;
    // The upper bits depend on all below them.
    (version.wrapping_mul(a) ^ written_at.wrapping_mul(b) ^ place.wrapping_mul(c)) >> 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        let stamp = Stamp { version: 1, written_at: 2 };
        let record = Record { stamp, slot: 255, number: NUMBERS - 1 };
        assert_eq!(Record::from_words(&record.to_words()), record);
    }

    #[test]
    fn damaged_words_are_found_out() {
        assert_eq!(Record::from_words(&[0; WORDS]), Record::default(), "an empty header");
        let stamp = Stamp { version: 1 << 40 | 77, written_at: 123_456_789_012_345 };
        let good = Record { stamp, slot: 1, number: 3 }.to_words();
        let damaged = |words: &[u64; WORDS]| Record::from_words(words).check(Path::new("x")).is_err();
        assert!(!damaged(&good));
        for bit in 0..64 * WORDS {
            let mut words = good;
            words[bit / 64] ^= 1 << (bit % 64);
            assert!(damaged(&words), "bit {bit}");
        }
        // A flipped bit adds a shifted constant to a product, or takes it away. Its upper 16 bits, which make the check,
        // stay the same only if those of what is added are all zeros or all ones.
        for constant in MIX {
            assert!((0..64).all(|bit| !matches!(constant << bit >> 48, 0 | 0xffff)));
        }
        for i in 0..WORDS {
            for word in [0, u64::MAX, good[(i + 1) % WORDS]] {
                let mut words = good;
                words[i] = word;
                assert!(damaged(&words), "word {i} is {word:#x}");
            }
        }
    }
}
