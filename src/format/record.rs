//! The record: what a publish says, as the words that lie in the header.
//!
//! Hot words (every publish): version, write time, and a third with layout id, slot and a check of all: three, so that both
//! records and the sequence number share one cache line. Cold words (with the layout id): dtype, shape, length, data file, segment and numpy
//! descr, with a checksum against damage (tearing is the latch's business).

use std::path::Path;

use crate::dtype::{CUSTOM_CODE, DType, LONGEST_DESCR, LONGEST_NAME};
use crate::error::{Error, Result};
use crate::format::layout::{Layout, MOST_DIMENSIONS};

/// Words of the hot part.
pub(crate) const HOT: usize = 3;
// The third hot word: 16 bits of check, 4 of slot, 44 of layout id.
const SLOT_SHIFT: u32 = 16;
const LAYOUT_SHIFT: u32 = SLOT_SHIFT + 4;
/// Odd numbers with bits all over: Weyl constants of the golden ratio and of its like in two and three dimensions
/// (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018), rounded to odd.
const MIX: [u64; HOT] = [0x9e37_79b9_7f4a_7c15, 0xc13f_a9a9_02a6_328f, 0xd1b5_4a32_d192_ed03];

/// What every publish says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hot {
    /// 1 for the first value; 0: nothing was published yet.
    pub version: u64,
    /// CLOCK_MONOTONIC in nanoseconds.
    pub written_at: u64,
    pub slot: u64,
    pub layout_id: u64,
}

impl Hot {
    /// What stands for words that are not those of any publish.
    pub const DAMAGED: Hot = Hot { version: u64::MAX, written_at: 0, slot: u64::MAX, layout_id: u64::MAX };

    #[inline]
    pub fn to_words(self) -> [u64; HOT] {
        let place = self.layout_id << LAYOUT_SHIFT | self.slot << SLOT_SHIFT;
        [self.version, self.written_at, place | check(self.version, self.written_at, place)]
    }

    /// Refuses damaged words, and numbers that no counting from 1 reaches, and that could not be counted on from.
    #[inline]
    pub fn check(&self, path: &Path) -> Result<()> {
        if self.version < 1 << 63 && self.layout_id < 1 << 43 { Ok(()) } else { self.refuse(path) }
    }

