//! What each address answers.

mod asked;
mod latest;
mod metrics;
mod next;
mod picture;
pub(crate) mod tags;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri, Version};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Extension, Router};
use axum_server::ConnectionShutdown;

use crate::access::{self, Access};
use crate::connections::Patience;
use crate::page;
use crate::refusal::Refusal;
use crate::shown::Shown;
use crate::socket::{self, Viewers};

/// Every address. All are asked with GET; none changes a value.
pub(crate) fn router(shown: Shown, access: Access, patience: &Patience) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page/{name}", get(page::file))
        .route("/healthz", get(async || "ok\n"))
        .route("/tags", get(tags::all))
        .route("/tag/{tag}/latest.json", get(latest::json))
        .route("/tag/{tag}/latest.npy", get(latest::npy))
        .route("/tag/{tag}/latest.png", get(picture::png))
        .route("/tag/{tag}/latest.jpg", get(picture::jpeg))
        .route("/tag/{tag}/stream.mjpg", get(picture::stream))
        .route("/tag/{tag}/next", get(next::next))
        .route("/socket", any(socket::open))
        .route("/metrics", get(metrics::all))
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
        .with_state(shown)
        .layer(Extension(Arc::new(Viewers::new(patience.silence))))
        .layer(from_fn_with_state(Arc::new(access), access::check))
        .layer(map_response(harden))
        .layer(from_fn(only_http1))
}

/// Ends connections of HTTP/2, in which one would have hundreds of requests at once, and not end for want of more.
async fn only_http1(request: Request, next: Next) -> Response {
    if request.version() <= Version::HTTP_11 {
        return next.run(request).await;
    }
    if let Some(connection) = request.extensions().get::<ConnectionShutdown>() {
        connection.shutdown();
    }
    StatusCode::HTTP_VERSION_NOT_SUPPORTED.into_response()
}

async fn unknown(uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is nothing at {:?}", uri.path()))
}

async fn other_method(method: Method) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not answered, only GET and HEAD"))
}

/// Headers that every answer has: values are never kept by anybody in between, and nothing is taken for another type than it says, run
/// as a script, put into another site's frame or told to other sites.
async fn harden(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
