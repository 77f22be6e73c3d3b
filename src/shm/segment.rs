//! Segments: data files, mapped. Region 0 says what each slot holds, region 1 has the pins, then the slots come.
//!
//! The bytes of a slot are plain memory. They are handed out in two ways only: as `&[u8]` to whoever holds a `Pinned`
//! of the version in the slot, and as `&mut [u8]` to the one writer for a slot that it has claimed.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32 as PrivateU32, Ordering as PrivateOrdering};
use std::sync::{Arc, OnceLock};

use crate::dtype::element::Element;
use crate::error::{Error, Result};
use crate::format::entry;
use crate::format::segment::{
    CONTENT, LINE_WORDS, Line, SHARDS, SLOTS, SegmentIdentity, WRITTEN_AT, line, pin,
};
use crate::shm::held::{Held, Holds};
use crate::shm::mapping::Mapping;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::file::{FileId, PathFile};
use crate::sys::fork::ForkAware;

/// What this process does with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    Writing,
    Pinning,
    /// No permission to write: values are copied out.
    Copying,
}

/// A mapped segment. Dropping it unmaps it; the file's storage goes with its last name and its last mapping.
pub(crate) struct Segment {
    identity: SegmentIdentity,
    file: FileId,
    access: Access,
    /// Region 0, writable for the writer.
    front: Mapping,
    /// Region 1, writable for readers that pin.
    pins: Mapping,
    /// Each slot that was used: only what is there takes address space.
    slots: Box<[OnceLock<Mapping>]>,
    /// The shard that this mapping pins through.
    shard: usize,
    /// Pins that this process holds through this mapping.
    held: Held,
    /// The file has holes. Only what is needed is touched: there may be no storage for the rest.
    holes: bool,
    /// The descriptor: for who copies, and for a reader of a history, who may map a slot after the file has lost its name.
    descriptor: Option<PathFile>,
    /// Slots whose page tables are set up, as bits.
    warm: Box<[PrivateU32]>,
}

impl Segment {
    /// Validates and maps an open data file of a tag; the descriptor must allow writing unless copying.
    pub fn map(file: &PathFile, access: Access, holds: Arc<Holds>) -> Result<Self> {
        let identity = SegmentIdentity::read(file)?;
        let [front, pins] = identity.regions();
        let status = file.status()?;
        let descriptor = match access {
            Access::Copying => Some(file.reopen()?),
            // Without it a slot is mapped by the file's name, as long as it has that.
            Access::Pinning if identity.limit > SLOTS => file.reopen().ok(),
            Access::Pinning | Access::Writing => None,
        };
        Ok(Segment {
            identity,
            file: status.id,
            access,
            pins: Mapping::new(file, front as u64, pins, access == Access::Pinning)?,
            front: Mapping::new(file, 0, front, access == Access::Writing)?,
            slots: (0..identity.limit).map(|_| OnceLock::new()).collect(),
            // Any number does. This one differs between processes, and between the mappings of a process.
            shard: uuid::Uuid::new_v4().as_bytes()[0] as usize % SHARDS,
            held: Held::new(identity.limit, holds),
            holes: status.allocated < status.size,
            descriptor,
            warm: (0..identity.limit.div_ceil(32)).map(|_| PrivateU32::new(0)).collect(),
        })
    }

    pub fn identity(&self) -> &SegmentIdentity {
        &self.identity
    }

    pub fn file(&self) -> FileId {
        self.file
    }

    #[inline(always)]
    pub fn access(&self) -> Access {
        self.access
    }

    pub fn has_holes(&self) -> bool {
        self.holes
    }

