//! Attributes: user data that are a JSON object.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::format::segment::{ATTRIBUTES, Line};

/// The text of attributes; `None` if the user data are other bytes.
pub(crate) fn text<'a>(line: &Line, user_data: &'a [u8]) -> Result<Option<&'a str>> {
    if line.encoding != ATTRIBUTES {
        return Ok(None);
    }
    std::str::from_utf8(user_data).map(Some).map_err(|error| damaged(&error))
}

/// Attributes by name; `None` if the user data are other bytes.
pub(crate) fn parsed(line: &Line, user_data: &[u8]) -> Result<Option<Map<String, Value>>> {
    let Some(text) = text(line, user_data)? else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|error| damaged(&error))
}

fn damaged(error: &dyn std::fmt::Display) -> Error {
    Error::InvalidAttributes { found: format!("stored text: {error}"), expected: "a JSON object" }
}
