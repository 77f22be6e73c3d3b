//! What offers and takes run in.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::runtime::{Builder, Runtime};
use zenoh::Session;

use crate::error::{Error, Result};

/// So many threads at most wait for connections and memory.
const MOST_BLOCKED: usize = 256;

/// Threads of their own, so that whoever embeds a mirror needs no runtime.
pub(crate) fn start(name: &'static str) -> Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).max_blocking_threads(MOST_BLOCKED).thread_name(name).enable_time();
    let runtime = builder.build();
    runtime.map_err(|source| Error::Io { operation: "start threads", source })
}

/// The name of this host.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// A name for one more offer of a session: that of the session, and a number.
pub(crate) fn offer_id(session: &Session) -> String {
    // Only has to be another one each time.
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", session.zid(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Whether an offer is one of this session.
pub(crate) fn is_own(session: &Session, offer: &str) -> bool {
    offer.split_once('-').is_some_and(|(zid, _)| zid == session.zid().to_string())
}
