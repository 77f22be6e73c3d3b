//! Data files: what their bytes are. Offsets are those of the byte table in docs/design.md.
//!
//! Region 0 has the identity and a line for each slot, region 1 the pins. Then come the slots: an entry page, and the elements.

use crate::error::{Error, Result};
use crate::format::identity::{self, Identity, Kind};
use crate::format::words::{Field, FieldKind};
use crate::sys::clock::Clock;
use crate::sys::file::PathFile;
use crate::time::UnixTime;

/// The most slots that a data file can have.
pub(crate) const MOST_SLOTS: usize = 256;
/// The most slots of a file without history.
pub(crate) const SLOTS: usize = 8;
/// The most slots of a file with so much history.
pub(crate) const fn slot_limit(history: usize) -> usize {
    SLOTS + history
}

/// Slots smaller than this, in bytes with their entry, are never punched out: copying readers copy them from their mapping.
pub(crate) const LEAST_PUNCHED: usize = 64 << 10;
/// Pin counts of a slot, so that readers in different processes seldom share a cache line.
pub(crate) const SHARDS: usize = 4;

// Of the identity block.
/// The number under which the file was made; a change of layout gives it others.
pub(crate) const MADE_AS: Field = Field::new("made as number", identity::OWN.offset, FieldKind::U64);
pub(crate) const CAPACITY: Field = MADE_AS.then("slot capacity", FieldKind::U64);
pub(crate) const LIMIT: Field = CAPACITY.then("slot limit", FieldKind::U64);
/// Bytes of region 0 and of region 1, a half word each. They follow from the page size and the slot limit.
pub(crate) const REGIONS: [Field; 2] = [
    LIMIT.then("region 0", FieldKind::U32),
    LIMIT.then("region 0", FieldKind::U32).then("region 1", FieldKind::U32),
];
const _: () = assert!(REGIONS[1].end() == identity::OWN.end());

/// The lines of the slots, a cache line each.
const LINES: usize = 256;
const LINE: usize = 64;

// Of a line.
pub(crate) const CONTENT: Field = Field::new("content version", 0, FieldKind::U64);
pub(crate) const WRITTEN_AT: Field = CONTENT.then("write time", FieldKind::U64);
/// CLOCK_REALTIME less CLOCK_MONOTONIC, as the writer saw them, in nanoseconds.
pub(crate) const OFFSET: Field = WRITTEN_AT.then("clock offset", FieldKind::U64);
/// Which CLOCK_MONOTONIC it is; 0: nobody knows.
pub(crate) const DOMAIN: Field = OFFSET.then("clock domain", FieldKind::U64);
/// Unix time in nanoseconds; 0: none.
pub(crate) const ACQUIRED_AT: Field = DOMAIN.then("acquisition time", FieldKind::U64);
/// What the user data are: [`BYTES`] or [`ATTRIBUTES`].
pub(crate) const ENCODING: Field = ACQUIRED_AT.then("encoding", FieldKind::U32);
pub(crate) const USER_LENGTH: Field = ENCODING.then("user data length", FieldKind::U32);
/// Unix time in nanoseconds, of a value that was brought from elsewhere; 0: none.
pub(crate) const SOURCE_WRITTEN_AT: Field = USER_LENGTH.then("source write time", FieldKind::U64);
const _: () = assert!(SOURCE_WRITTEN_AT.end() <= LINE && LINES % LINE == 0 && identity::BYTES <= LINES);

/// Bytes from one pin count to the next in region 1: two cache lines, since processors fetch them in pairs.
pub(crate) const PIN: usize = 128;

/// Where the line of a slot is in region 0.
#[inline(always)]
pub(crate) const fn line(slot: usize) -> usize {
    LINES + slot * LINE
}

/// Where a pin count is in region 1.
#[inline(always)]
pub(crate) const fn pin(slot: usize, shard: usize) -> usize {
    (slot * SHARDS + shard) * PIN
}

/// Words of a line.
pub(crate) const LINE_WORDS: usize = LINE / 8;

/// User data that are any bytes.
pub(crate) const BYTES: u32 = 0;
/// User data that are a JSON object, as UTF-8.
pub(crate) const ATTRIBUTES: u32 = 1;

/// What a line says of a value, beside its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// CLOCK_MONOTONIC in nanoseconds.
    pub written_at: u64,
    pub clock: Clock,
    /// Unix time in nanoseconds; 0: none.
    pub acquired_at: u64,
    /// What the user data are.
    pub encoding: u32,
    /// The length of the user data in bytes, as it stands there: it may be damaged.
    pub user_length: u32,
    /// Unix time in nanoseconds; 0: none.
    pub source_written_at: u64,
}

impl Line {
    /// The words behind the content version.
    #[inline(always)]
    pub fn to_words(self) -> [u64; 6] {
        let user = u64::from(self.user_length) << 32 | u64::from(self.encoding);
        let user = if cfg!(target_endian = "big") { user.rotate_left(32) } else { user };
        let Line { written_at, clock, acquired_at, source_written_at, .. } = self;
        [written_at, clock.offset() as u64, clock.domain(), acquired_at, user, source_written_at]
    }

