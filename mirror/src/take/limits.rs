//! What all tags that are taken may use together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Slots beside those of the history that a tag uses, as a rule.
const BESIDE_HISTORY: u64 = 3;

/// What all tags that are taken may use, and who has which.
#[derive(Debug)]
pub(super) struct Limits {
    pub most_bytes: usize,
    most_tags: usize,
    most_total: u64,
    taken: Mutex<HashMap<String, Taken>>,
}

#[derive(Debug)]
struct Taken {
    offer: String,
    host: String,
    nbytes: u64,
}

impl Limits {
    pub fn new(most_bytes: usize, most_tags: usize, most_total: u64) -> Self {
        Limits { most_bytes, most_tags, most_total, taken: Mutex::default() }
    }

    /// Reserves a name of this store for an offer.
    ///
    /// # Errors
    /// Why it cannot have it, for people.
    pub fn reserve(&self, tag: &str, offer: &str, host: &str) -> Result<(), String> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get(tag) {
            Some(of) if of.offer == offer => return Ok(()),
            Some(of) => {
                let text =
                    format!("it is taken from {:?} already: use another prefix for one of them", of.host);
                return Err(text);
            }
            None => {}
        }
        if taken.len() >= self.most_tags {
            return Err(format!("{} tags are taken already, the most that may be", self.most_tags));
        }
        taken.insert(tag.to_owned(), Taken { offer: offer.to_owned(), host: host.to_owned(), nbytes: 0 });
        Ok(())
    }

    /// Lets go of a name.
    pub fn release(&self, tag: &str) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(tag);
    }

    /// Reserves the room for values of so many bytes and a history.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn make_room(&self, tag: &str, nbytes: usize, history: usize) -> Result<(), String> {
        if nbytes > self.most_bytes {
            return Err(format!(
                "a value of {nbytes} bytes is larger than the {} that are taken",
                self.most_bytes
            ));
        }
        let wanted = (nbytes as u64).saturating_mul(history as u64 + BESIDE_HISTORY);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let others: u64 = taken.iter().filter(|(name, _)| *name != tag).map(|(_, of)| of.nbytes).sum();
        if others.saturating_add(wanted) > self.most_total {
            return Err(format!(
                "its values need {wanted} bytes, those of the other tags {others}, and all together may take {}",
                self.most_total
            ));
        }
        if let Some(of) = taken.get_mut(tag) {
            // Memory that a tag once had is not given back.
            of.nbytes = of.nbytes.max(wanted);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_bytes_are_limited() {
        let limits = Limits::new(100, 2, 1000);
        assert_eq!(limits.reserve("a", "1", "robot"), Ok(()));
        assert_eq!(limits.reserve("a", "1", "robot"), Ok(()));
        assert!(limits.reserve("a", "2", "other").unwrap_err().contains("\"robot\""));
        assert_eq!(limits.reserve("b", "2", "other"), Ok(()));
        assert!(limits.reserve("c", "2", "other").unwrap_err().contains("2 tags"));
        assert_eq!(limits.make_room("a", 100, 0), Ok(()));
        assert!(limits.make_room("a", 101, 0).is_err());
        assert_eq!(limits.make_room("b", 100, 4), Ok(()));
        assert!(limits.make_room("b", 100, 5).unwrap_err().contains("800 bytes"));
        limits.release("a");
        assert_eq!(limits.make_room("b", 100, 5), Ok(()));
        assert_eq!(limits.reserve("c", "2", "other"), Ok(()));
    }
}
