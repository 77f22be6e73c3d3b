//! Taking tags from other hosts into a store.
//!
//! `peers` knows the offers, `peer` follows one, `tag` takes one tag of it, `copy` is that tag in this store. `ask` asks, `answer` puts together
//! what arrives in parts, `pace` knows how fast a connection is, `limits` what all tags may use together, `written` how far each came, and
//! `meter` counts.

mod answer;
mod ask;
mod copy;
mod limits;
mod meter;
mod pace;
mod peer;
mod peers;
mod tag;
mod written;

use std::sync::{Arc, Mutex, PoisonError};

use ndsharray::Store;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use zenoh::pubsub::Subscriber;
use zenoh::{Session, Wait};

use crate::error::{Error, Result};
use crate::patterns::Patterns;
use crate::runtime;
use crate::status::TakenStatus;
use crate::take::ask::Arrived;
use crate::take::limits::Limits;
use crate::take::peer::Shared;
use crate::take::peers::{Events, Peers};
use crate::wire::key;

/// So many offers may come and go before that is looked at.
const MOST_EVENTS: usize = 4096;
/// Answers of so many of the largest values may wait to be written.
const MOST_WAITING: usize = 4;
/// Or of so many bytes, if the largest value is small.
const SMALL: usize = 64 << 20;

/// Which tags of other hosts are taken into a store, and how. [`start`](Take::start) takes them.
#[derive(Clone, Debug)]
pub struct Take {
    store: Store,
    patterns: Vec<String>,
    every: Vec<String>,
    rates: Vec<(String, f64)>,
    prefix: String,
    keeps: bool,
    most_bytes: usize,
    most_tags: usize,
    most_total: u64,
}

impl Take {
    /// Takes no tag into this store yet; of each the latest value, for as long as its writer lives; values of 256 MiB, 1000 tags and
    /// 8 GiB in all at most.
    pub fn new(store: Store) -> Self {
        Take {
            store,
            patterns: Vec::new(),
            every: Vec::new(),
            rates: Vec::new(),
            prefix: String::new(),
            keeps: false,
            most_bytes: 256 << 20,
            most_tags: 1000,
            most_total: 8 << 30,
        }
    }

    /// Takes the tags that fit this pattern too, those that come later included. The pattern is of names at their source.
    #[must_use]
    pub fn tags(mut self, pattern: &str) -> Self {
        self.patterns.push(pattern.to_owned());
        self
    }

    /// Takes each value of the tags that fit this pattern, in order, as far as the source's history holds them; of others the latest one.
    /// Their writers here keep the same history.
    #[must_use]
    pub fn every(mut self, pattern: &str) -> Self {
        self.every.push(pattern.to_owned());
        self
    }

    /// Takes at most so many values per second of each tag that fits this pattern. The first pattern that fits counts.
    #[must_use]
    pub fn max_rate(mut self, pattern: &str, values_per_second: f64) -> Self {
        self.rates.push((pattern.to_owned(), values_per_second));
        self
    }

    /// Sets what stands before the names of tags in this store. Default: nothing.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Keeps tags when their writers go, with their last values, and takes those whose writers have gone. By default they are ephemeral: they
    /// go with the source's writer, or when the connection is lost.
    #[must_use]
    pub fn keep(mut self, keeps: bool) -> Self {
        self.keeps = keeps;
        self
    }

    /// Sets the largest value that is taken, in bytes. Default: 256 MiB.
    #[must_use]
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Sets how many tags are taken at most. Default: 1000.
    #[must_use]
    pub fn max_tags(mut self, tags: usize) -> Self {
        self.most_tags = tags;
        self
    }

    /// Sets how many bytes the values of all tags may take in this store, estimated from their largest values. Default: 8 GiB.
    #[must_use]
    pub fn max_total(mut self, bytes: u64) -> Self {
        self.most_total = bytes;
        self
    }

    /// Takes the tags until what this returns is dropped. What goes wrong with a tag stands in its status, and is tried again.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Prefix`], [`Error::Zenoh`] and [`Error::Io`].
    pub fn start(self, session: &Session) -> Result<Taking> {
        if let Err(error) = ndsharray::check_tag(&format!("{}x", self.prefix)) {
            return Err(Error::Prefix { prefix: self.prefix, reason: error.to_string() });
        }
        let rates = self.rates.iter().map(|(pattern, most)| {
            if most.is_finite() && *most > 0.0 {
                return Ok((Patterns::new([pattern])?, *most));
            }
            let reason = format!("{most} values per second: expected more than 0");
            Err(Error::Pattern { pattern: pattern.clone(), reason })
        });
        let runtime = runtime::start("ndsharray-take")?;
        let shared = Arc::new(Shared {
            session: session.clone(),
            store: self.store,
            wanted: Patterns::new(&self.patterns)?,
            every: Patterns::new(&self.every)?,
            rates: rates.collect::<Result<_>>()?,
            prefix: self.prefix,
            keeps: self.keeps,
            receiver: runtime::offer_id(session),
            host: runtime::host(),
            limits: Arc::new(Limits::new(self.most_bytes, self.most_tags, self.most_total)),
            written: Arc::default(),
            arrived: Arc::new(Arrived::new(self.most_bytes.max(SMALL).saturating_mul(MOST_WAITING))),
            status: Mutex::default(),
        });
        let (sender, receiver) = mpsc::channel(MOST_EVENTS);
        let hosts = Arc::new(Mutex::new(Vec::new()));
        let events = Events::new(sender);
        runtime.spawn(Peers::new(shared.clone(), events.clone()).follow(receiver, hosts.clone()));
        let subscriber = session.liveliness().declare_subscriber(key::all_alive()).history(true);
        let subscriber =
            subscriber.callback(move |sample| events.tell(sample.key_expr().as_str(), sample.kind()));
        let subscriber = subscriber.wait().map_err(|error| Error::zenoh("look for offers", &error))?;
        Ok(Taking { shared, hosts, _subscriber: subscriber, runtime: Some(runtime) })
    }
}

/// Tags that are taken, until it is dropped.
#[derive(Debug)]
pub struct Taking {
    shared: Arc<Shared>,
    hosts: Arc<Mutex<Vec<String>>>,
    _subscriber: Subscriber<()>,
    runtime: Option<Runtime>,
}

impl Taking {
    /// What is taken, and what is wrong.
    pub fn status(&self) -> TakenStatus {
        let tags = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        let tags = tags.values().map(|tag| tag.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        TakenStatus { hosts, tags: tags.collect() }
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The tags go with the tasks that have them. What waits for a connection is not waited for.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        }
    }
}
