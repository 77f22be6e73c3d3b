//! Offering the tags of a store to other hosts.
//!
//! `list` finds the tags, `holds` and `held` know how far each receiver has come, `frames` makes values ready to travel, `parts` sends long
//! answers one part after the other, `memory` counts what all of them use, and `lanes` keeps a receiver that takes nothing from holding up
//! the others.

mod frames;
mod held;
mod holds;
mod lanes;
mod list;
mod memory;
mod parts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ndsharray::Store;
use prost::Message;
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use zenoh::bytes::Encoding;
use zenoh::liveliness::LivelinessToken;
use zenoh::query::{Query, Queryable};
use zenoh::{Session, Wait};

use crate::error::{Error, Result};
use crate::offer::frames::Frames;
use crate::offer::held::Batch;
use crate::offer::holds::Holds;
use crate::offer::lanes::Lanes;
use crate::offer::list::{LOOK_EVERY, Listing};
use crate::offer::memory::Memory;
use crate::patterns::Patterns;
use crate::runtime;
use crate::status::{OfferStatus, OfferedStatus};
use crate::wire::key::{self, Asked};
use crate::wire::message::{Answer, AskRest, AskTags, AskValue};

/// A question is answered after so long, also if there is nothing to answer.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
/// So many questions are open at once; more are not answered.
const MOST_QUESTIONS: usize = 4096;
/// If fewer places than so many are left, no question waits for long.
const FEW: usize = MOST_QUESTIONS / 2;
/// So many questions wait for another list of tags; more are answered at once.
const MOST_WAITING: usize = 256;
/// So many lists are sent at once.
const LISTS_AT_ONCE: usize = 64;
/// A question is never longer.
const LONGEST_QUESTION: usize = 1024;
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
        let answers = Arc::new(Answers {
            listing,
            // Two counts: answers with each value are kept for longer, and must not stop the latest ones.
            holds: Holds::new(Memory::default()),
            frames: Arc::new(Frames::new(Memory::default())),
            lanes: Lanes::new(),
            places: Arc::new(Semaphore::new(MOST_QUESTIONS)),
            waiting: Semaphore::new(MOST_WAITING),
            lists: Semaphore::new(LISTS_AT_ONCE),
            status: OfferStatus::default(),
        });
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
                    _ = expire_parts.tick() => serving.holds.expire_parts(),
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
    /// For open questions.
    places: Arc<Semaphore>,
    /// For those of them that wait for another list.
    waiting: Semaphore,
    /// For lists that are sent.
    lists: Semaphore,
    status: OfferStatus,
}

/// A question that makes sense so far.
#[derive(Debug)]
struct Question {
    query: Query,
    asked: Asked,
    payload: Vec<u8>,
    at: Instant,
    place: OwnedSemaphorePermit,
}

impl Question {
    fn of(offer: &str, mut query: Query, place: OwnedSemaphorePermit) -> Option<Self> {
        let asked = key::asked(offer, query.key_expr().as_str())?;
        // What else came with it would stay in memory for as long as it is open.
        let is_bare = query.attachment().is_none()
            && query.parameters().as_str().is_empty()
            && query.encoding().is_none_or(|encoding| *encoding == Encoding::default());
        let payload = std::mem::take(query.payload_mut()?);
        // A copy: what arrived is a part of a larger buffer.
        let payload =
            (is_bare && payload.len() <= LONGEST_QUESTION).then(|| payload.to_bytes().into_owned())?;
        Some(Question { query, asked, payload, at: Instant::now(), place })
    }
}

impl Answers {
    async fn answer(self: Arc<Self>, question: Question) {
        let Question { query, asked, payload, at, place } = question;
        match asked {
            Asked::Tags => match AskTags::decode(&payload[..]) {
                Ok(ask) => self.tags(query, at, ask).await,
                Err(_) => end(query).await,
            },
            Asked::Value(tag) => match AskValue::decode(&payload[..]) {
                Ok(ask) if self.listing.has(&tag) => self.value(query, at, tag, ask).await,
                _ => end(query).await,
            },
            Asked::Rest(tag) => match AskRest::decode(&payload[..]) {
                Ok(ask) if self.listing.has(&tag) => self.rest(query, &tag, ask).await,
                _ => end(query).await,
            },
        }
        drop(place);
    }

    /// How long a question may wait.
    fn hold(&self) -> Duration {
        if self.places.available_permits() < FEW { LOOK_EVERY } else { HOLD }
    }

