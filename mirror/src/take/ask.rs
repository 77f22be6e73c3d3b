//! Asking an offer something.

use std::time::Duration;

use zenoh::qos::{CongestionControl, Priority};
use zenoh::query::ConsolidationMode;
use zenoh::sample::Sample;
use zenoh::{Session, Wait};

/// Asks, and waits for the answer; `None` if there is none in time, or if the offer has ended.
pub(super) async fn ask(
    session: &Session,
    key: &str,
    question: Vec<u8>,
    priority: Priority,
    patience: Duration,
) -> Option<Sample> {
    let (session, key) = (session.clone(), key.to_owned());
    // Sending may wait for the connection.
    let send = move || {
        let get = session.get(key).payload(question).priority(priority).timeout(patience);
        let get = get.congestion_control(CongestionControl::Block).consolidation(ConsolidationMode::None);
        get.wait().ok()
    };
    let replies = tokio::task::spawn_blocking(send).await.ok()??;
    replies.recv_async().await.ok()?.into_result().ok()
}
