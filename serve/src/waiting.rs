//! Waiting for a value.

use std::future::Future;

use ndsharray::{Error, Reader, Snapshot, ValueId};

use crate::refusal::Refusal;
use crate::work::{Place, Work};

/// The latest value, once it is another one than `after`, and what `ready` gave. `ready` is waited for before the value is taken, so
/// that nothing is waited for while the value is held.
pub(crate) async fn next<R, F: Future<Output = Result<R, Refusal>>>(
    reader: &mut Reader,
    after: Option<ValueId>,
    ready: impl Fn() -> F,
) -> Result<(Snapshot, R), Refusal> {
    loop {
        let found = ready().await?;
        if let Some(value) = latest(reader, after)? {
            return Ok((value, found));
        }
        drop(found);
        reader.changed().await?;
    }
}

/// The latest value, once it is another one than `after`, and a place to make an answer of it.
pub(crate) async fn next_with_place(
    reader: &mut Reader,
    after: Option<ValueId>,
    work: &Work,
) -> Result<(Snapshot, Place), Refusal> {
    next(reader, after, || {
        let work = work.clone();
        async move { Ok(work.place().await) }
    })
    .await
}

/// The latest value, unless it is `after`, or nothing was written yet.
fn latest(reader: &mut Reader, after: Option<ValueId>) -> Result<Option<Snapshot>, Error> {
    // What `read` returns counts as seen, so that `changed` waits for another.
    let found = match reader.read() {
        Ok(Some(value)) => Ok(value),
        Ok(None) => reader.latest(),
        Err(error) => Err(error),
    };
    match found {
        Ok(value) => Ok(Some(value).filter(|value| after.is_none_or(|after| value.id() != after))),
        Err(Error::Empty { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
