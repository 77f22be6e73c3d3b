//! Publishing: a slot is claimed, filled by the caller, and made the value that readers see.

use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::files::retire;
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::layout::Layout;
use crate::format::record::{Cold, Hot, Stamp};
use crate::shm::futex;
use crate::shm::header::{Access, Header};
use crate::shm::segment::Segment;
use crate::sys::clock::now;
use crate::sys::lock::Lock;
use crate::sys::owner::Rights;
use crate::sys::{self, fork};
use crate::writer::ownership::thaw_abandoned;
use crate::writer::settings::Settings;
use crate::writer::slots::{Slots, Unnamed};

/// How often a writer looks whether its files still have their names.
const LOOK_EVERY: u64 = 1_000_000_000;
/// A layout that takes less than a quarter of a slot for so many writes gets a segment of its own size.
const SMALL_WRITES: u32 = 16;

/// A claimed slot, and what is to happen to it. Rare parts are boxed, since every write moves this about.
pub(crate) struct Reservation {
    /// The segment that the value is going to move to; otherwise the current one.
    pub fresh: Option<Box<Unnamed>>,
    pub slot: usize,
    /// Set if it is not the current layout.
    pub layout: Option<Box<Layout>>,
    pub nbytes: usize,
}

#[cold]
#[inline(never)]
fn new_layout(dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Box<Layout>> {
    let layout = Layout::new(dtype.clone(), shape)?;
    given.map_or(Ok(()), |given| layout.check_length(given))?;
    Ok(Box::new(layout))
}

/// The one that may write to a header: its lock is held (or it has no name yet).
pub(crate) struct Publisher {
    pub tag: TagPath,
    pub settings: Settings,
    /// Owner and permissions of new files.
    pub rights: Rights,
    pub header: Header,
    pub lock: Option<Lock>,
    pub slots: Option<Slots>,
    /// The layout of the current value, with its id; `None` and 0 before the first.
    pub layout: Option<Layout>,
    pub layout_id: u64,
    /// The current value; version 0 before the first.
    pub version: u64,
    pub slot: Option<usize>,
    /// The segment must be left at the next write: it was adopted with pins that may be a dead reader's.
    pub must_leave: bool,
    /// The uuid of a data file that the header names and that could not be adopted.
    pub stale: Option<u128>,
    pub small_writes: u32,
    page_size: usize,
    pub looked_at: u64,
    pub generation: u64,
    /// Taken over (true) or removed (false).
    pub ended: Option<bool>,
}

impl Publisher {
    pub fn new(
        tag: &TagPath,
        settings: Settings,
        rights: Rights,
        header: Header,
        lock: Option<Lock>,
    ) -> Self {
        Publisher {
            tag: tag.clone(),
            settings,
            rights,
            header,
            lock,
            slots: None,
            layout: None,
            layout_id: 0,
            version: 0,
            slot: None,
            must_leave: false,
            stale: None,
            small_writes: 0,
            page_size: sys::page_size(),
            looked_at: now(),
            generation: fork::generation(),
            ended: None,
        }
    }

    /// A publisher for a new header, which has no name yet: that of the staged file. `origin`: that of the header
    /// whose versions it goes on with.
    pub fn staged(
        tag: &TagPath,
        settings: Settings,
        rights: Rights,
        origin: Option<u64>,
    ) -> Result<(Self, StagedFile)> {
        let identity = HeaderIdentity::new(settings.ephemeral, origin);
        let staged = StagedFile::new(tag, identity.file_size(), rights)?;
        identity.write(staged.file())?;
        let header = Header::map(staged.file(), Access::Writing)?;
        Ok((Self::new(tag, settings, rights, header, None), staged))
    }

    /// Claims a slot for a value of that layout. `given`: how many bytes the caller has, which must fill it; if they do not,
    /// nothing happens.
    #[inline(always)]
    pub fn reserve(&mut self, dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Reservation> {
        let (layout, nbytes) = match &self.layout {
            Some(layout) if layout.is(dtype, shape) => {
                if let Some(given) = given {
                    layout.check_length(given)?;
                }
                (None, layout.nbytes())
            }
            _ => {
                let layout = new_layout(dtype, shape, given)?;
                let nbytes = layout.nbytes();
                (Some(layout), nbytes)
            }
        };
        self.check_in()?;
        match self.claim(nbytes)? {
            Some(slot) => Ok(Reservation { fresh: None, slot, layout, nbytes }),
            None => self.reserve_in_new_segment(layout, nbytes),
        }
    }

    /// In a new segment, if there is space for it.
    #[cold]
    #[inline(never)]
    fn reserve_in_new_segment(&mut self, layout: Option<Box<Layout>>, nbytes: usize) -> Result<Reservation> {
        match self.segment_for(nbytes) {
            Ok(fresh) => Ok(Reservation { fresh: Some(Box::new(fresh)), slot: 0, layout, nbytes }),
            // The present segment was to be left for its size or for old pins; it may have room all the same.
            Err(error @ Error::NoSpace { .. }) if self.fits(nbytes) => {
                self.small_writes = 0;
                let slot = self.claim_here()?.ok_or(error)?;
                Ok(Reservation { fresh: None, slot, layout, nbytes })
            }
            Err(error) => Err(error),
        }
    }

    /// A slot of the current segment, unless it must be left.
    #[inline]
    fn claim(&mut self, nbytes: usize) -> Result<Option<usize>> {
        let Some(slots) = &mut self.slots else { return Ok(None) };
        let capacity = slots.identity().capacity;
        // Rounded as a new segment would be, so that there is something to gain.
        let wanted = nbytes.max(self.settings.capacity).max(1);
        let wanted = wanted.saturating_add(self.page_size - 1) & !(self.page_size - 1);
        self.small_writes = if wanted < capacity / 4 { self.small_writes + 1 } else { 0 };
        if self.must_leave || nbytes > capacity || self.small_writes > SMALL_WRITES {
            return Ok(None);
        }
        self.claim_here()
    }

    fn fits(&self, nbytes: usize) -> bool {
        self.slots.as_ref().is_some_and(|slots| nbytes <= slots.identity().capacity)
    }

    #[inline]
    fn claim_here(&mut self) -> Result<Option<usize>> {
        let Some(slots) = &mut self.slots else { return Ok(None) };
        let slot = slots.claim(self.slot)?;
        if let Some(slot) = slot {
            slots.segment().warm(slot);
        }
        Ok(slot)
    }

    pub(crate) fn segment_for(&self, nbytes: usize) -> Result<Unnamed> {
        let nbytes = nbytes.max(self.settings.capacity);
        let header = self.header.identity().id;
        let slots = self.settings.min_slots;
        let mut unnamed = Unnamed::new(&self.tag, header, nbytes, slots, self.rights)?;
        unnamed.segment().warm(0);
        Ok(unnamed)
    }

    /// The memory of the claimed slot, as `count` elements that it may not hold yet.
    #[cfg(feature = "ndarray")]
    pub fn memory<'a, T: crate::dtype::Element>(
        &'a mut self,
        reservation: &'a mut Reservation,
        count: usize,
    ) -> Result<&'a mut [std::mem::MaybeUninit<T>]> {
        let slot = reservation.slot;
        Ok(self.segment(reservation)?.claimed(slot, count))
    }

    /// The memory of the claimed slot, for the length of the value in bytes.
    #[inline]
    pub fn bytes<'a>(&'a mut self, reservation: &'a mut Reservation) -> Result<&'a mut [u8]> {
        let (slot, nbytes) = (reservation.slot, reservation.nbytes);
        Ok(self.segment(reservation)?.claimed_bytes(slot, nbytes))
    }

    #[inline]
    fn segment<'a>(&'a mut self, reservation: &'a mut Reservation) -> Result<&'a mut Arc<Segment>> {
        // The memory is shared with the parent, which fills or has published the slot.
        if self.generation != fork::generation() {
            return Err(Error::Forked { tag: self.tag.tag().to_owned() });
        }
        match (&mut reservation.fresh, &mut self.slots) {
            (Some(fresh), _) => Ok(fresh.segment()),
            (None, Some(slots)) => Ok(slots.segment()),
            // The writer came to its end after the slot was claimed.
            (None, None) => Err(Error::Removed { tag: self.tag.tag().to_owned() }),
        }
    }

    /// The layout that the value is going to have.
    pub fn layout_of<'a>(&'a self, reservation: &'a Reservation) -> Option<&'a Layout> {
        reservation.layout.as_deref().or(self.layout.as_ref())
    }

    /// What keeps the memory of the claimed slot mapped.
    pub fn keeper(&mut self, reservation: &mut Reservation) -> Result<Arc<dyn std::any::Any + Send + Sync>> {
        Ok(self.segment(reservation)?.clone())
    }

    /// Gives a claimed slot back: nothing happened.
    pub fn abort(&mut self, reservation: &Reservation) {
        if reservation.fresh.is_some() || self.generation != fork::generation() {
            return;
        }
        if let Some(slots) = &mut self.slots {
            slots.abort(reservation.slot);
        }
    }

    /// Publishes a filled slot and returns the value's version. The reservation is used up; it is taken by reference, since a
    /// copy of words that were just stored waits for them.
    pub fn commit(
        &mut self,
        reservation: &mut Reservation,
        user_data: &[u8],
        stamp: Option<Stamp>,
    ) -> Result<u64> {
        self.check_in()?;
        let now = now();
        // Without the lock the header has no name yet.
        if now.saturating_sub(self.looked_at) >= LOOK_EVERY && self.lock.is_some() {
            self.looked_at = now;
            if self.look(reservation)? {
                return self.recreate(reservation, user_data);
            }
        }
        let stamp = stamp.unwrap_or(Stamp { version: self.version + 1, written_at: now });
        let change = match (&reservation.fresh, &reservation.layout) {
            (None, None) => None,
            _ => Some(self.relayout(reservation)?),
        };
        let new_layout = change.as_ref().and_then(|change| change.layout.as_ref());
        let (Some(slots), Some(layout)) = (&mut self.slots, new_layout.or(self.layout.as_ref())) else {
            return Err(self.end());
        };
        slots.seal(reservation.slot, stamp.version, user_data);
        let layout_id = change.as_ref().map_or(self.layout_id, |change| change.layout_id);
        let hot = Hot { stamp, slot: reservation.slot as u64, layout_id };
        let cold = || {
            let data_file = change.as_ref().and_then(|change| change.recycled).unwrap_or(slots.uuid);
            Cold { layout_id, layout: layout.clone(), data_file, segment_id: slots.identity().id }.to_words()
        };
        while !self.header.latch().publish(&hot.to_words(), layout_id, cold) {
            if !thaw_abandoned(&self.header, self.lock.as_ref()).unwrap_or(false) {
                return Err(self.turned_back(reservation.slot, change));
            }
        }
        self.version = stamp.version;
        self.slot = Some(reservation.slot);
        self.notify();
        if let Some(change) = change {
            self.relaid(*change);
        }
        Ok(stamp.version)
    }

    fn notify(&self) {
        let event_count = self.header.event_count();
        if event_count.notify() {
            futex::wake_all(event_count.seq);
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.generation != fork::generation() || self.ended.is_some() {
            return;
        }
        let Some(lock) = self.lock.as_ref().filter(|_| self.header.identity().ephemeral) else { return };
        // Whoever is taking it over wants the value, and holds the name lock.
        if lock.try_name().unwrap_or(false) && !self.header.is_retired() {
            // A failure leaves an ephemeral header with a free lock, which the next writer or `gc` removes.
            let _ = retire::retire(&self.tag, &self.header);
        }
    }
}
