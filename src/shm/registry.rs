//! What the readers of this process share: mappings of data files, and how many slots of each tag they hold.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::Result;
use crate::shm::held::Holds;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::FileId;
use crate::sys::fork;

#[derive(Default)]
struct Shared {
    segments: Vec<Weak<Segment>>,
    /// By the path of the tag's header.
    holds: Vec<(std::path::PathBuf, Weak<Holds>)>,
}

/// Locked under `fork::hold` only, so that a forked child finds it free.
static SHARED: Mutex<Shared> = Mutex::new(Shared { segments: Vec::new(), holds: Vec::new() });

/// The mapping of a data file that all readers of this process share, made by `map` if there is none yet.
pub(crate) fn share_segment(
    file: FileId,
    access: Access,
    map: impl FnOnce() -> Result<Segment>,
) -> Result<Arc<Segment>> {
    let mut known = fork::hold();
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut segments = shared.segments.iter().filter_map(Weak::upgrade);
    // A mapped file keeps its inode, so equal ids are one file.
    if let Some(found) = segments.find(|segment| segment.file() == file && segment.access() == access) {
        return Ok(found);
    }
    drop(segments);
    let segment = Arc::new(map()?);
    shared.segments.retain(|segment| segment.strong_count() > 0);
    shared.segments.push(Arc::downgrade(&segment));
    known.add(&segment);
    Ok(segment)
}

/// How many slots this process holds of the tag whose header has that path.
pub(crate) fn holds(header: &std::path::Path) -> Arc<Holds> {
    let _known = fork::hold();
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.holds.retain(|(_, holds)| holds.strong_count() > 0);
    let found = shared.holds.iter().find(|(path, _)| path == header).and_then(|(_, holds)| holds.upgrade());
    found.unwrap_or_else(|| {
        let new = Arc::new(Holds::default());
        shared.holds.push((header.to_owned(), Arc::downgrade(&new)));
        new
    })
}
