//! `/tags`: every tag, without its values.

use axum::Json;
use axum::extract::State;
use tokio::task::spawn_blocking;

use crate::refusal::Refusal;
use crate::shown::Shown;
use crate::value::description::TagDescription;

pub(super) async fn all(State(shown): State<Shown>) -> Result<Json<Vec<TagDescription>>, Refusal> {
    described(shown).await.map(Json)
}

/// What is said of every tag that is shown.
pub(crate) async fn described(shown: Shown) -> Result<Vec<TagDescription>, Refusal> {
    // Some system calls for each tag.
    let found = spawn_blocking(move || {
        let tags = shown.tags()?.into_iter();
        let looks = tags.map(|tag| (shown.store().stat(&tag), tag));
        // A tag may have been removed meanwhile.
        let there = looks.filter(|(stat, _)| !matches!(stat, Err(ndsharray::Error::NotFound { .. })));
        Ok(there.map(|(stat, tag)| TagDescription::of(tag, stat)).collect())
    });
    found.await.map(|tags: ndsharray::Result<_>| Ok(tags?)).unwrap_or_else(|_| Err(Refusal::bug()))
}
