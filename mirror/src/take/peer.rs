//! Taking from one offer: its tags come and go, and each that is wanted is taken by a task of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndsharray::Store;
use prost::Message;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zenoh::Session;
use zenoh::qos::Priority;

use crate::patterns::Patterns;
use crate::source;
use crate::status::{STATUS_TAG, TakenTag};
use crate::take::answer::Questions;
use crate::take::ask::{Arrived, Asker, Reply};
use crate::take::copy::Copy;
use crate::take::limits::Limits;
use crate::take::pace::{Pace, RoundTrip};
use crate::take::tag::{Wish, take};
use crate::take::written::Written;
use crate::text::plain;
use crate::wire::key::{self, Asked};
use crate::wire::message::{AskTags, LONGEST_TAGS, OfferedTag, Tags};

/// An offer that always has another list is asked no more often.
const LEAST: Duration = Duration::from_millis(100);
/// So many tags that are not taken are told of each offer.
const MOST_REFUSED: usize = 16;
/// An offer that does not say its tags is asked again after so long,
const REST: Duration = Duration::from_secs(1);
/// and counts as gone after so long.
const GONE: Duration = Duration::from_secs(30);

/// What all offers have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub session: Session,
    pub store: Store,
    pub wanted: Patterns,
    pub every: Patterns,
    /// Values per second at most.
    pub rates: Vec<(Patterns, f64)>,
    pub prefix: String,
    pub keeps: bool,
    pub receiver: String,
    /// The name of this host.
    pub host: String,
    pub limits: Arc<Limits>,
    pub written: Arc<Written>,
    pub arrived: Arc<Arrived>,
    /// By the names of tags and offers.
    pub status: Mutex<BTreeMap<(String, String), SharedStatus>>,
}

/// The status of a tag, which its task writes.
type SharedStatus = Arc<Mutex<TakenTag>>;

/// One offer.
#[derive(Debug)]
pub(super) struct Peer {
    shared: Arc<Shared>,
    offer: String,
    host: String,
    asker: Asker,
    round_trip: RoundTrip,
    use_of: Arc<UseOf>,
    tags: HashMap<String, Taken>,
    /// What stands in the way of tags that are not taken.
    refused: Vec<Told>,
}

/// A tag that is taken. Dropping it ends that.
#[derive(Debug)]
struct Taken {
    offered: watch::Sender<OfferedTag>,
    task: JoinHandle<()>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An entry in the status, until it is dropped.
#[derive(Debug)]
struct Told {
    shared: Arc<Shared>,
    key: (String, String),
    status: SharedStatus,
}

impl Told {
    fn new(shared: &Arc<Shared>, tag: &str, offer: &str, status: TakenTag) -> (Self, SharedStatus) {
        let key = (tag.to_owned(), offer.to_owned());
        let status = Arc::new(Mutex::new(status));
        let mut all = shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(key.clone(), status.clone());
        (Told { shared: shared.clone(), key, status: status.clone() }, status)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut all = self.shared.status.lock().unwrap_or_else(PoisonError::into_inner);
        // A task that ends may be late: the next one's entry stays.
        if all.get(&self.key).is_some_and(|status| Arc::ptr_eq(status, &self.status)) {
            all.remove(&self.key);
        }
    }
}

/// What an offer is good for, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct UseOf(AtomicU8);

impl UseOf {
    const NONE: u8 = 1;
    const TAKEN: u8 = 2;

    // It stands alone: no order with anything else is needed.
    fn set(&self, to: u8) {
        self.0.store(to, Ordering::Relaxed);
    }

    /// It does not answer, or has nothing that is wanted.
    pub fn is_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::NONE
    }

    /// Something is taken from it.
    pub fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) == Self::TAKEN
    }
}

impl Peer {
    pub fn new(shared: Arc<Shared>, offer: String, host: String, use_of: Arc<UseOf>) -> Self {
        let asker = Asker::new(shared.session.clone(), shared.arrived.clone());
        let round_trip = RoundTrip::default();
        Peer { shared, offer, host, asker, round_trip, use_of, tags: HashMap::new(), refused: Vec::new() }
    }

