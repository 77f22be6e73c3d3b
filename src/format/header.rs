//! Headers: what their bytes are. Offsets are those of the byte table in docs/design.md.

use crate::error::Result;
use crate::format::identity::{self, Identity, Kind, LEAST_PAGE};
use crate::format::record::WORDS;
use crate::format::words::{Field, FieldKind, halves};
use crate::sys::file::PathFile;
use crate::sys::owner;

// Of the identity block.
pub(crate) const MAKER_UID: Field = Field::new("maker's uid", identity::OWN.offset, FieldKind::U32);
pub(crate) const MAKER_PID: Field = MAKER_UID.then("maker's pid", FieldKind::U32);
pub(crate) const FLAGS: Field = MAKER_PID.then("flags", FieldKind::U64);
pub(crate) const ORIGIN: Field = FLAGS.then("origin", FieldKind::U64);

// Region 0: the first page.
/// The pid of the writer, in its own PID namespace; 0: nobody has the tag.
pub(crate) const WRITER_PID: Field = Field::new("writer's pid", identity::BYTES, FieldKind::U32);
/// 1 once the header has stood under its tag's name, 0 while it is in the making.
pub(crate) const HAS_STOOD: Field = WRITER_PID.then("has stood", FieldKind::U32);
/// The highest number that was ever given to a file.
pub(crate) const SPENT: Field = Field::new("spent", WRITER_PID.offset + 8, FieldKind::U64);
pub(crate) const SEQ: Field = Field::new("seq", identity::BYTES + 64, FieldKind::U64);
pub(crate) const RECORDS: Field = SEQ.then("records", FieldKind::Words(2 * WORDS));
/// Bytes that a source takes at most.
pub(crate) const SOURCE_BYTES: usize = 128;
/// Where the values come from: the length of a text, and the text. Empty for a writer of this machine.
pub(crate) const SOURCE_LENGTH: Field = Field::new("source length", SEQ.offset + 64, FieldKind::U64);
pub(crate) const SOURCE: Field = SOURCE_LENGTH.then("source", FieldKind::Text(SOURCE_BYTES));
// What every publish writes and every read looks at is one cache line.
const _: () = assert!(SEQ.offset % 64 == 0 && RECORDS.end() <= SEQ.offset + 64 && SOURCE.end() <= LEAST_PAGE);

// Region 1: the second page.
pub(crate) const WAITING: Field = Field::new("waiting", 0, FieldKind::U32);

/// Where a record is.
pub(crate) const fn record(which: usize) -> usize {
    RECORDS.offset + which * WORDS * 8
}

/// What a header's identity block says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderIdentity {
    pub page: usize,
    pub id: u128,
    /// Who made it, as seen in the maker's own namespace; for information.
    pub pid: u32,
    pub uid: u32,
    /// Whether the tag goes when its writer goes.
    pub ephemeral: bool,
    /// Where the count of versions began: that of the header that this one continues, else a part of its own id.
    /// Versions of one origin are in one order; a tag that was removed and made again has another origin.
    pub origin: u64,
    /// Features that this library does not know, without which it must not write.
    pub read_compatible: u64,
}

impl HeaderIdentity {
    /// A new header, which goes on with the versions of `origin` if that is given.
    pub fn new(ephemeral: bool, origin: Option<u64>) -> Self {
        let id = uuid::Uuid::new_v4().as_u128();
        HeaderIdentity {
            page: identity::new_page(),
            id,
            pid: owner::pid(),
            uid: owner::uid(),
            ephemeral,
            origin: origin.unwrap_or(halves(id).0),
            read_compatible: 0,
        }
    }

    /// Reads and validates the identity block of an open header, without a mapping.
    pub fn read(file: &PathFile) -> Result<Self> {
        let Identity { page, header: id, own, read_compatible, .. } = Identity::read(Kind::Header, file)?;
        let [maker, flags, origin, _] = own;
        let [uid, pid]: [u32; 2] = bytemuck::cast(maker);
        Ok(HeaderIdentity { page, id, pid, uid, ephemeral: flags & 1 != 0, origin, read_compatible })
    }

    /// Writes a new header, empty, into a file that has the storage.
    pub fn write(&self, file: &PathFile) -> Result<()> {
        let own = [bytemuck::cast([self.uid, self.pid]), u64::from(self.ephemeral), self.origin, 0];
        file.write_at(0, &Identity::new(Kind::Header, self.id, own).to_bytes())
    }

    /// Bytes of a header's file.
    pub fn file_size(&self) -> u64 {
        2 * self.page as u64
    }

    /// The uuid in the name of the data file that a number stands for: this header's id, with the number in its lowest 40
    /// bits. So no uuid has to be stored, and no two headers give the same name.
    pub fn data_file(&self, number: u64) -> u128 {
        data_file(self.id, number)
    }

    /// Refuses a header that this library must not write to.
    pub fn check_writable(&self, path: &std::path::Path) -> Result<()> {
        Identity::check_writable(self.read_compatible, path)
    }
}

/// The uuid of the data file of a header with that id, for a number.
pub(crate) fn data_file(header: u128, number: u64) -> u128 {
    const NUMBER: u128 = (crate::format::record::NUMBERS - 1) as u128;
    header & !NUMBER | u128::from(number) & NUMBER
}
