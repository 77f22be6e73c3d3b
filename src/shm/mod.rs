//! The mapped files, and the values in them.

pub(crate) mod futex;
pub(crate) mod header;
pub(crate) mod held;
pub(crate) mod mapping;
pub(crate) mod pinned;
pub(crate) mod registry;
pub(crate) mod segment;
