//! What `WriterOptions` sets, checked.

use crate::error::{Error, Result};
use crate::format::entry::USER_DATA;
use crate::format::segment::SLOTS;

/// The values of [`WriterOptions`](crate::WriterOptions).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub mode: Option<u32>,
    pub ephemeral: bool,
    pub takeover: bool,
    pub capacity: usize,
    pub min_slots: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { mode: None, ephemeral: false, takeover: false, capacity: 0, min_slots: 1 }
    }
}

impl Settings {
    /// Refuses values that cannot be.
    pub fn check(&self) -> Result<()> {
        let allowed = |mode: u32| mode & !0o666 == 0 && mode & 0o600 == 0o600;
        if let Some(mode) = self.mode.filter(|&mode| !allowed(mode)) {
            return Err(Error::InvalidOption {
                option: "mode",
                found: format!("{mode:#o}"),
                expected: "read and write for the owner, and no more than 0o666",
            });
        }
        if self.min_slots == 0 || self.min_slots > SLOTS {
            return Err(Error::InvalidOption {
                option: "min_slots",
                found: self.min_slots.to_string(),
                expected: "1 to 8",
            });
        }
        Ok(())
    }
}

/// Refuses user data that no value has room for.
pub(crate) fn check_user_data(data: &[u8]) -> Result<()> {
    if data.len() > USER_DATA {
        return Err(Error::UserData { found: data.len(), expected: USER_DATA });
    }
    Ok(())
}
