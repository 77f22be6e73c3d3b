//! Answering the questions of receivers: for the list of tags, for a value, and for the rest of an answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use zenoh::Wait;
use zenoh::bytes::Encoding;
use zenoh::query::Query;

use crate::offer::frames::Frames;
use crate::offer::held::Batch;
use crate::offer::holds::Holds;
use crate::offer::lanes::Lanes;
use crate::offer::list::{LOOK_EVERY, Listing};
use crate::offer::memory::Memory;
use crate::offer::parts;
use crate::status::{OfferStatus, OfferedStatus};
use crate::wire::key::{self, Asked};
use crate::wire::message::{Answer, AskRest, AskTags, AskValue};

/// A question is answered after so long, also if there is nothing to answer.
pub(crate) const HOLD: Duration = Duration::from_secs(2);
/// So many questions are open at once; more are not answered.
pub(super) const MOST_QUESTIONS: usize = 4096;
/// If fewer places than so many are left, no question waits for long.
const FEW: usize = MOST_QUESTIONS / 2;
/// So many questions wait for another list of tags; more are answered at once.
const MOST_WAITING: usize = 256;
/// So many lists are sent at once.
const LISTS_AT_ONCE: usize = 64;
/// A question is never longer.
const LONGEST_QUESTION: usize = 1024;
/// What answers all questions of an offer.
#[derive(Debug)]
pub(super) struct Answers {
    listing: Listing,
    holds: Holds,
    frames: Arc<Frames>,
    lanes: Lanes,
    /// For open questions.
    pub places: Arc<Semaphore>,
    /// For those of them that wait for another list.
    waiting: Semaphore,
    /// For lists that are sent.
    lists: Semaphore,
    status: OfferStatus,
}

/// A question that makes sense so far.
#[derive(Debug)]
pub(super) struct Question {
    query: Query,
    asked: Asked,
    payload: Vec<u8>,
    at: Instant,
    place: OwnedSemaphorePermit,
}

impl Question {
    pub fn of(offer: &str, mut query: Query, place: OwnedSemaphorePermit) -> Option<Self> {
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
    pub fn new(listing: Listing) -> Self {
        Answers {
            listing,
            // Two counts: answers with each value are kept for longer, and must not stop the latest ones.
            holds: Holds::new(Memory::default()),
            frames: Arc::new(Frames::new(Memory::default())),
            lanes: Lanes::new(),
            places: Arc::new(Semaphore::new(MOST_QUESTIONS)),
            waiting: Semaphore::new(MOST_WAITING),
            lists: Semaphore::new(LISTS_AT_ONCE),
            status: OfferStatus::default(),
        }
    }

    /// What is offered, and what was sent.
    pub fn status(&self) -> OfferedStatus {
        let tags = self.listing.tags().map(|tags| tags.tags.len());
        self.status.of(tags.unwrap_or_default())
    }

    pub async fn answer(self: Arc<Self>, question: Question) {
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

    /// Drops answers of which no more is asked for.
    pub fn expire_parts(&self) {
        self.holds.expire_parts();
    }

    /// Forgets what is not used any more.
    pub fn expire(&self) {
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
