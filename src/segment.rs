//! Segments: data files, mapped. Region 0 says what it is and what each slot holds, region 1 has the pins, then the slots.
//!
//! The bytes of a slot are plain memory. They are handed out in two ways only: as `&[u8]` to whoever holds a [`Pinned`]
//! of the version in the slot, and as `&mut [u8]` to the one writer for a slot that it has claimed.

#![allow(unsafe_code)]

use std::fs::File;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU32 as PrivateU32, Ordering as PrivateOrdering};
use std::sync::{Arc, Weak};

use crate::data_file::{
    ALLOCATED, CONTENT, ENTRY, PIN, SHARDS, SLOTS, SegmentIdentity, TABLE, USER, USER_DATA, USER_LENGTH,
    identify,
};
use crate::dtype::Element;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::mapping::Mapping;
use crate::os::{self, FileId};
use crate::pins;
use crate::record::Hot;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// How many slots of an array a process may hold before it is given copies.
const HELD_SLOTS: usize = 3;

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
    /// Region 1 once more, writable, for readers that pin.
    pins: Option<Mapping>,
    /// The shard that this mapping pins through.
    shard: usize,
    /// Pins that this process holds through this mapping. A forked child inherits a copy, as it inherits the holders.
    held: [PrivateU32; SLOTS],
    /// What `count_for_child` counted last.
    counted: [PrivateU32; SLOTS],
    /// Slots that are known to be inside the file.
    usable: PrivateU32,
    /// Slots whose page tables are set up, as bits.
    populated: PrivateU32,
}

impl Segment {
    /// Validates and maps an open data file; the descriptor must allow writing unless copying.
    pub fn map(file: &File, path: &Path, access: Access) -> Result<Self> {
        let identity = identify(file, path)?;
        let length = identity.file_size(SLOTS).and_then(|length| usize::try_from(length).ok());
        let Some(length) = length else {
            return Err(Error::corrupt(path, "slot capacity", identity.capacity, "8 slots that fit memory"));
        };
        let body = Mapping::new(file, path, 0, length, access == Access::Writing)?;
        let pins = match access {
            Access::Pinning => Some(Mapping::new(file, path, identity.region as u64, identity.region, true)?),
            _ => None,
        };
        let status = os::status_of(file, path)?;
        // Any number does; this one differs between processes and between mappings of one.
        let shard = uuid::Uuid::new_v4().as_bytes()[0] as usize % SHARDS;
        let segment = Segment {
            identity,
            file: status.id,
            access,
            body,
            pins,
            shard,
            held: Default::default(),
            counted: Default::default(),
            usable: PrivateU32::new(0),
            // Of a file with holes no more is touched than what has to be: there may be no storage for the rest.
            populated: PrivateU32::new(if status.allocated < status.size { u32::MAX } else { 0 }),
        };
        segment.refresh(file, path)?;
        Ok(segment)
    }

    /// Looks again at how many slots are inside the file; they only ever become more.
    pub fn refresh(&self, file: &File, path: &Path) -> Result<()> {
        // Acquire: pairs with `set_allocated`; the storage was there before the count.
        let allocated = self.allocated_word().load(Ordering::Acquire);
        if allocated == 0 || allocated > SLOTS as u64 {
            return Err(Error::corrupt(path, "slots allocated", allocated, "1 to 8"));
        }
        let expected = self.identity.file_size(allocated as usize).unwrap_or(u64::MAX);
        let found = os::status_of(file, path)?.size;
        if found < expected {
            return Err(Error::Truncated { path: path.to_owned(), found, expected });
        }
        self.usable.fetch_max(allocated as u32, PrivateOrdering::Relaxed);
        Ok(())
    }

