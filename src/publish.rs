//! Publishing: a slot is claimed, filled by the caller, and made the value that readers see.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::birth::Newborn;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::header::{Header, HeaderIdentity};
use crate::layout::Layout;
use crate::options::Settings;
use crate::os::{self, Rights};
use crate::process::{self, Lock};
use crate::record::{Cold, Hot};
use crate::segment::Segment;
use crate::slots::{Slots, Unnamed};
use crate::tag;

/// How often a writer looks whether its files still have their names.
const LOOK_EVERY: u64 = 1_000_000_000;
/// A layout that takes less than a quarter of a slot for so many writes gets a segment of its own size.
const SMALL_WRITES: u32 = 16;

/// A claimed slot, and where it leads.
pub(crate) struct Fill {
    /// The segment that the value is going to move to; otherwise the current one.
    fresh: Option<Unnamed>,
    slot: usize,
    /// Set if it is not the current layout.
    layout: Option<Layout>,
    nbytes: usize,
}

/// Version and time of a value that is not a new one.
pub(crate) struct Stamp {
    pub version: u64,
    pub written_at: u64,
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
    small_writes: u32,
    looked_at: u64,
    generation: u64,
    /// Taken over (true) or removed (false).
    ended: Option<bool>,
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
            looked_at: os::now(),
            generation: process::generation(),
            ended: None,
        }
    }

    /// A publisher for a new header, which has no name yet: that of the newborn file.
    pub fn unborn(
        directory: &Path,
        tag: &str,
        settings: Settings,
        rights: Rights,
    ) -> Result<(Self, Newborn)> {
        let identity = HeaderIdentity::new(settings.ephemeral);
        let newborn = Newborn::new(directory, tag, identity.file_size(), rights)?;
        identity.write(&newborn.file, newborn.path())?;
        let header = Header::map(&newborn.file, newborn.path(), true, true)?;
        Ok((Self::new(directory, tag, settings, rights, header, None), newborn))
    }

    /// Where the header is, or will be.
    pub fn path(&self) -> PathBuf {
        self.directory.join(&self.tag)
    }

    /// Claims a slot for a value of that layout.
    pub fn begin(&mut self, dtype: &DType, shape: &[usize]) -> Result<Fill> {
        self.check_in()?;
        let (layout, nbytes) = match &self.layout {
            Some(layout) if layout.is(dtype, shape) => (None, layout.nbytes()),
            _ => {
                let layout = Layout::new(dtype.clone(), shape)?;
                let nbytes = layout.nbytes();
                (Some(layout), nbytes)
            }
        };
        if let Some(slot) = self.claim(nbytes)? {
            return Ok(Fill { fresh: None, slot, layout, nbytes });
        }
        match self.segment_for(nbytes) {
            Ok(fresh) => Ok(Fill { fresh: Some(fresh), slot: 0, layout, nbytes }),
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
        let wanted = wanted.checked_next_multiple_of(os::page_size()).unwrap_or(usize::MAX);
        self.small_writes = if wanted < capacity / 4 { self.small_writes + 1 } else { 0 };
        if self.renew || nbytes > capacity || self.small_writes > SMALL_WRITES {
            return Ok(None);
        }
        self.claim_here()
    }

    fn fits(&self, nbytes: usize) -> bool {
        self.slots.as_ref().is_some_and(|slots| nbytes <= slots.identity().capacity)
    }

    fn claim_here(&mut self) -> Result<Option<usize>> {
        let Some(slots) = &mut self.slots else { return Ok(None) };
        let slot = slots.claim(self.slot, &self.directory, &self.tag)?;
        if let Some(slot) = slot {
            slots.segment().warm(slot);
        }
        Ok(slot)
    }

    fn segment_for(&self, nbytes: usize) -> Result<Unnamed> {
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

    fn segment<'a>(&'a mut self, fill: &'a mut Fill) -> Result<&'a mut Arc<Segment>> {
        // The memory is shared with the parent, which fills or has published the slot.
        if self.generation != process::generation() {
            return Err(Error::Forked { tag: self.tag.clone() });
        }
        match (&mut fill.fresh, &mut self.slots) {
            (Some(fresh), _) => Ok(fresh.segment()),
            (None, Some(slots)) => Ok(slots.segment()),
            // The writer came to its end after the slot was claimed.
            (None, None) => Err(Error::Removed { tag: self.tag.clone() }),
        }
    }

    /// Gives a claimed slot back: nothing happened.
    pub fn abandon(&mut self, fill: &Fill) {
        if fill.fresh.is_some() || self.generation != process::generation() {
            return;
        }
        if let Some(slots) = &mut self.slots {
            slots.abandon(fill.slot);
        }
    }

    /// Publishes a filled slot and returns the value's version.
    pub fn finish(&mut self, mut fill: Fill, user_data: &[u8], stamp: Option<Stamp>) -> Result<u64> {
        self.check_in()?;
        let now = os::now();
        // Without the lock the header has no name yet.
        if now.saturating_sub(self.looked_at) >= LOOK_EVERY && self.lock.is_some() {
            self.looked_at = now;
            if self.look(&mut fill)? {
                return self.publish_anew(fill, user_data);
            }
        }
        let Stamp { version, written_at } =
            stamp.unwrap_or(Stamp { version: self.version + 1, written_at: now });
        let recycled =
            if fill.fresh.is_none() && fill.layout.is_some() { self.link(&mut fill)? } else { None };
        let moved = fill.fresh.is_some();
        let mut old_name = self.move_in(&mut fill)?;
        let Some(slots) = &mut self.slots else { return Err(self.end()) };
        slots.settle(fill.slot, version, user_data);
        if let Some(uuid) = recycled {
            old_name = Some(std::mem::replace(&mut slots.uuid, uuid));
        }
        let mut cold = None;
        if moved || recycled.is_some() {
            self.layout_id += 1;
            self.renew = false;
            self.layout = fill.layout.take().or(self.layout.take());
            let Some(layout) = self.layout.clone() else { return Err(self.end()) };
            cold = Some(Cold { layout_id: self.layout_id, layout, data_file: slots.uuid }.to_words());
        }
        let segment_id = slots.identity().id;
        let hot = Hot { version, written_at, slot: fill.slot as u64, layout_id: self.layout_id, segment_id };
        self.header.latch().publish(&hot.to_words(), cold.as_ref().map(|words| (self.layout_id, &words[..])));
        self.version = version;
        self.slot = Some(fill.slot);
        self.notify();
        // After the notify count's full fence: whoever takes over sets GONE and then reads the record once more, so
        // either this sees GONE or that sees this value.
        let gone = self.header.is_gone();
        // The old name goes after the record names the new one, so that at every instant the named file exists.
        if let Some(uuid) = old_name.filter(|_| !(gone && self.is_displaced())) {
            self.unlink_data(uuid);
        }
        if gone { Err(self.end()) } else { Ok(version) }
    }

    fn notify(&self) {
        let bell = self.header.bell();
        if bell.ring() {
            os::futex_wake_all(bell.notify);
        }
    }

    /// A second name for the recycled file; if it cannot have one, the value moves to a new segment.
    fn link(&mut self, fill: &mut Fill) -> Result<Option<u128>> {
        let uuid = uuid::Uuid::new_v4().as_u128();
        let Some(slots) = &self.slots else { return Err(self.end()) };
        if slots.link(&self.directory, &self.tag, uuid)? {
            return Ok(Some(uuid));
        }
        self.relocate(fill)?;
        Ok(None)
    }

    /// Makes the fresh segment the current one, and returns the uuid of the one before.
    fn move_in(&mut self, fill: &mut Fill) -> Result<Option<u128>> {
        let Some(fresh) = fill.fresh.take() else { return Ok(None) };
        let slots = fresh.name(&self.directory, &self.tag)?;
        self.small_writes = 0;
        // The old one's lock goes here, while the record still names it: nobody else removes or takes on a data file
        // that a header names but the holder of that header's lock, which is this process.
        Ok(self.slots.replace(slots).map(|old| old.uuid).or(self.stale.take()))
    }

    /// Copies a filled slot to a new segment, whose slot 0 it becomes.
    fn relocate(&mut self, fill: &mut Fill) -> Result<()> {
        let mut fresh = self.segment_for(fill.nbytes)?;
        let from = self.bytes(fill)?;
        fresh.segment().claimed_bytes(0, from.len()).copy_from_slice(from);
        self.abandon(fill);
        (fill.fresh, fill.slot) = (Some(fresh), 0);
        Ok(())
    }

    fn unlink_data(&self, uuid: u128) {
        // What cannot be removed now is unreferenced, and goes with the next writer or `gc`.
        let _ = os::unlink(&self.directory.join(tag::data_file(&self.tag, uuid)));
    }

    /// Whether this writer may still write: not in a forked child, not taken over, not removed.
    #[inline]
    fn check_in(&mut self) -> Result<()> {
        if self.generation != process::generation() {
            return Err(Error::Forked { tag: self.tag.clone() });
        }
        if self.ended.is_some() || self.header.is_gone() {
            return Err(self.end());
        }
        Ok(())
    }

    /// Looks whether the files still have their names; true if the header has none, and the tag must be born again.
    fn look(&mut self, fill: &mut Fill) -> Result<bool> {
        match os::status_at(&self.path())? {
            Some(status) if status.id == self.header.file() => {}
            Some(_) => return Err(self.end()),
            None if self.header.is_gone() => return Err(self.end()),
            None => return Ok(true),
        }
        let current = self.slots.as_ref().filter(|_| fill.fresh.is_none());
        let path_and_file = current.map(|slots| (slots.path(&self.directory, &self.tag), slots.file()));
        if let Some((path, file)) = path_and_file {
            if !os::stands_at(file, &path)? {
                self.relocate(fill)?;
            }
        }
        Ok(false)
    }

    /// Somebody removed the header by hand (`rm`, RemoveIPC, a new mount): a new header with a new segment.
    fn publish_anew(&mut self, mut fill: Fill, user_data: &[u8]) -> Result<u64> {
        let (mut new, newborn) = Self::unborn(&self.directory, &self.tag, self.settings, self.rights)?;
        let layout = fill.layout.clone().or_else(|| self.layout.clone());
        let Some(layout) = layout else { return Err(self.end()) };
        let mut copy = new.begin(layout.dtype(), layout.shape())?;
        new.bytes(&mut copy)?.copy_from_slice(self.bytes(&mut fill)?);
        self.abandon(&fill);
        let version = self.version + 1;
        new.finish(copy, user_data, Some(Stamp { version, written_at: os::now() }))?;
        let path = self.path();
        // Removed since it was looked at (the name goes first, GONE comes after): the tag is not to come back.
        let named = if self.header.is_gone() { None } else { Some(newborn.name(&path)) };
        match named {
            Some(Ok(Ok((_, lock)))) => new.lock = Some(lock),
            // What was made goes again.
            Some(Err(error)) => {
                new.discard();
                return Err(error);
            }
            // Somebody else was faster.
            None | Some(Ok(Err(_))) => {
                new.discard();
                return Err(self.end());
            }
        }
        new.header.renamed(&path);
        let mut old = std::mem::replace(self, new);
        old.header.retire();
        old.discard();
        Ok(version)
    }

    /// Gives up everything, without touching the tag's header.
    pub fn discard(&mut self) {
        if let Some(slots) = self.slots.take() {
            self.unlink_data(slots.uuid);
        }
        self.lock = None;
        self.ended = Some(true);
    }

    /// Whether the header has a name, which is not the tag's: that of a takeover that may copy the value still. The
    /// data files are its to remove then.
    fn is_displaced(&self) -> bool {
        let path = self.path();
        let status = self.lock.as_ref().and_then(|lock| os::status_of(lock.file(), &path).ok());
        status.is_some_and(|status| status.named)
    }

    /// The error of a writer that was taken over or removed; it gives up what it has.
    fn end(&mut self) -> Error {
        let superseded = *self.ended.get_or_insert_with(|| {
            let other = os::status_at(&self.directory.join(&self.tag)).ok().flatten();
            other.is_some_and(|status| status.id != self.header.file())
        });
        if superseded && self.is_displaced() {
            self.slots = None;
        }
        self.discard();
        self.ended = Some(superseded);
        let tag = self.tag.clone();
        if superseded { Error::Superseded { tag } } else { Error::Removed { tag } }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.generation != process::generation() || self.ended.is_some() || self.lock.is_none() {
            return;
        }
        if self.header.identity().ephemeral {
            // A failure leaves an ephemeral header with a free lock, which the next one tidies away.
            let _ = crate::remove::retire(&self.directory, &self.tag, &self.header);
        }
    }
}
