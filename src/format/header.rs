//! Headers: what their bytes are. Offsets are those of the byte table in docs/design.md.

use crate::error::Result;
use crate::format::identity::{self, Identity, Kind, LEAST_REGION};
use crate::format::record::{COLD, HOT};
use crate::format::words::{Field, FieldKind, halves};
use crate::sys::file::PathFile;
use crate::sys::owner;

// Of the identity block.
pub(crate) const MAKER_UID: Field = Field::new("maker's uid", identity::FIELDS.offset, FieldKind::U32);
pub(crate) const MAKER_PID: Field = MAKER_UID.then("maker's pid", FieldKind::U32);
pub(crate) const FLAGS: Field = MAKER_PID.then("flags", FieldKind::U64);
pub(crate) const ORIGIN: Field = FLAGS.then("origin", FieldKind::U64);

// Region 0.
pub(crate) const SEQ: Field = Field::new("seq", identity::BYTES + 64, FieldKind::U64);
pub(crate) const STATE: Field = SEQ.then("state", FieldKind::U32);
const RESERVED: Field = STATE.then("reserved", FieldKind::U32);
/// The hot words of both records.
pub(crate) const HOT_WORDS: Field = RESERVED.then("hot words", FieldKind::Words(2 * HOT));
/// The rest of the records.
pub(crate) const RECORDS: usize = HOT_WORDS.end();
/// Bytes of that rest: whole cache lines.
pub(crate) const RECORD: usize = COLD_WORDS.end().next_multiple_of(64);
pub(crate) const END: usize = RECORDS + 2 * RECORD;
// What every publish writes and every read looks at is one cache line.
const _: () = assert!(END <= LEAST_REGION && SEQ.offset % 64 == 0 && RECORDS == SEQ.offset + 64);

// Of the rest of a record.
pub(crate) const OPENED: Field = Field::new("opened", 0, FieldKind::U64);
pub(crate) const CLOSED: Field = OPENED.then("closed", FieldKind::U64);
pub(crate) const COLD_WORDS: Field = CLOSED.then("cold words", FieldKind::Words(COLD));

// Region 1.
pub(crate) const WAITING: Field = Field::new("waiting", 0, FieldKind::U32);

/// The state of a header in use.
pub(crate) const LIVE: u32 = 1;
/// The state of a header that was taken over or removed: readers look for the tag's file again.
pub(crate) const RETIRED: u32 = 2;

/// Where the hot words of a record are.
pub(crate) const fn hot_words(record: usize) -> usize {
    HOT_WORDS.offset + record * HOT * 8
}

/// Where the rest of a record is.
pub(crate) const fn rest(record: usize) -> usize {
    RECORDS + record * RECORD
}

/// What a header's identity block says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderIdentity {
    pub region: usize,
    pub id: u128,
    /// Who made it, as seen in the maker's own namespace; for information.
    pub pid: u32,
    pub uid: u32,
    /// Whether the tag goes when its writer goes.
    pub ephemeral: bool,
    /// Where the count of versions began: that of the header that this one continues, else a part of its own id.
    /// Versions of one origin are in one order; a tag that was removed and made again has another origin.
    pub origin: u64,
}

impl HeaderIdentity {
    /// A new header, which goes on with the versions of `origin` if that is given.
    pub fn new(ephemeral: bool, origin: Option<u64>) -> Self {
        let Identity { region, id, .. } = Identity::new(Kind::Header, [0; 4]);
        let origin = origin.unwrap_or(halves(id).0);
        HeaderIdentity { region, id, pid: owner::pid(), uid: owner::uid(), ephemeral, origin }
    }

    /// Reads and validates the identity block of an open header, without a mapping.
    pub fn read(file: &PathFile) -> Result<Self> {
        let Identity { region, id, fields, .. } = Identity::read(Kind::Header, file)?;
        let [maker, flags, origin, _] = fields;
        let (uid, pid) = (maker as u32, (maker >> 32) as u32);
        Ok(HeaderIdentity { region, id, pid, uid, ephemeral: flags & 1 != 0, origin })
    }

    /// Writes a new header, live and empty, into a file that has the storage.
    pub fn write(&self, file: &PathFile) -> Result<()> {
        let maker = u64::from(self.uid) | u64::from(self.pid) << 32;
        let identity = Identity {
            kind: Kind::Header,
            region: self.region,
            id: self.id,
            fields: [maker, u64::from(self.ephemeral), self.origin, 0],
        };
        file.write_at(STATE.offset as u64, &LIVE.to_ne_bytes())?;
        file.write_at(0, &identity.to_bytes())
    }

    /// Bytes of a header's file.
    pub fn file_size(&self) -> u64 {
        2 * self.region as u64
    }
}
