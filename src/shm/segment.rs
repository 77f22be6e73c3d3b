//! Segments: data files, mapped. Region 0 says what it is and what each slot holds, region 1 has the pins, then the slots.
//!
//! The bytes of a slot are plain memory. They are handed out in two ways only: as `&[u8]` to whoever holds a `Pinned`
//! of the version in the slot, and as `&mut [u8]` to the one writer for a slot that it has claimed.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32 as PrivateU32, Ordering as PrivateOrdering};

use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::format::segment::{
    ALLOCATED, CAPACITY, CONTENT, SHARDS, SLOTS, SegmentIdentity, USER, USER_DATA, USER_LENGTH, entry, pin,
};
use crate::shm::held::Held;
use crate::shm::mapping::Mapping;
use crate::sync::pin as protocol;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::sys::file::{FileId, PathFile};
use crate::sys::fork::ForkAware;

/// What this process does with a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The whole file, with address space for all 8 slots.
    body: Mapping,
    /// Region 1 once more, writable for readers that pin.
    pins: Mapping,
    /// The shard that this mapping pins through.
    shard: usize,
    /// Pins that snapshots in this process hold through this mapping.
    held: Held,
    /// Of these, the pins that readers keep by themselves.
    kept: Held,
    /// The file has holes. Only what is needed is touched: there may be no storage for the rest.
    holes: bool,
    /// Slots that are known to be inside the file.
    usable: PrivateU32,
    /// Slots whose page tables are set up, as bits; only of slots that are usable.
    warm: PrivateU32,
}

impl Segment {
    /// Validates and maps an open data file; the descriptor must allow writing unless copying.
    pub fn map(file: &PathFile, access: Access) -> Result<Self> {
        let identity = SegmentIdentity::read(file)?;
        let length = identity.file_size(SLOTS).and_then(|length| usize::try_from(length).ok());
        let Some(length) = length else {
            let expected = "8 slots that fit memory";
            return Err(Error::corrupt(file.path(), CAPACITY.name, identity.capacity, expected));
        };
        let body = Mapping::new(file, 0, length, access == Access::Writing)?;
        let pins = Mapping::new(file, identity.region as u64, identity.region, access == Access::Pinning)?;
        let status = file.status()?;
        // Any number does. This one differs between processes, and between the mappings of a process.
        let shard = uuid::Uuid::new_v4().as_bytes()[0] as usize % SHARDS;
        let segment = Segment {
            identity,
            file: status.id,
            access,
            body,
            pins,
            shard,
            held: Held::default(),
            kept: Held::default(),
            usable: PrivateU32::new(0),
            holes: status.allocated < status.size,
            warm: PrivateU32::new(0),
        };
        segment.refresh(file)?;
        Ok(segment)
    }

    /// Looks again at how many slots are inside the file; they only ever become more.
    pub fn refresh(&self, file: &PathFile) -> Result<()> {
        // Acquire: pairs with `set_allocated`; the storage was there before the count.
        let allocated = self.allocated_word().load(Ordering::Acquire);
        if allocated == 0 || allocated > SLOTS as u64 {
            return Err(Error::corrupt(file.path(), ALLOCATED.name, allocated, "1 to 8"));
        }
        let expected = self.identity.file_size(allocated as usize).unwrap_or(u64::MAX);
        let found = file.status()?.size;
        if found < expected {
            return Err(Error::Truncated { path: file.path().to_owned(), found, expected });
        }
        self.usable.fetch_max(allocated as u32, PrivateOrdering::Relaxed);
        Ok(())
    }

    /// For a reader that pins: gives storage to what it touches of a file with holes, such as `cp` makes of zeros. Slots that
    /// are published later have storage, since a writer that adopts such a file fills it.
    pub fn fill_holes(&self, file: &PathFile, slot: usize, nbytes: usize) -> Result<()> {
        let value =
            (self.identity.slot_offset(slot.min(SLOTS)) as u64, nbytes.min(self.identity.capacity) as u64);
        for (offset, length) in [(0, 2 * self.identity.region as u64), value] {
            // Where nothing can be allocated ahead there is no limit to run into, either (ramfs).
            if let Err(error @ Error::NoSpace { .. }) = file.fill_holes(offset, length) {
                return Err(error);
            }
        }
        Ok(())
    }

