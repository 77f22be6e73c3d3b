//! Data files without a mapping: their identity, and what can be read of them from outside.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};
use crate::format::identity::{self, Identity, Kind, LEAST_REGION};
use crate::format::record::{halves, whole};
use crate::sys::file;

/// The most slots a segment has.
pub(crate) const SLOTS: usize = 8;
/// Pin counts of a slot, so that readers in different processes seldom share a cache line.
pub(crate) const SHARDS: usize = 4;
/// The most user data of a value, in bytes.
pub(crate) const USER_DATA: usize = 240;

// Byte offsets in region 0, each derived from the one before.
pub(crate) const ALLOCATED: usize = identity::BYTES;
pub(crate) const TABLE: usize = ALLOCATED + 128;
pub(crate) const CONTENT: usize = 0;
pub(crate) const USER_LENGTH: usize = CONTENT + 8;
pub(crate) const USER: usize = USER_LENGTH + 8;
pub(crate) const ENTRY: usize = USER + USER_DATA;
const _: () = assert!(TABLE % 64 == 0 && ENTRY == 256 && TABLE + SLOTS * ENTRY <= LEAST_REGION);
/// Bytes from one pin count to the next in region 1: two cache lines, since processors fetch them in pairs.
pub(crate) const PIN: usize = 128;
const _: () = assert!(SLOTS * SHARDS * PIN <= LEAST_REGION);

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
        let page = file::page_size().max(LEAST_REGION);
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

    /// Writes the identity of a new segment into a file that has the storage of its regions.
    pub fn write(&self, file: &File, path: &Path) -> Result<()> {
        let (low, high) = halves(self.header);
        let identity = Identity {
            kind: Kind::Segment,
            region: self.region,
            id: self.id,
            fields: [low, high, self.capacity as u64, 0],
        };
        file::write_at(file, path, 0, &identity.to_bytes())
    }
}

/// Writes the count of slots with storage into a new segment, before it is mapped.
pub(crate) fn write_allocated(file: &File, path: &Path, slots: usize) -> Result<()> {
    file::write_at(file, path, ALLOCATED as u64, &(slots as u64).to_ne_bytes())
}

/// Reads and validates the identity block of an open data file, without a mapping.
pub(crate) fn identify(file: &File, path: &Path) -> Result<SegmentIdentity> {
    let size = file::status_of(file, path)?.size;
    let mut block = [0; identity::BYTES];
    let length = block.len().min(usize::try_from(size).unwrap_or(usize::MAX));
    file::read_at(file, path, 0, &mut block[..length])?;
    let identity = Identity::from_bytes(Kind::Segment, &block[..length], size, path)?;
    let [low, high, capacity, _] = identity.fields;
    let header = whole(low, high);
    let found =
        SegmentIdentity { region: identity.region, id: identity.id, header, capacity: capacity as usize };
    let page = file::page_size().max(LEAST_REGION) as u64;
    let fits = found.file_size(SLOTS).is_some_and(|size| size <= isize::MAX as u64);
    if capacity == 0 || capacity % page != 0 || !fits {
        return Err(Error::corrupt(
            path,
            "slot capacity",
            capacity,
            format!("a multiple of {page} that fits memory"),
        ));
    }
    Ok(found)
}

/// Whether what stands at `path` is a data file of ours, perhaps a damaged one, rather than somebody else's file.
pub(crate) fn is_ours(path: &Path) -> bool {
    let regular = matches!(file::status_at(path), Ok(Some(status)) if status.is_file());
    let Some(file) = file::open(path, false).ok().filter(|_| regular) else { return false };
    let mut start = [0; 8];
    file::read_at(&file, path, 0, &mut start).unwrap_or(false) && Identity::starts(Kind::Segment, &start)
}

/// Slots allocated, slots pinned and slot capacity of an open data file, without a mapping.
pub(crate) fn inspect(file: &File, path: &Path) -> Result<(usize, usize, usize)> {
    let identity = identify(file, path)?;
    let mut allocated = [0; 8];
    file::read_at(file, path, ALLOCATED as u64, &mut allocated)?;
    let allocated = (u64::from_ne_bytes(allocated) as usize).min(SLOTS);
    let mut counts = [0; SLOTS * SHARDS * PIN];
    file::read_at(file, path, identity.region as u64, &mut counts)?;
    let slots = counts.chunks(SHARDS * PIN).take(allocated);
    let pinned = slots.filter(|slot| slot.chunks(PIN).any(|pin| pin[..4] != [0; 4])).count();
    Ok((allocated, pinned, identity.capacity))
}