    /// Takes what the offer has and what is wanted, until the future is dropped.
    pub async fn run(mut self) {
        let key = key::ask(&self.offer, &Asked::Tags);
        let (mut list, mut heard, mut pace) =
            (Tags::default(), Instant::now(), Pace::new(self.round_trip.clone()));
        loop {
            let question = AskTags { known: list.revision }.encode_to_vec();
            let asked_at = Instant::now();
            let answer = self.asker.ask(&key, question, Priority::InteractiveHigh, pace.patience(0)).await;
            if let Some(reply) = &answer {
                let waited = Duration::from_micros(reply.answer().map_or(0, |answer| answer.waited));
                pace.arrived(reply.nbytes(), asked_at.elapsed().saturating_sub(waited));
            }
            match answer.map(|reply| self.list(&reply)) {
                Some(Ok(tags)) => {
                    heard = Instant::now();
                    if tags.revision != 0 {
                        list = tags;
                    }
                    // Also if it is the same: what stood in the way may be gone.
                    self.update(&list.tags);
                    tokio::time::sleep(LEAST.saturating_sub(asked_at.elapsed())).await;
                }
                Some(Err(error)) => {
                    list = Tags::default();
                    self.update(&[]);
                    self.refuse("", error);
                    tokio::time::sleep(REST).await;
                }
                None => {
                    if heard.elapsed() > GONE {
                        list = Tags::default();
                        self.update(&[]);
                    }
                    if self.tags.is_empty() {
                        self.use_of.set(UseOf::NONE);
                    }
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// The list of an answer, without what nobody wants.
    fn list(&self, reply: &Reply) -> Result<Tags, String> {
        let payload = reply.sample.payload();
        if payload.len() > LONGEST_TAGS {
            let nbytes = payload.len();
            return Err(format!("a list of tags of {nbytes} bytes, expected at most {LONGEST_TAGS}"));
        }
        let list = Tags::decode(&payload.to_bytes()[..]);
        let mut list = list.map_err(|error| format!("what is no list of tags: {error}"))?;
        list.tags.retain(|offered| self.shared.wanted.fits(&offered.name));
        list.tags.truncate(self.shared.limits.most_tags.saturating_add(MOST_REFUSED));
        list.tags.shrink_to_fit();
        Ok(list)
    }

    /// Tells of a tag that is not taken.
    fn refuse(&mut self, tag: &str, error: String) {
        if self.refused.len() >= MOST_REFUSED {
            return;
        }
        let (tag, host, error) = (plain(tag), self.host.clone(), Some(plain(&error)));
        let status = TakenTag { tag: tag.clone(), host, error, ..TakenTag::default() };
        self.refused.push(Told::new(&self.shared, &tag, &self.offer, status).0);
    }

    fn update(&mut self, list: &[OfferedTag]) {
        let shared = self.shared.clone();
        let is_wanted = |offered: &&OfferedTag| {
            shared.wanted.fits(&offered.name) && (shared.keeps || offered.writer_alive)
        };
        let wanted: HashMap<&str, &OfferedTag> =
            list.iter().filter(is_wanted).map(|offered| (offered.name.as_str(), offered)).collect();
        self.tags.retain(|tag, _| wanted.contains_key(tag.as_str()));
        self.refused.clear();
        for (tag, offered) in wanted {
            match self.tags.get(tag).filter(|taken| !taken.task.is_finished()) {
                Some(taken) => {
                    taken.offered.send_if_modified(|known| {
                        let is_new = known != offered;
                        known.clone_from(offered);
                        is_new
                    });
                }
                None => self.start(offered),
            }
        }
        self.use_of.set(if self.tags.is_empty() { UseOf::NONE } else { UseOf::TAKEN });
    }

    fn start(&mut self, offered: &OfferedTag) {
        let (shared, tag) = (&self.shared, &offered.name);
        let local = format!("{}{tag}", shared.prefix);
        let status = TakenTag { tag: local.clone(), host: self.host.clone(), ..TakenTag::default() };
        let reserved = match ndsharray::check_tag(&local) {
            Ok(()) if local.starts_with(STATUS_TAG) => {
                Err("it is called as the status of a mirror is".to_owned())
            }
            outcome => outcome.map_err(|error| error.to_string()),
        };
        let reserved = reserved.and_then(|()| shared.limits.reserve(&local, &self.offer, &self.host));
        let name = match reserved {
            Ok(name) => name,
            Err(error) => return self.refuse(&local, error),
        };
        let (told, status) = Told::new(shared, &local, &self.offer, status);
        let (sender, receiver) = watch::channel(offered.clone());
        let most = shared.rates.iter().find(|(patterns, _)| patterns.fits(tag)).map(|(_, most)| *most);
        let wish = Wish {
            questions: Questions {
                asker: self.asker.clone(),
                value: key::ask(&self.offer, &Asked::Value(tag.clone())),
                rest: key::ask(&self.offer, &Asked::Rest(tag.clone())),
            },
            round_trip: self.round_trip.clone(),
            receiver: shared.receiver.clone(),
            host: shared.host.clone(),
            every: shared.every.fits(tag),
            least: most.map_or(Duration::ZERO, |most| Duration::from_secs_f64(1.0 / most)),
            limits: shared.limits.clone(),
            status,
            offered: receiver,
        };
        let (source, written) = (source::mirror(&self.host, tag), wish.every.then(|| shared.written.clone()));
        let copy = Copy::new(shared.store.clone(), name, source, shared.keeps, written);
        let task = tokio::spawn(async move {
            let _told = told;
            take(Arc::new(wish), copy).await;
        });
        self.tags.insert(tag.clone(), Taken { offered: sender, task });
    }
}
