//! What the readers of this process share, and a fork must know: mappings of data files, and counts of pins.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::error::Result;
use crate::shm::held::Held;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::FileId;
use crate::sys::fork::{self, ForkAware};

/// Locked under `fork::hold` only, so that a forked child finds it free.
static SEGMENTS: Mutex<Vec<Weak<Segment>>> = Mutex::new(Vec::new());

/// The mapping of a data file that all readers of this process share, made by `map` if there is none yet.
pub(crate) fn share_segment(
    file: FileId,
    access: Access,
    map: impl FnOnce() -> Result<Segment>,
) -> Result<Arc<Segment>> {
    let mut known = fork::hold();
    let mut segments = SEGMENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shared = segments.iter().filter_map(Weak::upgrade);
    // A mapped file keeps its inode, so equal ids are one file.
    if let Some(found) = shared.find(|segment| segment.file() == file && segment.access() == access) {
        return Ok(found);
    }
    drop(shared);
    let segment = Arc::new(map()?);
    segments.retain(|segment| segment.strong_count() > 0);
    segments.push(Arc::downgrade(&segment));
    known.add(&segment);
    Ok(segment)
}

/// The pins of one reader's views, which are on one thread with their reader.
pub(crate) struct Tally {
    segment: Arc<Segment>,
    held: Held,
}

impl Tally {
    pub fn new(segment: Arc<Segment>) -> Arc<Self> {
        let tally = Arc::new(Tally { segment, held: Held::default() });
        fork::hold().add(&tally);
        tally
    }

    pub fn held(&self) -> &Held {
        &self.held
    }
}

impl ForkAware for Tally {
    fn before_fork(&self) {
        self.segment.count_for_child(&self.held);
    }

    fn in_child(&self) {
        self.segment.recount_in_child(&self.held);
    }
}
