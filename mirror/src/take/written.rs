//! What was written last of tags with each value: they may go with their connection, and go on after it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// So many tags are remembered; then all are forgotten.
const MOST: usize = 16_384;

/// When the last value of a tag was written at its source.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<HashMap<String, (String, u64)>>);

impl Written {
    /// A value of a tag of this store, from there, was written at the source then.
    pub fn set(&self, tag: &str, source: &str, at: u64) {
        let mut tags = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, last)) = tags.get_mut(tag).filter(|(known, _)| known == source) {
            *last = at;
            return;
        }
        if tags.len() >= MOST {
            tags.clear();
        }
        tags.insert(tag.to_owned(), (source.to_owned(), at));
    }

    /// 0: nothing is known of it.
    pub fn last(&self, tag: &str, source: &str) -> u64 {
        let tags = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tags.get(tag).filter(|(known, _)| known == source).map_or(0, |(_, last)| *last)
    }
}
