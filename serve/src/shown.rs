//! The tags that are shown.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use ndsharray::{EntryKind, Reader, Store};

use crate::refusal::Refusal;
use crate::value::looks::{Looked, Looks};
use crate::work::Work;

/// Which tags are shown.
pub(crate) type Filter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// A store, and which of its tags are shown. Values are only read.
#[derive(Clone)]
pub(crate) struct Shown {
    store: Store,
    filter: Option<Filter>,
    looks: Arc<Looks>,
    work: Work,
}

impl Shown {
    pub fn new(store: Store, filter: Option<Filter>) -> Self {
        Shown { store, filter, looks: Arc::default(), work: Work::default() }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What answers may take.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Those that are shown and that this user may read, sorted.
    fn tags(&self) -> ndsharray::Result<Vec<String>> {
        let entries = self.store.entries()?.into_iter();
        let readable = entries.filter(|entry| !matches!(entry.kind, EntryKind::Unreadable(_)));
        Ok(readable.map(|entry| entry.tag).filter(|tag| self.shows(tag)).collect())
    }

    /// Looks at each of them.
    pub fn look(&self) -> ndsharray::Result<Vec<Looked>> {
        Ok(self.looks.look(&self.store, self.tags()?))
    }

    /// A reader of a tag. A tag that is not shown is as one that does not exist.
    pub fn reader(&self, tag: &str) -> Result<Reader, Refusal> {
        if !self.shows(tag) {
            return Err(Refusal::new(StatusCode::NOT_FOUND, format!("no tag {tag:?}")));
        }
        Ok(self.store.reader(tag)?)
    }

    fn shows(&self, tag: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(tag))
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("store", &self.store).finish_non_exhaustive()
    }
}
