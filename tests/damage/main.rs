//! Damaged files, files of others, places that do not fit, and files that are removed or put back by hand. Nearly every
//! test does its work in a child, so that a signal is seen, and so that limits, mounts and locks are its own.

mod another_headers;
mod bad_places;
#[path = "../common/mod.rs"]
mod common;
mod data;
mod features;
mod flooded_directory;
mod forced;
mod foreign_names;
mod fuzz_corpus;
mod headers;
mod histories;
mod hostile_files;
mod removed_by_hand;
mod restored;
mod slots;
