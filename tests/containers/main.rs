//! Containers: namespaces of mounts, processes, users and time, and memory cgroups.

mod boundary;
mod charged;
#[path = "../common/mod.rs"]
mod common;
mod engine;
mod time_namespaces;
mod user_namespaces;

use std::time::{Duration, Instant};

use common::process::PATIENCE;
use ndsharray::Store;

/// The processes of a namespace go some time after the `unshare` that was killed.
#[track_caller]
fn until_dead(store: &Store, tag: &str) {
    let deadline = Instant::now() + PATIENCE;
    while store.stat(tag).unwrap().writer_alive {
        assert!(Instant::now() < deadline, "the lock of a killed writer is still held");
        std::thread::sleep(Duration::from_millis(1));
    }
}
