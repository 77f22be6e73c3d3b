//! The tags that are offered: those of a store that are wanted and that were not taken from another host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndsharray::{EntryKind, Store};
use prost::Message;

use crate::patterns::Patterns;
use crate::source;
use crate::status::STATUS_TAG;
use crate::wire::message::{LONGEST_TAGS, OfferedTag, Tags};

/// The store is looked at so often, while somebody asks,
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);
/// but for no more than one part of so many of the time.
const LOOK_SHARE: u32 = 20;

/// What a list has beside each tag, in bytes, at most.
const BESIDE: usize = 16;

/// The tags of a store that are offered.
#[derive(Debug)]
pub(super) struct Listing {
    store: Store,
    patterns: Patterns,
    found: Mutex<Found>,
}

/// What the last look found.
#[derive(Debug)]
struct Found {
    tags: Arc<Tags>,
    next_look: Instant,
}

impl Listing {
    pub fn new(store: Store, patterns: Patterns) -> Self {
        let found =
            Found { tags: Arc::new(Tags { revision: 1, tags: Vec::new() }), next_look: Instant::now() };
        Listing { store, patterns, found: Mutex::new(found) }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether it may be offered, if it was not taken from another host.
    pub fn is_named(&self, tag: &str) -> bool {
        self.patterns.fits(tag) && !tag.starts_with(STATUS_TAG)
    }

    /// Whether it was offered a moment ago.
    pub fn has(&self, tag: &str) -> bool {
        let tags = self.found.lock().unwrap_or_else(PoisonError::into_inner).tags.clone();
        tags.tags.binary_search_by(|offered| offered.name.as_str().cmp(tag)).is_ok()
    }

    /// The tags, as they were a moment ago.
    ///
    /// # Errors
    /// If the store cannot be listed.
    pub fn tags(&self) -> ndsharray::Result<Arc<Tags>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        if began >= found.next_look {
            let tags = self.look()?;
            if tags != found.tags.tags {
                found.tags = Arc::new(Tags { revision: found.tags.revision + 1, tags });
            }
            found.next_look = began + LOOK_EVERY.max(began.elapsed() * LOOK_SHARE);
        }
        Ok(found.tags.clone())
    }

    fn look(&self) -> ndsharray::Result<Vec<OfferedTag>> {
        let entries = self.store.entries()?.into_iter();
        let named =
            entries.filter(|entry| matches!(entry.kind, EntryKind::Array) && self.is_named(&entry.tag));
        let mut tags: Vec<_> = named.filter_map(|entry| self.offered(entry.tag)).collect();
        tags.sort_by(|one, other| one.name.cmp(&other.name));
        // No receiver takes a longer list.
        let mut nbytes = 0;
        let fits = |tag: &&OfferedTag| {
            nbytes += tag.encoded_len() + BESIDE;
            nbytes <= LONGEST_TAGS
        };
        let count = tags.iter().take_while(fits).count();
        tags.truncate(count);
        Ok(tags)
    }

    /// A tag; `None` if it is not offered, has no value yet, or cannot be looked at.
    fn offered(&self, tag: String) -> Option<OfferedTag> {
        let stat = self.store.stat(&tag).ok()?;
        let value = stat.value?;
        if source::is_mirror(&stat.source) {
            return None;
        }
        Some(OfferedTag {
            name: tag,
            // Roughly: a list that says the size of each value would change with each.
            nbytes: (value.nbytes as u64).checked_next_power_of_two().unwrap_or(u64::MAX),
            writer_alive: stat.writer_alive,
            history: value.slots.history as u32,
        })
    }
}
