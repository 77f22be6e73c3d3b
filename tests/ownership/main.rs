//! Who owns a tag: takeovers, modes of files, other users and groups, files of others.

#[path = "../common/mod.rs"]
mod common;
mod frozen;
mod hostile_owners;
mod log;
mod other_users;
#[cfg(feature = "ndarray")]
mod permissions;
mod present;
mod takeover;
