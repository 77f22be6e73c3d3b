//! `/tag/TAG/latest.png`, `latest.jpg` and `stream.mjpg`: values as pictures.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ndsharray::{Reader, ValueId};

use crate::refusal::Refusal;
use crate::routes::asked::{Asked, Tag};
use crate::routes::latest::{self, Made};
use crate::shown::Shown;
use crate::view::picture::{self, Format, Look};
use crate::waiting::next_with_place;

/// What stands between two pictures of a stream.
const BOUNDARY: &str = "ndsharray-next";

pub(super) async fn png(
    State(shown): State<Shown>,
    Tag(tag): Tag,
    Asked(look): Asked<Look>,
) -> Result<Response, Refusal> {
    still(shown, tag, look, Format::Png).await
}

pub(super) async fn jpeg(
    State(shown): State<Shown>,
    Tag(tag): Tag,
    Asked(look): Asked<Look>,
) -> Result<Response, Refusal> {
    still(shown, tag, look, Format::Jpeg).await
}

async fn still(shown: Shown, tag: String, look: Look, format: Format) -> Result<Response, Refusal> {
    let (value, place) = latest::take(&shown, &mut shown.reader(&tag)?).await?;
    let make = move || {
        let body = picture::encode(&value, &look, format)?;
        Ok(Made::new(&value, format.media_type(), body))
    };
    let mut response = latest::answer(&shown, place, make).await?;
    response.headers_mut().extend(shown_by_same_host());
    Ok(response)
}

/// A stream of JPEGs: each is the latest value when the one before it was taken, so a slow client skips values. It ends when the tag
/// is removed, or has a value that is no picture.
pub(super) async fn stream(
    State(shown): State<Shown>,
    Tag(tag): Tag,
    Asked(look): Asked<Look>,
) -> Result<Response, Refusal> {
    let mut pictures = Pictures { reader: shown.reader(&tag)?, shown, look, after: None };
    // The first is made before anything is answered: if it cannot be, the answer says so.
    let first = pictures.next().await?;
    let parts = stream::try_unfold((Some(first), pictures), async |(first, mut pictures)| {
        let part = match first {
            Some(first) => first,
            None => {
                pictures.next().await.map_err(|refusal| std::io::Error::other(refusal.text().to_owned()))?
            }
        };
        Ok::<_, std::io::Error>(Some((part, (None, pictures))))
    });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    Ok((shown_by_same_host(), [(header::CONTENT_TYPE, kind)], Body::from_stream(parts)).into_response())
}

/// Pages of the same host, at whatever port, may show it.
fn shown_by_same_host() -> HeaderMap {
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    HeaderMap::from_iter([(policy, HeaderValue::from_static("same-site"))])
}

/// What is left of a stream.
struct Pictures {
    reader: Reader,
    shown: Shown,
    look: Look,
    after: Option<ValueId>,
}

impl Pictures {
    /// A picture as a part of a stream: the latest value, once it is another one than that of the last.
    async fn next(&mut self) -> Result<Bytes, Refusal> {
        let work = self.shown.work();
        let (value, place) = next_with_place(&mut self.reader, self.after, work).await?;
        self.after = Some(value.id());
        let look = self.look.clone();
        let make = move || {
            let body = picture::encode(&value, &look, Format::Jpeg)?;
            let head =
                format!("--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", body.len());
            Ok([head.as_bytes(), &body, b"\r\n"].concat())
        };
        let (part, place) = place.make(make).await?;
        let room = work.room(part.len()).await;
        drop(place);
        Ok(room.hold(part))
    }
}
