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
        // It ends with the place in Zenoh's source.
        let text = error.to_string();
        let reason = text.rsplit_once(" at ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
        Error::Zenoh { operation: operation.into(), reason }
    }
}
