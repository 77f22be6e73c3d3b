//! Publishing: a slot is claimed, filled by the caller, and made the value that readers see.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::files::staged::Newborn;
use crate::files::tag;
use crate::format::layout::Layout;
use crate::format::record::{Cold, Hot};
use crate::shm::futex;
use crate::shm::header::{Header, HeaderIdentity};
use crate::shm::registry::{self, Lock};
use crate::shm::segment::Segment;
use crate::sys::file::{self, Rights};
use crate::writer::options::Settings;
use crate::writer::recreate::thaw_abandoned;
use crate::writer::slots::{Slots, Unnamed};

/// How often a writer looks whether its files still have their names.
const LOOK_EVERY: u64 = 1_000_000_000;
/// A layout that takes less than a quarter of a slot for so many writes gets a segment of its own size.
const SMALL_WRITES: u32 = 16;

/// A claimed slot, and where it leads. What is rare is boxed: this is moved about at every write.
pub(crate) struct Fill {
    /// The segment that the value is going to move to; otherwise the current one.
    pub fresh: Option<Box<Unnamed>>,
    pub slot: usize,
    /// Set if it is not the current layout.
    pub layout: Option<Box<Layout>>,
    pub nbytes: usize,
}

/// Version and time of a value that is not a new one.
pub(crate) struct Stamp {
    pub version: u64,
    pub written_at: u64,
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
    pub directory: PathBuf,
    pub tag: String,
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
    /// The segment must be left at the next write: it was taken on with pins that nobody may own.
    pub renew: bool,
    /// The uuid of a data file that the header names and that could not be taken on.
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
        directory: &Path,
        tag: &str,
        settings: Settings,
        rights: Rights,
        header: Header,
        lock: Option<Lock>,
    ) -> Self {
        Publisher {
            directory: directory.to_owned(),
            tag: tag.to_owned(),
            settings,
            rights,
            header,
            lock,
            slots: None,
            layout: None,
            layout_id: 0,
            version: 0,
            slot: None,
            renew: false,
            stale: None,
            small_writes: 0,
            page_size: file::page_size(),
            looked_at: file::now(),
            generation: registry::generation(),
            ended: None,
        }
    }

    /// A publisher for a new header, which has no name yet: that of the newborn file. `origin`: that of the header
    /// whose versions it goes on with.
    pub fn unborn(
        directory: &Path,
        tag: &str,
        settings: Settings,
        rights: Rights,
        origin: Option<u64>,
    ) -> Result<(Self, Newborn)> {
        let identity = HeaderIdentity::new(settings.ephemeral, origin);
        let newborn = Newborn::new(directory, tag, identity.file_size(), rights)?;
        identity.write(&newborn.file, newborn.path())?;
        let header = Header::map(&newborn.file, newborn.path(), true, true)?;
        Ok((Self::new(directory, tag, settings, rights, header, None), newborn))
    }

    /// Where the header is, or will be.
    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.tag)
    }

    /// Claims a slot for a value of that layout; `given`: for so many bytes, which must fill it. Nothing is disturbed
    /// by data that do not.
    #[inline(always)]
    pub fn begin(&mut self, dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Fill> {
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
            Some(slot) => Ok(Fill { fresh: None, slot, layout, nbytes }),
            None => self.begin_anew(layout, nbytes),
        }
    }

    /// In a new segment, if there is space for it.
    #[cold]
    #[inline(never)]
    fn begin_anew(&mut self, layout: Option<Box<Layout>>, nbytes: usize) -> Result<Fill> {
        match self.segment_for(nbytes) {
            Ok(fresh) => Ok(Fill { fresh: Some(Box::new(fresh)), slot: 0, layout, nbytes }),
            // The present segment was to be left for its size or for old pins; it may have room all the same.
            Err(error @ Error::NoSpace { .. }) if self.fits(nbytes) => {
                self.small_writes = 0;
                let slot = self.claim_here()?.ok_or(error)?;
                Ok(Fill { fresh: None, slot, layout, nbytes })
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
        if self.renew || nbytes > capacity || self.small_writes > SMALL_WRITES {
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
        let slot = slots.claim(self.slot, &self.directory, &self.tag)?;
        if let Some(slot) = slot {
            slots.segment().warm(slot);
        }
        Ok(slot)
    }

    pub(crate) fn segment_for(&self, nbytes: usize) -> Result<Unnamed> {
        let nbytes = nbytes.max(self.settings.capacity);
        let header = self.header.identity().id;
        let slots = self.settings.min_slots;
        let mut unnamed = Unnamed::new(&self.directory, &self.tag, header, nbytes, slots, self.rights)?;
        unnamed.segment().warm(0);
        Ok(unnamed)
    }

    /// The memory of the claimed slot, as `count` elements that it may not hold yet.
    #[cfg(feature = "ndarray")]
    pub fn memory<'a, T: crate::dtype::Element>(
        &'a mut self,
        fill: &'a mut Fill,
        count: usize,
    ) -> Result<&'a mut [std::mem::MaybeUninit<T>]> {
        let slot = fill.slot;
        Ok(self.segment(fill)?.claimed(slot, count))
    }

    /// The memory of the claimed slot, for the length of the value in bytes.
    #[inline]
    pub fn bytes<'a>(&'a mut self, fill: &'a mut Fill) -> Result<&'a mut [u8]> {
        let (slot, nbytes) = (fill.slot, fill.nbytes);
        Ok(self.segment(fill)?.claimed_bytes(slot, nbytes))
    }

    #[inline]
    fn segment<'a>(&'a mut self, fill: &'a mut Fill) -> Result<&'a mut Arc<Segment>> {
        // The memory is shared with the parent, which fills or has published the slot.
        if self.generation != registry::generation() {
            return Err(Error::Forked { tag: self.tag.clone() });
        }
        match (&mut fill.fresh, &mut self.slots) {
            (Some(fresh), _) => Ok(fresh.segment()),
            (None, Some(slots)) => Ok(slots.segment()),
            // The writer came to its end after the slot was claimed.
            (None, None) => Err(Error::Removed { tag: self.tag.clone() }),
        }
    }

    /// The layout that the value is going to have.
    pub fn layout_of<'a>(&'a self, fill: &'a Fill) -> Option<&'a Layout> {
        fill.layout.as_deref().or(self.layout.as_ref())
    }

    /// What keeps the memory of the claimed slot mapped.
    pub fn keeper(&mut self, fill: &mut Fill) -> Result<Arc<dyn std::any::Any + Send + Sync>> {
        Ok(self.segment(fill)?.clone())
    }

    /// Gives a claimed slot back: nothing happened.
    pub fn abandon(&mut self, fill: &Fill) {
        if fill.fresh.is_some() || self.generation != registry::generation() {
            return;
        }
        if let Some(slots) = &mut self.slots {
            slots.abandon(fill.slot);
        }
    }

    /// Publishes a filled slot and returns the value's version. What was claimed is used up, and taken by reference,
    /// since a copy of what was just put together would wait for it.
    pub fn finish(&mut self, fill: &mut Fill, user_data: &[u8], stamp: Option<Stamp>) -> Result<u64> {
        self.check_in()?;
        let now = file::now();
        // Without the lock the header has no name yet.
        if now.saturating_sub(self.looked_at) >= LOOK_EVERY && self.lock.is_some() {
            self.looked_at = now;
            if self.look(fill)? {
                return self.publish_anew(fill, user_data);
            }
        }
        let Stamp { version, written_at } =
            stamp.unwrap_or(Stamp { version: self.version + 1, written_at: now });
        let change = match (&fill.fresh, &fill.layout) {
            (None, None) => None,
            _ => Some(self.change(fill)?),
        };
        let new_layout = change.as_ref().and_then(|change| change.layout.as_ref());
        let (Some(slots), Some(layout)) = (&mut self.slots, new_layout.or(self.layout.as_ref())) else {
            return Err(self.end());
        };
        slots.settle(fill.slot, version, user_data);
        let layout_id = change.as_ref().map_or(self.layout_id, |change| change.layout_id);
        let hot = Hot { version, written_at, slot: fill.slot as u64, layout_id };
        let cold = || {
            let data_file = change.as_ref().and_then(|change| change.recycled).unwrap_or(slots.uuid);
            Cold { layout_id, layout: layout.clone(), data_file, segment_id: slots.identity().id }.to_words()
        };
        while !self.header.latch().publish(&hot.to_words(), layout_id, cold) {
            let path = self.directory.join(&self.tag);
            if !thaw_abandoned(&self.header, self.lock.as_ref(), &path).unwrap_or(false) {
                return Err(self.turned_back(fill.slot, change));
            }
        }
        self.version = version;
        self.slot = Some(fill.slot);
        self.notify();
        if let Some(change) = change {
            self.changed(*change);
        }
        Ok(version)
    }

    fn notify(&self) {
        let bell = self.header.bell();
        if bell.ring() {
            futex::wake_all(bell.seq);
        }
    }

    pub(crate) fn unlink_data(&self, uuid: u128) {
        // What cannot be removed now is unreferenced, and goes with the next writer or `gc`.
        let _ = file::unlink(&self.directory.join(tag::data_file(&self.tag, uuid)));
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.generation != registry::generation() || self.ended.is_some() {
            return;
        }
        let Some(lock) = self.lock.as_ref().filter(|_| self.header.identity().ephemeral) else { return };
        // Whoever is taking it over wants the value, and holds the name lock.
        if lock.try_name(&self.path()).unwrap_or(false) && !self.header.is_gone() {
            // A failure leaves an ephemeral header with a free lock, which the next one tidies away.
            let _ = crate::files::retire::retire(&self.directory, &self.tag, &self.header);
        }
    }
}
