//! What a page gets.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::ws::Message;
use axum::http::StatusCode;
use ndsharray::{Reader, ValueId};
use serde::Serialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{OwnedPermit, Sender};

use crate::refusal::Refusal;
use crate::routes::tags;
use crate::shown::Shown;
use crate::socket::Viewers;
use crate::socket::question::{Jpeg, Question};
use crate::socket::rate::Rate;
use crate::value::description::ValueDescription;
use crate::view::View;
use crate::view::cache::Looked;
use crate::view::wanted::Wanted;
use crate::waiting::next;
use crate::work::Room;

/// Answers the questions of one connection.
#[derive(Debug)]
pub(super) struct Answers {
    shown: Shown,
    viewers: Arc<Viewers>,
    rate: Rate,
    /// The readers of the tags that were asked for last, by the id of the question, and what was sent to it.
    readers: Mutex<HashMap<u32, Seen>>,
}

#[derive(Debug)]
struct Seen {
    tag: String,
    reader: Reader,
    _room: OwnedSemaphorePermit,
    /// The size of the answer, and when it was sent, if that tells how fast the connection is.
    sent: Option<(usize, Instant)>,
}

/// What is to be sent, with the room that it takes until it is.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub message: Message,
    pub room: Room,
}

impl From<Message> for Outgoing {
    /// Something small.
    fn from(message: Message) -> Self {
        Outgoing { message, room: Room::none() }
    }
}

/// Waits until an answer is wanted: one is made while another is sent.
async fn turn(sender: Sender<Outgoing>) -> Result<OwnedPermit<Outgoing>, Refusal> {
    // It fails when the connection has ended: then nobody reads this.
    sender.reserve_owned().await.map_err(|_| Refusal::bad("the connection has ended"))
}

/// So many readers are kept for the next questions.
const MOST_READERS: usize = 256;

impl Answers {
    pub fn new(shown: Shown, viewers: Arc<Viewers>) -> Self {
        Answers { shown, viewers, rate: Rate::default(), readers: Mutex::default() }
    }

    /// Answers a question. The answer is made when its turn has come to be sent, and so is of the value of that time.
    pub async fn answer(&self, question: Question, sender: &Sender<Outgoing>) {
        let id = question.id();
        let outcome = match question {
            Question::Tags { .. } => self.tags(id, sender).await,
            Question::View { tag, after, wanted, jpeg, spent, .. } => {
                let spent = Duration::try_from_secs_f64(spent).unwrap_or_default();
                match self.seen(id, tag, spent) {
                    Ok(seen) => self.view(id, seen, after, (wanted, jpeg), sender).await,
                    Err(refusal) => Err(refusal),
                }
            }
            // Nothing is answered to it.
            Question::Stop { .. } => Ok(()),
        };
        if let Err(error) = outcome {
            // It fails when the connection has ended.
            let _ = sender.send(Outgoing::from(refusal(Some(id), error.text()))).await;
        }
    }

    async fn tags(&self, id: u32, sender: &Sender<Outgoing>) -> Result<(), Refusal> {
        let turn = turn(sender.clone()).await?;
        let tags = tags::described(self.shown.clone()).await?;
        turn.send(Message::Text(json!({ "id": id, "tags": tags }).to_string().into()).into());
        Ok(())
    }

