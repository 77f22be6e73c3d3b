//! Asks an offer a question, and waits for the answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prost::Message;
use tokio::sync::{Semaphore, oneshot};
use zenoh::qos::{CongestionControl, Priority};
use zenoh::query::ConsolidationMode;
use zenoh::sample::Sample;
use zenoh::{Session, Wait};

use crate::wire::message::Answer;

/// The longest attachment of an answer, in bytes. It goes beside the payload.
const LONGEST_BESIDE: usize = 4 << 10;
/// The most questions that are being sent to one offer at once. An offer that takes none must not use up the threads that ask others.
const AT_ONCE: usize = 4;

/// Asks one offer.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    session: Session,
    sending: Arc<Semaphore>,
    arrived: Arc<Arrived>,
}

/// Counts the bytes of answers that arrived and are not dropped yet: those of all offers, or those of one.
#[derive(Debug)]
pub(super) struct Arrived {
    nbytes: AtomicUsize,
    most: usize,
    /// If this is the count of one offer: the count of all.
    all: Option<Arc<Arrived>>,
}

/// A reply to a question. Its bytes count until it is dropped.
#[derive(Debug)]
pub(super) struct Reply {
    pub sample: Sample,
    nbytes: usize,
    arrived: Arc<Arrived>,
}

impl Arrived {
    pub fn new(most: usize) -> Self {
        Arrived { nbytes: AtomicUsize::new(0), most, all: None }
    }

    /// The count of one offer. It may have half of what all may have.
    fn one_of(all: Arc<Arrived>) -> Self {
        Arrived { nbytes: AtomicUsize::new(0), most: all.most / 2, all: Some(all) }
    }

    /// Counts more bytes. Returns whether they fit.
    fn add(&self, nbytes: usize) -> bool {
        // It is only a count: no order with other memory is needed.
        let before = self.nbytes.fetch_add(nbytes, Ordering::Relaxed);
        let fits = self.all.as_ref().is_none_or(|all| all.add(nbytes));
        fits && before.saturating_add(nbytes) <= self.most
    }

    fn subtract(&self, nbytes: usize) {
        self.nbytes.fetch_sub(nbytes, Ordering::Relaxed);
        if let Some(all) = &self.all {
            all.subtract(nbytes);
        }
    }
}

impl Reply {
    /// Counts a reply; `None` if there is no room for it.
    fn of(sample: Sample, arrived: &Arc<Arrived>) -> Option<Self> {
        let nbytes = sample.payload().len() + sample.attachment().map_or(0, |attachment| attachment.len());
        let fits = arrived.add(nbytes);
        let reply = Reply { sample, nbytes, arrived: arrived.clone() };
        fits.then_some(reply)
    }

    /// The message in the attachment; `None` if there is none, or if it is too long or not valid.
    pub fn answer(&self) -> Option<Answer> {
        let attachment = self.sample.attachment().filter(|attachment| attachment.len() <= LONGEST_BESIDE)?;
        Answer::decode(&attachment.to_bytes()[..]).ok()
    }

    pub fn nbytes(&self) -> usize {
        self.sample.payload().len()
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.arrived.subtract(self.nbytes);
    }
}

impl Asker {
    /// `all`: the count of all offers.
    pub fn new(session: Session, all: Arc<Arrived>) -> Self {
        let arrived = Arc::new(Arrived::one_of(all));
        Asker { session, sending: Arc::new(Semaphore::new(AT_ONCE)), arrived }
    }

    /// Asks, and waits for the reply; `None` if none came in time, if the question ended without one, or if there is no room for it.
    /// If there are several replies, only the first counts.
    pub async fn ask(
        &self,
        key: &str,
        question: Vec<u8>,
        priority: Priority,
        patience: Duration,
    ) -> Option<Reply> {
        let place = self.sending.clone().acquire_owned().await.ok()?;
        let (session, key, arrived) = (self.session.clone(), key.to_owned(), self.arrived.clone());
        let (sender, receiver) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        // Sending may wait for the connection.
        let send = move || {
            let get = session.get(key).payload(question).priority(priority).timeout(patience);
            // Drop is for the question and its answer. With Block, Zenoh ends a connection that does not take a message in time. If the other
            // host connects again at that moment, Zenoh takes the new connection for the old one, and never sends anything on it.
            let get = get.congestion_control(CongestionControl::Drop).consolidation(ConsolidationMode::None);
            let get = get.callback(move |reply| {
                if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    let reply = reply.into_result().ok();
                    let _ = sender.send(reply.and_then(|sample| Reply::of(sample, &arrived)));
                }
            });
            let sent = get.wait().ok();
            drop(place);
            sent
        };
        tokio::task::spawn_blocking(send).await.ok()??;
        receiver.await.ok()?
    }
}
