//! The record: what a publish says, as the words that lie in the header.
//!
//! Hot words (every publish): version, write time, and a third with layout id, slot and a check of all: three, so that both
//! records and the sequence number share one cache line. Cold words (with the layout id): dtype, shape, length, data file, segment and numpy
//! descr, with a checksum against damage (tearing is the latch's business).

use std::path::Path;

use crate::dtype::{CUSTOM_CODE, DType, LONGEST_DESCR, LONGEST_NAME};
use crate::error::{Error, Result};
use crate::format::layout::{Layout, MOST_DIMENSIONS};
use crate::format::words::{Field, FieldKind, checksum, halves, put_text, text, whole};

// Fields of the hot part, from its start.
pub(crate) const VERSION: Field = Field::new("version", 0, FieldKind::U64);
pub(crate) const WRITTEN_AT: Field = VERSION.then("write time", FieldKind::U64);
pub(crate) const PLACE: Field = WRITTEN_AT.then("place", FieldKind::U64);
/// Words of the hot part.
pub(crate) const HOT: usize = PLACE.end() / 8;
// The third hot word: 16 bits of check, 4 of slot, 44 of layout id.
const SLOT_SHIFT: u32 = 16;
const LAYOUT_SHIFT: u32 = SLOT_SHIFT + 4;
/// Odd numbers with bits all over: Weyl constants of the golden ratio and of its like in two and three dimensions
/// (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018), rounded to odd.
const MIX: [u64; HOT] = [0x9e37_79b9_7f4a_7c15, 0xc13f_a9a9_02a6_328f, 0xd1b5_4a32_d192_ed03];

/// Which value it is, and when it was published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// 1 for the first value; 0: nothing was published yet.
    pub version: u64,
    /// CLOCK_MONOTONIC in nanoseconds.
    pub written_at: u64,
}

/// What every publish says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hot {
    pub stamp: Stamp,
    pub slot: u64,
    pub layout_id: u64,
}

impl Hot {
    /// What stands for words that are not those of any publish.
    pub const DAMAGED: Hot =
        Hot { stamp: Stamp { version: u64::MAX, written_at: 0 }, slot: u64::MAX, layout_id: u64::MAX };

    #[inline]
    pub fn to_words(self) -> [u64; HOT] {
        let place = self.layout_id << LAYOUT_SHIFT | self.slot << SLOT_SHIFT;
        let Stamp { version, written_at } = self.stamp;
        [version, written_at, place | check(version, written_at, place)]
    }

    /// Refuses damaged words, and numbers that no counting from 1 reaches, and that could not be counted on from.
    #[inline]
    pub fn check(&self, path: &Path) -> Result<()> {
        if self.stamp.version < 1 << 63 && self.layout_id < 1 << 43 { Ok(()) } else { self.refuse(path) }
    }

    #[cold]
    fn refuse(&self, path: &Path) -> Result<()> {
        if *self == Hot::DAMAGED {
            return Err(Error::corrupt(path, "check", "a damaged record", "a record that has its check"));
        }
        if self.stamp.version >= 1 << 63 {
            return Err(Error::corrupt(path, VERSION.name, self.stamp.version, "less than 2^63"));
        }
        Err(Error::corrupt(path, "layout id", self.layout_id, "less than 2^43"))
    }

    #[inline]
    pub fn from_words(words: &[u64; HOT]) -> Self {
        let [version, written_at, last] = *words;
        let place = last >> SLOT_SHIFT << SLOT_SHIFT;
        if last ^ place != check(version, written_at, place) {
            return Hot::DAMAGED;
        }
        let (layout_id, slot) = place_of(last);
        Hot { stamp: Stamp { version, written_at }, slot, layout_id }
    }
}

/// What the third hot word says besides: layout id and slot.
#[inline]
pub(crate) fn place_of(word: u64) -> (u64, u64) {
    (word >> LAYOUT_SHIFT, word >> SLOT_SHIFT & ((1 << (LAYOUT_SHIFT - SLOT_SHIFT)) - 1))
}

/// 16 bits that hardly any damage of the words leaves right; 0 for zeros. (Tearing is the latch's business.)
#[inline]
fn check(version: u64, written_at: u64, place: u64) -> u64 {
    let [a, b, c] = MIX;
    // The upper bits depend on all below them.
    (version.wrapping_mul(a) ^ written_at.wrapping_mul(b) ^ place.wrapping_mul(c)) >> 48
}

