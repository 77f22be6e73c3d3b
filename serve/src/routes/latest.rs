//! `/tag/TAG/latest.npy` and `/tag/TAG/latest.json`: the latest value.

use axum::Json;
use axum::extract::State;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ndsharray::{NpyHeader, Snapshot};
use serde::Serialize;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::refusal::Refusal;
use crate::routes::asked::Tag;
use crate::shown::Shown;
use crate::value::description::ValueDescription;
use crate::value::elements;

/// So many elements an answer in JSON may have; each field of a record counts.
const MOST_ELEMENTS: usize = 1_000_000;

/// So many bytes may become JSON: texts can be long.
const MOST_BYTES: usize = 16 << 20;

pub(super) async fn npy(State(shown): State<Shown>, Tag(tag): Tag) -> Result<Response, Refusal> {
    answer(move || npy_of(&shown.reader(&tag)?.latest()?)).await
}

pub(super) async fn json(State(shown): State<Shown>, Tag(tag): Tag) -> Result<Response, Refusal> {
    answer(move || json_of(&tag, &shown.reader(&tag)?.latest()?)).await
}

/// Makes an answer where it may take its time: a value may be large.
pub(super) async fn answer(
    make: impl FnOnce() -> Result<Response, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    spawn_blocking(make).await.unwrap_or_else(|_| Err(Refusal::bug()))
}

/// A value as an npy file. It is copied: a client that is slow to take it would else keep it from the writer.
pub(super) fn npy_of(value: &Snapshot) -> Result<Response, Refusal> {
    let head = NpyHeader::new(value.dtype(), value.shape()).map_err(|_| {
        Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("npy cannot hold {}: ask for latest.json", value.dtype()),
        )
    })?;
    let body = [&head.to_bytes(), value.bytes()].concat();
    Ok((headers(value), [(header::CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

/// A value as JSON.
pub(super) fn json_of(tag: &str, value: &Snapshot) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct Answer<'a> {
        tag: &'a str,
        #[serde(flatten)]
        value: ValueDescription,
        data: Value,
    }
    let (count, nbytes) = elements::weight(value.dtype(), value.shape());
    if count > MOST_ELEMENTS || nbytes > MOST_BYTES {
        let text = format!(
            "{count} elements of {nbytes} bytes are too much for JSON, which has at most {MOST_ELEMENTS} and {MOST_BYTES}: ask for \
             latest.npy"
        );
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let data = elements::array(value.dtype(), value.shape(), value.bytes());
    Ok((headers(value), Json(Answer { tag, value: value.into(), data })).into_response())
}

/// What programs want to know without reading the body.
pub(super) fn headers(value: &Snapshot) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name: &'static str, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("ndsharray-version", value.version().to_string());
    set("ndsharray-cursor", value.id().to_string());
    set("ndsharray-written-at", value.written_at().to_string());
    headers
}
