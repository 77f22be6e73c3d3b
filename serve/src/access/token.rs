//! The secret that requests must know.

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use subtle::ConstantTimeEq;

use crate::error::{Error, Result};

/// What the name of the cookie begins with. The port is behind it: browsers send each cookie to all ports of a host, and another server
/// there has another token.
const COOKIE: &str = "ndsharray_token_";

/// So short ones can be guessed.
const SHORTEST: usize = 16;

/// The secret. It is never shown.
pub(crate) struct Token(String);

/// What a request knows of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its header has it.
    Known,
    /// Its address has it, as `?token=`.
    InAddress,
    /// It does not have it.
    Unknown,
}

impl Token {
    pub fn new(text: &str) -> Result<Self> {
        // What a cookie may be made of (RFC 6265), which a header and an address carry too.
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        let found = if text.len() < SHORTEST {
            "is too short"
        } else if !text.bytes().all(is_plain) {
            "has other characters"
        } else {
            return Ok(Token(text.to_owned()));
        };
        Err(Error::Token { found })
    }

    /// Whether it is this one, in a time that does not tell how much of it is right.
    fn is(&self, text: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(text).into()
    }

    pub(super) fn standing(&self, headers: &HeaderMap, uri: &Uri, port: u16) -> Standing {
        // First, so that the token does not stay in the address of a browser that has the cookie already.
        let pairs = uri.query().unwrap_or_default().split('&').filter(|pair| is_token(pair));
        let mut in_address = pairs.filter_map(|pair| pair.split_once('=')).map(|(_, value)| decoded(value));
        if in_address.any(|text| self.is(&text)) {
            return Standing::InAddress;
        }
        let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let said =
            authorization.and_then(|value| bearer(value).map(<[u8]>::to_vec).or_else(|| password(value)));
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let name = format!("{COOKIE}{port}");
        let mut cookies = cookies.filter(|(of, _)| *of == name).map(|(_, value)| value.as_bytes());
        let is_known = said.is_some_and(|text| self.is(&text)) || cookies.any(|text| self.is(text));
        if is_known { Standing::Known } else { Standing::Unknown }
    }

    /// The cookie that a browser keeps: no script sees it, and no request that another site makes has it.
    pub(super) fn cookie(&self, port: u16, secure: bool) -> HeaderValue {
        let secure = if secure { "; Secure" } else { "" };
        let text = format!("{COOKIE}{port}={}; Path=/; HttpOnly; SameSite=Strict{secure}", self.0);
        let mut value = HeaderValue::from_str(&text).expect("a token is made of what a header may have");
        value.set_sensitive(true);
        value
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Whether a part of a query is a token, right or wrong.
pub(super) fn is_token(pair: &str) -> bool {
    pair.split_once('=').is_some_and(|(name, _)| name == "token")
}

/// The password of `Basic`, which is the one way that many players and cameras have; the user may have any name.
fn password(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, text) = value.split_at_checked("Basic ".len())?;
    let pair = if scheme.eq_ignore_ascii_case(b"basic ") {
        BASE64_STANDARD.decode(text.trim_ascii()).ok()?
    } else {
        return None;
    };
    let colon = pair.iter().position(|&byte| byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// A part of an address, with `%2B` and the like as the bytes that they stand for.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().iter();
    let mut found = Vec::with_capacity(text.len());
    while let Some(&byte) = bytes.next() {
        let rest = bytes.as_slice();
        let escaped = rest.first_chunk::<2>().filter(|_| byte == b'%');
        let escaped = escaped.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        if escaped.is_some() {
            bytes.nth(1);
        }
        found.push(escaped.unwrap_or(byte));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef+/=";

    fn standing(name: header::HeaderName, value: &str, uri: &str) -> Standing {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        Token::new(SECRET).unwrap().standing(&headers, &uri.parse().unwrap(), 8080)
    }

    #[test]
    fn the_header_the_cookie_and_the_address_may_have_it() {
        for value in [format!("Bearer {SECRET}"), format!("bearer  {SECRET}")] {
            assert_eq!(standing(header::AUTHORIZATION, &value, "/"), Standing::Known);
        }
        for user in ["", "me", "me%"] {
            let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{SECRET}")));
            assert_eq!(standing(header::AUTHORIZATION, &value, "/"), Standing::Known, "{user}");
        }
        let cookies = format!("a=b; ndsharray_token_8080={SECRET};c");
        assert_eq!(standing(header::COOKIE, &cookies, "/"), Standing::Known);
        assert_eq!(standing(header::ACCEPT, "*", "/?a=b&token=0123456789abcdef%2B%2f="), Standing::InAddress);
        assert_eq!(standing(header::ACCEPT, "*", "/?token=0123456789abcdef+/="), Standing::InAddress);
        let both = standing(header::COOKIE, &cookies, "/?token=0123456789abcdef+/=");
        assert_eq!(both, Standing::InAddress, "it is to leave the address");
    }

    #[test]
    fn nothing_else_is_it() {
        for value in [
            "Bearer 0123456789abcdef+/",
            "Bearer",
            "Bearer ",
            "Basic 0123456789abcdef+/=",
            "Basic =",
            "Basic OjAx",
        ] {
            assert_eq!(standing(header::AUTHORIZATION, value, "/"), Standing::Unknown, "{value}");
        }
        for value in [
            "ndsharray_token_8080=",
            "ndsharray_token_8080",
            "xndsharray_token_8080=0123456789abcdef+/=",
            "ndsharray_token_8081=0123456789abcdef+/=",
        ] {
            assert_eq!(standing(header::COOKIE, value, "/"), Standing::Unknown, "{value}");
        }
        for uri in ["/?token=%zz", "/?token=%", "/?token", "/?Token=0123456789abcdef+/="] {
            assert_eq!(standing(header::ACCEPT, "*", uri), Standing::Unknown, "{uri}");
        }
    }

    #[test]
    fn tokens_that_can_be_guessed_or_not_be_sent_are_refused() {
        for text in ["", "0123456789abcde", "0123456789abcde f", "0123456789abcde;f", "0123456789abcdeé"] {
            assert!(matches!(Token::new(text), Err(Error::Token { .. })), "{text}");
        }
        assert_eq!(format!("{:?}", Token::new(SECRET).unwrap()), "Token(..)");
    }

    #[test]
    fn a_cookie_is_for_this_site_alone() {
        let token = Token::new(SECRET).unwrap();
        let expected = format!("ndsharray_token_8080={SECRET}; Path=/; HttpOnly; SameSite=Strict");
        assert_eq!(token.cookie(8080, false), expected);
        assert_eq!(token.cookie(8080, true), format!("{expected}; Secure"));
    }
}
