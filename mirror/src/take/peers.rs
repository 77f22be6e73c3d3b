//! The offers that are there, of which so many are followed.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::JoinHandle;
use zenoh::Wait;
use zenoh::sample::SampleKind;

use crate::runtime;
use crate::take::peer::{Peer, Shared, UseOf};
use crate::wire::key;

/// So many offers are followed at once. If there are more, those of which nothing is taken make room for others.
const MOST_OFFERS: usize = 256;
/// An offer that did not answer yet makes room after so long.
const SLOW: Duration = Duration::from_secs(3);
/// If offers were passed over, it is looked again for them so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// An offer that made room is not tried again before so long.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// So many that made room are remembered.
const MOST_TRIED: usize = 16_384;

/// Where it is told that offers come and go.
#[derive(Clone, Debug)]
pub(super) struct Events {
    sender: Sender<(String, SampleKind)>,
    /// Some were not told of: there was no room.
    overflow: Arc<AtomicBool>,
}

impl Events {
    pub fn new(sender: Sender<(String, SampleKind)>) -> Self {
        Events { sender, overflow: Arc::default() }
    }

    /// An offer came or went. If there is no room, it is looked for later; one that has gone is noticed since it does not answer.
    pub fn tell(&self, token: &str, kind: SampleKind) {
        if key::offer_alive(token).is_some() && self.sender.try_send((token.to_owned(), kind)).is_err() {
            // It stands alone: no order with anything else is needed.
            self.overflow.store(true, Ordering::Relaxed);
        }
    }
}

/// The offers that are followed.
pub(super) struct Peers {
    shared: Arc<Shared>,
    events: Events,
    of: HashMap<String, Followed>,
    /// Those that made room for others, since then.
    tried: HashSet<String>,
    tried_since: Instant,
}

struct Followed {
    host: String,
    since: Instant,
    use_of: Arc<UseOf>,
    _running: Running,
}

/// A task that ends when this is dropped.
struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Peers {
    pub fn new(shared: Arc<Shared>, events: Events) -> Self {
        Peers { shared, events, of: HashMap::new(), tried: HashSet::new(), tried_since: Instant::now() }
    }

    /// Follows offers as they come and go.
    pub async fn follow(
        mut self,
        mut events: Receiver<(String, SampleKind)>,
        hosts: Arc<Mutex<Vec<String>>>,
    ) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                event = events.recv() => {
                    let Some((token, kind)) = event else { return };
                    if self.changed(&token, kind) {
                        *hosts.lock().unwrap_or_else(PoisonError::into_inner) = self.hosts();
                    }
                }
                _ = look.tick() => self.look_again(),
            }
        }
    }

    /// An offer came or went. Returns whether others are followed now.
    fn changed(&mut self, token: &str, kind: SampleKind) -> bool {
        let Some((offer, host)) = key::offer_alive(token) else { return false };
        if kind == SampleKind::Delete {
            return self.of.remove(&offer).is_some();
        }
        if self.of.contains_key(&offer) || runtime::is_own(&self.shared.session, &offer) {
            return false;
        }
        if self.of.len() >= MOST_OFFERS && (self.tried.contains(&offer) || !self.make_room()) {
            // It is looked for again.
            self.events.overflow.store(true, Ordering::Relaxed);
            return false;
        }
        let use_of = Arc::new(UseOf::default());
        let peer = Peer::new(self.shared.clone(), offer.clone(), host.clone(), use_of.clone());
        let running = Running(tokio::spawn(peer.run()));
        self.of.insert(offer, Followed { host, since: Instant::now(), use_of, _running: running });
        true
    }

    /// Ends one of which nothing is taken, if there is one.
    fn make_room(&mut self) -> bool {
        let idle = self.of.iter().filter(|(_, of)| of.is_idle()).min_by_key(|(_, of)| of.since);
        let Some(offer) = idle.map(|(offer, _)| offer.clone()) else { return false };
        self.of.remove(&offer);
        if self.tried.len() >= MOST_TRIED || self.tried_since.elapsed() > TRY_AGAIN {
            self.tried.clear();
            self.tried_since = Instant::now();
        }
        self.tried.insert(offer);
        true
    }

    /// Asks for all that are there, if some were passed over and there may be room.
    fn look_again(&self) {
        let has_room = self.of.len() < MOST_OFFERS || self.of.values().any(Followed::is_idle);
        if !has_room || !self.events.overflow.swap(false, Ordering::Relaxed) {
            return;
        }
        let (session, events) = (self.shared.session.clone(), self.events.clone());
        let look = move || {
            let get = session.liveliness().get(key::all_alive()).callback(move |reply| {
                if let Ok(sample) = reply.result() {
                    events.tell(sample.key_expr().as_str(), SampleKind::Put);
                }
            });
            let _ = get.wait();
        };
        drop(tokio::task::spawn_blocking(look));
    }

    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.of.values().map(|of| of.host.clone()).collect();
        hosts.sort();
        hosts
    }
}

impl Followed {
    /// Whether it may make room for another.
    fn is_idle(&self) -> bool {
        self.use_of.is_none() || (!self.use_of.is_taken() && self.since.elapsed() > SLOW)
    }
}
