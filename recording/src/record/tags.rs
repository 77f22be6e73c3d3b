//! The tags that are recorded: those of a store that are wanted, also when they come later.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use ndsharray::{EntryKind, Reader, Store};

use crate::error::{Error, Result};
use crate::record::tag::Tag;

/// The store is looked at so often,
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// but for no more than one part of so many of the time. A look at a store of a thousand tags takes some milliseconds.
const LOOK_SHARE: u32 = 20;

/// The tags of a store that are recorded.
pub(super) struct Tags {
    store: Store,
    wanted: Box<dyn Fn(&str) -> bool + Send>,
    tags: Vec<Tag>,
    by_name: HashMap<String, usize>,
    /// `None` before the first look.
    next_look: Option<Instant>,
}

impl Tags {
    /// All tags of a store.
    pub fn new(store: Store) -> Self {
        let wanted = Box::new(|_: &str| true);
        Tags { store, wanted, tags: Vec::new(), by_name: HashMap::new(), next_look: None }
    }

    /// Only those tags are recorded.
    pub fn only(&mut self, wanted: impl Fn(&str) -> bool + Send + 'static) {
        self.wanted = Box::new(wanted);
    }

    /// Looks for tags that came, came back or went, if it is time to.
    ///
    /// # Errors
    /// If the store cannot be listed at the first look. Later that may pass.
    pub fn look(&mut self) -> Result<()> {
        if self.next_look.is_some_and(|next| Instant::now() < next) { Ok(()) } else { self.look_now() }
    }

    /// The same at once.
    ///
    /// # Errors
    /// As [`look`](Tags::look).
    pub fn look_now(&mut self) -> Result<()> {
        let began = Instant::now();
        let is_first = self.next_look.is_none();
        let listed = self.store.entries();
        if is_first || listed.is_ok() {
            self.found(listed?, is_first);
        }
        self.next_look = Some(began + LOOK_EVERY.max(began.elapsed() * LOOK_SHARE));
        Ok(())
    }

    fn found(&mut self, entries: Vec<ndsharray::Entry>, is_first: bool) {
        let mut is_there = vec![false; self.tags.len()];
        for entry in entries {
            if !(self.wanted)(&entry.tag) {
                continue;
            }
            let number = *self.by_name.entry(entry.tag).or_insert_with_key(|name| {
                self.tags.push(Tag::new(name.clone(), !is_first));
                is_there.push(false);
                self.tags.len() - 1
            });
            is_there[number] = true;
            let tag = &mut self.tags[number];
            match entry.kind {
                EntryKind::Array => tag.open(&self.store),
                EntryKind::Damaged(error) | EntryKind::Unreadable(error) => tag.failed(error.into()),
                _ => {}
            }
        }
        for (tag, is_there) in self.tags.iter_mut().zip(is_there) {
            tag.seen(is_there);
            tag.close(&self.store);
        }
    }

    /// Waits until a tag has a value, for `timeout` at most, and not past the next look.
    pub fn wait(&mut self, timeout: Duration) -> Result<()> {
        let now = Instant::now();
        let until_look = self.next_look.map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
        let timeout = timeout.min(until_look);
        let mut readers: Vec<&mut Reader> = self.tags.iter_mut().filter_map(|tag| tag.awaited(now)).collect();
        if readers.is_empty() {
            std::thread::sleep(timeout);
        } else {
            ndsharray::wait_any(&mut readers, timeout)?;
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.tags.len()
    }

    pub fn get_mut(&mut self, number: usize) -> &mut Tag {
        &mut self.tags[number]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.tags.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tag> {
        self.tags.iter_mut()
    }

    /// The errors that were not told yet, with their tags.
    pub fn take_errors(&mut self) -> Vec<(String, Error)> {
        self.tags.iter_mut().filter_map(|tag| Some((tag.name().to_owned(), tag.take_error()?))).collect()
    }

    /// A text for each tag that has one.
    pub fn texts(&self, of: impl Fn(&Tag) -> Option<String>) -> BTreeMap<String, String> {
        self.tags.iter().filter_map(|tag| Some((tag.name().to_owned(), of(tag)?))).collect()
    }

    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tags").field("store", &self.store).field("tags", &self.tags).finish_non_exhaustive()
    }
}
