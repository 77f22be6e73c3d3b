//! Taking from one offer: its tags come and go, and each that is wanted is taken by a task of its own.

use std::collections::{BTreeMap, HashMap};
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
use crate::status::TakenTag;
use crate::take::ask::ask;
use crate::take::copy::Copy;
use crate::take::limits::Limits;
use crate::take::pace::Pace;
use crate::take::tag::{Wish, take};
use crate::take::written::Written;
use crate::wire::key::{self, Asked};
use crate::wire::message::{AskTags, OfferedTag, Tags};

/// An offer that does not say its tags is asked again after so long,
const REST: Duration = Duration::from_secs(1);
/// and counts as gone after so long.
const GONE: Duration = Duration::from_secs(15);

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
    pub limits: Arc<Limits>,
    pub written: Arc<Written>,
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

impl Peer {
    pub fn new(shared: Arc<Shared>, offer: String, host: String) -> Self {
        Peer { shared, offer, host, tags: HashMap::new(), refused: Vec::new() }
    }

    /// Takes what the offer has and what is wanted, until the future is dropped.
    pub async fn run(mut self) {
        let key = key::ask(&self.offer, &Asked::Tags);
        let (mut list, mut heard) = (Tags::default(), Instant::now());
        loop {
            let question = AskTags { known: list.revision }.encode_to_vec();
            let patience = Pace::default().patience(0);
            let answer = ask(&self.shared.session, &key, question, Priority::InteractiveHigh, patience).await;
            let answer = answer.and_then(|sample| Tags::decode(&sample.payload().to_bytes()[..]).ok());
            match answer {
                Some(tags) => {
                    heard = Instant::now();
                    if tags.revision != 0 {
                        list = tags;
                    }
                    // Also if it is the same: what stood in the way may be gone.
                    self.update(&list.tags);
                }
                None if heard.elapsed() > GONE => {
                    list = Tags::default();
                    self.update(&[]);
                    tokio::time::sleep(REST).await;
                }
                None => tokio::time::sleep(REST).await,
            }
        }
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
    }

    fn start(&mut self, offered: &OfferedTag) {
        let (shared, tag) = (&self.shared, &offered.name);
        let local = format!("{}{tag}", shared.prefix);
        let status = TakenTag { tag: local.clone(), host: self.host.clone(), ..TakenTag::default() };
        let reserved = ndsharray::check_tag(&local).map_err(|error| error.to_string());
        let reserved = reserved.and_then(|()| shared.limits.reserve(&local, &self.offer, &self.host));
        let name = match reserved {
            Ok(name) => name,
            Err(error) => {
                let status = TakenTag { error: Some(error), ..status };
                self.refused.push(Told::new(shared, &local, &self.offer, status).0);
                return;
            }
        };
        let (told, status) = Told::new(shared, &local, &self.offer, status);
        let (sender, receiver) = watch::channel(offered.clone());
        let most = shared.rates.iter().find(|(patterns, _)| patterns.fits(tag)).map(|(_, most)| *most);
        let wish = Wish {
            session: shared.session.clone(),
            key: key::ask(&self.offer, &Asked::Value(tag.clone())),
            receiver: shared.receiver.clone(),
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
