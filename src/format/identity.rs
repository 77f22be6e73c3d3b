//! Identity blocks: the first 128 bytes of a header or segment, which never change and are checked before all else.

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
/// The least size of a region: what the contents need, and the smallest page.
pub(crate) const LEAST_REGION: usize = 4096;
/// The greatest region accepted: larger pages than any Linux has.
const GREATEST_REGION: u64 = 1 << 24;

pub(crate) const MAGIC: Field = Field::new("magic", 0, FieldKind::Text(8));
pub(crate) const VERSION: Field = MAGIC.then("format version", FieldKind::U32);
pub(crate) const ENDIAN_TAG: Field = VERSION.then("endian tag", FieldKind::U32);
pub(crate) const REGION: Field = ENDIAN_TAG.then("page size", FieldKind::U64);
pub(crate) const ID: Field = REGION.then("id", FieldKind::Id);
/// Four words whose meaning is the kind's.
pub(crate) const FIELDS: Field = ID.then("fields", FieldKind::Words(4));
pub(crate) const CHECKSUM: Field = Field::new("checksum", BYTES - 8, FieldKind::U64);

/// Which kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Header,
    Segment,
}

impl Kind {
    fn magic(self) -> [u8; 8] {
        match self {
            Kind::Header => *b"NDSHHEAD",
            Kind::Segment => *b"NDSHDATA",
        }
    }
}

/// What the block says; the meaning of `fields` is the kind's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub kind: Kind,
    /// Bytes of region 0, and of region 1: a multiple of the creator's page size.
    pub region: usize,
    pub id: u128,
    pub fields: [u64; 4],
}

impl Identity {
    /// A new identity with a random id, for pages of this machine.
    pub fn new(kind: Kind, fields: [u64; 4]) -> Self {
        let region = sys::page_size().max(LEAST_REGION);
        Identity { kind, region, id: uuid::Uuid::new_v4().as_u128(), fields }
    }

    pub fn to_bytes(self) -> [u8; BYTES] {
        let mut words = [0_u64; WORDS];
        words[MAGIC.word()] = u64::from_ne_bytes(self.kind.magic());
        words[VERSION.word()] = bytemuck::cast([FORMAT, ENDIAN]);
        words[REGION.word()] = self.region as u64;
        (words[ID.word()], words[ID.word() + 1]) = halves(self.id);
        words[FIELDS.word()..][..4].copy_from_slice(&self.fields);
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
        let least = (2 * LEAST_REGION) as u64;
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
        let region = words[REGION.word()];
        let page = sys::page_size().max(LEAST_REGION) as u64;
        if !region.is_power_of_two() || region % page != 0 || region > GREATEST_REGION {
            return Err(Error::corrupt(path, REGION.name, region, format!("a multiple of {page}")));
        }
        if size < 2 * region {
            return Err(Error::Truncated { path: path_buf(), found: size, expected: 2 * region });
        }
        Ok(Identity {
            kind,
            region: region as usize,
            id: whole(words[ID.word()], words[ID.word() + 1]),
            fields: std::array::from_fn(|i| words[FIELDS.word() + i]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], size: u64) -> Result<Identity> {
        Identity::from_bytes(Kind::Header, bytes, size, Path::new("x"))
    }

    #[test]
    fn round_trip() {
        let identity = Identity::new(Kind::Header, [1, 2, 3, u64::MAX]);
        let size = 2 * identity.region as u64;
        assert_eq!(read(&identity.to_bytes(), size).unwrap(), identity);
        assert!(Identity::from_bytes(Kind::Segment, &identity.to_bytes(), size, Path::new("x")).is_err());
    }

    #[test]
    fn each_damage_is_its_own_error() {
        let identity = Identity::new(Kind::Header, [0; 4]);
        let good = identity.to_bytes();
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
        for (region, good) in [(16384, true), (65536, true), (2048, false), (12288, false), (1 << 25, false)]
        {
            let identity = Identity { region, ..Identity::new(Kind::Header, [0; 4]) };
            assert_eq!(read(&identity.to_bytes(), u64::MAX).is_ok(), good, "{region}");
        }
    }
}
