//! History: finding an earlier value that is still there, by the content versions of the slots.
//!
//! A slot that is found so is pinned and looked at again by [`pin`](crate::sync::pin::pin), with a `current` that is false.

use crate::sync::{AtomicU64, Ordering, Point, omitted};

/// The slot with the oldest version that is newer than `after` and not above `last`, the version of the record in use: what
/// is above it was sealed, and not published.
pub(crate) fn oldest<'a>(
    contents: impl Iterator<Item = &'a AtomicU64>,
    after: u64,
    last: u64,
) -> Option<(usize, u64)> {
    let most = if omitted(Point::NotAboveRecord) { u64::MAX } else { last };
    contents
        .enumerate()
        // Acquire: as in `pin`, which looks again.
        .map(|(slot, content)| (slot, content.load(Ordering::Acquire)))
        .filter(|&(_, version)| version > after && version <= most)
        .min_by_key(|&(_, version)| version)
}

/// The slot with the first of the versions that are there without a gap up to `last`. What somebody holds from long ago is not
/// among them.
pub(crate) fn first<'a>(contents: impl Iterator<Item = &'a AtomicU64>, last: u64) -> Option<(usize, u64)> {
    // Acquire: as in `pin`, which looks again.
    let loaded = contents.map(|content| content.load(Ordering::Acquire)).zip(0..);
    let mut versions: Vec<(u64, usize)> =
        loaded.filter(|&(version, _)| version != 0 && version <= last).collect();
    versions.sort_unstable();
    let run = versions.into_iter().rev().zip(0..);
    let run = run.take_while(|&((version, _), behind)| last.checked_sub(behind) == Some(version));
    run.last().map(|((version, slot), _)| (slot, version))
}

#[cfg(all(loom, test))]
#[path = "history_loom.rs"]
mod loom_tests;
