//! How far a reader has come: which value it returned last, and how many it missed.

/// Counts in ordinals: numbers of values among all of the tag, which only grow.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    /// The value that `read` or `wait` returned last.
    returned: Option<u64>,
    missed: u64,
}

impl Progress {
    /// Whether a value is newer than the one that was returned last.
    pub fn is_new(&self, ordinal: u64) -> bool {
        self.returned.is_none_or(|returned| ordinal > returned)
    }

    /// The value that was returned last.
    pub fn returned(&self) -> Option<u64> {
        self.returned
    }

    /// A value is returned: those between it and the one before were missed.
    pub fn advance(&mut self, ordinal: u64) {
        if let Some(returned) = self.returned {
            self.missed += ordinal.saturating_sub(returned).saturating_sub(1);
        }
        self.returned = Some(ordinal);
    }

    /// Passes over a value that cannot be reached any more; it does not count as missed.
    pub fn pass_over(&mut self, ordinal: u64) {
        self.returned = Some(ordinal);
    }

    pub fn missed(&self) -> u64 {
        self.missed
    }
}