    /// The open file, if it is kept.
    pub fn descriptor(&self) -> Option<&PathFile> {
        self.descriptor.as_ref()
    }

    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Maps a slot at its first use, if it is inside the file.
    pub fn map_slot(&self, file: &PathFile, slot: usize) -> Result<()> {
        let Some(place) = self.slots.get(slot) else {
            let expected = format!("less than the limit of {}", self.identity.limit);
            return Err(Error::corrupt(file.path(), "slot", slot, expected));
        };
        if place.get().is_some() {
            return Ok(());
        }
        let expected = self.identity.file_size(slot + 1).unwrap_or(u64::MAX);
        let found = file.status()?.size;
        if found < expected {
            return Err(Error::Truncated { path: file.path().to_owned(), found, expected });
        }
        let (offset, size) = (self.identity.slot_offset(slot) as u64, self.identity.slot_size());
        let mapping = Mapping::new(file, offset, size, self.access == Access::Writing)?;
        mapping.exclude_from_core(self.identity.page, self.identity.capacity);
        // Another thread may have been faster; one of the two mappings goes.
        let _ = place.set(mapping);
        Ok(())
    }

    /// The mapping of a slot that was used before.
    #[inline(always)]
    pub fn slot(&self, slot: usize) -> Option<&Mapping> {
        self.slots.get(slot)?.get()
    }

    /// Sets up the page tables of a mapped slot that has storage, at its first use. Readers: under a pin only, or it would
    /// bring back storage that was punched out.
    #[inline]
    pub fn warm(&self, slot: usize) {
        let (word, bit) = (&self.warm[slot / 32], 1 << (slot % 32));
        if word.load(PrivateOrdering::Relaxed) & bit == 0 && !self.holes {
            self.warm_up(slot);
            word.fetch_or(bit, PrivateOrdering::Relaxed);
        }
    }

    #[cold]
    fn warm_up(&self, slot: usize) {
        if let Some(mapping) = self.slot(slot) {
            mapping.populate(0, self.identity.slot_size());
        }
    }

    /// A slot's storage was punched out, or given back.
    pub fn cool(&self, slot: usize) {
        self.warm[slot / 32].fetch_and(!(1 << (slot % 32)), PrivateOrdering::Relaxed);
    }

    /// The content version of a slot below the limit; stored to by the writer only.
    #[inline(always)]
    pub fn content(&self, slot: usize) -> &AtomicU64 {
        &self.line(slot)[CONTENT.word()]
    }

    /// The content versions of all slots.
    pub fn contents(&self) -> impl Iterator<Item = &AtomicU64> {
        (0..self.identity.limit).map(|slot| self.content(slot))
    }

    /// The line of a slot below the limit, in words.
    #[inline(always)]
    fn line(&self, slot: usize) -> &[AtomicU64; LINE_WORDS] {
        assert!(slot < self.identity.limit, "a slot beyond the limit");
        // SAFETY: whole lines inside region 0, as many as the limit says; a line is eight aligned words.
        unsafe { &*self.front.words(line(slot), LINE_WORDS).as_ptr().cast() }
    }

    /// What a slot's line says: whole under a pin, or if the content version is the same before and after.
    #[inline]
    pub fn read_line(&self, slot: usize) -> Line {
        let line = self.line(slot);
        Line::from_words(std::array::from_fn(|i| line[WRITTEN_AT.word() + i].load(Ordering::Relaxed)))
    }

