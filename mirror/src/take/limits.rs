//! What all tags that are taken may use together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Slots beside those of the history that a tag uses, as a rule.
const BESIDE_HISTORY: u64 = 3;

/// What all tags that are taken may use, and who has which.
#[derive(Debug)]
pub(super) struct Limits {
    pub most_bytes: usize,
    pub most_tags: usize,
    most_total: u64,
    taken: Mutex<HashMap<String, Taken>>,
}

#[derive(Debug)]
struct Taken {
    offer: String,
    host: String,
    nbytes: u64,
    /// How often it was reserved: a task that ends lets go of it after the next one has it.
    times: usize,
}

impl Limits {
    pub fn new(most_bytes: usize, most_tags: usize, most_total: u64) -> Self {
        Limits { most_bytes, most_tags, most_total, taken: Mutex::default() }
    }

    /// Reserves a name of this store for an offer.
    ///
    /// # Errors
    /// Why it cannot have it, for people.
    pub fn reserve(self: &Arc<Self>, tag: &str, offer: &str, host: &str) -> Result<Name, String> {
        let name = || Name { limits: self.clone(), tag: tag.to_owned() };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(tag) {
            Some(of) if of.offer == offer => {
                of.times += 1;
                return Ok(name());
            }
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
        let of = Taken { offer: offer.to_owned(), host: host.to_owned(), nbytes: 0, times: 1 };
        taken.insert(tag.to_owned(), of);
        Ok(name())
    }

    /// Lets go of a name, once for each time that it was reserved.
    fn release(&self, tag: &str) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = taken.get_mut(tag) else { return };
        of.times -= 1;
        if of.times == 0 {
            taken.remove(tag);
        }
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

/// A name that is reserved, until it is dropped.
#[derive(Debug)]
pub(super) struct Name {
    limits: Arc<Limits>,
    tag: String,
}

impl Name {
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether nobody else has it.
    pub fn is_only(&self) -> bool {
        let taken = self.limits.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.get(&self.tag).is_some_and(|of| of.times == 1)
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.limits.release(&self.tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_bytes_are_limited() {
        let limits = Arc::new(Limits::new(100, 2, 1000));
        let first = limits.reserve("a", "1", "robot").unwrap();
        assert!(first.is_only());
        let again = limits.reserve("a", "1", "robot").unwrap();
        assert!(!first.is_only());
        assert!(limits.reserve("a", "2", "other").unwrap_err().contains("\"robot\""));
        let _b = limits.reserve("b", "2", "other").unwrap();
        assert!(limits.reserve("c", "2", "other").unwrap_err().contains("2 tags"));
        assert_eq!(limits.make_room("a", 100, 0), Ok(()));
        assert!(limits.make_room("a", 101, 0).is_err());
        assert_eq!(limits.make_room("b", 100, 4), Ok(()));
        assert!(limits.make_room("b", 100, 5).unwrap_err().contains("800 bytes"));
        drop(first);
        assert!(again.is_only() && limits.make_room("b", 100, 5).is_err());
        drop(again);
        assert_eq!(limits.make_room("b", 100, 5), Ok(()));
        assert!(limits.reserve("c", "2", "other").is_ok());
    }
}
