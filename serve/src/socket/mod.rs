//! `/socket`: what the page looks at. The browser asks; it gets one answer to each question, and asks again when it has drawn that. So a
//! slow browser skips values instead of falling behind.
//!
//! Questions are JSON texts. An answer is a JSON text, or a view: four bytes with the length of a JSON text (little-endian), the text,
//! zeros up to a multiple of 8 bytes, and the body.

mod answer;
pub(crate) mod question;
mod rate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::response::Response;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::answer::{Answers, Outgoing};
use self::question::Question;
use crate::refusal::Refusal;
use crate::shown::Shown;
use crate::view::cache::Cache;

/// The longest question, in bytes.
const LONGEST_QUESTION: usize = 16 << 10;

/// So many questions may be open at once, in a connection.
const MOST_QUESTIONS: usize = 256;

/// So many readers there may be for all connections: each takes two mappings, of which a process has 65,530.
const MOST_READERS: usize = 16_384;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Viewers {
    pub cache: Cache,
    /// Room for the readers of all connections.
    readers: Arc<Semaphore>,
    /// How long a client may say nothing.
    silence: Duration,
    /// How many connections there are.
    count: Mutex<usize>,
}

impl Viewers {
    pub fn new(silence: Duration) -> Self {
        let readers = Arc::new(Semaphore::new(MOST_READERS));
        Viewers { cache: Cache::default(), readers, silence, count: Mutex::default() }
    }
}

pub(crate) async fn open(
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    State(shown): State<Shown>,
    Extension(viewers): Extension<Arc<Viewers>>,
) -> Result<Response, Refusal> {
    let upgrade = upgrade.map_err(|found| Refusal::new(found.status(), found.body_text()))?;
    let upgrade = upgrade.max_message_size(LONGEST_QUESTION).max_frame_size(LONGEST_QUESTION);
    Ok(upgrade.on_upgrade(async move |socket| {
        let viewer = Viewer::new(viewers.clone());
        let silence = viewers.silence;
        serve(socket, Arc::new(Answers::new(shown, viewers)), silence).await;
        drop(viewer);
    }))
}

/// A connection that is counted.
struct Viewer(Arc<Viewers>);

impl Viewer {
    fn new(viewers: Arc<Viewers>) -> Self {
        *viewers.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Viewer(viewers)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let mut count = self.0.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count -= 1;
        if *count == 0 {
            self.0.cache.clear();
        }
    }
}

async fn serve(mut socket: WebSocket, answers: Arc<Answers>, silence: Duration) {
    // One answer is made, or waits, while another is sent: more would be old when their turn comes, and take memory until then.
    let (sender, mut receiver) = mpsc::channel::<Outgoing>(1);
    let mut open: HashMap<u32, JoinHandle<()>> = HashMap::new();
    // A client that has gone may never say so. Browsers answer pings, also those of pages that are hidden.
    let mut pings = interval_at(Instant::now() + silence / 2, silence / 2);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            message = socket.recv() => message,
            _ = pings.tick() => {
                if heard.elapsed() >= silence || socket.send(Message::Ping(Bytes::new())).await.is_err() {
                    break;
                }
                continue;
            }
            Some(Outgoing { message, room }) = receiver.recv() => {
                if socket.send(message).await.is_err() {
                    break;
                }
                drop(room);
                continue;
            }
        };
        let Some(Ok(message)) = message else { break };
        heard = Instant::now();
        let Message::Text(text) = message else { continue };
        let question = match serde_json::from_str::<Question>(&text) {
            Ok(question) => question,
            Err(error) => {
                let refusal = answer::refusal(None, &format!("that is no question: {error}"));
                if socket.send(refusal).await.is_err() {
                    break;
                }
                continue;
            }
        };
        open.retain(|_, task| !task.is_finished());
        let id = question.id();
        if let Some(before) = open.remove(&id) {
            before.abort();
        }
        if open.len() >= MOST_QUESTIONS {
            let refusal =
                answer::refusal(Some(id), &format!("{MOST_QUESTIONS} questions are open: stop one first"));
            if socket.send(refusal).await.is_err() {
                break;
            }
            continue;
        }
        if let Question::Stop { id } = question {
            answers.forget(id);
            continue;
        }
        let (answers, sender) = (answers.clone(), sender.clone());
        let task = tokio::spawn(async move { answers.answer(question, &sender).await });
        open.insert(id, task);
    }
    open.values().for_each(JoinHandle::abort);
}
