//! The key expressions that mirrors use. All begin with `ndsharray/1/OFFER`: an offer is one store that a process offers.
//!
//! - `…/alive/HOST`: a liveliness token, there for as long as the offer is
//! - `…/ask/tags`: which tags it has
//! - `…/ask/value/TAG`: values of a tag
//!
//! HOST and TAG are percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All mirrors that speak this version of the messages.
const ROOT: &str = "ndsharray/1";

/// What a part of a key is not written with as it is: Zenoh uses some of them.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// What an offer is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Tags,
    Value(String),
}

/// The token of an offer.
pub(crate) fn alive(offer: &str, host: &str) -> String {
    format!("{ROOT}/{offer}/alive/{}", utf8_percent_encode(host, ENCODED))
}

/// The tokens of all offers.
pub(crate) fn all_alive() -> String {
    format!("{ROOT}/*/alive/*")
}

/// The offer whose token it is, and its host.
pub(crate) fn offer_alive(key: &str) -> Option<(String, String)> {
    let (offer, host) = key.strip_prefix(ROOT)?.strip_prefix('/')?.split_once("/alive/")?;
    Some((offer.to_owned(), decoded(host)?))
}

/// All that an offer can be asked for.
pub(crate) fn all_asked(offer: &str) -> String {
    format!("{ROOT}/{offer}/ask/**")
}

pub(crate) fn ask(offer: &str, asked: &Asked) -> String {
    match asked {
        Asked::Tags => format!("{ROOT}/{offer}/ask/tags"),
        Asked::Value(tag) => format!("{ROOT}/{offer}/ask/value/{}", utf8_percent_encode(tag, ENCODED)),
    }
}

/// What is asked for by a key; `None` if it is something that nobody offers.
pub(crate) fn asked(key: &str) -> Option<Asked> {
    let (_, asked) = key.strip_prefix(ROOT)?.split_once("/ask/")?;
    match asked.strip_prefix("value/") {
        Some(tag) => Some(Asked::Value(decoded(tag)?)),
        None => (asked == "tags").then_some(Asked::Tags),
    }
}

fn decoded(part: &str) -> Option<String> {
    percent_decode_str(part).decode_utf8().ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use zenoh::key_expr::KeyExpr;

    use super::*;

    #[test]
    fn any_tag_has_a_key() {
        for tag in ["cam", "left cam/*?#$", "кам%25", "**", "@x", "-", ".."] {
            let asked_for = Asked::Value(tag.to_owned());
            let key = ask("a", &asked_for);
            assert!(KeyExpr::try_from(key.as_str()).is_ok(), "{key}");
            assert_eq!(asked(&key), Some(asked_for));
            let key = alive("a", tag);
            assert!(KeyExpr::try_from(key.as_str()).is_ok(), "{key}");
            assert_eq!(offer_alive(&key), Some(("a".to_owned(), tag.to_owned())));
        }
        assert_eq!(asked(&ask("a", &Asked::Tags)), Some(Asked::Tags));
        assert_eq!((asked("ndsharray/1/a/ask/x"), asked("ndsharray/2/a/ask/tags")), (None, None));
        assert_eq!(asked("ndsharray/1/a/ask/value/%ff"), None);
    }
}