    #[inline(always)]
    pub fn from_words(words: [u64; 6]) -> Self {
        let [written_at, offset, domain, acquired_at, user, source_written_at] = words;
        let [encoding, user_length]: [u32; 2] = bytemuck::cast(user);
        let clock = Clock::new(offset as i64, domain);
        Line { written_at, clock, acquired_at, encoding, user_length, source_written_at }
    }

    /// When the value was published, as Unix time.
    pub fn written_at_unix(&self) -> UnixTime {
        self.clock.unix(self.written_at)
    }

    /// When it was acquired; if nobody said so, when it was published.
    pub fn taken_at(&self) -> UnixTime {
        if self.acquired_at == 0 { self.written_at_unix() } else { self.acquired_at.into() }
    }
}

/// What a data file's identity block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentIdentity {
    pub page: usize,
    /// The header that it belongs to, for life.
    pub header: u128,
    /// The number under which it was made.
    pub made_as: u64,
    /// Bytes of a slot's elements: a multiple of the page size, at least one page.
    pub capacity: usize,
    /// The most slots that it can have, 1 to 256.
    pub limit: usize,
    pub read_compatible: u64,
}

impl SegmentIdentity {
    /// A new identity; `None` if so many slots of that capacity do not fit the address space.
    pub fn new(header: u128, made_as: u64, nbytes: usize, limit: usize) -> Option<Self> {
        let page = identity::new_page();
        let capacity = nbytes.max(1).checked_next_multiple_of(page)?;
        let new = SegmentIdentity { page, header, made_as, capacity, limit, read_compatible: 0 };
        new.file_size(limit).filter(|&size| size <= isize::MAX as u64)?;
        Some(new)
    }

    /// Bytes of region 0, and of region 1.
    pub fn regions(&self) -> [usize; 2] {
        [line(self.limit), pin(self.limit, 0)].map(|bytes| bytes.next_multiple_of(self.page))
    }

    /// Bytes of a slot: its entry, and its elements.
    #[inline]
    pub fn slot_size(&self) -> usize {
        self.page + self.capacity
    }

    /// Where a slot begins, with its entry.
    #[inline]
    pub fn slot_offset(&self, slot: usize) -> usize {
        self.regions().iter().sum::<usize>() + slot * self.slot_size()
    }

    /// Bytes of the file with that many slots.
    pub fn file_size(&self, slots: usize) -> Option<u64> {
        let slot = (self.capacity as u64).checked_add(self.page as u64)?;
        let regions = self.regions().iter().sum::<usize>() as u64;
        slot.checked_mul(slots as u64)?.checked_add(regions)
    }

    /// How many slots are inside a file of that size.
    pub fn slots_in(&self, size: u64) -> usize {
        let slots = size.saturating_sub(self.slot_offset(0) as u64) / self.slot_size() as u64;
        (slots as usize).min(self.limit)
    }

    /// Writes the identity of a new data file into a file that has the storage.
    pub fn write(&self, file: &PathFile) -> Result<()> {
        let regions = bytemuck::cast(self.regions().map(|bytes| bytes as u32));
        let own = [self.made_as, self.capacity as u64, self.limit as u64, regions];
        file.write_at(0, &Identity::new(Kind::Segment, self.header, own).to_bytes())
    }

    /// Reads and validates the identity block of an open data file, without a mapping.
    pub fn read(file: &PathFile) -> Result<Self> {
        let Identity { page, header, own, read_compatible, .. } = Identity::read(Kind::Segment, file)?;
        let [made_as, capacity, limit, regions] = own;
        if limit == 0 || limit > MOST_SLOTS as u64 {
            return Err(Error::corrupt(file.path(), LIMIT.name, limit, "1 to 256"));
        }
        let (bytes, limit) = (capacity as usize, limit as usize);
        let found = SegmentIdentity { page, header, made_as, capacity: bytes, limit, read_compatible };
        let fits = found.file_size(limit).is_some_and(|size| size <= isize::MAX as u64);
        if capacity == 0 || capacity % page as u64 != 0 || !fits {
            let expected = format!("a multiple of {page} that fits memory");
            return Err(Error::corrupt(file.path(), CAPACITY.name, capacity, expected));
        }
        let expected = found.regions();
        let stored: [u32; 2] = bytemuck::cast(regions);
        if stored.map(|bytes| bytes as usize) != expected {
            let found = format!("{stored:?}");
            return Err(Error::corrupt(file.path(), REGIONS[0].name, found, format!("{expected:?}")));
        }
        let size = file.status()?.size;
        let least = found.file_size(1).unwrap_or(u64::MAX);
        if size < least {
            return Err(Error::Truncated { path: file.path().to_owned(), found: size, expected: least });
        }
        Ok(found)
    }
}
