//! `/tag/TAG/latest.npy` and `/tag/TAG/latest.json`: the latest value.

use axum::extract::State;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ndsharray::{NpyHeader, Reader, Snapshot};
use serde::Serialize;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::routes::asked::Tag;
use crate::shown::Shown;
use crate::value::description::ValueDescription;
use crate::value::elements;
use crate::work::{Place, Room};

/// So many elements an answer in JSON may have; each field of a record counts.
const MOST_ELEMENTS: usize = 1_000_000;

/// So many bytes may become JSON: texts can be long.
const MOST_BYTES: usize = 16 << 20;

/// A value, and the place in which an answer is made of it.
pub(super) type Taken = (Snapshot, Place);

/// An answer that is made.
pub(super) struct Made {
    headers: HeaderMap,
    body: Vec<u8>,
}

pub(super) async fn npy(State(shown): State<Shown>, Tag(tag): Tag) -> Result<Response, Refusal> {
    let mut reader = shown.reader(&tag)?;
    let taken = take(&shown, &mut reader).await?;
    npy_of(&shown, reader, taken).await
}

pub(super) async fn json(State(shown): State<Shown>, Tag(tag): Tag) -> Result<Response, Refusal> {
    let taken = take(&shown, &mut shown.reader(&tag)?).await?;
    json_of(&shown, tag, taken).await
}

/// The latest value, and a place to make an answer of it. Nothing is held while the place is waited for.
pub(super) async fn take(shown: &Shown, reader: &mut Reader) -> Result<Taken, Refusal> {
    let place = shown.work().place().await;
    Ok((reader.latest()?, place))
}

/// A value as an npy file. It is copied: a client that is slow to take it would else keep it from the writer.
pub(super) async fn npy_of(
    shown: &Shown,
    mut reader: Reader,
    (mut value, mut place): Taken,
) -> Result<Response, Refusal> {
    let mut room = Room::none();
    loop {
        let head = NpyHeader::new(value.dtype(), value.shape()).map_err(|_| {
            Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                format!("npy cannot hold {}: ask for latest.json", value.dtype()),
            )
        })?;
        let head = head.to_bytes();
        let nbytes = head.len() + value.bytes().len();
        if !room.holds(nbytes) {
            // Neither is held while room is waited for. By then there may be a larger value.
            drop((value, place, room));
            room = shown.work().room(nbytes).await;
            (value, place) = take(shown, &mut reader).await?;
            continue;
        }
        let make = move || {
            let body = [&head, value.bytes()].concat();
            Ok(Made::new(&value, "application/octet-stream", body))
        };
        let (made, _) = place.make(make).await?;
        return Ok(made.with(room));
    }
}

/// A value as JSON.
pub(super) async fn json_of(shown: &Shown, tag: String, (value, place): Taken) -> Result<Response, Refusal> {
    answer(shown, place, move || made_json(&tag, &value)).await
}

/// Makes an answer, and sends it when there is room for it.
pub(super) async fn answer(
    shown: &Shown,
    place: Place,
    make: impl FnOnce() -> Result<Made, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let (made, place) = place.make(make).await?;
    let room = shown.work().room(made.body.len()).await;
    drop(place);
    Ok(made.with(room))
}

fn made_json(tag: &str, value: &Snapshot) -> Result<Made, Refusal> {
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
    let body = serde_json::to_vec(&Answer { tag, value: value.into(), data }).map_err(|_| Refusal::bug())?;
    Ok(Made::new(value, "application/json", body))
}

impl Made {
    /// Of a value: what kind it is, and its bytes.
    pub fn new(value: &Snapshot, kind: &'static str, body: Vec<u8>) -> Self {
        let mut headers = headers(value);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        Made { headers, body }
    }

    fn with(self, room: Room) -> Response {
        (self.headers, room.hold(self.body)).into_response()
    }
}

/// What programs want to know without reading the body.
fn headers(value: &Snapshot) -> HeaderMap {
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
