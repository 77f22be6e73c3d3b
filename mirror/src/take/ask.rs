//! Asking an offer something.

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

/// What an answer has beside its payload is never longer, in bytes.
const LONGEST_BESIDE: usize = 4 << 10;
/// So many questions to an offer are on their way at once: one that takes none must not use up the threads that ask others.
const AT_ONCE: usize = 4;

/// Asks one offer.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    session: Session,
    sending: Arc<Semaphore>,
    arrived: Arc<Arrived>,
}

/// How many bytes of answers wait to be looked at: of all offers, or of one.
#[derive(Debug)]
pub(super) struct Arrived {
    nbytes: AtomicUsize,
    most: usize,
    /// Of all, if this is of one.
    all: Option<Arc<Arrived>>,
}

/// An answer. Its bytes count until it is dropped.
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

    /// That of one offer, which may have half of all.
    fn one_of(all: Arc<Arrived>) -> Self {
        Arrived { nbytes: AtomicUsize::new(0), most: all.most / 2, all: Some(all) }
    }

    /// Counts more bytes. Returns whether they were not too many.
    fn add(&self, nbytes: usize) -> bool {
        // A figure: no order with anything else is needed.
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
    /// `None` if too much waits.
    fn of(sample: Sample, arrived: &Arc<Arrived>) -> Option<Self> {
        let nbytes = sample.payload().len() + sample.attachment().map_or(0, |attachment| attachment.len());
        let fits = arrived.add(nbytes);
        let reply = Reply { sample, nbytes, arrived: arrived.clone() };
        fits.then_some(reply)
    }

    /// What goes beside the payload; `None` if it is no such thing.
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
    /// `all`: what waits of all offers.
    pub fn new(session: Session, all: Arc<Arrived>) -> Self {
        let arrived = Arc::new(Arrived::one_of(all));
        Asker { session, sending: Arc::new(Semaphore::new(AT_ONCE)), arrived }
    }

    /// Asks, and waits for the answer; `None` if there is none in time, or if the offer has ended. Of several answers the first counts.
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
            // The answer goes the same way. With Block, Zenoh ends a connection that does not take a message in time, and if the other
            // host connects again at that moment, it takes the new connection for the old one and never sends anything there.
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
