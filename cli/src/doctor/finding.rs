//! What a check found, how bad it is, and what to do about it.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// May cause trouble later.
    Note,
    /// Causes trouble now.
    Problem,
}

#[derive(Debug, Serialize)]
pub struct Finding {
    pub level: Level,
    pub check: &'static str,
    pub found: String,
    /// What to do; empty if there is nothing to do.
    pub todo: String,
}

impl Finding {
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Finding { level: Level::Ok, check, found: found.into(), todo: String::new() }
    }

    pub fn note(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Finding { level: Level::Note, check, found: found.into(), todo: todo.into() }
    }

    pub fn problem(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Finding { level: Level::Problem, check, found: found.into(), todo: todo.into() }
    }
}
