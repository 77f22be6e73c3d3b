//! `/tag/TAG/next?after=CURSOR`: the latest value as soon as it is another one than that of the cursor.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ndsharray::ValueId;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::refusal::Refusal;
use crate::routes::asked::{Asked, Tag};
use crate::routes::latest;
use crate::shown::Shown;
use crate::waiting::next_with_place;

/// How long a request waits at most, so that proxies do not end it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    /// What the header `ndsharray-cursor` of an answer had; without it, any value is new.
    after: Option<String>,
    #[serde(default)]
    format: Format,
    /// In seconds.
    wait: Option<f64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Npy,
    Json,
}

pub(super) async fn next(
    State(shown): State<Shown>,
    Tag(tag): Tag,
    Asked(asked): Asked<Question>,
) -> Result<Response, Refusal> {
    let after = match asked.after.as_deref() {
        Some(text) => {
            let known = text.parse::<ValueId>();
            Some(known.map_err(|_| {
                Refusal::bad(format!("{text:?} is no cursor: give what the header ndsharray-cursor had"))
            })?)
        }
        None => None,
    };
    let wait = asked.wait.map_or(Ok(LONGEST_WAIT), |wait| {
        Duration::try_from_secs_f64(wait)
            .map_err(|_| Refusal::bad(format!("wait={wait}: expected seconds from 0 on")))
    })?;
    let end = Instant::now() + wait.min(LONGEST_WAIT);
    let mut reader = shown.reader(&tag)?;
    let next = next_with_place(&mut reader, after, shown.work());
    let Ok(taken) = timeout_at(end, next).await else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    match asked.format {
        Format::Npy => latest::npy_of(&shown, reader, taken?).await,
        Format::Json => latest::json_of(&shown, tag, taken?).await,
    }
}
