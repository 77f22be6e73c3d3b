//! Forks in the middle of everything: what a child inherits may be used or dropped, and neither hurts the parent nor
//! leaks a slot for good; a writer and its loans stay the parent's. Forks at an instant that another thread makes are
//! binaries of their own, `fork_windows` and `fork_clock`.

#[path = "../common/mod.rs"]
mod common;
mod loans;
mod snapshots;
#[cfg(feature = "ndarray")]
mod writers;

use common::process::{Process, place, role};
use common::test_name;
use ndsharray::Store;

/// Starts a role.
fn start(role: &str, store: &Store) -> Process {
    Process::start(test_name!(child), role, store.directory())
}

/// The same, and waits until it is ready.
fn ready(role: &str, store: &Store) -> Process {
    Process::ready(test_name!(child), role, store.directory())
}

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    match &role[..] {
        #[cfg(feature = "ndarray")]
        "inherit-writer" => writers::inherit_writer(&store),
        #[cfg(feature = "ndarray")]
        "outlive" => writers::outlive(&store),
        "write" => snapshots::write(&store),
        "inherit-snapshots" => snapshots::inherit_snapshots(&store),
        "inherit-kept" => snapshots::inherit_kept(&store),
        "exit-holding" => snapshots::exit_holding(&store),
        "fork-while-reading" => snapshots::fork_while_reading(&store),
        "inherit-loan" => loans::inherit_loan(&store),
        "lend-nothing" => loans::lend_nothing(&store),
        _ => panic!("{role}?"),
    }
}
