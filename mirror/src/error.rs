//! What can go wrong with a mirror.

/// A result whose error is an [`Error`], if nothing else is said.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong when a mirror is started. What goes wrong later concerns a tag: it stands in the status, and is tried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] ndsharray::Error),
    /// A text is no pattern of tags.
    #[error(
        "{pattern:?} is no tag and no pattern: {reason}; use * for any text, ? for a character, [abc] or {{a,b}} for one of several"
    )]
    Pattern {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A tag with this prefix cannot be the name of an array.
    #[error("the prefix {prefix:?} cannot begin a tag: {reason}")]
    Prefix {
        /// The prefix.
        prefix: String,
        /// The rule that it breaks.
        reason: String,
    },
    /// This is no endpoint that a session can have.
    #[error(
        "{endpoint:?} is no endpoint: {reason}; expected one such as tcp/0.0.0.0:7447 to listen, tcp/robot:7447 to connect, or tls/robot:7447"
    )]
    Endpoint {
        /// The text.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// This cannot be the name of a host.
    #[error("{host:?} cannot be the name of a host: {reason}")]
    Host {
        /// The name.
        host: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// Zenoh was asked for something that it does not have.
    #[error("cannot {operation}: {reason}")]
    Zenoh {
        /// What was tried.
        operation: String,
        /// What it said.
        reason: String,
    },
    /// The operating system refused something.
    #[error("cannot {operation}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn zenoh(operation: impl Into<String>, error: &dyn std::fmt::Display) -> Self {
        Error::Zenoh { operation: operation.into(), reason: reason(&error.to_string()) }
    }

    /// A configuration file cannot be used.
    pub(crate) fn config(path: &std::path::Path, error: &dyn std::fmt::Display) -> Self {
        // Of a file that is not there, Zenoh says less.
        let reason = match std::fs::File::open(path) {
            Err(error) => error.to_string(),
            Ok(_) => reason(&error.to_string()),
        };
        Error::Zenoh { operation: format!("use the configuration file {}", path.display()), reason }
    }
}

/// What Zenoh says, in one line and for people: without the places in its source, and the frames of its parsers.
fn reason(text: &str) -> String {
    let text = text.split(" - Caused by ").map(without_places).collect::<Vec<_>>().join(": ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((said, location)) =
        text.split_once("msg: \"").and_then(|(_, text)| text.rsplit_once("\", location"))
    {
        let line = location.split_once("line: ").map_or("", |(_, line)| line);
        let line: String = line.chars().take_while(char::is_ascii_digit).collect();
        let said = said.replace("\\\"", "\"");
        return if line.is_empty() { said } else { format!("line {line}: {said}") };
    }
    if let Some((place, expected)) = text.strip_prefix("--> ").and_then(|text| text.split_once(" = ")) {
        let line = place.split(':').next().unwrap_or_default();
        return format!("line {line}: {expected}");
    }
    if text.contains(']') { text } else { text.replace('[', "") }
}

/// A text without the places in Zenoh's source that it ends with.
fn without_places(text: &str) -> &str {
    match text.rsplit_once(" at ") {
        Some((said, place)) if place.contains(".rs:") => without_places(said),
        _ => text.trim_end_matches(['.', ' ']),
    }
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn what_zenoh_says_is_made_plain() {
        for (said, plain) in [
            ("it is in use at /a/b.rs:12", "it is in use"),
            ("No key. at /a.rs:12. at /b.rs:3.", "No key"),
            ("cannot at all at /a b/c.rs:1. - Caused by [x: in use at /d.rs:3.", "cannot at all: x: in use"),
            (
                "  --> 2:1\n  |\n2 | \n  | ^---\n  |\n  = expected array or string",
                "line 2: expected array or string",
            ),
            (
                r#"JSON error: Message { msg: "unknown field `a`", location: Some(Location { line: 3, column: 1 }) }"#,
                "line 3: unknown field `a`",
            ),
            ("[::1]:7447 is no address", "[::1]:7447 is no address"),
        ] {
            assert_eq!(reason(said), plain);
        }
    }
}
