//! Values in place: where they lie, and the pin under which their bytes may be read.

#![allow(unsafe_code)]

use std::cell::Ref;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use crate::format::layout::Layout;
use crate::format::record::{Hot, Stamp};
use crate::format::segment::{SLOTS, USER_DATA};
use crate::shm::header::RecordId;
use crate::shm::registry::Tally;
use crate::shm::segment::{Access, Segment};
use crate::sync::Ordering;
use crate::sync::pin as protocol;

/// How many slots of an array a process may hold before it is given copies.
const HELD_SLOTS: usize = 3;

/// Of a segment with more slots than that, as far as this process knows, a hot loop keeps nothing: so all that is kept lies
/// in the first three. Else readers without a core to run on could hold all of them, and the writer would have to make new
/// segments without end.
const KEEPING_SLOTS: usize = 3;

/// A segment with the layout of the values that a reader takes from it.
pub(crate) struct Source {
    pub segment: Arc<Segment>,
    pub layout: Arc<Layout>,
    pub layout_id: u64,
    /// The serial of the header that names it.
    pub header: u64,
    /// Earlier segments of the array that this process may still hold slots of.
    pub previous: Vec<Weak<Segment>>,
}

impl Source {
    /// Whether a hot loop may keep a pin of it between its calls.
    #[inline]
    pub fn may_be_kept(&self) -> bool {
        !self.segment.is_usable(KEEPING_SLOTS)
    }

    /// Whether the value of a header's record lies here: a layout id of a header stands for one segment.
    #[inline]
    pub fn is_of(&self, header: u64, hot: &Hot) -> bool {
        self.layout_id == hot.layout_id && self.header == header
    }
}

/// Whether this process holds so many slots of the array, besides `slot`, that it must take a copy.
#[inline(always)]
pub(crate) fn over_pin_limit(source: &impl Holder, slot: u64) -> bool {
    // Most streams have two or three slots and one segment: nothing to count.
    let few = !source.segment.is_usable(HELD_SLOTS);
    !(few && source.previous.is_empty()) && count_held(source, slot) >= HELD_SLOTS
}

#[inline(never)]
fn count_held(source: &impl Holder, slot: u64) -> usize {
    let slot = usize::try_from(slot).unwrap_or(SLOTS);
    let previous = source.previous.iter().filter_map(Weak::upgrade).map(|elder| elder.slots_held(SLOTS));
    source.segment.slots_held(slot) + source.besides(slot) + previous.sum::<usize>()
}

/// What a pin is held through: the source, and where this process counts it.
pub(crate) trait Holder: Deref<Target = Source> {
    fn add(&self, slot: usize);
    fn sub(&self, slot: usize);
    /// How many slots other than `slot` are held, that the segment's own count does not have.
    fn besides(&self, slot: usize) -> usize;
}

/// Snapshots: on any thread.
impl Holder for Arc<Source> {
    #[inline(always)]
    fn add(&self, slot: usize) {
        self.segment.held().add(slot);
    }

    #[inline(always)]
    fn sub(&self, slot: usize) {
        self.segment.held().sub(slot);
    }

    fn besides(&self, _slot: usize) -> usize {
        0
    }
}

/// What a reader's views are of.
pub(crate) struct Viewing {
    pub source: Arc<Source>,
    pub tally: Arc<Tally>,
}

/// A view's hold on it.
pub(crate) struct Borrowed<'a>(pub Ref<'a, Viewing>);

impl Deref for Borrowed<'_> {
    type Target = Source;

    #[inline(always)]
    fn deref(&self) -> &Source {
        &self.0.source
    }
}

impl Holder for Borrowed<'_> {
    // Alone: the reader is not Sync, and a view borrows it, so both are on one thread. When both move to another thread,
    // whatever moves them orders the accesses.
    #[inline(always)]
    fn add(&self, slot: usize) {
        self.0.tally.held().add_alone(slot);
    }

    #[inline(always)]
    fn sub(&self, slot: usize) {
        self.0.tally.held().sub_alone(slot);
    }

    fn besides(&self, slot: usize) -> usize {
        self.0.tally.held().besides(slot)
    }
}

/// A pin: the slot keeps its version, unchanged, as long as this lives.
pub(crate) struct Pinned<S: Holder> {
    source: S,
    slot: usize,
}

impl<S: Holder> Pinned<S> {
    /// Pins a slot of a pinning reader's segment if it still holds `version`, or `current` says that the record which
    /// named it is in use still.
    #[inline(always)]
    pub fn pin(source: S, slot: u64, version: u64, current: impl FnOnce() -> bool) -> Option<Self> {
        let segment = &source.segment;
        let slot = usize::try_from(slot).ok()?;
        let fits = source.layout.nbytes() <= segment.identity().capacity;
        if segment.access() != Access::Pinning || !segment.warm(slot) || !fits {
            return None;
        }
        // The shared count first, the private one second (and back in the other order). So a fork by another thread in
        // between counts for the child what the child's copy of the private count says.
        if !protocol::pin(segment.content(slot), segment.own_pins(slot), version, current) {
            return None;
        }
        source.add(slot);
        Some(Pinned { source, slot })
    }

    pub fn source(&self) -> &S {
        &self.source
    }

    /// The value's bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let source: &Source = &self.source;
        let start = source.segment.start(self.slot);
        // SAFETY: `pin` found the layout's length inside the slot and the slot inside the file; `Source` is
        // immutable and each `S` in this crate (an Arc or a Ref) derefs to the same one for life.
        // Nobody writes to it: after the pin was counted the slot still held the value, or the record of the same header
        // that named the slot was still in use, and a writer that finds the pin leaves the slot alone. The pin is given
        // back when `self` goes.
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

impl<S: Holder + Clone> Clone for Pinned<S> {
    fn clone(&self) -> Self {
        let segment = &self.source.segment;
        // Relaxed: the pin of `self` keeps the slot meanwhile.
        segment.own_pins(self.slot).fetch_add(1, Ordering::Relaxed);
        self.source.add(self.slot);
        Pinned { source: self.source.clone(), slot: self.slot }
    }
}

impl<S: Holder> Drop for Pinned<S> {
    #[inline(always)]
    fn drop(&mut self) {
        let segment = &self.source.segment;
        self.source.sub(self.slot);
        protocol::unpin(segment.own_pins(self.slot));
    }
}

/// A pin that a reader keeps between calls, because it asks for the same value again and again: then a view costs no pin,
/// and a snapshot no more than a reference count. Given up when the reader finds a newer value.
pub(crate) struct Kept {
    pub pinned: Arc<Pinned<Arc<Source>>>,
    /// The record that named it.
    pub mark: RecordId,
    pub stamp: Stamp,
}

impl Kept {
    pub fn new(pinned: Pinned<Arc<Source>>, mark: RecordId, hot: &Hot) -> Self {
        pinned.source.segment.kept().add(pinned.slot);
        Kept { pinned: Arc::new(pinned), mark, stamp: hot.stamp }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.pinned.source.segment.kept().sub(self.pinned.slot);
    }
}
