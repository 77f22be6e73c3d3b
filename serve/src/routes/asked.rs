//! What an address says: the tag in its path, and its query. What cannot be understood is refused as everything else is, in JSON.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::refusal::Refusal;

/// The tag in the path.
pub(super) struct Tag(pub String);

/// The query.
pub(super) struct Asked<T>(pub T);

impl<S: Send + Sync> FromRequestParts<S> for Tag {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(tag) = Path::from_request_parts(parts, state)
            .await
            .map_err(|found| Refusal::new(found.status(), found.body_text()))?;
        Ok(Tag(tag))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(asked) = Query::from_request_parts(parts, state)
            .await
            .map_err(|found| Refusal::new(found.status(), found.body_text()))?;
        Ok(Asked(asked))
    }
}
