//! Waiting for a value.

use ndsharray::{Reader, Snapshot, ValueId};

use crate::refusal::Refusal;

/// The latest value, once it is another one than that.
pub(crate) async fn next(reader: &mut Reader, after: Option<ValueId>) -> Result<Snapshot, Refusal> {
    loop {
        // What it returns counts as seen, so that `changed` waits for another.
        let latest = reader.read().and_then(|_| reader.latest());
        match latest {
            Ok(value) if after.is_none_or(|after| value.id() != after) => return Ok(value),
            // Nothing new, or nothing was written yet.
            Ok(_) | Err(ndsharray::Error::Empty { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        reader.changed().await?;
    }
}
