//! Values as programs get them.

pub(crate) mod description;
pub(crate) mod elements;
