//! Offering the tags of a store to other hosts.
//!
//! `answers` answers questions. For that, `list` finds the tags, `holds` and `held` know how far each receiver has come, `frames` makes
//! values ready to travel, `parts` sends long answers one part after the other, `memory` counts what all of them use, and `lanes` keeps a
//! receiver that takes nothing from holding up the others.

mod answers;
mod frames;
mod held;
mod holds;
mod lanes;
mod list;
mod memory;
mod parts;

use std::sync::Arc;
use std::time::Duration;

use ndsharray::Store;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use zenoh::liveliness::LivelinessToken;
use zenoh::query::Queryable;
use zenoh::{Session, Wait};

use crate::error::{Error, Result};
pub(crate) use crate::offer::answers::HOLD;
use crate::offer::answers::{Answers, MOST_QUESTIONS, Question};
use crate::offer::list::Listing;
use crate::patterns::Patterns;
use crate::runtime;
use crate::status::OfferedStatus;
use crate::wire::key;

/// What is not used any more is forgotten so often.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);
/// Answers of which no more is asked for, so often.
const EXPIRE_PARTS_EVERY: Duration = Duration::from_secs(1);

/// Which tags of a store are offered, and as whose. [`start`](Offer::start) offers them.
///
/// Nothing is written to the store, which may be mounted read-only. Tags that were taken from another host are not offered.
#[derive(Clone, Debug)]
pub struct Offer {
    store: Store,
    patterns: Vec<String>,
    host: String,
}

impl Offer {
    /// Offers no tag of this store yet, as the name of this host.
    pub fn new(store: Store) -> Self {
        Offer { store, patterns: Vec::new(), host: runtime::host() }
    }

    /// Offers the tags that fit this pattern too, those that come later included.
    #[must_use]
    pub fn tags(mut self, pattern: &str) -> Self {
        self.patterns.push(pattern.to_owned());
        self
    }

    /// Sets the name of the host that the tags' sources have where they are taken. Default: that of the operating system.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        name.clone_into(&mut self.host);
        self
    }

    /// Offers the tags until what this returns is dropped.
    ///
    /// # Errors
    /// [`Error::Pattern`], [`Error::Host`], [`Error::Zenoh`] and [`Error::Io`].
    pub fn start(self, session: &Session) -> Result<Offering> {
        if let Some(reason) = key::broken_host(&self.host) {
            return Err(Error::Host { host: self.host, reason });
        }
        let listing = Listing::new(self.store, Patterns::new(&self.patterns)?);
        let runtime = runtime::start("ndsharray-offer")?;
        let offer = runtime::offer_id(session);
        // Each question has a permit, and so there is room for it.
        let (sender, mut questions) = mpsc::channel(MOST_QUESTIONS);
        let answers = Arc::new(Answers::new(listing));
        let (serving, places) = (answers.clone(), answers.places.clone());
        runtime.spawn(async move {
            let mut expire = tokio::time::interval(EXPIRE_EVERY);
            let mut expire_parts = tokio::time::interval(EXPIRE_PARTS_EVERY);
            loop {
                tokio::select! {
                    question = questions.recv() => {
                        let Some(question) = question else { break };
                        tokio::spawn(serving.clone().answer(question));
                    }
                    _ = expire.tick() => {
                        let serving = serving.clone();
                        tokio::task::spawn_blocking(move || serving.expire());
                    }
                    _ = expire_parts.tick() => serving.expire_parts(),
                }
            }
        });
        let id = offer.clone();
        let failed = |error: zenoh::Error| Error::zenoh("offer tags", &error);
        let queryable = session
            .declare_queryable(key::all_asked(&offer))
            .complete(true)
            .callback(move |query| {
                // One that is none, or finds no place, is dropped, which ends it.
                let Ok(place) = places.clone().try_acquire_owned() else { return };
                if let Some(question) = Question::of(&id, query, place) {
                    let _ = sender.try_send(question);
                }
            })
            .wait()
            .map_err(failed)?;
        let token = session.liveliness().declare_token(key::alive(&offer, &self.host));
        let token = token.wait().map_err(failed)?;
        Ok(Offering { answers, _token: token, _queryable: queryable, runtime: Some(runtime) })
    }
}

/// Tags that are offered, until it is dropped.
#[derive(Debug)]
pub struct Offering {
    answers: Arc<Answers>,
    _token: LivelinessToken,
    _queryable: Queryable<()>,
    runtime: Option<Runtime>,
}

impl Offering {
    /// What is offered, and what was sent.
    pub fn status(&self) -> OfferedStatus {
        self.answers.status()
    }
}

impl Drop for Offering {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // What is still being sent is not waited for.
            runtime.shutdown_background();
        }
    }
}
