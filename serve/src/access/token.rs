//! The secret that requests must know.

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Uri};
use subtle::ConstantTimeEq;

use crate::error::{Error, Result};

const COOKIE: &str = "ndsharray_token";

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

    pub(super) fn standing(&self, headers: &HeaderMap, uri: &Uri) -> Standing {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut cookies = cookies.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value.as_bytes());
        if bearer.is_some_and(|text| self.is(text)) || cookies.any(|text| self.is(text)) {
            return Standing::Known;
        }
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        let mut in_address = pairs.filter(|(name, _)| *name == "token").map(|(_, value)| decoded(value));
        if in_address.any(|text| self.is(&text)) { Standing::InAddress } else { Standing::Unknown }
    }

    /// The cookie that a browser keeps: no script sees it, and no request that another site makes has it.
    pub(super) fn cookie(&self, secure: bool) -> HeaderValue {
        let secure = if secure { "; Secure" } else { "" };
        let text = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict{secure}", self.0);
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
        Token::new(SECRET).unwrap().standing(&headers, &uri.parse().unwrap())
    }

    #[test]
    fn the_header_the_cookie_and_the_address_may_have_it() {
        for value in [format!("Bearer {SECRET}"), format!("bearer  {SECRET}")] {
            assert_eq!(standing(header::AUTHORIZATION, &value, "/"), Standing::Known);
        }
        let cookies = format!("a=b; ndsharray_token={SECRET};c");
        assert_eq!(standing(header::COOKIE, &cookies, "/"), Standing::Known);
        assert_eq!(standing(header::ACCEPT, "*", "/?a=b&token=0123456789abcdef%2B%2f="), Standing::InAddress);
        assert_eq!(standing(header::ACCEPT, "*", "/?token=0123456789abcdef+/="), Standing::InAddress);
    }

    #[test]
    fn nothing_else_is_it() {
        for value in ["Bearer 0123456789abcdef+/", "Bearer", "Bearer ", "Basic 0123456789abcdef+/="] {
            assert_eq!(standing(header::AUTHORIZATION, value, "/"), Standing::Unknown, "{value}");
        }
        for value in ["ndsharray_token=", "ndsharray_token", "xndsharray_token=0123456789abcdef+/="] {
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
        let expected = format!("ndsharray_token={SECRET}; Path=/; HttpOnly; SameSite=Strict");
        assert_eq!(token.cookie(false), expected);
        assert_eq!(token.cookie(true), format!("{expected}; Secure"));
    }
}
