//! A value as a message of protobuf: the two schemas, and the way there and back.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod image;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
