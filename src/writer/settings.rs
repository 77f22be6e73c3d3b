//! What `WriterOptions` sets, checked.

use crate::error::{Error, Result};
use crate::format::header::SOURCE_BYTES;
use crate::format::segment::{MOST_SLOTS, SLOTS};

/// The values of [`WriterOptions`](crate::WriterOptions).
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub mode: Option<u32>,
    pub ephemeral: bool,
    pub takeover: bool,
    pub capacity: usize,
    pub history: usize,
    pub source: String,
}

impl Settings {
    /// Refuses values that cannot be.
    pub fn check(&self) -> Result<()> {
        let allowed = |mode: u32| mode & !0o666 == 0 && mode & 0o600 == 0o600;
        if let Some(mode) = self.mode.filter(|&mode| !allowed(mode)) {
            return Err(Error::InvalidOption {
                option: "mode",
                found: format!("{mode:#o}"),
                expected: "octal, such as 0o640: read and write for the owner, and no more than 0o666",
            });
        }
        if self.history > MOST_SLOTS - SLOTS {
            return Err(Error::InvalidOption {
                option: "history",
                found: self.history.to_string(),
                expected: "0 to 248",
            });
        }
        if self.source.len() > SOURCE_BYTES || self.source.contains(char::is_control) {
            return Err(Error::InvalidOption {
                option: "source",
                found: format!("{:?}, of {} bytes", self.source, self.source.len()),
                expected: "at most 128 bytes of UTF-8 without control characters",
            });
        }
        Ok(())
    }
}
