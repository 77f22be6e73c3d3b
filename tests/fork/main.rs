//! Forks: what a child inherits. Windows of a fork that another thread makes are a binary of its own, `fork_windows`.

#[path = "../common/mod.rs"]
mod common;
#[cfg(feature = "ndarray")]
mod inherited;
