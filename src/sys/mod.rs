//! The one door to the operating system.

pub(crate) mod file;