    /// Stores the line of a claimed slot, but for the content version. Writer only.
    #[inline(always)]
    pub fn set_line(&self, slot: usize, line: Line) {
        for (word, value) in self.line(slot)[WRITTEN_AT.word()..].iter().zip(line.to_words()) {
            word.store(value, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn pin_count(&self, slot: usize, shard: usize) -> &AtomicU32 {
        assert!(slot < self.identity.limit, "a slot beyond the limit");
        // SAFETY: multiples of 4 inside region 1. Stored to only by readers that pin, for whom it is writable.
        unsafe { self.pins.half(pin(slot, shard)) }
    }

    /// The pin count of a slot that this process pins through.
    #[inline(always)]
    pub fn own_pins(&self, slot: usize) -> &AtomicU32 {
        self.pin_count(slot, self.shard)
    }

    /// The pin counts of a slot.
    #[inline(always)]
    pub fn pin_counts(&self, slot: usize) -> [&AtomicU32; SHARDS] {
        std::array::from_fn(|shard| self.pin_count(slot, shard))
    }

    /// The words of a slot's entry and of its user data; `None` if the slot is not mapped.
    #[inline]
    pub fn entry(&self, slot: usize) -> Option<(&[AtomicU64], &[AtomicU64])> {
        let mapping = self.slot(slot)?;
        // SAFETY: multiples of 8 inside the slot's first page, which is inside the file; written by the writer only.
        unsafe {
            let user = mapping.words(entry::USER.offset, entry::USER_DATA / 8);
            Some((mapping.words(0, entry::WORDS), user))
        }
    }

    /// Whether the entry of a slot that is pinned is that of the number.
    #[inline(always)]
    pub fn has_number(&self, slot: usize, number: u64) -> bool {
        self.entry(slot)
            .is_some_and(|(words, _)| words[entry::NUMBER.word()].load(Ordering::Relaxed) == number)
    }

    /// So many words of a mapped slot, from an offset that is a multiple of 8 on; `None` if they are not inside it.
    pub fn slot_words(&self, slot: usize, offset: usize, count: usize) -> Option<&[AtomicU64]> {
        let fits = offset % 8 == 0 && count.checked_mul(8)?.checked_add(offset)? <= self.identity.slot_size();
        let mapping = self.slot(slot).filter(|_| fits)?;
        // SAFETY: aligned and inside the slot, which is inside the file.
        Some(unsafe { mapping.words(offset, count) })
    }

    /// The words of a mapped slot's elements, as far as `nbytes` reach.
    pub fn words(&self, slot: usize, nbytes: usize) -> Option<&[AtomicU64]> {
        self.slot_words(slot, self.identity.page, nbytes.div_ceil(8))
    }

    /// Where the elements of a mapped slot begin. Read from it under a pin only.
    #[inline(always)]
    pub fn start(&self, slot: usize) -> Option<*mut u8> {
        Some(self.slot(slot)?.pointer(self.identity.page))
    }

    /// The bytes of a slot that the caller, the one writer, has claimed.
    #[inline]
    pub fn claimed<T: Element>(self: &mut Arc<Self>, slot: usize, count: usize) -> &mut [MaybeUninit<T>] {
        let fits = count.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= self.identity.capacity);
        let start = self.start(slot).filter(|_| self.access == Access::Writing && fits);
        let start = start.expect("a slot that was claimed for so much");
        // Copying readers look at it at the same time, with atomic loads, and throw away what they got; that race with
        // plain stores is outside Rust's memory model, as for every seqlock over plain data.
        // SAFETY: in bounds of the slot, which has storage; page-aligned, so aligned for T. Exclusive: the slot is not
        // that of the record in use, its content version is 0 and nobody held a pin when it was claimed, so no reader
        // forms a reference to it; the one writer is borrowed mutably through its Arc (a loan's keeper has no type).
        unsafe { std::slice::from_raw_parts_mut(start.cast(), count) }
    }

    /// The same as bytes, which are initialised: the file's storage was zero before anything was written to it.
    #[inline]
    pub fn claimed_bytes(self: &mut Arc<Self>, slot: usize, count: usize) -> &mut [u8] {
        let memory = self.claimed::<u8>(slot, count);
        // SAFETY: mapped memory of a file; every byte has a value. Same address, length and borrow.
        unsafe { &mut *(std::ptr::from_mut(memory) as *mut [u8]) }
    }
}

impl ForkAware for Segment {
    /// The child gets pins of its own, so that both may give theirs back.
    fn before_fork(&self) {
        // Relaxed: the parent's own pins keep the slot over the fork.
        self.held.count(|slot, held| _ = self.own_pins(slot).fetch_add(held, PrivateOrdering::Relaxed));
    }

    /// Sets right what other threads of the parent pinned or gave back between the count and the fork. Without it, a
    /// snapshot that such a thread left where the child finds it would give back a pin that was never counted, and so another
    /// reader's.
    fn in_child(&self) {
        self.held.recount(|slot, more| _ = self.own_pins(slot).fetch_add(more, PrivateOrdering::Release));
    }
}
