//! Identity blocks: the first 128 bytes of a header or data file, which never change and are checked before all else.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::words::{Field, FieldKind, checksum, halves, whole};
use crate::sys;
use crate::sys::file::PathFile;

/// Version of the file format.
pub(crate) const FORMAT: u32 = 1;
/// Reads differently on a machine of the other byte order.
pub(crate) const ENDIAN: u32 = 0x0102_0304;
/// Words of an identity block.
const WORDS: usize = 16;
/// Bytes of an identity block.
pub(crate) const BYTES: usize = WORDS * 8;
/// Words whose meaning is the kind's.
pub(crate) const OWN_WORDS: usize = 4;
/// The smallest page: what every machine's page is a multiple of.
pub(crate) const LEAST_PAGE: usize = 4096;
/// The greatest page accepted: larger than any that Linux has.
const GREATEST_PAGE: u64 = 1 << 24;

pub(crate) const MAGIC: Field = Field::new("magic", 0, FieldKind::Text(8));
pub(crate) const VERSION: Field = MAGIC.then("format version", FieldKind::U32);
pub(crate) const ENDIAN_TAG: Field = VERSION.then("endian tag", FieldKind::U32);
pub(crate) const PAGE: Field = ENDIAN_TAG.then("page size", FieldKind::U64);
pub(crate) const HEADER_ID: Field = PAGE.then("header id", FieldKind::Id);
/// Features without which a file cannot be used. This library knows none.
pub(crate) const INCOMPATIBLE: Field = HEADER_ID.then("incompatible features", FieldKind::U64);
/// Features without which a file can be read, but not written. This library knows none.
pub(crate) const READ_COMPATIBLE: Field = INCOMPATIBLE.then("read-compatible features", FieldKind::U64);
pub(crate) const OWN: Field = READ_COMPATIBLE.then("own fields", FieldKind::Words(OWN_WORDS));
pub(crate) const CHECKSUM: Field = Field::new("checksum", BYTES - 8, FieldKind::U64);

/// Which kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Header,
    Segment,
}

impl Kind {
    pub fn magic(self) -> [u8; 8] {
        match self {
            Kind::Header => *b"NDSHHEAD",
            Kind::Segment => *b"NDSHDATA",
        }
    }
}

/// What the block says; the meaning of `own` is the kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub kind: Kind,
    /// The page size of the machine that made the file.
    pub page: usize,
    /// The id of the header, or of the header that a data file belongs to.
    pub header: u128,
    pub own: [u64; OWN_WORDS],
    /// Features that this library does not know, without which it must not write to the file.
    pub read_compatible: u64,
}

/// The page size that new files are made for.
pub(crate) fn new_page() -> usize {
    sys::page_size().max(LEAST_PAGE)
}