    /// Which tags there are, once the receiver does not know them.
    async fn tags(self: Arc<Self>, query: Query, at: Instant, ask: AskTags) {
        let waiting = self.waiting.try_acquire();
        let until = Instant::now() + if waiting.is_ok() { self.hold() } else { LOOK_EVERY };
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
        drop(waiting);
        let Ok(_place) = self.lists.acquire().await else { return };
        let tags = found.map_or_else(Vec::new, |tags| tags.encode_to_vec());
        let answer = Answer { waited: at.elapsed().as_micros() as u64, ..Answer::default() };
        send(query, Some(answer.encode_to_vec()), tags.into()).await;
    }

    /// A value that the receiver does not have.
    async fn value(self: Arc<Self>, query: Query, at: Instant, tag: String, ask: AskValue) {
        let hold = match self.holds.get(self.listing.store(), &ask.receiver, &tag) {
            Ok(Some(hold)) => hold,
            // It was removed, or there are too many receivers.
            Ok(None) | Err(_) => {
                tokio::time::sleep(LOOK_EVERY).await;
                return end(query).await;
            }
        };
        let mut held = hold.held.lock().await;
        if !ask.follows {
            hold.parts.clear(ask.number);
        }
        let found = timeout(self.hold(), held.next(&ask, self.listing.store())).await;
        // If nothing came, the answer says so.
        let mut found = found.unwrap_or_else(|_| Ok(Batch::default()));
        let nbytes = found.as_ref().map_or(0, |batch| batch.wants.unwrap_or(batch.frames.len()));
        let place = timeout(HOLD, self.lanes.place(&ask.receiver, nbytes)).await.ok().flatten();
        if place.is_none() {
            // Others are on their way to this receiver. It asks again, and has not had what was found.
            let answer = Answer { waited: at.elapsed().as_micros() as u64, ..Answer::default() };
            return send(query, Some(answer.encode_to_vec()), Bytes::new()).await;
        }
        let Some(_turn) = self.lanes.turn().await else { return };
        if let Ok(mut batch) = found {
            found = held.fill(&mut batch, &ask, &self.frames).await.map(|()| batch);
        }
        let batch = match found {
            // It may have been replaced by one that was taken from another host.
            _ if !self.listing.has(&tag) => return end(query).await,
            Ok(batch) => batch,
            Err(error) => {
                tokio::time::sleep(LOOK_EVERY).await;
                Batch { error: Some(error.to_string()), ..Batch::default() }
            }
        };
        let nbytes = batch.frames.len();
        held.answered(ask.number, &batch);
        let most = parts::length(ask.most_at_once);
        let (mut id, mut part, mut values) = (0, batch.frames, batch.values);
        let _place = if nbytes > most {
            (id, part) = hold.parts.keep(ask.number, part, values, most, place);
            values = 0;
            None
        } else {
            place
        };
        let answer = Answer {
            waited: at.elapsed().as_micros() as u64,
            cursor: batch.cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
            error: batch.error.unwrap_or_default(),
            missed: batch.missed,
            nbytes: nbytes as u64,
            id,
        };
        self.status.sent(&ask.receiver, &ask.host, values, part.len());
        // The next question of this receiver has its turn when this is on its way: so it gets what is the latest then.
        send(query, Some(answer.encode_to_vec()), part).await;
    }

    /// More of an answer.
    async fn rest(&self, query: Query, tag: &str, ask: AskRest) {
        let long = self.holds.find(&ask.receiver, tag).and_then(|hold| hold.parts.get(ask.answer));
        let part = long.as_ref().and_then(|long| long.part(ask.from, ask.most_at_once));
        let (Some(long), Some(part)) = (long, part) else { return end(query).await };
        let (until, nbytes) = (ask.from as usize + part.len(), part.len());
        let _sending = long.sending.lock().await;
        let Some(_turn) = self.lanes.turn().await else { return };
        send(query, None, part).await;
        let values = if long.sent(until) { long.values } else { 0 };
        self.status.sent(&ask.receiver, "", values, nbytes);
    }

    fn expire(&self) {
        // So that it is known what is offered, also if nobody asks for the list.
        let _ = self.listing.tags();
        self.holds.expire();
        self.frames.expire();
        self.lanes.expire();
    }
}

/// Sends an answer. That takes as long as the connection does.
async fn send(query: Query, attachment: Option<Vec<u8>>, payload: Bytes) {
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