// Fields of the cold part, from its start.
pub(crate) const LAYOUT_ID: Field = Field::new("layout id of the layout", 0, FieldKind::U64);
pub(crate) const CODE: Field = LAYOUT_ID.then("dtype", FieldKind::U32);
pub(crate) const NAME_LENGTH: Field = CODE.then("dtype name length", FieldKind::U32);
pub(crate) const NAME: Field = NAME_LENGTH.then("dtype name", FieldKind::Text(LONGEST_NAME));
pub(crate) const ITEMSIZE: Field = NAME.then("item size", FieldKind::U64);
pub(crate) const NDIM: Field = ITEMSIZE.then("ndim", FieldKind::U64);
pub(crate) const SHAPE: Field = NDIM.then("shape", FieldKind::Words(MOST_DIMENSIONS));
pub(crate) const NBYTES: Field = SHAPE.then("length", FieldKind::U64);
pub(crate) const UUID: Field = NBYTES.then("data file's uuid", FieldKind::Id);
pub(crate) const SEGMENT: Field = UUID.then("segment id", FieldKind::Id);
pub(crate) const DESCR_LENGTH: Field = SEGMENT.then("descr length", FieldKind::U64);
pub(crate) const DESCR: Field = DESCR_LENGTH.then("descr", FieldKind::Text(LONGEST_DESCR));
pub(crate) const CHECKSUM: Field = DESCR.then("checksum", FieldKind::U64);
/// Words of the cold part.
pub(crate) const COLD: usize = CHECKSUM.end() / 8;

/// What changes with the layout only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cold {
    pub layout_id: u64,
    pub layout: Layout,
    /// The uuid in the data file's name.
    pub data_file: u128,
    pub segment_id: u128,
}

impl Cold {
    pub fn to_words(&self) -> [u64; COLD] {
        let mut words = [0; COLD];
        let dtype = self.layout.dtype();
        words[LAYOUT_ID.word()] = self.layout_id;
        words[CODE.word()] = u64::from(dtype.code()) | (dtype.name().len() as u64) << 32;
        put_text(&mut words[NAME.word()..ITEMSIZE.word()], dtype.name());
        words[ITEMSIZE.word()] = dtype.itemsize() as u64;
        words[NDIM.word()] = self.layout.shape().len() as u64;
        for (word, &axis) in words[SHAPE.word()..NBYTES.word()].iter_mut().zip(self.layout.shape()) {
            *word = axis as u64;
        }
        words[NBYTES.word()] = self.layout.nbytes() as u64;
        (words[UUID.word()], words[UUID.word() + 1]) = halves(self.data_file);
        (words[SEGMENT.word()], words[SEGMENT.word() + 1]) = halves(self.segment_id);
        words[DESCR_LENGTH.word()] = dtype.descr().len() as u64;
        put_text(&mut words[DESCR.word()..CHECKSUM.word()], dtype.descr());
        words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
        words
    }

    /// Validates the words of the file at `path`, which may hold anything.
    pub fn from_words(words: &[u64; COLD], path: &Path) -> Result<Self> {
        let (found, expected) = (checksum(&words[..CHECKSUM.word()]), words[CHECKSUM.word()]);
        if u64::from(found) != expected {
            return Err(Error::Checksum { path: path.to_owned(), found, expected: expected as u32 });
        }
        let ndim = words[NDIM.word()];
        if ndim > MOST_DIMENSIONS as u64 {
            return Err(Error::corrupt(path, NDIM.name, ndim, "at most 64"));
        }
        let mut shape = Vec::with_capacity(ndim as usize);
        for &axis in &words[SHAPE.word()..][..ndim as usize] {
            let too_long = |_| Error::corrupt(path, SHAPE.name, axis, "axes that fit memory");
            shape.push(usize::try_from(axis).map_err(too_long)?);
        }
        let layout = Layout::new(dtype(words, path)?, &shape)
            .map_err(|error| Error::corrupt(path, SHAPE.name, error, "a shape whose length exists"))?;
        if layout.nbytes() as u64 != words[NBYTES.word()] {
            return Err(Error::corrupt(path, NBYTES.name, words[NBYTES.word()], layout.nbytes()));
        }
        let data_file = whole(words[UUID.word()], words[UUID.word() + 1]);
        let segment_id = whole(words[SEGMENT.word()], words[SEGMENT.word() + 1]);
        Ok(Cold { layout_id: words[LAYOUT_ID.word()], layout, data_file, segment_id })
    }
}

