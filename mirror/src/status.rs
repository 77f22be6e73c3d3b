//! What a mirror does, for those who look after it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OfferedStatus {
    /// How many tags are offered.
    pub tags: usize,
    /// How many values were sent.
    pub values: u64,
    /// How many bytes of values were sent.
    pub bytes: u64,
}

/// What is taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TakenStatus {
    /// The hosts from which tags can be taken, sorted.
    pub hosts: Vec<String>,
    /// The tags that are taken, sorted.
    pub tags: Vec<TakenTag>,
}

/// A tag that is taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TakenTag {
    /// Its name in this host's store.
    pub tag: String,
    /// The host that it comes from.
    pub host: String,
    /// How many values were written to the store.
    pub values: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many values were written at the source and not here: overtaken by newer ones or, with each value, missed.
    pub skipped: u64,
    /// Values per second, over the last seconds.
    pub rate: f64,
    /// How long the last value was under way, in seconds: from when the source took it up until it was in the store.
    pub latency: f64,
    /// What is wrong with it now, if something is.
    pub error: Option<String>,
}

/// Counts what is sent.
#[derive(Debug, Default)]
pub(crate) struct OfferStatus {
    values: AtomicU64,
    nbytes: AtomicU64,
}

impl OfferStatus {
    // Figures for people: no order with anything else is needed.
    pub fn sent(&self, values: u64, nbytes: usize) {
        self.values.fetch_add(values, Ordering::Relaxed);
        self.nbytes.fetch_add(nbytes as u64, Ordering::Relaxed);
    }

    pub fn of(&self, tags: usize) -> OfferedStatus {
        OfferedStatus {
            tags,
            values: self.values.load(Ordering::Relaxed),
            bytes: self.nbytes.load(Ordering::Relaxed),
        }
    }
}