    /// For a reader that pins: storage for what it touches of a file with holes, such as `cp` makes of zeros. Slots that
    /// are published later have theirs, as a writer that takes on such a file fills it.
    pub fn fill_holes(&self, file: &File, path: &Path, slot: usize, nbytes: usize) -> Result<()> {
        let value =
            (self.identity.slot_offset(slot.min(SLOTS)) as u64, nbytes.min(self.identity.capacity) as u64);
        for (offset, length) in [(0, 2 * self.identity.region as u64), value] {
            // Where nothing can be allocated ahead there is no limit to run into, either (ramfs).
            if let Err(error @ Error::NoSpace { .. }) = os::fill_holes(file, path, offset, length) {
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
        unsafe { self.body.word(ALLOCATED) }
    }

    /// Slots that have storage. The writer's business.
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
        unsafe { self.body.word(TABLE + (slot % SLOTS) * ENTRY + CONTENT) }
    }

    fn user(&self, slot: usize) -> (&AtomicU64, &[AtomicU64]) {
        let entry = TABLE + (slot % SLOTS) * ENTRY;
        // SAFETY: multiples of 8 inside region 0 for slots below 8.
        unsafe { (self.body.word(entry + USER_LENGTH), self.body.words(entry + USER, USER_DATA / 8)) }
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
        let offset = ((slot % SLOTS) * SHARDS + shard % SHARDS) * PIN;
        // SAFETY: multiples of 4 inside region 1, in `pins` or behind region 0 in `body`. Stored to only by readers
        // that pin, through `pins`, which is writable.
        unsafe {
            match &self.pins {
                Some(pins) => pins.half(offset),
                None => self.body.half(self.identity.region + offset),
            }
        }
    }

    /// The pin counts of a slot.
    pub fn pin_counts(&self, slot: usize) -> [&AtomicU32; SHARDS] {
        std::array::from_fn(|shard| self.pin_count(slot, shard))
    }

    /// Before a fork: counts the pins that the child will have once more, so that both may give theirs back.
    pub fn count_for_child(&self) {
        for (slot, held) in self.held.iter().enumerate() {
            let held = held.load(PrivateOrdering::Relaxed);
            self.counted[slot].store(held, PrivateOrdering::Relaxed);
            if held > 0 && self.pins.is_some() {
                // Relaxed: the parent's own pins keep the slot over the fork.
                self.pin_count(slot, self.shard).fetch_add(held, Ordering::Relaxed);
            }
        }
    }

    /// In the child of a fork: sets right what other threads of the parent pinned or gave back between the count and
    /// the fork. Without it, a snapshot that such a thread left where the child finds it would give back a pin that
    /// was never counted, and so another reader's.
    pub fn recount_in_child(&self) {
        for (slot, (held, counted)) in self.held.iter().zip(&self.counted).enumerate() {
            let (held, counted) =
                (held.load(PrivateOrdering::Relaxed), counted.load(PrivateOrdering::Relaxed));
            if held != counted && self.pins.is_some() {
                self.pin_count(slot, self.shard).fetch_add(held.wrapping_sub(counted), Ordering::Release);
            }
        }
    }

    /// How many slots other than `slot` this process holds here.
    #[inline]
    fn held_besides(&self, slot: usize) -> usize {
        let held = |(i, held): (usize, &PrivateU32)| i != slot && held.load(PrivateOrdering::Relaxed) != 0;
        self.held.iter().enumerate().filter(|&slot| held(slot)).count()
    }

    /// Sets up the page tables of a slot at its first use.
    #[inline]
    pub fn warm(&self, slot: usize) {
        let bit = 1 << slot;
        if self.populated.load(PrivateOrdering::Relaxed) & bit == 0 {
            self.body.populate(self.identity.slot_offset(slot), self.identity.capacity);
            self.populated.fetch_or(bit, PrivateOrdering::Relaxed);
        }
    }

    /// The bytes of a slot that the caller, the one writer, has claimed.
    ///
    /// `&mut self` of the writer's own segment stands behind it: see `Slots::claimed`.
    pub fn claimed<T: Element>(self: &mut Arc<Self>, slot: usize, count: usize) -> &mut [MaybeUninit<T>] {
        let fits = count.checked_mul(size_of::<T>()).is_some_and(|bytes| bytes <= self.identity.capacity);
        assert!(
            self.access == Access::Writing && self.is_usable(slot) && fits,
            "a slot that was claimed for less"
        );
        // SAFETY: in bounds of the slot, which is inside the mapping and has storage; page-aligned, so aligned for T.
        // Exclusive: the slot's content version is 0 and nobody held a pin when it was claimed, so that no reader
        // forms a reference to it, and the writer, which alone writes, is borrowed mutably through its Arc (of which
        // there is one, but for a loan's keeper, which does not know its type). Copying readers look at it at the
        // same time, with atomic loads, and throw away what they got; that race with plain stores is outside Rust's
        // memory model, as for every seqlock over plain data.
        unsafe {
            let start = self.body.pointer(self.identity.slot_offset(slot));
            std::slice::from_raw_parts_mut(start.cast(), count)
        }
    }

    /// The same as bytes, which are initialised: the file's storage was zero before anything was written to it.
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
        let whole = pins::copy_unpinned(self.content(slot), version, || {
            // SAFETY: inside the slot, which has storage (capacities are multiples of 8).
            let words = unsafe { self.body.words(self.identity.slot_offset(slot), nbytes.div_ceil(8)) };
            let data = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
            copied = (data, self.copy_user_data(slot));
        });
        whole.then_some(copied)
    }
}

