//! What can go wrong with a recording.

use std::io;
use std::path::{Path, PathBuf};

/// A result whose error is an [`Error`], if nothing else is said.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused something about the file.
    #[error("{}: cannot {operation}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file of this name exists. It is not overwritten.
    #[error("{}: the file exists; give another name, or remove it first", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full, or would have less free space than the recording is to leave
    /// ([`min_free`](crate::RecordingOptions::min_free)).
    #[error(
        "{}: too little free space: {free} bytes are free, {wanted} are needed; free some space or use another disk",
        path.display()
    )]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// How many bytes are free.
        free: u64,
        /// How many bytes have to be free: those that are to stay free, and what the recording still has to write.
        wanted: u64,
    },
    /// A write to the disk failed: somebody else filled the disk, or it is broken. The file is cut: it has what was written before,
    /// whole, but no index.
    #[error(
        "{}: cannot write: {source}; the file is cut: it has the first {values} values and no index; \
         `ndsharray convert --recover` makes a complete file of it",
        path.display()
    )]
    Cut {
        /// The file.
        path: PathBuf,
        /// How many values are in it.
        values: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not an MCAP file.
    #[error("{}: not a recording: found {found}, expected an MCAP file", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What it begins with.
        found: String,
    },
    /// A part of the file is damaged.
    #[error("{}: damaged at byte {offset}: found {found}, expected {expected}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in the file, in bytes from its start: the damaged part, or the chunk it is in if that is damaged or compressed.
        offset: u64,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },
    /// The recording has no such tag.
    #[error("{}: no tag {tag:?} in this recording; it has {}", path.display(), listed(tags))]
    NoTag {
        /// The file.
        path: PathBuf,
        /// The tag that was asked for.
        tag: String,
        /// Those that there are.
        tags: Vec<String>,
    },
    /// A value is larger than 1 GiB, which is the most that a recording takes.
    #[error("tag {tag:?}: a value has {nbytes} bytes; a recording takes values of at most 1 GiB")]
    TooLarge {
        /// The tag.
        tag: String,
        /// The size of the value.
        nbytes: usize,
    },
    /// The parts of a value do not fit together, so that it could not be read again.
    #[error("tag {tag:?}: the value cannot be recorded: {problem}")]
    InvalidValue {
        /// The tag.
        tag: String,
        /// What does not fit.
        problem: String,
    },
    /// The file has 65,535 channels, and cannot have more. It has one for each layout of each tag.
    #[error(
        "tag {tag:?}: the file has 65,535 channels already, one for each layout of each tag; record fewer tags into one file"
    )]
    TooManyChannels {
        /// The tag that has no channel.
        tag: String,
    },
    /// The recording has ended with an error, which an earlier call returned.
    #[error("{}: the recording has ended with an error, which an earlier call returned", path.display())]
    Ended {
        /// The file.
        path: PathBuf,
    },
    /// An error of the store.
    #[error(transparent)]
    Store(#[from] ndsharray::Error),
}

/// What is found in a damaged file, and what is expected.
pub(crate) type Problem = (String, &'static str);

impl Error {
    /// Whether it is about one value, after which others can be recorded.
    pub(crate) fn is_of_value(&self) -> bool {
        use Error::{InvalidValue, Store, TooLarge, TooManyChannels};
        matches!(self, TooLarge { .. } | InvalidValue { .. } | TooManyChannels { .. } | Store(_))
    }

    pub(crate) fn io(path: &Path, operation: &'static str, source: impl Into<io::Error>) -> Self {
        Error::Io { path: path.to_owned(), operation, source: source.into() }
    }
}

/// At most a dozen of them.
fn listed(tags: &[String]) -> String {
    const SHOWN: usize = 12;
    if tags.is_empty() {
        return "none".to_owned();
    }
    let more = tags.len().saturating_sub(SHOWN);
    let shown = tags.iter().take(SHOWN).map(|tag| format!("{tag:?}")).collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}
