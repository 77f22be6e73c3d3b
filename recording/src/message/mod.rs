//! A value as a message of protobuf: the two schemas, and the way there and back.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod image;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

use serde::de::IgnoredAny;

/// Whether a text can be the attributes of a value: a JSON object. The text alone is kept: an object in memory may take many times its
/// size.
pub(crate) fn are_attributes(text: &str) -> bool {
    text.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}
