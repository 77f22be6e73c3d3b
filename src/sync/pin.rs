//! Pins: how a reader keeps a slot from being written again, without a lock and without the writer waiting.
//!
//! A slot has a *content version* (0 while it is filled) and pin counts, spread over shards so that readers in different
//! processes do not share a cache line. Reader: pin, then look at the content version. Writer: clear the content version, then
//! look at the pins. With a full fence between the two steps on both sides, at least one of them sees the other (Dekker), and
//! turns back:
//!
//! 1. reader pins, writer clears, reader looks: 0, unpins, reads the record again;
//! 2. writer clears, reader pins, writer looks: pinned, restores the version (no byte was touched), takes another slot;
//! 3. reader pins and looks before the writer clears: snapshot; the writer looks, sees the pin, restores.
//!
//! The content version proves it, however many values were published since the record was read. A record that is still in use
//! proves it, too, and is cheaper to look at, so it is tried first (`pin`).
//!
//! The slot's *entry* says the layout of its value, and the number of the header's layout that this is. The writer writes it
//! under its claim, readers read it under a pin.

use crate::sync::{AtomicU32, AtomicU64, Ordering, Point, fence, fence_after_rmw, omitted};

/// A count that has come here has leaked pins (`mem::forget` in a loop), or is damaged. Nobody pins through it any more, before it
/// wraps to 0 and a held value changes.
const MOST_PINS: u32 = 1 << 31;
/// From here on readers copy where they can: each attempt to pin takes two pins for a moment, of which the second must not be the
/// first to fail.
const MANY_PINS: u32 = 1 << 30;

/// Whether a count has come so far that values are better copied than pinned through it.
#[inline(always)]
pub(crate) fn is_exhausted(shard: &AtomicU32) -> bool {
    shard.load(Ordering::Relaxed) >= MANY_PINS
}

/// Counts one more pin, whatever the slot holds: for who has a pin of it already. That cannot fail, so a count that has come to
/// [`MOST_PINS`] aborts the process, as that of an `Arc` does.
#[inline(always)]
pub(crate) fn pin_again(shard: &AtomicU32) {
    // Relaxed: the pin that there is keeps the slot meanwhile.
    if shard.fetch_add(1, Ordering::Relaxed) >= MOST_PINS {
        std::process::abort();
    }
}

/// Pins a slot through one of its shards; true if the slot still holds `version`, and then until [`unpin`]. Always false if the
/// count has come to [`MOST_PINS`].
///
/// `current` says whether the record that named the slot is the one in use now. The slot of that record is never claimed,
/// so there is nothing else to look at, in particular not the content version, which lies on a cache line of its own:
/// 1. reader: pins; full fence; finds the record in use
/// 2. writer: publishes the next one; clears the slot; full fence; finds the pin.
#[inline(always)]
pub(crate) fn pin(
    content: &AtomicU64,
    shard: &AtomicU32,
    version: u64,
    current: impl FnOnce() -> bool,
) -> bool {
    let before = shard.fetch_add(1, Ordering::SeqCst);
    // Pin before look, against the writer's clear before look.
    fence_after_rmw(Point::PinFence);
    // Acquire: pairs with `seal`; the bytes were filled before the version was set.
    let holds = || omitted(Point::PinRecheck) || current() || content.load(Ordering::Acquire) == version;
    if before < MOST_PINS && holds() {
        return true;
    }
    unpin(shard);
    false
}

/// Gives a pin back.
#[inline(always)]
pub(crate) fn unpin(shard: &AtomicU32) {
    // Release: reads of the bytes end before the writer sees the count go down.
    shard.fetch_sub(1, Ordering::Release);
}

/// Whether anybody holds a pin.
#[inline]
pub(crate) fn pinned(shards: &[&AtomicU32]) -> bool {
    // Acquire: pairs with `unpin`; what is seen as given back was read to its end.
    shards.iter().any(|shard| shard.load(Ordering::Acquire) != 0)
}

/// Claims a slot, for filling or for good; false, with the content version restored, if it is pinned.
#[inline]
pub(crate) fn claim(content: &AtomicU64, shards: &[&AtomicU32]) -> bool {
    if pinned(shards) {
        return false;
    }
    let version = content.swap(0, Ordering::SeqCst);
    // Clear before look, against the reader's pin before look.
    fence_after_rmw(Point::ClaimFence);
    if pinned(shards) && !omitted(Point::ClaimRecheck) {
        // Release: the bytes are those of `version` still; a reader that sees it may read them.
        content.store(version, Ordering::Release);
        return false;
    }
    true
}

/// Ends the filling of a claimed slot.
#[inline(always)]
pub(crate) fn seal(content: &AtomicU64, version: u64) {
    // Release: whoever sees the version sees the bytes. (Who looks for a version has acquired a record that was published
    // after it was sealed, so relaxed would do; it costs nothing on x86-64.)
    content.store(version, Ordering::Release);
}

/// Runs `copy` on a slot without a pin; true if the slot held `version` all the while.
pub(crate) fn copy_unpinned(content: &AtomicU64, version: u64, copy: impl FnOnce()) -> bool {
    // Acquire: the bytes of `version` are visible.
    if content.load(Ordering::Acquire) != version {
        return false;
    }
    copy();
    // If a byte came from a later filling, the 0 that came before it (with a full fence) is visible below.
    fence(Point::ReadFence, Ordering::Acquire);
    content.load(Ordering::Relaxed) == version || omitted(Point::CopyRecheck)
}

/// Sets to 0 each content version above `last`, the version of the record in use. A writer that was killed or refused
/// between sealing and publishing leaves such a *phantom*, which would be taken for a value once the count comes there.
///
/// By a plain store, not by a claim: a reader that passes by with a pin would make the claim fail, and the phantom stay. No
/// reader reads the slot of a version above the record's.
pub(crate) fn clear_phantoms<'a>(contents: impl Iterator<Item = &'a AtomicU64>, last: u64) {
    for content in contents {
        if content.load(Ordering::Relaxed) > last && !omitted(Point::ClearPhantoms) {
            // Release: as `seal`, though nothing is to be seen behind it.
            content.store(0, Ordering::Release);
        }
    }
}

#[cfg(all(loom, test))]
#[path = "pin_loom.rs"]
mod loom_tests;
