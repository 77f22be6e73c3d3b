//! The model of a tag, and the operations that are tried on it.

pub mod ops;
pub mod values;
pub mod world;
