//! The writer's side of a segment: making one, adopting one, choosing slots, growing.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::format::record::{Cold, Hot};
use crate::format::segment::{SLOTS, SegmentIdentity};
use crate::shm::segment::{Access, Segment};
use crate::sync::{Ordering, pin};
use crate::sys::file::{FileId, PathFile, is_exhausted};
use crate::sys::lock::Lock;
use crate::sys::name::{link, stands_at};
use crate::sys::owner::{Rights, set_rights};
use crate::sys::space::space;

/// A segment that this process may write: its lock is held.
pub(crate) struct Slots {
    /// The only `Arc` of a mapping of its own, so that `claimed` is exclusive.
    segment: Arc<Segment>,
    /// For growing: a descriptor without the lock.
    file: PathFile,
    _lock: Lock,
    /// The uuid in the name.
    pub uuid: u128,
    /// The version last published from each slot; 0: none.
    published: [u64; SLOTS],
}

/// A segment that has no name yet; dropped, its file is removed.
pub(crate) struct Unnamed {
    staged: StagedFile,
    segment: Arc<Segment>,
}

impl Unnamed {
    /// Makes a segment for values of `nbytes`, with storage for `slots` of them.
    pub fn new(tag: &TagPath, header: u128, nbytes: usize, slots: usize, rights: Rights) -> Result<Self> {
        let too_large = || {
            let (free, total) = space(tag.directory());
            Error::NoSpace { path: tag.directory().to_owned(), wanted: nbytes as u64, free, total }
        };
        let identity = SegmentIdentity::new(header, nbytes).ok_or_else(too_large)?;
        let size = identity.file_size(slots).ok_or_else(too_large)?;
        let staged = StagedFile::new(tag, size, rights)?;
        // Mapping wants a count of slots; the storage is there.
        identity.write(staged.file(), slots)?;
        let segment = Segment::map(staged.file(), Access::Writing)?;
        Ok(Unnamed { staged, segment: Arc::new(segment) })
    }

    /// The segment, to fill slot 0 of it.
    pub fn segment(&mut self) -> &mut Arc<Segment> {
        &mut self.segment
    }

    /// Gives it a name.
    pub fn persist(self, tag: &TagPath) -> Result<Slots> {
        let Unnamed { mut staged, segment } = self;
        loop {
            let uuid = uuid::Uuid::new_v4().as_u128();
            match staged.persist(&tag.data_file(uuid))? {
                Ok((file, lock)) => {
                    return Ok(Slots { segment, file, _lock: lock, uuid, published: [0; SLOTS] });
                }
                // A uuid that exists already; draw again.
                Err(still_staged) => staged = still_staged,
            }
        }
    }
}

impl Slots {
    /// Adopts the segment that a header's record names; `None` if it is missing, busy or not what the record says.
    pub fn adopt(
        tag: &TagPath,
        header: u128,
        hot: &Hot,
        cold: &Cold,
        rights: Rights,
    ) -> Result<Option<Self>> {
        let uuid = cold.data_file;
        let path = tag.data_file(uuid);
        let file = match PathFile::open_writable(&path) {
            Ok(file) => file,
            Err(error) if is_exhausted(&error) => return Err(Error::io(&path, "open it", error)),
            Err(_) => return Ok(None),
        };
        let status = file.status()?;
        if !status.is_file() {
            return Ok(None);
        }
        let Some(lock) = Lock::open_same(&path, status.id)? else { return Ok(None) };
        if !lock.exclusive()? || !stands_at(status.id, &path)? {
            return Ok(None);
        }
        let Ok(found) = SegmentIdentity::read(&file) else { return Ok(None) };
        file.fill_holes(0, found.file_size(SLOTS).unwrap_or(0))?;
        let Ok(segment) = Segment::map(&file, Access::Writing) else { return Ok(None) };
        let identity = *segment.identity();
        let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
        if identity.id != cold.segment_id
            || identity.header != header
            || !segment.is_usable(slot)
            || cold.layout.nbytes() > identity.capacity
        {
            return Ok(None);
        }
        match set_rights(&file, rights) {
            // Another user's file, which this one may write, but not set the permissions of: not to go on with.
            Err(Error::NotWritable { .. }) => return Ok(None),
            set => set?,
        }
        // Acquire: as a reader; the bytes of that version are visible.
        let published = std::array::from_fn(|slot| segment.content(slot).load(Ordering::Acquire));
        let slots = Slots { segment: Arc::new(segment), file, _lock: lock, uuid, published };
        Ok((slots.published[slot] == hot.stamp.version).then_some(slots))
    }

    pub fn segment(&mut self) -> &mut Arc<Segment> {
        &mut self.segment
    }

    pub fn identity(&self) -> &SegmentIdentity {
        self.segment.identity()
    }

    pub fn file_id(&self) -> FileId {
        self.segment.file()
    }

    /// Whether anybody holds a pin on any slot.
    pub fn pinned(&self) -> bool {
        (0..self.segment.allocated()).any(|slot| pin::pinned(&self.segment.pin_counts(slot)))
    }

    /// Takes a slot for filling: the least recently published that is not `current` and has no pins, else a new one.
    /// `None`: all 8 are taken.
    pub fn claim(&mut self, current: Option<usize>) -> Result<Option<usize>> {
        let allocated = self.segment.allocated();
        let claim = |slot: &usize| {
            Some(*slot) != current && pin::claim(self.segment.content(*slot), &self.segment.pin_counts(*slot))
        };
        let claimed = if allocated <= 2 {
            // At most one besides the current: there is no order.
            (0..allocated).find(claim)
        } else {
            let mut order: [usize; SLOTS] = std::array::from_fn(|slot| slot);
            order[..allocated].sort_unstable_by_key(|&slot| self.published[slot]);
            order[..allocated].iter().copied().find(claim)
        };
        if claimed.is_some() {
            return Ok(claimed);
        }
        if allocated == SLOTS {
            return Ok(None);
        }
        // Storage first, then the count: whoever sees the count may touch the slot.
        let (start, end) = (self.identity().file_size(allocated), self.identity().file_size(allocated + 1));
        let (Some(start), Some(end)) = (start, end) else { return Ok(None) };
        self.file.allocate(start, end - start)?;
        self.segment.set_allocated(allocated + 1);
        Ok(Some(allocated))
    }

    /// Gives a claimed slot back unfilled.
    pub fn abort(&mut self, slot: usize) {
        self.published[slot] = 0;
    }

    /// Ends the filling of a claimed slot with its version.
    #[inline]
    pub fn seal(&mut self, slot: usize, version: u64, user_data: &[u8]) {
        self.segment.set_user_data(slot, user_data);
        pin::seal(self.segment.content(slot), version);
        self.published[slot] = version;
    }

    /// Gives the file another name beside the present one; false if the present one is gone.
    pub fn link(&self, tag: &TagPath, uuid: u128) -> Result<bool> {
        link(&tag.data_file(self.uuid), &tag.data_file(uuid))
    }
}
