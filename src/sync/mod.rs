//! The protocol without files, and the one import point for atomics that processes share: `std`'s, loom's when the protocol is
//! model-checked, or those that count steps. (Loom tests lie beside each file; `crate::model` in them is `tests/loom/model.rs`.)

pub(crate) mod event_count;
pub(crate) mod history;
pub(crate) mod pin;
pub(crate) mod seq_latch;
#[cfg(ndsharray_steps)]
#[doc(hidden)]
pub mod steps;
#[cfg(all(loom, test))]
mod store_loom;
#[cfg(all(loom, test))]
mod waiters_loom;

#[cfg(not(all(loom, test)))]
pub(crate) use std::sync::atomic::Ordering;
#[cfg(not(any(all(loom, test), ndsharray_steps)))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

#[cfg(ndsharray_steps)]
pub(crate) use crate::sync::steps::{AtomicU32, AtomicU64};

#[cfg(all(loom, test))]
pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A place of the protocol that loom's negative controls take out, one at a time, to show that the tests notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(loom, test)),
    allow(dead_code, reason = "some places are in the models of the loom tests only")
)]
pub(crate) enum Point {
    /// Writer: the `seq` that took a record out of use before its words.
    PublishFence,
    /// Writer: the publish and the look whether the latch is frozen, at one instant.
    PublishVeto,
    /// Reader: the words before the second look at `seq`, or at the content version.
    ReadFence,
    /// Reader: the second look at `seq`.
    ReadRecheck,
    /// Reader: the pin before the look at the record, or at the content version.
    PinFence,
    /// Reader: that look, under the pin.
    PinRecheck,
    /// Writer: content version 0 before the second look at the pins.
    ClaimFence,
    /// Writer: the second look at the pins.
    ClaimRecheck,
    /// Copying reader: the second look at the content version.
    CopyRecheck,
    /// Reader: the waiting flag before the sleep.
    AnnounceFence,
    /// Writer: the publish before the look at the waiting flag.
    NotifyFence,
    /// Writer: `seq` moved once more, after the flag was cleared.
    NotifyAgain,
    /// Writer: the entry is written under the claim.
    EntryUnderClaim,
    /// Reader: the entry is read under the pin.
    EntryUnderPin,
    /// Adopter: it trusts no entry that it did not write itself.
    OwnKnowledge,
    /// Writer: a number that was refused is not given again.
    FreshNumber,
    /// Writer: what was sealed and refused is no content.
    RefusalClears,
    /// Adopter: versions above the record's are cleared.
    ClearPhantoms,
    /// Adopter: before its first publish.
    ClearBeforePublish,
    /// Reader of history: no version above the record's.
    NotAboveRecord,
    /// Reader of history: the look under the pin.
    HistoryRecheck,
    /// Leaving writer: a slot is claimed before it is punched out.
    PunchClaims,
    /// Leaving writer: after the publish in another file.
    PunchAfterPublish,
    /// Writer of a retired header: not the slot of the last record.
    SpareLastSlot,
    /// Caller of a waiting thread: the bell after it was added.
    CallerRings,
    /// Waiting thread: the key of the bell before the callers.
    BellKeyFirst,
    /// Waiting thread: the caller's key beside the count of now.
    CallerKey,
}

/// Whether a negative control has taken `point` out. Always false outside loom, and compiled away.
#[cfg(not(all(loom, test)))]
#[inline(always)]
pub(crate) fn omitted(_point: Point) -> bool {
    false
}

#[cfg(all(loom, test))]
std::thread_local! {
    static OMITTED: std::cell::Cell<Option<Point>> = const { std::cell::Cell::new(None) };
}

/// Runs `model` with `point` taken out of the protocol. Loom runs all threads of a model on the calling thread.
#[cfg(all(loom, test))]
pub(crate) fn without<R>(point: Point, model: impl FnOnce() -> R) -> R {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            OMITTED.set(None);
        }
    }
    let _restore = Restore;
    OMITTED.set(Some(point));
    model()
}

#[cfg(all(loom, test))]
pub(crate) fn omitted(point: Point) -> bool {
    OMITTED.get() == Some(point)
}

/// A fence, known by the place of the protocol that it stands at.
#[inline(always)]
pub(crate) fn fence(point: Point, order: Ordering) {
    if omitted(point) {
        return;
    }
    #[cfg(not(all(loom, test)))]
    std::sync::atomic::fence(order);
    #[cfg(all(loom, test))]
    loom::sync::atomic::fence(order);
}

/// A sequentially consistent fence between a read-modify-write of the same thread before it and loads after it.
///
/// On x86 a locked instruction already orders everything before it against everything after it (Intel SDM vol. 3A,
/// 9.2.3.9; AMD APM vol. 2, 7.4.2), so only the compiler has to be held back; elsewhere, and in loom, it is real.
#[inline(always)]
pub(crate) fn fence_after_rmw(point: Point) {
    #[cfg(all(target_arch = "x86_64", not(all(loom, test))))]
    {
        let _ = point;
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    }
    #[cfg(not(all(target_arch = "x86_64", not(all(loom, test)))))]
    fence(point, Ordering::SeqCst);
}