impl Identity {
    /// A new identity, for pages of this machine.
    pub fn new(kind: Kind, header: u128, own: [u64; OWN_WORDS]) -> Self {
        Identity { kind, page: new_page(), header, own, read_compatible: 0 }
    }

    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut words = [0_u64; WORDS];
        words[MAGIC.word()] = u64::from_ne_bytes(self.kind.magic());
        words[VERSION.word()] = bytemuck::cast([FORMAT, ENDIAN]);
        words[PAGE.word()] = self.page as u64;
        (words[HEADER_ID.word()], words[HEADER_ID.word() + 1]) = halves(self.header);
        words[READ_COMPATIBLE.word()] = self.read_compatible;
        words[OWN.word()..][..OWN_WORDS].copy_from_slice(&self.own);
        words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
        bytemuck::cast(words)
    }

    /// Whether the bytes start like a file of `kind`, in whatever version.
    pub fn starts(kind: Kind, bytes: &[u8]) -> bool {
        bytes.starts_with(&kind.magic())
    }

    /// Reads and validates the identity block of an open file of `kind`, without a mapping.
    pub fn read(kind: Kind, file: &PathFile) -> Result<Self> {
        let size = file.status()?.size;
        let mut block = [0; BYTES];
        let length = block.len().min(usize::try_from(size).unwrap_or(usize::MAX));
        file.read_at(0, &mut block[..length])?;
        Self::from_bytes(kind, &block[..length], size, file.path())
    }

    /// Validates the first bytes of the file at `path`, which may hold anything; `size` is the file's.
    pub fn from_bytes(kind: Kind, bytes: &[u8], size: u64, path: &Path) -> Result<Self> {
        let path_buf = || path.to_owned();
        if !Self::starts(kind, bytes) {
            let start = &bytes[..bytes.len().min(8)];
            let found = if bytes.is_empty() {
                "an empty file".to_owned()
            } else {
                format!("a file that starts with \"{}\"", start.escape_ascii())
            };
            return match kind {
                Kind::Header => Err(Error::NotAHeader { path: path_buf(), found }),
                Kind::Segment => Err(Error::corrupt(path, MAGIC.name, found, "a data file of ndsharray")),
            };
        }
        let least = (2 * LEAST_PAGE) as u64;
        let Some(Ok(block)) = bytes.get(..BYTES).map(<[u8; BYTES]>::try_from) else {
            return Err(Error::Truncated { path: path_buf(), found: size, expected: least });
        };
        let words: [u64; WORDS] = bytemuck::cast(block);
        let [version, endian]: [u32; 2] = bytemuck::cast(words[VERSION.word()]);
        if endian != ENDIAN {
            return Err(Error::Endianness { path: path_buf(), found: endian, expected: ENDIAN });
        }
        if version != FORMAT {
            return Err(Error::FormatVersion { path: path_buf(), found: version, expected: FORMAT });
        }
        let (found, expected) = (checksum(&words[..CHECKSUM.word()]), words[CHECKSUM.word()]);
        if u64::from(found) != expected {
            return Err(Error::Checksum { path: path_buf(), found, expected: expected as u32 });
        }
        let incompatible = words[INCOMPATIBLE.word()];
        if incompatible != 0 {
            return Err(Error::UnknownFeatures {
                path: path_buf(),
                found: incompatible,
                operation: "use it",
            });
        }
        let page = words[PAGE.word()];
        let expected = new_page() as u64;
        if !page.is_power_of_two() || page % expected != 0 || page > GREATEST_PAGE {
            return Err(Error::corrupt(path, PAGE.name, page, format!("a multiple of {expected}")));
        }
        if size < 2 * page {
            return Err(Error::Truncated { path: path_buf(), found: size, expected: 2 * page });
        }
        Ok(Identity {
            kind,
            page: page as usize,
            header: whole(words[HEADER_ID.word()], words[HEADER_ID.word() + 1]),
            own: std::array::from_fn(|i| words[OWN.word() + i]),
            read_compatible: words[READ_COMPATIBLE.word()],
        })
    }

    /// Refuses a file that this library must not write to.
    pub fn check_writable(read_compatible: u64, path: &Path) -> Result<()> {
        if read_compatible == 0 {
            return Ok(());
        }
        Err(Error::UnknownFeatures {
            path: path.to_owned(),
            found: read_compatible,
            operation: "write to it",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], size: u64) -> Result<Identity> {
        Identity::from_bytes(Kind::Header, bytes, size, Path::new("x"))
    }

    fn new(own: [u64; OWN_WORDS]) -> Identity {
        Identity::new(Kind::Header, 7 << 80 | 9, own)
    }

    /// The same bytes with another word, and the right checksum.
    fn with(word: Field, value: u64) -> [u8; BYTES] {
        let mut words: [u64; WORDS] = bytemuck::cast(new([0; OWN_WORDS]).to_bytes());
        words[word.word()] = value;
        words[CHECKSUM.word()] = u64::from(checksum(&words[..CHECKSUM.word()]));
        bytemuck::cast(words)
    }

    #[test]
    fn round_trip() {
        let identity = new([1, 2, 3, u64::MAX]);
        let size = 2 * identity.page as u64;
        assert_eq!(read(&identity.to_bytes(), size).unwrap(), identity);
        assert!(Identity::from_bytes(Kind::Segment, &identity.to_bytes(), size, Path::new("x")).is_err());
    }

    #[test]
    fn each_damage_is_its_own_error() {
        let good = new([0; OWN_WORDS]).to_bytes();
        let flip = |at: usize| {
            let mut bytes = good;
            bytes[at] ^= 0xff;
            read(&bytes, 1 << 20).unwrap_err()
        };
        assert!(matches!(flip(0), Error::NotAHeader { .. }));
        assert!(matches!(flip(8), Error::FormatVersion { found: 254, expected: 1, .. }));
        assert!(matches!(flip(12), Error::Endianness { .. }));
        for at in 16..BYTES {
            assert!(matches!(flip(at), Error::Checksum { .. }), "byte {at}");
        }
        assert!(matches!(read(&good[..100], 100).unwrap_err(), Error::Truncated { found: 100, .. }));
        assert!(matches!(
            read(&good, 8191).unwrap_err(),
            Error::Truncated { found: 8191, expected: 8192, .. }
        ));
        assert!(matches!(read(&[], 0).unwrap_err(), Error::NotAHeader { .. }));
    }

    #[test]
    fn another_page_size_is_checked() {
        for (page, good) in [(16384, true), (65536, true), (2048, false), (12288, false), (1 << 25, false)] {
            assert_eq!(read(&with(PAGE, page), u64::MAX).is_ok(), good, "{page}");
        }
    }

    #[test]
    fn unknown_features_are_found() {
        let error = read(&with(INCOMPATIBLE, 4), u64::MAX).unwrap_err();
        assert!(matches!(error, Error::UnknownFeatures { found: 4, .. }), "{error}");
        let identity = read(&with(READ_COMPATIBLE, 2), u64::MAX).unwrap();
        assert_eq!(identity.read_compatible, 2);
        let error = Identity::check_writable(2, Path::new("x")).unwrap_err();
        assert!(matches!(error, Error::UnknownFeatures { found: 2, .. }), "{error}");
    }
}
