//! What the readers of this process share: mappings of data files, and how many slots of each tag they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::error::Result;
use crate::shm::held::Holds;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::FileId;
use crate::sys::fork;

/// What somebody has, by key.
struct Shared<K, V> {
    all: BTreeMap<K, Weak<V>>,
    /// How many there are when those that nobody has any more are looked for.
    prune_at: usize,
}

impl<K: Ord, V> Shared<K, V> {
    const fn new() -> Self {
        Shared { all: BTreeMap::new(), prune_at: 16 }
    }

    fn get(&self, key: &K) -> Option<Arc<V>> {
        self.all.get(key).and_then(Weak::upgrade)
    }

    fn add(&mut self, key: K, new: &Arc<V>) {
        if self.all.len() >= self.prune_at {
            self.all.retain(|_, one| one.strong_count() > 0);
            self.prune_at = 2 * self.all.len().max(8);
        }
        self.all.insert(key, Arc::downgrade(new));
    }
}

// Locked under `fork::hold` only, so that a forked child finds them free.
static SEGMENTS: Mutex<Shared<(FileId, Access), Segment>> = Mutex::new(Shared::new());
/// By the path of the tag's header.
static HOLDS: Mutex<Shared<PathBuf, Holds>> = Mutex::new(Shared::new());

fn lock<T>(shared: &'static Mutex<T>) -> MutexGuard<'static, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The mapping of a data file that all readers of this process share, made by `map` if there is none yet.
pub(crate) fn share_segment(
    file: FileId,
    access: Access,
    map: impl FnOnce() -> Result<Segment>,
) -> Result<Arc<Segment>> {
    let mut known = fork::hold();
    let mut segments = lock(&SEGMENTS);
    // A mapped file keeps its inode, so equal ids are one file.
    if let Some(found) = segments.get(&(file, access)) {
        return Ok(found);
    }
    let segment = Arc::new(map()?);
    segments.add((file, access), &segment);
    known.add(&segment);
    Ok(segment)
}

/// How many slots this process holds of the tag whose header has that path.
pub(crate) fn holds(header: &Path) -> Arc<Holds> {
    let _known = fork::hold();
    let mut holds = lock(&HOLDS);
    let key = header.to_owned();
    holds.get(&key).unwrap_or_else(|| {
        let new = Arc::new(Holds::default());
        holds.add(key, &new);
        new
    })
}
