//! Values in place: where they lie, and the pin under which their bytes may be read.

#![allow(unsafe_code)]

use std::ops::Deref;
use std::sync::Arc;

use crate::format::entry::USER_DATA;
use crate::format::layout::Layout;
use crate::format::record::{Record, Stamp};
use crate::format::segment::Line;
use crate::shm::segment::{Access, Segment};
use crate::sync::pin as protocol;

/// How many slots of a tag a process may hold in place; further values are copies.
pub(crate) const PIN_LIMIT: u32 = 3;

/// A segment with the layout of the values that a reader takes from it.
pub(crate) struct Source {
    pub segment: Arc<Segment>,
    pub layout: Arc<Layout>,
    /// What stands for both under the header.
    pub number: u64,
    /// The serial of the header that names it.
    pub header: u64,
}

impl Source {
    /// Whether the value of a header's record lies here.
    #[inline(always)]
    pub fn is_of(&self, header: u64, record: &Record) -> bool {
        self.number == record.number && self.header == header
    }
}

/// A pin on a slot, whatever its layout is: it keeps its version, unchanged, as long as this lives.
pub(crate) struct Pin<S: Deref<Target = Segment>> {
    segment: S,
    slot: usize,
}

/// A pin with the layout of the value: gives its bytes out.
pub(crate) struct Pinned<S: Deref<Target = Source>> {
    source: S,
    slot: usize,
    start: *const u8,
}

// SAFETY: the pointer is into the segment's mapping, which `source` keeps; what is read through it does not change.
unsafe impl<S: Deref<Target = Source> + Send> Send for Pinned<S> {}
// SAFETY: as above.
unsafe impl<S: Deref<Target = Source> + Sync> Sync for Pinned<S> {}

/// Pins a slot of a segment if it still holds `version`, or `current` says that the record which named it is in use still.
#[inline(always)]
fn take(segment: &Segment, slot: usize, version: u64, current: impl FnOnce() -> bool) -> bool {
    // The shared count first, the private one second (and back in the other order). So a fork by another thread in
    // between counts for the child what the child's copy of the private count says.
    let pinned = protocol::pin(segment.content(slot), segment.own_pins(slot), version, current);
    if pinned {
        segment.held().add(slot);
    }
    pinned
}

#[inline(always)]
fn give_back(segment: &Segment, slot: usize) {
    segment.held().sub(slot);
    protocol::unpin(segment.own_pins(slot));
}

impl<S: Deref<Target = Segment>> Pin<S> {
    /// Pins a slot of a pinning reader's segment if it still holds `version`.
    pub fn take(segment: S, slot: usize, version: u64) -> Option<Self> {
        let usable = segment.access() == Access::Pinning && slot < segment.identity().limit;
        // Not made before it is pinned: its end gives a pin back.
        if usable && take(&segment, slot, version, || false) { Some(Pin { segment, slot }) } else { None }
    }
}

impl<S: Deref<Target = Segment>> Drop for Pin<S> {
    fn drop(&mut self) {
        give_back(&self.segment, self.slot);
    }
}

impl<S: Deref<Target = Source>> Pinned<S> {
    /// Pins a value in its source, if it is still there. `None` also if this process holds so many slots that it must copy,
    /// or if the slot is used for the first time.
    #[inline(always)]
    pub fn take(source: S, slot: usize, version: u64, current: impl FnOnce() -> bool) -> Option<Self> {
        let segment = &*source.segment;
        let start = segment.start(slot)?;
        if segment.access() != Access::Pinning || segment.held().is_over(slot, PIN_LIMIT) {
            return None;
        }
        // Not made before it is pinned: its end gives a pin back.
        if take(segment, slot, version, current) { Some(Pinned { source, slot, start }) } else { None }
    }

    pub fn source(&self) -> &S {
        &self.source
    }

    /// Whether the value has the layout that the source says: its entry has the same number.
    #[inline(always)]
    pub fn is_of_source(&self) -> bool {
        self.source.segment.has_number(self.slot, self.source.number)
    }

    pub fn slot(&self) -> usize {
        self.slot
    }

    /// The value's bytes.
    #[inline(always)]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the layout's length is inside the slot (whoever makes a `Source` checks it), which is mapped for as long as
        // `source` lives; each `S` in this crate (an Arc or a Ref) derefs to the same one for life.
        // Nobody writes to it: after the pin was counted the slot still held the value, or the record of the same header
        // that named the slot was still in use, and a writer that finds the pin leaves the slot alone. The pin is given
        // back when `self` goes.
        unsafe { std::slice::from_raw_parts(self.start, self.source.layout.nbytes()) }
    }

    /// The user data of the value.
    pub fn user_data(&self) -> &[u8] {
        let length = (self.line().user_length as usize).min(USER_DATA);
        let Some((_, user)) = self.source.segment.entry(self.slot) else { return &[] };
        // SAFETY: inside the slot's entry; unchanging under the pin, as the value's bytes are.
        unsafe { std::slice::from_raw_parts(user.as_ptr().cast(), length) }
    }

    /// Which value it is, and when it was published.
    pub fn stamp(&self, version: u64) -> Stamp {
        Stamp { version, written_at: self.line().written_at }
    }

    /// What the slot's line says of the value.
    pub fn line(&self) -> Line {
        self.source.segment.read_line(self.slot)
    }
}

impl<S: Deref<Target = Source> + Clone> Clone for Pinned<S> {
    fn clone(&self) -> Self {
        let segment = &self.source.segment;
        protocol::pin_again(segment.own_pins(self.slot));
        segment.held().add(self.slot);
        Pinned { source: self.source.clone(), slot: self.slot, start: self.start }
    }
}

impl<S: Deref<Target = Source>> Drop for Pinned<S> {
    #[inline(always)]
    fn drop(&mut self) {
        give_back(&self.source.segment, self.slot);
    }
}
