//! Asks for values, and puts each answer together from the parts in which it arrives.

use std::time::{Duration, Instant};

use prost::Message;
use zenoh::bytes::ZBytes;
use zenoh::qos::Priority;

use crate::take::ask::{Asker, Reply};
use crate::take::pace::Pace;
use crate::wire::message::{Answer, AskRest, AskValue};

/// The longest cursor, in bytes. A cursor names the last value of an answer.
const LONGEST_CURSOR: usize = 64;
/// How often a part is asked for at most.
const TRIES: usize = 3;
/// The least time between two such questions.
const AGAIN: Duration = Duration::from_millis(200);
/// How many bytes an answer may have besides one value of the largest size: for smaller values, and for the head of each.
const BESIDE: u64 = 1 << 20;

/// Where a tag is asked for: the keys of its questions.
#[derive(Debug)]
pub(super) struct Questions {
    pub asker: Asker,
    /// The key for a value.
    pub value: String,
    /// The key for the rest of an answer.
    pub rest: String,
}

/// An answer that has arrived.
#[derive(Debug)]
pub(super) struct Received {
    pub answer: Answer,
    pub payload: ZBytes,
    /// How long question and answer were on their way. The time that the question waited for a value is not in it.
    pub took: Duration,
    /// What is known of the connection now.
    pub pace: Pace,
    /// Kept so that the bytes of the answer count until this is dropped.
    _replies: Vec<Reply>,
}

impl Questions {
    /// Asks for a value and waits until all of the answer is there. `pace` is what is known of the connection.
    ///
    /// # Errors
    /// What is wrong, as a text for people.
    pub async fn ask(
        &self,
        mut ask: AskValue,
        priority: Priority,
        mut pace: Pace,
    ) -> Result<Received, String> {
        let began = Instant::now();
        ask.most_at_once = pace.part();
        let patience = pace.patience(ask.most_at_once);
        let reply = self.asker.ask(&self.value, ask.encode_to_vec(), priority, patience).await;
        let reply = reply.ok_or("the source does not answer")?;
        let answer = reply.answer().filter(|answer| answer.cursor.len() <= LONGEST_CURSOR);
        let answer = answer.ok_or("the source answers with something that is no answer")?;
        let most = ask.most_bytes.saturating_add(BESIDE);
        if answer.nbytes > most {
            return Err(format!("the source has {} bytes to send, expected at most {most}", answer.nbytes));
        }
        let mut arrived = reply.nbytes() as u64;
        // The source may send all at once. It must not send shorter parts than were asked for: each part takes memory of its own.
        if arrived != answer.nbytes && arrived != ask.most_at_once.min(answer.nbytes) {
            return Err(format!("the source sends {arrived} of {} bytes", answer.nbytes));
        }
        let waited = Duration::from_micros(answer.waited);
        pace.arrived(reply.nbytes(), began.elapsed().saturating_sub(waited));
        let mut replies = vec![reply];
        while arrived < answer.nbytes {
            let rest = AskRest {
                receiver: ask.receiver.clone(),
                answer: answer.id,
                from: arrived,
                most_at_once: answer.nbytes - arrived,
            };
            let reply = self.rest(rest, priority, &mut pace).await?;
            arrived += reply.nbytes() as u64;
            replies.push(reply);
        }
        let payload = match &replies[..] {
            [whole] => whole.sample.payload().clone(),
            parts => {
                let mut joined = ZBytes::writer();
                parts.iter().for_each(|part| joined.append(part.sample.payload().clone()));
                joined.finish()
            }
        };
        let took = began.elapsed().saturating_sub(waited);
        Ok(Received { answer, payload, took, pace, _replies: replies })
    }

    /// Asks for one more part of an answer. At first `ask.most_at_once` is how many bytes are left.
    async fn rest(&self, mut ask: AskRest, priority: Priority, pace: &mut Pace) -> Result<Reply, String> {
        let left = ask.most_at_once;
        for _ in 0..TRIES {
            let began = Instant::now();
            ask.most_at_once = pace.part().min(left);
            let patience = pace.patience_for_part(ask.most_at_once);
            let reply = self.asker.ask(&self.rest, ask.encode_to_vec(), priority, patience).await;
            match reply {
                Some(reply) if reply.nbytes() as u64 == ask.most_at_once => {
                    pace.arrived(reply.nbytes(), began.elapsed());
                    return Ok(reply);
                }
                Some(reply) => {
                    return Err(format!(
                        "the source sends {} bytes, expected {}",
                        reply.nbytes(),
                        ask.most_at_once
                    ));
                }
                None => pace.lost(),
            }
            // If the source no longer has the answer, it says so at once. So this waits before the next try.
            tokio::time::sleep(AGAIN.saturating_sub(began.elapsed())).await;
        }
        Err("the source does not go on with its answer".to_owned())
    }
}
