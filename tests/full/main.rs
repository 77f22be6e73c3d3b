//! Stores that are full, each on a small filesystem that a child mounts.

mod any_moment;
#[path = "../common/mod.rs"]
mod common;
mod copies;
mod errno;
mod given_back;
mod histories;
mod odd_places;
mod small_store;
mod small_writes;
mod space;
#[cfg(feature = "ndarray")]
mod stages;
