//! Values as programs and the page get them.

pub(crate) mod description;
pub(crate) mod element;
pub(crate) mod elements;
pub(crate) mod looks;
