//! What a mirror does, for those who look after it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::text::plain;

/// How the names of the tags begin in which `ndsharray-mirror` says what it does. They are neither offered nor taken.
pub const STATUS_TAG: &str = "ndsharray-mirror-";

/// What is offered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OfferedStatus {
    /// How many tags are offered.
    pub tags: usize,
    /// How many values were sent.
    pub values: u64,
    /// How many bytes of values were sent.
    pub bytes: u64,
    /// Those who take them, by host: whoever asked in the last seconds, 256 at most.
    pub receivers: Vec<Receiver>,
}

/// Whoever takes tags that are offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receiver {
    /// Its host, as it says itself.
    pub host: String,
    /// How many values were sent to it.
    pub values: u64,
    /// How many bytes they had.
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
    /// How long the last value was under way, in seconds: from when the source began to send it until all of it had arrived.
    pub latency: f64,
    /// What is wrong with it now, if something is.
    pub error: Option<String>,
}

/// Who asked for nothing for so long takes no tags any more.
const GONE: Duration = Duration::from_secs(10);
/// So many receivers are counted one by one.
const MOST_RECEIVERS: usize = 256;

/// Counts what is sent.
#[derive(Debug, Default)]
pub(crate) struct OfferStatus(Mutex<Sent>);

#[derive(Debug, Default)]
struct Sent {
    values: u64,
    nbytes: u64,
    /// By their names, which are others at each start.
    to: HashMap<String, (Receiver, Instant)>,
}

impl OfferStatus {
    /// An answer goes to a receiver.
    pub fn sent(&self, name: &str, host: &str, values: u64, nbytes: usize) {
        let mut sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sent.values += values;
        sent.nbytes += nbytes as u64;
        if !sent.to.contains_key(name) {
            if sent.to.len() >= MOST_RECEIVERS {
                sent.to.retain(|_, (_, last)| last.elapsed() < GONE);
            }
            if sent.to.len() >= MOST_RECEIVERS {
                return;
            }
        }
        let to = sent.to.entry(name.to_owned());
        let (receiver, last) = to.or_insert_with(|| (Receiver::default(), Instant::now()));
        if receiver.host.is_empty() {
            receiver.host = plain(host);
        }
        receiver.values += values;
        receiver.bytes += nbytes as u64;
        *last = Instant::now();
    }

    pub fn of(&self, tags: usize) -> OfferedStatus {
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = sent.to.values().filter(|(_, last)| last.elapsed() < GONE);
        let mut receivers: Vec<Receiver> = there.map(|(receiver, _)| receiver.clone()).collect();
        receivers.sort_by(|one, other| one.host.cmp(&other.host));
        OfferedStatus { tags, values: sent.values, bytes: sent.nbytes, receivers }
    }
}