    #[cold]
    fn refuse(&self, path: &Path) -> Result<()> {
        if *self == Hot::DAMAGED {
            return Err(Error::corrupt(path, "check", "a damaged record", "a record that has its check"));
        }
        if self.version >= 1 << 63 {
            return Err(Error::corrupt(path, "version", self.version, "less than 2^63"));
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
        Hot { version, written_at, slot, layout_id }
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

const NAME_WORDS: usize = LONGEST_NAME / 8;
const DESCR_WORDS: usize = LONGEST_DESCR / 8;

// Word offsets in the cold part, each derived from the one before.
pub(crate) const LAYOUT_ID: usize = 0;
pub(crate) const CODE: usize = LAYOUT_ID + 1;
pub(crate) const NAME: usize = CODE + 1;
pub(crate) const ITEMSIZE: usize = NAME + NAME_WORDS;
pub(crate) const NDIM: usize = ITEMSIZE + 1;
pub(crate) const SHAPE: usize = NDIM + 1;
pub(crate) const NBYTES: usize = SHAPE + MOST_DIMENSIONS;
pub(crate) const UUID: usize = NBYTES + 1;
pub(crate) const SEGMENT: usize = UUID + 2;
pub(crate) const DESCR_LENGTH: usize = SEGMENT + 2;
pub(crate) const DESCR: usize = DESCR_LENGTH + 1;
pub(crate) const CHECKSUM: usize = DESCR + DESCR_WORDS;
/// Words of the cold part.
pub(crate) const COLD: usize = CHECKSUM + 1;

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
        words[LAYOUT_ID] = self.layout_id;
        words[CODE] = u64::from(dtype.code()) | (dtype.name().len() as u64) << 32;
        put_text(&mut words[NAME..ITEMSIZE], dtype.name());
        words[ITEMSIZE] = dtype.itemsize() as u64;
        words[NDIM] = self.layout.shape().len() as u64;
        for (word, &axis) in words[SHAPE..NBYTES].iter_mut().zip(self.layout.shape()) {
            *word = axis as u64;
        }
        words[NBYTES] = self.layout.nbytes() as u64;
        (words[UUID], words[UUID + 1]) = halves(self.data_file);
        (words[SEGMENT], words[SEGMENT + 1]) = halves(self.segment_id);
        words[DESCR_LENGTH] = dtype.descr().len() as u64;
        put_text(&mut words[DESCR..CHECKSUM], dtype.descr());
        words[CHECKSUM] = u64::from(checksum(&words[..CHECKSUM]));
        words
    }

    /// Validates the words of the file at `path`, which may hold anything.
    pub fn from_words(words: &[u64; COLD], path: &Path) -> Result<Self> {
        let (found, expected) = (checksum(&words[..CHECKSUM]), words[CHECKSUM]);
        if u64::from(found) != expected {
            return Err(Error::Checksum { path: path.to_owned(), found, expected: expected as u32 });
        }
        let ndim = words[NDIM];
        if ndim > MOST_DIMENSIONS as u64 {
            return Err(Error::corrupt(path, "ndim", ndim, "at most 64"));
        }
        let mut shape = Vec::with_capacity(ndim as usize);
        for &axis in &words[SHAPE..SHAPE + ndim as usize] {
            let axis = usize::try_from(axis);
            shape
                .push(axis.map_err(|_| Error::corrupt(path, "shape", words[SHAPE], "axes that fit memory"))?);
        }
        let layout = Layout::new(dtype(words, path)?, &shape)
            .map_err(|error| Error::corrupt(path, "shape", error, "a shape whose length exists"))?;
        if layout.nbytes() as u64 != words[NBYTES] {
            return Err(Error::corrupt(path, "length", words[NBYTES], layout.nbytes()));
        }
        let data_file = whole(words[UUID], words[UUID + 1]);
        let segment_id = whole(words[SEGMENT], words[SEGMENT + 1]);
        Ok(Cold { layout_id: words[LAYOUT_ID], layout, data_file, segment_id })
    }
}

fn dtype(words: &[u64; COLD], path: &Path) -> Result<DType> {
    let code = words[CODE] as u32;
    let name = text(&words[NAME..ITEMSIZE], words[CODE] >> 32);
    let descr = text(&words[DESCR..CHECKSUM], words[DESCR_LENGTH]);
    let (Some(name), Some(descr)) = (name, descr) else {
        return Err(Error::corrupt(path, "dtype", format!("code {code}, no name"), "names in UTF-8"));
    };
    let itemsize = usize::try_from(words[ITEMSIZE]).unwrap_or(0);
    let dtype = match DType::from_code(code) {
        Some(dtype) => dtype,
        None if code == CUSTOM_CODE => DType::custom(&name, itemsize, &descr)
            .map_err(|error| Error::corrupt(path, "dtype", error, "a dtype that can be stored"))?,
        None => return Err(Error::corrupt(path, "dtype", format!("code {code}"), "1 to 14, or 255")),
    };
    if dtype.name() != name || dtype.itemsize() != itemsize || dtype.descr() != descr {
        let found = format!("code {code}, name {name:?}, {itemsize} bytes, descr {descr:?}");
        return Err(Error::corrupt(path, "dtype", found, dtype));
    }
    Ok(dtype)
}

fn put_text(words: &mut [u64], text: &str) {
    for (word, bytes) in words.iter_mut().zip(text.as_bytes().chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *word = u64::from_ne_bytes(whole);
    }
}

fn text(words: &[u64], length: u64) -> Option<String> {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    let text = bytes.get(..usize::try_from(length).ok()?)?;
    String::from_utf8(text.to_vec()).ok()
}

/// CRC-32 of the words as they lie in memory.
pub(crate) fn checksum(words: &[u64]) -> u32 {
    crc32fast::hash(bytemuck::cast_slice(words))
}

/// The low and the high word of a 128-bit id.
pub(crate) fn halves(id: u128) -> (u64, u64) {
    (id as u64, (id >> 64) as u64)
}

/// The id of a low and a high word.
pub(crate) fn whole(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
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
        let hot = Hot { version: 1, written_at: 2, slot: 7, layout_id: (1 << 43) + 4 };
        assert_eq!(Hot::from_words(&hot.to_words()), hot);
    }

    #[test]
    fn damaged_hot_words_are_found_out() {
        assert_eq!(Hot::from_words(&[0; HOT]), Hot::default(), "an empty header");
        let good =
            Hot { version: 1 << 40 | 77, written_at: 123_456_789_012_345, slot: 1, layout_id: 3 }.to_words();
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
            words[word] = value;
            words[CHECKSUM] = u64::from(checksum(&words[..CHECKSUM]));
            let error = Cold::from_words(&words, Path::new("x")).unwrap_err();
            assert!(
                matches!(&error, Error::Corrupt { field: f, .. } if *f == field),
                "{word} {value}: {error}"
            );
        }
    }
}