fn dtype(words: &[u64; COLD], path: &Path) -> Result<DType> {
    let code = words[CODE.word()] as u32;
    let name = text(&words[NAME.word()..ITEMSIZE.word()], words[CODE.word()] >> 32);
    let descr = text(&words[DESCR.word()..CHECKSUM.word()], words[DESCR_LENGTH.word()]);
    let (Some(name), Some(descr)) = (name, descr) else {
        return Err(Error::corrupt(path, CODE.name, format!("code {code}, no name"), "names in UTF-8"));
    };
    let itemsize = usize::try_from(words[ITEMSIZE.word()]).unwrap_or(0);
    let dtype = match DType::from_code(code) {
        Some(dtype) => dtype,
        None if code == CUSTOM_CODE => DType::custom(&name, itemsize, &descr)
            .map_err(|error| Error::corrupt(path, CODE.name, error, "a dtype that can be stored"))?,
        None => return Err(Error::corrupt(path, CODE.name, format!("code {code}"), "1 to 14, or 255")),
    };
    if dtype.name() != name || dtype.itemsize() != itemsize || dtype.descr() != descr {
        let found = format!("code {code}, name {name:?}, {itemsize} bytes, descr {descr:?}");
        return Err(Error::corrupt(path, CODE.name, found, dtype));
    }
    Ok(dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cold(dtype: DType, shape: &[usize]) -> Cold {
        let layout = Layout::new(dtype, shape).unwrap();
        Cold { layout_id: 7, layout, data_file: 0x1234 << 70 | 5, segment_id: 0x4321 << 70 | 6 }
    }

    #[test]
    fn words_round_trip() {
        let custom = DType::custom(&"n".repeat(48), 24, &"d".repeat(1024)).unwrap();
        for cold in [cold(DType::Bool, &[]), cold(DType::Complex128, &[2; 20]), cold(custom, &[1; 64])] {
            assert_eq!(Cold::from_words(&cold.to_words(), Path::new("x")).unwrap(), cold);
        }
        let hot = Hot { stamp: Stamp { version: 1, written_at: 2 }, slot: 7, layout_id: (1 << 43) + 4 };
        assert_eq!(Hot::from_words(&hot.to_words()), hot);
    }

    #[test]
    fn damaged_hot_words_are_found_out() {
        assert_eq!(Hot::from_words(&[0; HOT]), Hot::default(), "an empty header");
        let stamp = Stamp { version: 1 << 40 | 77, written_at: 123_456_789_012_345 };
        let good = Hot { stamp, slot: 1, layout_id: 3 }.to_words();
        let damaged = |words: &[u64; HOT]| Hot::from_words(words).check(Path::new("x")).is_err();
        assert!(!damaged(&good));
        for bit in 0..64 * HOT {
            let mut words = good;
            words[bit / 64] ^= 1 << (bit % 64);
            assert!(damaged(&words), "bit {bit}");
        }
        // A flipped bit adds a shifted constant to a product, or takes it away. Its upper 16 bits, which make the check,
        // stay the same only if those of what is added are all zeros or all ones.
        for constant in MIX {
            assert!((0..64).all(|bit| !matches!(constant << bit >> 48, 0 | 0xffff)));
        }
        for i in 0..HOT {
            for word in [0, u64::MAX, good[(i + 1) % HOT]] {
                let mut words = good;
                words[i] = word;
                assert!(damaged(&words), "word {i} is {word:#x}");
            }
        }
    }

    #[test]
    fn every_flipped_word_is_an_error() {
        let good = cold(DType::Float32, &[3, 4]).to_words();
        for i in 0..COLD {
            let mut words = good;
            words[i] ^= 1 << 20;
            assert!(matches!(Cold::from_words(&words, Path::new("x")), Err(Error::Checksum { .. })), "{i}");
        }
    }

    #[test]
    fn a_right_checksum_does_not_make_a_field_right() {
        for (word, value, field) in [
            (NDIM, 65, "ndim"),
            (SHAPE, u64::MAX, "shape"),
            (NBYTES, 1, "length"),
            (CODE, 99, "dtype"),
            (CODE, 10 | 49 << 32, "dtype"),
            (NAME, 0, "dtype"),
            (ITEMSIZE, 5, "dtype"),
            (DESCR_LENGTH, 1025, "dtype"),
        ] {
            let mut words = cold(DType::Float32, &[3, 4]).to_words();
            words[word.word()] = value;
            words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
            let error = Cold::from_words(&words, Path::new("x")).unwrap_err();
            assert!(
                matches!(&error, Error::Corrupt { field: f, .. } if *f == field),
                "{word:?} {value}: {error}"
            );
        }
    }
}
