//! `serve` over a store that is mounted read-only, as a container has it.
#![cfg(feature = "serve")]

mod place;
mod server;

use std::process::Command;

use place::{Place, names, skip};
use server::Server;

/// In a mount namespace of its own, mounts the directory read-only over itself, makes sure of it, and becomes the program.
const SCRIPT: &str = r#"
    mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 1
    if touch "$1/x" 2>/dev/null; then exit 1; fi
    exec "$2" --dir "$1" serve --listen 127.0.0.1:0
"#;

/// The elements in an answer.
#[track_caller]
fn data(answer: &str) -> &str {
    let (_, rest) = answer.split_once("\"data\":").unwrap_or_else(|| panic!("{answer}"));
    rest.split_once(']').unwrap().0.strip_prefix('[').unwrap()
}

#[test]
fn a_store_that_is_mounted_read_only() {
    let test = "a_store_that_is_mounted_read_only";
    if !rustix::process::geteuid().is_root() {
        return skip(test, "mounting takes root");
    }
    let place = Place::new();
    let store = place.store();
    let mut writer = store.writer("cam").unwrap();
    writer.write_slice(&[1u8, 2, 3], &[3]).unwrap();
    let before = names(place.directory());
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", SCRIPT, "sh"]);
    command.args([place.directory().as_os_str(), env!("CARGO_BIN_EXE_ndsharray").as_ref()]);
    let server = Server::start(command);

    assert!(server.get("/tags").contains("\"writer_alive\":true"));
    assert!(server.get("/metrics").contains("\nndsharray_values_total{tag=\"cam\"} 1\n"));
    let first = server.get("/tag/cam/next?format=json");
    assert_eq!(data(&first), "1,2,3");
    let cursor = first.lines().find_map(|line| line.strip_prefix("ndsharray-cursor: ")).unwrap();
    // It waits for the next value, though it cannot register itself as a waiter.
    let next = std::thread::scope(|scope| {
        let waits = scope.spawn(|| server.get(&format!("/tag/cam/next?format=json&after={cursor}")));
        std::thread::sleep(std::time::Duration::from_millis(100));
        writer.write_slice(&[4u8, 5, 6], &[3]).unwrap();
        waits.join().unwrap()
    });
    assert_eq!(data(&next), "4,5,6");
    // Many more than there are slots: none is held for a reader that only copies.
    for value in 0..100u8 {
        writer.write_slice(&[value; 3], &[3]).unwrap();
        assert_eq!(data(&server.get("/tag/cam/latest.json")), format!("{value},{value},{value}"));
    }
    assert_eq!(names(place.directory()), before, "nothing was written to the store");
}
