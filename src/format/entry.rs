//! Entries: what a slot says of the layout of its value. An entry is a page, in front of the elements; its second half has the
//! user data.

use std::path::Path;

use crate::dtype::DType;
use crate::dtype::custom::{LONGEST_DESCR, LONGEST_NAME};
use crate::dtype::types::CUSTOM_CODE;
use crate::error::{Error, Result};
use crate::format::identity::LEAST_PAGE;
use crate::format::layout::{Layout, MOST_DIMENSIONS};
use crate::format::words::{Field, FieldKind, checksum, put_text, text};

/// The most user data of a value, in bytes.
pub(crate) const USER_DATA: usize = 2048;

// From the start of an entry.
pub(crate) const NUMBER: Field = Field::new("number", 0, FieldKind::U64);
pub(crate) const CODE: Field = NUMBER.then("dtype", FieldKind::U32);
pub(crate) const NAME_LENGTH: Field = CODE.then("dtype name length", FieldKind::U32);
pub(crate) const NAME: Field = NAME_LENGTH.then("dtype name", FieldKind::Text(LONGEST_NAME));
pub(crate) const ITEMSIZE: Field = NAME.then("item size", FieldKind::U64);
pub(crate) const NDIM: Field = ITEMSIZE.then("ndim", FieldKind::U64);
pub(crate) const SHAPE: Field = NDIM.then("shape", FieldKind::Words(MOST_DIMENSIONS));
pub(crate) const NBYTES: Field = SHAPE.then("length", FieldKind::U64);
pub(crate) const DESCR_LENGTH: Field = NBYTES.then("descr length", FieldKind::U64);
pub(crate) const DESCR: Field = DESCR_LENGTH.then("descr", FieldKind::Text(LONGEST_DESCR));
pub(crate) const CHECKSUM: Field = DESCR.then("checksum", FieldKind::U64);
/// Words of an entry, but for the user data.
pub(crate) const WORDS: usize = CHECKSUM.end() / 8;
pub(crate) const USER: Field = Field::new("user data", LEAST_PAGE - USER_DATA, FieldKind::Text(USER_DATA));
const _: () = assert!(CHECKSUM.end() <= USER.offset && USER.end() == LEAST_PAGE);

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The number that stands for this layout under the header.
    pub number: u64,
    pub layout: Layout,
}

/// The words of an entry.
pub(crate) fn to_words(number: u64, layout: &Layout) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let dtype = layout.dtype();
    words[NUMBER.word()] = number;
    words[CODE.word()] = bytemuck::cast([dtype.code(), dtype.name().len() as u32]);
    put_text(&mut words[NAME.word()..ITEMSIZE.word()], dtype.name());
    words[ITEMSIZE.word()] = dtype.itemsize() as u64;
    words[NDIM.word()] = layout.shape().len() as u64;
    for (word, &axis) in words[SHAPE.word()..NBYTES.word()].iter_mut().zip(layout.shape()) {
        *word = axis as u64;
    }
    words[NBYTES.word()] = layout.nbytes() as u64;
    words[DESCR_LENGTH.word()] = dtype.descr().len() as u64;
    put_text(&mut words[DESCR.word()..CHECKSUM.word()], dtype.descr());
    words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
    words
}

impl Entry {
    /// Validates the words of an entry of the file at `path`, which may hold anything.
    pub fn from_words(words: &[u64; WORDS], path: &Path) -> Result<Self> {
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
        Ok(Entry { number: words[NUMBER.word()], layout })
    }
}

fn dtype(words: &[u64; WORDS], path: &Path) -> Result<DType> {
    let [code, name_length]: [u32; 2] = bytemuck::cast(words[CODE.word()]);
    let name = text(&words[NAME.word()..ITEMSIZE.word()], name_length.into());
    let descr = text(&words[DESCR.word()..CHECKSUM.word()], words[DESCR_LENGTH.word()]);
    let (Some(name), Some(descr)) = (name, descr) else {
        return Err(Error::corrupt(path, CODE.name, format!("code {code}, no name"), "names in UTF-8"));
    };
    let itemsize = usize::try_from(words[ITEMSIZE.word()]).unwrap_or(0);
    let dtype = match DType::from_code(code) {
        Some(dtype) => dtype,
        None if code == CUSTOM_CODE => DType::stored(&name, itemsize, &descr)
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

    fn layout(dtype: DType, shape: &[usize]) -> Layout {
        Layout::new(dtype, shape).unwrap()
    }

    #[test]
    fn words_round_trip() {
        let custom = DType::stored(&"n".repeat(48), 24, &"d".repeat(1024)).unwrap();
        for layout in
            [layout(DType::Bool, &[]), layout(DType::Complex128, &[2; 20]), layout(custom, &[1; 64])]
        {
            let entry = Entry::from_words(&to_words(7, &layout), Path::new("x")).unwrap();
            assert_eq!(entry, Entry { number: 7, layout });
        }
    }

    #[test]
    fn every_flipped_word_is_an_error() {
        let good = to_words(7, &layout(DType::Float32, &[3, 4]));
        for i in 0..WORDS {
            let mut words = good;
            words[i] ^= 1 << 20;
            assert!(matches!(Entry::from_words(&words, Path::new("x")), Err(Error::Checksum { .. })), "{i}");
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
            let mut words = to_words(7, &layout(DType::Float32, &[3, 4]));
            words[word.word()] = value;
            words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
            let error = Entry::from_words(&words, Path::new("x")).unwrap_err();
            assert!(
                matches!(&error, Error::Corrupt { field: f, .. } if *f == field),
                "{word:?} {value}: {error}"
            );
        }
    }
}
