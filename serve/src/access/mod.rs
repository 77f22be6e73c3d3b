//! Who may ask: every request but those of `/healthz` passes here.

mod host;
mod site;
mod token;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub(crate) use self::host::Hosts;
pub(crate) use self::token::Token;
use crate::page;
use crate::refusal::Refusal;

/// Who may ask.
#[derive(Debug)]
pub(crate) struct Access {
    pub hosts: Hosts,
    /// What a request must know; `None` if everybody may ask.
    pub token: Option<Token>,
    /// Whether connections are encrypted.
    pub secure: bool,
    /// Where the server listens.
    pub port: u16,
}

/// Lets a request through, refuses it, or exchanges the token in its address for a cookie.
pub(crate) async fn check(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    if request.uri().path() == "/healthz" {
        return next.run(request).await;
    }
    let headers = request.headers();
    let known = access.hosts.check(headers, request.uri(), access.secure);
    if let Err(refusal) = known.and_then(|()| site::check(headers, request.uri())) {
        return refusal.into_response();
    }
    if let Some(token) = &access.token {
        match token.standing(headers, request.uri(), access.port) {
            token::Standing::Known => {}
            token::Standing::InAddress => return admitted(token, &access, request.uri()),
            token::Standing::Unknown => return unknown(headers, request.uri()),
        }
    }
    next.run(request).await
}

/// Sets the cookie, and sends the browser to the same address without the token, which then is not in its history.
fn admitted(token: &Token, access: &Access, uri: &Uri) -> Response {
    // Two slashes would be another host.
    let path = format!("/{}", uri.path().trim_start_matches(['/', '\\']));
    let others = uri.query().unwrap_or_default().split('&').filter(|pair| !token::is_token(pair));
    let others = others.collect::<Vec<_>>().join("&");
    let place = if others.is_empty() { path } else { format!("{path}?{others}") };
    let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static("/"));
    let headers = [(header::SET_COOKIE, token.cookie(access.port, access.secure)), (header::LOCATION, place)];
    (StatusCode::SEE_OTHER, headers, ()).into_response()
}

fn unknown(headers: &HeaderMap, uri: &Uri) -> Response {
    let in_address = uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("token=")));
    // Who opens an address in a browser gets a page to read.
    let reads = headers.get(header::ACCEPT).is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    let mut response = if reads {
        (StatusCode::UNAUTHORIZED, page::stranger(in_address)).into_response()
    } else {
        let other = in_address || headers.contains_key(header::AUTHORIZATION);
        let found = if other { "another token" } else { "no token" };
        let text = format!(
            "this server wants a token, and the request has {found}: send \"Authorization: Bearer TOKEN\", or open /?token=TOKEN in a browser"
        );
        Refusal::new(StatusCode::UNAUTHORIZED, text).into_response()
    };
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}
