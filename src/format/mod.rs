//! The bytes of the files: what each field is and where it lies; identity blocks are read, checked and written here.

pub(crate) mod attributes;
pub(crate) mod entry;
pub(crate) mod header;
pub(crate) mod identity;
pub(crate) mod layout;
pub(crate) mod record;
pub(crate) mod segment;
pub(crate) mod words;
