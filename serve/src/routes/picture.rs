//! `/tag/TAG/latest.png`, `latest.jpg` and `stream.mjpg`: values as pictures.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{self, HeaderName};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use ndsharray::{Reader, Snapshot, ValueId};
use tokio::task::spawn_blocking;

use crate::refusal::Refusal;
use crate::routes::asked::{Asked, Tag};
use crate::routes::latest;
use crate::shown::Shown;
use crate::view::picture::{self, Format, Look};
use crate::waiting::next;

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
    latest::answer(move || {
        let value = shown.reader(&tag)?.latest()?;
        let body = picture::encode(&value, &look, format)?;
        Ok((latest::headers(&value), head(format.media_type()), body).into_response())
    })
    .await
}

/// A stream of JPEGs: each is the latest value when the one before it was taken, so a slow client skips values. It ends when the tag
/// is removed, or has a value that is no picture.
pub(super) async fn stream(
    State(shown): State<Shown>,
    Tag(tag): Tag,
    Asked(look): Asked<Look>,
) -> Result<Response, Refusal> {
    let mut reader = shown.reader(&tag)?;
    // The first is made before anything is answered: if it cannot be, the answer says so.
    let value = next(&mut reader, None).await?;
    let after = Some(value.id());
    let first = part(value, look.clone()).await?;
    let parts =
        stream::try_unfold((Some(first), reader, after, look), async |(first, reader, after, look)| {
            following(first, reader, after, look)
                .await
                .map_err(|refusal| std::io::Error::other(refusal.text().to_owned()))
        });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    Ok((head(&kind), Body::from_stream(parts)).into_response())
}

/// What kind of picture it is, and that pages of the same host, at whatever port, may show it.
fn head(kind: &str) -> [(HeaderName, String); 2] {
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    [(header::CONTENT_TYPE, kind.to_owned()), (policy, "same-site".to_owned())]
}

type Following = (Option<Bytes>, Reader, Option<ValueId>, Look);

async fn following(
    first: Option<Bytes>,
    mut reader: Reader,
    after: Option<ValueId>,
    look: Look,
) -> Result<Option<(Bytes, Following)>, Refusal> {
    if let Some(first) = first {
        return Ok(Some((first, (None, reader, after, look))));
    }
    let value = next(&mut reader, after).await?;
    let after = Some(value.id());
    let part = part(value, look.clone()).await?;
    Ok(Some((part, (None, reader, after, look))))
}

/// A picture as a part of a stream.
async fn part(value: Snapshot, look: Look) -> Result<Bytes, Refusal> {
    let make = move || {
        let body = picture::encode(&value, &look, Format::Jpeg)?;
        let head =
            format!("--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", body.len());
        Ok(Bytes::from([head.as_bytes(), &body, b"\r\n"].concat()))
    };
    spawn_blocking(make).await.unwrap_or_else(|_| Err(Refusal::bug()))
}
