//! The bytes of the files: what each field is, where it lies, and how it is checked.

pub(crate) mod header;
pub(crate) mod identity;
pub(crate) mod layout;
pub(crate) mod record;
pub(crate) mod segment;
pub(crate) mod words;