    async fn view(
        &self,
        id: u32,
        mut seen: Seen,
        after: Option<String>,
        (wanted, jpeg): (Wanted, Jpeg),
        sender: &Sender<Outgoing>,
    ) -> Result<(), Refusal> {
        let work = self.shown.work();
        let after = after.as_deref().and_then(|text| text.parse::<ValueId>().ok());
        let ready = || {
            let (sender, work) = (sender.clone(), work.clone());
            async move { Ok((turn(sender).await?, work.place().await)) }
        };
        let (value, (turn, place)) = next(&mut seen.reader, after, ready).await?;
        let measured = matches!(jpeg, Jpeg::Auto);
        let jpeg = match jpeg {
            Jpeg::Always => true,
            Jpeg::Never => false,
            Jpeg::Auto => {
                self.rate.is_slow_for(wanted.most_bytes(value.bytes().len(), value.dtype().itemsize()))
            }
        };
        let looked = Looked { tag: seen.tag.clone(), wanted, jpeg };
        let cursor = value.id().to_string();
        let description = ValueDescription::from(&value);
        let (made, place) = self.viewers.cache.view(&looked, &cursor, value, place, work).await?;
        let head = Head {
            id,
            tag: &seen.tag,
            cursor: &cursor,
            value: description,
            view: &made.view,
            encoding: if made.jpeg.is_some() { "jpeg" } else { "raw" },
        };
        let body = made.jpeg.as_ref().unwrap_or(&made.view.body);
        let room = work.room(body.len()).await;
        let message = head.with(body);
        drop(place);
        seen.sent = measured.then(|| (message.len(), Instant::now()));
        self.keep(id, seen);
        turn.send(Outgoing { message: Message::Binary(message.into()), room });
        Ok(())
    }

    /// The reader of a tag: that of the last question with this id, if it was about the same tag.
    fn seen(&self, id: u32, tag: String, spent: Duration) -> Result<Seen, Refusal> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(seen) = kept.filter(|seen| seen.tag == tag) {
            if let Some((nbytes, sent)) = seen.sent {
                self.rate.drawn(nbytes, sent, spent);
            }
            return Ok(seen);
        }
        let room = self.viewers.readers.clone().try_acquire_owned();
        let room = room.map_err(|_| {
            let text = "too many views are open in all: close some of them".to_owned();
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text)
        })?;
        Ok(Seen { reader: self.shown.reader(&tag)?, tag, _room: room, sent: None })
    }

    /// Nobody asks with this id any more.
    pub fn forget(&self, id: u32) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn keep(&self, id: u32, seen: Seen) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < MOST_READERS {
            readers.insert(id, seen);
        }
    }
}

/// What goes before the body of a view.
#[derive(Serialize)]
struct Head<'a> {
    id: u32,
    tag: &'a str,
    cursor: &'a str,
    value: ValueDescription,
    view: &'a View,
    encoding: &'static str,
}

impl Head<'_> {
    fn with(&self, body: &[u8]) -> Vec<u8> {
        let head = serde_json::to_vec(self).unwrap_or_default();
        let padded = (4 + head.len()).next_multiple_of(8);
        let mut message = Vec::with_capacity(padded + body.len());
        message.extend_from_slice(&(head.len() as u32).to_le_bytes());
        message.extend_from_slice(&head);
        message.resize(padded, 0);
        message.extend_from_slice(body);
        message
    }
}

/// The answer to a question that cannot be answered.
pub(super) fn refusal(id: Option<u32>, text: &str) -> Message {
    Message::Text(json!({ "id": id, "error": text }).to_string().into())
}

#[cfg(test)]
mod tests {
    use ndsharray::Store;

    use super::*;

    #[test]
    fn all_connections_together_have_so_many_readers() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        drop(store.writer("cam").unwrap());
        let viewers = Arc::new(Viewers::new(Duration::MAX));
        let taken = viewers.readers.clone().try_acquire_many_owned(16_384 - 2).unwrap();
        let connection = || Answers::new(Shown::new(store.clone(), None), viewers.clone());
        let seen = |answers: &Answers, id| answers.seen(id, "cam".to_owned(), Duration::ZERO);
        let (first, second) = (connection(), connection());
        first.keep(1, seen(&first, 1).unwrap());
        let open = seen(&second, 1).unwrap();
        assert_eq!(seen(&second, 2).unwrap_err().status(), 503);
        first.keep(1, seen(&first, 1).expect("it has one already"));
        first.forget(1);
        second.keep(2, seen(&second, 2).unwrap());
        drop((open, second));
        assert_eq!(viewers.readers.available_permits(), 2);
        drop(taken);
    }
}
