//! Data files: what their bytes are. Offsets are those of the byte table in docs/design.md.

use crate::error::{Error, Result};
use crate::format::identity::{self, Identity, Kind, LEAST_REGION};
use crate::format::words::{Field, FieldKind, halves, whole};
use crate::sys;
use crate::sys::file::PathFile;

/// The most slots a segment has.
pub(crate) const SLOTS: usize = 8;
/// Pin counts of a slot, so that readers in different processes seldom share a cache line.
pub(crate) const SHARDS: usize = 4;
/// The most user data of a value, in bytes.
pub(crate) const USER_DATA: usize = 240;

// Of the identity block.
pub(crate) const HEADER_ID: Field = Field::new("header id", identity::FIELDS.offset, FieldKind::Id);
pub(crate) const CAPACITY: Field = HEADER_ID.then("slot capacity", FieldKind::U64);

// Region 0.
pub(crate) const ALLOCATED: Field = Field::new("slots allocated", identity::BYTES, FieldKind::U64);
/// The table of slots, an entry for each.
const TABLE: usize = ALLOCATED.offset + 128;
const ENTRY: usize = 256;
const _: () = assert!(TABLE % 64 == 0 && USER.end() == ENTRY && TABLE + SLOTS * ENTRY <= LEAST_REGION);

// Of an entry.
pub(crate) const CONTENT: Field = Field::new("content version", 0, FieldKind::U64);
pub(crate) const USER_LENGTH: Field = CONTENT.then("user data length", FieldKind::U64);
pub(crate) const USER: Field = USER_LENGTH.then("user data", FieldKind::Text(USER_DATA));

/// Bytes from one pin count to the next in region 1: two cache lines, since processors fetch them in pairs.
pub(crate) const PIN: usize = 128;
const _: () = assert!(SLOTS * SHARDS * PIN <= LEAST_REGION);

/// Where the entry of a slot is in region 0.
#[inline(always)]
pub(crate) const fn entry(slot: usize) -> usize {
    TABLE + slot * ENTRY
}

/// Where a pin count is in region 1.
#[inline(always)]
pub(crate) const fn pin(slot: usize, shard: usize) -> usize {
    (slot * SHARDS + shard) * PIN
}

/// What a segment's identity block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentIdentity {
    pub region: usize,
    pub id: u128,
    /// The header that it belongs to, for life.
    pub header: u128,
    /// Bytes of a slot: a multiple of the creator's page size, at least one page.
    pub capacity: usize,
}

impl SegmentIdentity {
    /// A new identity; `None` if 8 slots of that capacity do not fit the address space.
    pub fn new(header: u128, nbytes: usize) -> Option<Self> {
        let page = sys::page_size().max(LEAST_REGION);
        let capacity = nbytes.max(1).checked_next_multiple_of(page)?;
        let Identity { region, id, .. } = Identity::new(Kind::Segment, [0; 4]);
        let new = SegmentIdentity { region, id, header, capacity };
        new.file_size(SLOTS).filter(|&size| size <= isize::MAX as u64)?;
        Some(new)
    }

    /// Bytes of the file with that many slots.
    pub fn file_size(&self, slots: usize) -> Option<u64> {
        let slots = (self.capacity as u64).checked_mul(slots as u64)?;
        slots.checked_add(2 * self.region as u64)
    }

    pub fn slot_offset(&self, slot: usize) -> usize {
        2 * self.region + slot * self.capacity
    }

    /// Writes the identity of a new segment, and how many slots have storage, into a file that has it.
    pub fn write(&self, file: &PathFile, slots: usize) -> Result<()> {
        let (low, high) = halves(self.header);
        let identity = Identity {
            kind: Kind::Segment,
            region: self.region,
            id: self.id,
            fields: [low, high, self.capacity as u64, 0],
        };
        file.write_at(0, &identity.to_bytes())?;
        file.write_at(ALLOCATED.offset as u64, &(slots as u64).to_ne_bytes())
    }

    /// Reads and validates the identity block of an open data file, without a mapping.
    pub fn read(file: &PathFile) -> Result<Self> {
        let identity = Identity::read(Kind::Segment, file)?;
        let [low, high, capacity, _] = identity.fields;
        let header = whole(low, high);
        let Identity { region, id, .. } = identity;
        let found = SegmentIdentity { region, id, header, capacity: capacity as usize };
        let page = sys::page_size().max(LEAST_REGION) as u64;
        let fits = found.file_size(SLOTS).is_some_and(|size| size <= isize::MAX as u64);
        if capacity == 0 || capacity % page != 0 || !fits {
            let expected = format!("a multiple of {page} that fits memory");
            return Err(Error::corrupt(file.path(), CAPACITY.name, capacity, expected));
        }
        Ok(found)
    }
}
