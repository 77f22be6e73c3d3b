//! The key expressions that mirrors use. All begin with `ndsharray/1/OFFER`: an offer is one store that a process offers.
//!
//! - `…/alive/HOST`: a liveliness token, there for as long as the offer is
//! - `…/ask/tags`: which tags it has
//! - `…/ask/value/TAG`: values of a tag
//! - `…/ask/rest/TAG`: the rest of an answer with values
//!
//! HOST and TAG are percent-encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All mirrors that speak this version of the messages.
const ROOT: &str = "ndsharray/1";

/// What a part of a key is not written with as it is: Zenoh uses some of them.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The longest id of an offer, in bytes.
const LONGEST_ID: usize = 64;
/// The longest name of a host.
const LONGEST_HOST: usize = 255;
/// No key is longer: a tag has 200 bytes, of which each may be written with three.
const LONGEST_KEY: usize = 1024;

/// What an offer is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Tags,
    Value(String),
    /// What did not go into an answer.
    Rest(String),
}

/// The token of an offer.
pub(crate) fn alive(offer: &str, host: &str) -> String {
    format!("{ROOT}/{offer}/alive/{}", utf8_percent_encode(host, ENCODED))
}

/// The tokens of all offers.
pub(crate) fn all_alive() -> String {
    format!("{ROOT}/*/alive/*")
}

/// The offer whose token it is, and its host; `None` if it is no id or no name of a host.
pub(crate) fn offer_alive(key: &str) -> Option<(String, String)> {
    let (offer, host) = key.strip_prefix(ROOT)?.strip_prefix('/')?.split_once("/alive/")?;
    let is_id = offer.len() <= LONGEST_ID && offer.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let host = decoded(host).filter(|host| broken_host(host).is_none())?;
    is_id.then(|| (offer.to_owned(), host))
}

/// The rule for names of hosts that this one breaks.
pub(crate) fn broken_host(host: &str) -> Option<&'static str> {
    if host.len() > LONGEST_HOST {
        Some("it is longer than 255 bytes")
    } else if host.is_empty() {
        Some("it is empty")
    } else if host.contains(char::is_control) {
        Some("it contains a control character")
    } else {
        None
    }
}

/// All that an offer can be asked for.
pub(crate) fn all_asked(offer: &str) -> String {
    format!("{ROOT}/{offer}/ask/**")
}

pub(crate) fn ask(offer: &str, asked: &Asked) -> String {
    match asked {
        Asked::Tags => format!("{ROOT}/{offer}/ask/tags"),
        Asked::Value(tag) => format!("{ROOT}/{offer}/ask/value/{}", utf8_percent_encode(tag, ENCODED)),
        Asked::Rest(tag) => format!("{ROOT}/{offer}/ask/rest/{}", utf8_percent_encode(tag, ENCODED)),
    }
}

/// What this offer is asked for by a key; `None` if it is something that nobody offers, or all that fits a pattern.
pub(crate) fn asked(offer: &str, key: &str) -> Option<Asked> {
    let asked = key.strip_prefix(ROOT)?.strip_prefix('/')?.strip_prefix(offer)?.strip_prefix("/ask/")?;
    match asked.split_once('/') {
        Some(("value", tag)) => Some(Asked::Value(decoded(tag)?)),
        Some(("rest", tag)) => Some(Asked::Rest(decoded(tag)?)),
        Some(_) => None,
        None => (asked == "tags").then_some(Asked::Tags),
    }
}

fn decoded(part: &str) -> Option<String> {
    if part.len() > LONGEST_KEY {
        return None;
    }
    percent_decode_str(part).decode_utf8().ok().map(String::from)
}

#[cfg(test)]
mod tests {
    use zenoh::key_expr::KeyExpr;

    use super::*;

    #[test]
    fn any_tag_has_a_key() {
        for tag in ["cam", "left cam/*?#$", "кам%25", "**", "@x", "-", ".."] {
            for asked_for in [Asked::Value(tag.to_owned()), Asked::Rest(tag.to_owned())] {
                let key = ask("a", &asked_for);
                assert!(KeyExpr::try_from(key.as_str()).is_ok(), "{key}");
                assert_eq!(asked("a", &key), Some(asked_for));
            }
            let key = alive("a", tag);
            assert!(KeyExpr::try_from(key.as_str()).is_ok(), "{key}");
            assert_eq!(offer_alive(&key), Some(("a".to_owned(), tag.to_owned())));
        }
        assert_eq!(asked("a", &ask("a", &Asked::Tags)), Some(Asked::Tags));
        for key in
            ["1/a/ask/x", "2/a/ask/tags", "1/*/ask/tags", "1/b/ask/tags", "1/a/ask/**", "1/a/ask/value/%ff"]
        {
            assert_eq!(asked("a", &format!("ndsharray/{key}")), None, "{key}");
        }
    }

    #[test]
    fn names_of_hosts_are_checked() {
        assert!(offer_alive("ndsharray/1/0a-1/alive/left%20robot").is_some());
        let long = "a".repeat(256);
        for key in [
            "a/alive/%1b",
            "a/alive/%ff",
            "a%2F/alive/b",
            &format!("a/alive/{long}"),
            &format!("{long}/alive/b"),
        ] {
            assert_eq!(offer_alive(&format!("ndsharray/1/{key}")), None, "{key}");
        }
    }
}
