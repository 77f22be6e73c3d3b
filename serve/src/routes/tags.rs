//! `/tags`: every tag, without its values.

use axum::Json;
use axum::extract::State;

use crate::refusal::Refusal;
use crate::shown::Shown;
use crate::value::description::TagDescription;

pub(super) async fn all(State(shown): State<Shown>) -> Result<Json<Vec<TagDescription>>, Refusal> {
    described(shown).await.map(Json)
}

/// What is said of every tag that is shown.
pub(crate) async fn described(shown: Shown) -> Result<Vec<TagDescription>, Refusal> {
    let place = shown.work().place().await;
    // Some system calls for each tag.
    let make = move || Ok(shown.look()?.into_iter().map(TagDescription::from).collect());
    place.make(make).await.map(|(tags, _)| tags)
}