    pub fn identity(&self) -> &SegmentIdentity {
        &self.identity
    }

    pub fn file(&self) -> FileId {
        self.file
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether the slot is known to be inside the file.
    #[inline]
    pub fn is_usable(&self, slot: usize) -> bool {
        slot < self.usable.load(PrivateOrdering::Relaxed) as usize
    }

    fn allocated_word(&self) -> &AtomicU64 {
        // SAFETY: a multiple of 8 inside region 0, which `identify` found inside the file.
        unsafe { self.body.word(ALLOCATED.offset) }
    }

    /// How many slots have storage. For the writer.
    pub fn allocated(&self) -> usize {
        (self.allocated_word().load(Ordering::Relaxed) as usize).min(SLOTS)
    }

    /// Says that the slots below `slots` have storage now. Writer only.
    pub fn set_allocated(&self, slots: usize) {
        debug_assert!(self.access == Access::Writing && slots <= SLOTS);
        // Release: the storage is there before the count.
        self.allocated_word().store(slots as u64, Ordering::Release);
        self.usable.store(slots as u32, PrivateOrdering::Relaxed);
    }

    /// The content version of a slot; stored to by the writer only.
    #[inline]
    pub fn content(&self, slot: usize) -> &AtomicU64 {
        debug_assert!(slot < SLOTS);
        // SAFETY: a multiple of 8 inside region 0 for slots below 8.
        unsafe { self.body.word(entry(slot % SLOTS) + CONTENT.offset) }
    }

    /// The length and the words of a slot's user data.
    pub fn user(&self, slot: usize) -> (&AtomicU64, &[AtomicU64]) {
        let entry = entry(slot % SLOTS);
        // SAFETY: multiples of 8 inside region 0 for slots below 8.
        unsafe {
            (self.body.word(entry + USER_LENGTH.offset), self.body.words(entry + USER.offset, USER_DATA / 8))
        }
    }

    /// Stores the user data of a claimed slot, cut at 240 bytes. Writer only.
    pub fn set_user_data(&self, slot: usize, data: &[u8]) {
        let (length, words) = self.user(slot);
        length.store(data.len().min(USER_DATA) as u64, Ordering::Relaxed);
        for (word, chunk) in words.iter().zip(data.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
    }

    /// The user data of a slot, word by word: whole only if the content version is the same before and after.
    pub fn copy_user_data(&self, slot: usize) -> Vec<u8> {
        let (length, words) = self.user(slot);
        let length = (length.load(Ordering::Relaxed) as usize).min(USER_DATA);
        let mut bytes: Vec<u8> = Vec::with_capacity(USER_DATA);
        for word in &words[..length.div_ceil(8)] {
            bytes.extend(word.load(Ordering::Relaxed).to_ne_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    #[inline]
    fn pin_count(&self, slot: usize, shard: usize) -> &AtomicU32 {
        // SAFETY: multiples of 4 inside region 1. Stored to only by readers that pin, for whom it is writable.
        unsafe { self.pins.half(pin(slot % SLOTS, shard % SHARDS)) }
    }

    /// The pin count of a slot that this process pins through.
    #[inline(always)]
    pub fn own_pins(&self, slot: usize) -> &AtomicU32 {
        self.pin_count(slot, self.shard)
    }

    /// Where a slot begins. Read from it under a pin only.
    #[inline(always)]
    pub fn start(&self, slot: usize) -> *const u8 {
        self.body.pointer(self.identity.slot_offset(slot))
    }

    /// The pin counts of a slot.
    pub fn pin_counts(&self, slot: usize) -> [&AtomicU32; SHARDS] {
        std::array::from_fn(|shard| self.pin_count(slot, shard))
    }

    pub fn held(&self) -> &Held {
        &self.held
    }

    pub fn kept(&self) -> &Held {
        &self.kept
    }

    /// How many slots other than `slot` the user of this process holds. Slots that only a reader keeps do not count.
    pub fn slots_held(&self, slot: usize) -> usize {
        (0..SLOTS).filter(|&other| other != slot && self.held.of(other) > self.kept.of(other)).count()
    }

    /// Before a fork: counts pins that the child will have once more, so that both may give theirs back.
    pub fn count_for_child(&self, held: &Held) {
        for (slot, held) in held.count().into_iter().enumerate() {
            if held > 0 && self.access == Access::Pinning {
                // Relaxed: the parent's own pins keep the slot over the fork.
                self.own_pins(slot).fetch_add(held, Ordering::Relaxed);
            }
        }
    }

    /// In the child of a fork: sets right what other threads of the parent pinned or gave back between the count and
    /// the fork. Without it, a snapshot that such a thread left where the child finds it would give back a pin that
    /// was never counted, and so another reader's.
    pub fn recount_in_child(&self, held: &Held) {
        for (slot, more) in held.recount().into_iter().enumerate() {
            if more != 0 && self.access == Access::Pinning {
                self.own_pins(slot).fetch_add(more, Ordering::Release);
            }
        }
    }

    /// Sets up the page tables of a usable slot at its first use; false if the slot is not usable.
    #[inline]
    pub fn warm(&self, slot: usize) -> bool {
        let warm = slot < SLOTS && self.warm.load(PrivateOrdering::Relaxed) >> slot & 1 == 1;
        warm || self.warm_up(slot)
    }

    #[cold]
    fn warm_up(&self, slot: usize) -> bool {
        let usable = self.is_usable(slot);
        if usable {
            if !self.holes {
                self.body.populate(self.identity.slot_offset(slot), self.identity.capacity);
            }
            self.warm.fetch_or(1 << slot, PrivateOrdering::Relaxed);
        }
        usable
    }

    /// The bytes of a slot that the caller, the one writer, has claimed.
    ///
    /// `&mut self` of the writer's own segment stands behind it: see `Slots::claimed`.
    #[inline]
    pub fn claimed<T: Element>(self: &mut Arc<Self>, slot: usize, count: usize) -> &mut [MaybeUninit<T>] {
        let fits = count.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= self.identity.capacity);
        assert!(
            self.access == Access::Writing && self.is_usable(slot) && fits,
            "a slot that was claimed for less"
        );
        // Copying readers look at it at the same time, with atomic loads, and throw away what they got; that race with
        // plain stores is outside Rust's memory model, as for every seqlock over plain data.
        // SAFETY: in bounds of the slot, which has storage; page-aligned, so aligned for T. Exclusive: the slot is not
        // that of the record in use, its content version is 0 and nobody held a pin when it was claimed, so no reader
        // forms a reference to it; the one writer is borrowed mutably through its Arc (a loan's keeper has no type).
        unsafe {
            let start = self.body.pointer(self.identity.slot_offset(slot));
            std::slice::from_raw_parts_mut(start.cast(), count)
        }
    }

    /// The same as bytes, which are initialised: the file's storage was zero before anything was written to it.
    #[inline]
    pub fn claimed_bytes(self: &mut Arc<Self>, slot: usize, count: usize) -> &mut [u8] {
        let memory = self.claimed::<u8>(slot, count);
        // SAFETY: mapped memory of a file; every byte has a value. Same address, length and borrow.
        unsafe { &mut *(std::ptr::from_mut(memory) as *mut [u8]) }
    }

    /// Copies the first `nbytes` of a slot word by word, with its user data; `None` unless it held `version` all the while.
    pub fn copy(&self, slot: usize, version: u64, nbytes: usize) -> Option<(Vec<u64>, Vec<u8>)> {
        if !self.is_usable(slot) || nbytes > self.identity.capacity {
            return None;
        }
        let mut copied = (Vec::new(), Vec::new());
        let whole = protocol::copy_unpinned(self.content(slot), version, || {
            // SAFETY: inside the slot, which has storage (capacities are multiples of 8).
            let words = unsafe { self.body.words(self.identity.slot_offset(slot), nbytes.div_ceil(8)) };
            let data = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
            copied = (data, self.copy_user_data(slot));
        });
        whole.then_some(copied)
    }
}

impl ForkAware for Segment {
    fn before_fork(&self) {
        self.count_for_child(&self.held);
    }

    fn in_child(&self) {
        self.recount_in_child(&self.held);
    }
}
