//! `/tags`: every tag, without its values.

use std::time::Instant;

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
        let looks = tags.map(|tag| (shown.store().stat(&tag), Instant::now(), tag));
        // A tag may have been removed meanwhile.
        let there = looks.filter(|(stat, ..)| !matches!(stat, Err(ndsharray::Error::NotFound { .. })));
        let looks: Vec<_> = there.collect();
        let found: Vec<_> = looks.iter().map(|(stat, at, _)| Some((stat.as_ref().ok()?, *at))).collect();
        let rates = shown.rates().look(&found);
        let described = looks.into_iter().zip(rates);
        Ok(described.map(|((stat, _, tag), rate)| TagDescription::of(tag, stat, rate)).collect())
    });
    found.await.map(|tags: ndsharray::Result<_>| Ok(tags?)).unwrap_or_else(|_| Err(Refusal::bug()))
}
