//! What two mirrors say to each other: the names of what is asked for, and the messages.

pub(crate) mod key;
pub(crate) mod message;
pub(crate) mod value;