/// A segment with the layout of the values that a reader takes from it.
pub(crate) struct Source {
    pub segment: Arc<Segment>,
    pub layout: Arc<Layout>,
    pub layout_id: u64,
    /// Earlier segments of the array that this process may still hold slots of.
    pub elders: Vec<Weak<Segment>>,
}

impl Source {
    /// Whether the value of a record is to be found here.
    #[inline]
    pub fn is_of(&self, hot: &Hot) -> bool {
        self.layout_id == hot.layout_id && self.segment.identity.id == hot.segment_id
    }

    /// Whether this process holds so many slots of the array, besides `slot`, that it must take copies.
    #[inline]
    pub fn crowded(&self, slot: usize) -> bool {
        let elders = self.elders.iter().filter_map(Weak::upgrade).map(|elder| elder.held_besides(SLOTS));
        self.segment.held_besides(slot) + elders.sum::<usize>() >= HELD_SLOTS
    }
}

/// A pin: the slot keeps its version, unchanged, as long as this lives.
pub(crate) struct Pinned<S: Deref<Target = Source>> {
    source: S,
    slot: usize,
}

impl<S: Deref<Target = Source>> Pinned<S> {
    /// Pins a slot of a pinning reader's segment if it still holds `version`.
    #[inline]
    pub fn take(source: S, slot: usize, version: u64) -> Result<Self, S> {
        let segment = &source.segment;
        let fits = source.layout.nbytes() <= segment.identity.capacity;
        if segment.access != Access::Pinning || !segment.is_usable(slot) || !fits {
            return Err(source);
        }
        // The shared count first, the private one second (and back in the other order), so that a fork by another
        // thread in between counts for the child what the child's copy of `held` says.
        if !pins::pin(segment.content(slot), segment.pin_count(slot, segment.shard), version) {
            return Err(source);
        }
        segment.held[slot].fetch_add(1, PrivateOrdering::Relaxed);
        segment.warm(slot);
        Ok(Pinned { source, slot })
    }

    pub fn source(&self) -> &S {
        &self.source
    }

    /// The value's bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let source: &Source = &self.source;
        let start = source.segment.body.pointer(source.segment.identity.slot_offset(self.slot));
        // SAFETY: `take` found the layout's length inside the slot and the slot inside the file; `Source` is
        // immutable and each `S` in this crate (an Arc, a Ref or a choice of them) derefs to the same one for life.
        // Nobody writes to it: the content version was right after the pin was counted, and a writer that finds the
        // pin leaves the slot alone. The pin is given back when `self` goes.
        unsafe { std::slice::from_raw_parts(start, source.layout.nbytes()) }
    }

    /// The user data of the value.
    pub fn user_data(&self) -> &[u8] {
        let (length, words) = self.source.segment.user(self.slot);
        let length = (length.load(Ordering::Relaxed) as usize).min(USER_DATA);
        // SAFETY: inside the slot's entry; unchanging under the pin, as the value's bytes are.
        unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), length) }
    }
}

impl<S: Deref<Target = Source> + Clone> Clone for Pinned<S> {
    fn clone(&self) -> Self {
        let segment = &self.source.segment;
        // Relaxed: the pin of `self` keeps the slot meanwhile.
        segment.pin_count(self.slot, segment.shard).fetch_add(1, Ordering::Relaxed);
        segment.held[self.slot].fetch_add(1, PrivateOrdering::Relaxed);
        Pinned { source: self.source.clone(), slot: self.slot }
    }
}

impl<S: Deref<Target = Source>> Drop for Pinned<S> {
    #[inline]
    fn drop(&mut self) {
        let segment = &self.source.segment;
        segment.held[self.slot].fetch_sub(1, PrivateOrdering::Relaxed);
        pins::unpin(segment.pin_count(self.slot, segment.shard));
    }
}
