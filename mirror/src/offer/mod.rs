//! Offering the tags of a store to other hosts.
//!
//! `list` finds the tags, `held` knows how far each receiver has come, `frames` makes values ready to travel, and `lanes` keeps a receiver
//! that takes nothing from holding up the others.

mod frames;
mod held;
mod lanes;
mod list;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndsharray::Store;
use prost::Message;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;
use zenoh::liveliness::LivelinessToken;
use zenoh::query::{Query, Queryable};
use zenoh::{Session, Wait};

use crate::error::{Error, Result};
use crate::offer::frames::Frames;
use crate::offer::held::{Batch, Holds};
use crate::offer::lanes::Lanes;
use crate::offer::list::{LOOK_EVERY, Listing};
use crate::patterns::Patterns;
use crate::runtime;
use crate::status::{OfferStatus, OfferedStatus};
use crate::wire::key::{self, Asked};
use crate::wire::message::{Answer, AskTags, AskValue};

/// A question is answered after so long, also if there is nothing to answer.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
/// So many questions wait to be looked at; more are not answered.
const MOST_QUESTIONS: usize = 4096;
/// A question is never longer.
const LONGEST_QUESTION: usize = 1024;
/// What is not used any more is forgotten so often.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);

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
    /// [`Error::Pattern`], [`Error::Zenoh`] and [`Error::Io`].
    pub fn start(self, session: &Session) -> Result<Offering> {
        let listing = Listing::new(self.store, Patterns::new(&self.patterns)?);
        let runtime = runtime::start("ndsharray-offer")?;
        let offer = runtime::offer_id(session);
        let (sender, mut questions) = mpsc::channel(MOST_QUESTIONS);
        let answers = Arc::new(Answers {
            listing,
            holds: Holds::default(),
            frames: Arc::default(),
            lanes: Lanes::new(),
            status: OfferStatus::default(),
        });
        let serving = answers.clone();
        runtime.spawn(async move {
            let mut expire = tokio::time::interval(EXPIRE_EVERY);
            loop {
                tokio::select! {
                    question = questions.recv() => {
                        let Some((query, at)) = question else { break };
                        tokio::spawn(serving.clone().answer(query, at));
                    }
                    _ = expire.tick() => serving.expire(),
                }
            }
        });
        let failed = |error: zenoh::Error| Error::zenoh("offer tags", &error);
        let queryable = session
            .declare_queryable(key::all_asked(&offer))
            .complete(true)
            .callback(move |query| {
                // One that finds no room is dropped, which ends it.
                let _ = sender.try_send((query, Instant::now()));
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
        let tags = self.answers.listing.tags().map(|tags| tags.tags.len());
        self.answers.status.of(tags.unwrap_or_default())
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

#[derive(Debug)]
struct Answers {
    listing: Listing,
    holds: Holds,
    frames: Arc<Frames>,
    lanes: Lanes,
    status: OfferStatus,
}

impl Answers {
    async fn answer(self: Arc<Self>, query: Query, at: Instant) {
        let Some(asked) = key::asked(query.key_expr().as_str()) else { return end(query).await };
        let payload = query.payload().filter(|payload| payload.len() <= LONGEST_QUESTION);
        let Some(payload) = payload.map(|payload| payload.to_bytes().into_owned()) else {
            return end(query).await;
        };
        match asked {
            Asked::Tags => match AskTags::decode(&payload[..]) {
                Ok(ask) => self.tags(query, ask).await,
                Err(_) => end(query).await,
            },
            Asked::Value(tag) => match AskValue::decode(&payload[..]) {
                Ok(ask) if self.listing.is_named(&tag) => self.value(query, at, tag, ask).await,
                _ => end(query).await,
            },
        }
    }

    /// Which tags there are, once the receiver does not know them.
    async fn tags(self: Arc<Self>, query: Query, ask: AskTags) {
        let until = Instant::now() + HOLD;
        let mut found = None;
        while Instant::now() < until {
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.listing.tags()).await {
                Ok(Ok(tags)) if tags.revision != ask.known => {
                    found = Some(tags);
                    break;
                }
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
        let tags = found.as_deref().cloned().unwrap_or_default();
        send(query, None, tags.encode_to_vec().into()).await;
    }

    /// A value that the receiver does not have.
    async fn value(self: Arc<Self>, query: Query, at: Instant, tag: String, ask: AskValue) {
        let held = match self.holds.get(self.listing.store(), &ask.receiver, &tag) {
            Ok(Some(held)) => held,
            // It was removed, or there are too many receivers.
            Ok(None) | Err(_) => {
                tokio::time::sleep(LOOK_EVERY).await;
                return end(query).await;
            }
        };
        let mut held = held.lock().await;
        let batch = match timeout(HOLD, held.next(&ask, self.listing.store(), &self.frames)).await {
            Ok(Ok(batch)) => batch,
            Ok(Err(error)) => {
                tokio::time::sleep(LOOK_EVERY).await;
                Batch { error: Some(error.to_string()), ..Batch::default() }
            }
            // Nothing came.
            Err(_) => Batch::default(),
        };
        let nbytes = batch.frames.len();
        let Some(_place) = self.lanes.place(&ask.receiver, nbytes).await else { return };
        held.answered(ask.number, &batch);
        let answer = Answer {
            waited: at.elapsed().as_micros() as u64,
            cursor: batch.cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
            error: batch.error.unwrap_or_default(),
            missed: batch.missed,
        };
        self.status.sent(batch.values, nbytes);
        // The next question of this receiver has its turn when this is on its way: so it gets what is the latest then.
        send(query, Some(answer.encode_to_vec()), batch.frames).await;
    }

    fn expire(&self) {
        self.holds.expire();
        self.frames.expire();
        self.lanes.expire();
    }
}

/// Sends an answer. That takes as long as the connection does.
async fn send(query: Query, attachment: Option<Vec<u8>>, payload: bytes::Bytes) {
    let sending = move || {
        let key = query.key_expr().clone();
        // It fails if the receiver has gone. Then it asks again, or not.
        let _ = query.reply(key, payload).attachment(attachment).wait();
    };
    let _ = tokio::task::spawn_blocking(sending).await;
}

/// Ends a question without an answer.
async fn end(query: Query) {
    let _ = tokio::task::spawn_blocking(move || drop(query)).await;
}
