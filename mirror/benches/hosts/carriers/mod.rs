//! Other ways to carry the same arrays.

pub mod put;
pub mod tcp;
