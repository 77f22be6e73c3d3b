//! Processes in different mount, PID and user namespaces share arrays through one directory, bound at different paths,
//! read-write and read-only, as containers do. Each side is PID 1 of its own namespace.

use std::path::PathBuf;
use std::time::Duration;

use ndsharray::{Error, Store};

use super::engine::{self, pairs, start};
use super::until_dead;
use crate::common::process::{Watchdog, hear, place, role, say};
use crate::common::sandbox::{directory, fails, files};
use crate::common::test_name;

/// A value that does not come within this never comes.
const MINUTE: Duration = Duration::from_secs(60);
/// A directory with the one that is shared in it.
fn shared() -> (tempfile::TempDir, PathBuf) {
    let dir = directory();
    let shared = dir.path().join("store");
    std::fs::create_dir(&shared).unwrap();
    (dir, shared)
}

fn element(value: &ndsharray::Snapshot) -> u64 {
    let all = value.as_slice::<u64>().unwrap();
    assert!(all.iter().all(|&e| e == all[0]), "torn");
    all[0]
}

/// A writer that does what it is told.
fn writer(store: &Store, takeover: bool) {
    let mut writer = store.writer_options("a").takeover(takeover).open().unwrap();
    say("open");
    loop {
        let line = hear();
        let mut words = line.split(' ');
        let (verb, mut numbers) = (words.next().unwrap(), words.map(|word| word.parse::<u64>().unwrap()));
        match verb {
            "write" => {
                let (value, length) = (numbers.next().unwrap(), numbers.next().unwrap() as usize);
                writer.write_slice(&vec![value; length], &[length]).unwrap();
                say("written");
            }
            "fail" => {
                let error = fails(writer.write_slice(&[0_u8], &[1]), "\"a\"");
                assert!(matches!(error, Error::Superseded { .. }), "{error:?}");
                say("superseded");
            }
            "fill" => {
                let mut unfinished = writer.loan::<u64>(&[1000]).unwrap();
                unfinished.as_mut_slice()[..500].fill(u64::MAX);
                say("filling");
                hear();
                panic!("to be killed while it fills");
            }
            "leave" => return,
            other => panic!("{other}?"),
        }
    }
}

/// A reader that waits for each value in turn, and says what it got and how.
fn reader(store: &Store, read_only: bool) {
    assert_eq!(store.tags().unwrap(), ["a"]);
    let mut reader = store.reader("a").unwrap();
    if read_only {
        let error = fails(store.writer("a"), store.directory().to_str().unwrap());
        assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
    } else {
        assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
    }
    let mut held = Vec::new();
    say("open");
    loop {
        match hear().as_str() {
            "wait" => {
                let value = reader.wait(MINUTE).unwrap().expect("a value within a minute");
                assert_eq!(value.is_copy(), read_only);
                // The one before is given back before this one is told.
                held = vec![value];
                say(format!("{} of {}", element(&held[0]), held[0].shape()[0]));
            }
            "alive" => say(if reader.writer_alive().unwrap() { "alive" } else { "dead" }),
            "held" => say(format!("{} held", element(&held[0]))),
            "stop" => return,
            other => panic!("{other}?"),
        }
    }
}

fn side(role: &str) {
    engine::check();
    let store = Store::open(place()).unwrap();
    match role {
        "writer" => writer(&store, false),
        "usurper" => writer(&store, true),
        "reader" => reader(&store, false),
        "observer" => reader(&store, true),
        other => panic!("{other}?"),
    }
}

#[test]
fn stream_hold_and_take_over() {
    let test = test_name!();
    if let Some(role) = role() {
        return side(&role);
    }
    let watchdog = Watchdog::new(test);
    for [first, second] in pairs(test) {
        watchdog.feed();
        let (one, two) = (first.0, second.0);
        for read_only in [false, true] {
            println!("writer in {one}, reader in {two}, read-only {read_only}");
            let (dir, shared) = shared();
            let mut writer = start(first, false, test, "writer", dir.path());
            writer.expect("open");
            let name = if read_only { "observer" } else { "reader" };
            let mut reader = start(second, read_only, test, name, dir.path());
            reader.expect("open");
            // The reader sleeps already, or not yet; the layout is the same, a smaller one, one that needs a new
            // segment.
            for (value, length) in [(1, 1000), (2, 1000), (3, 10), (4, 100_000), (5, 100_000), (6, 1)] {
                reader.tell("wait");
                if value % 2 == 0 {
                    std::thread::sleep(Duration::from_millis(20));
                }
                writer.tell(&format!("write {value} {length}"));
                writer.expect("written");
                reader.expect(&format!("{value} of {length}"));
            }
            reader.tell("alive");
            reader.expect("alive");
            let mut usurper = start(first, false, test, "usurper", dir.path());
            usurper.expect("open");
            writer.tell("fail");
            writer.expect("superseded");
            writer.tell("leave");
            writer.end();
            usurper.tell("write 7 1");
            usurper.expect("written");
            reader.tell("wait");
            reader.expect("7 of 1");
            for value in 8..15 {
                usurper.tell(&format!("write {value} 1"));
                usurper.expect("written");
            }
            reader.tell("held");
            reader.expect("7 held");
            usurper.tell("leave");
            usurper.end();
            reader.tell("alive");
            reader.expect("dead");
            reader.tell("stop");
            reader.end();
            assert_eq!(files(&shared).len(), 2);
        }
    }
}

#[test]
fn killed_across_the_boundary() {
    let test = test_name!();
    if let Some(role) = role() {
        return side(&role);
    }
    let watchdog = Watchdog::new(test);
    for [first, second] in pairs(test) {
        watchdog.feed();
        let (one, two) = (first.0, second.0);
        println!("writer in {one}, reader in {two}");
        let (dir, shared) = shared();
        let host = Store::open(&shared).unwrap();
        let mut writer = start(first, false, test, "writer", dir.path());
        writer.expect("open");
        let mut reader = start(second, false, test, "reader", dir.path());
        reader.expect("open");
        writer.tell("write 1 1000");
        writer.expect("written");
        reader.tell("wait");
        reader.expect("1 of 1000");
        writer.tell("fill");
        writer.expect("filling");
        // The header says pid 1, which in the reader's namespace is another process. What counts is the lock.
        assert_eq!(host.stat("a").unwrap().pid, Some(1));
        assert!(host.stat("a").unwrap().writer_alive);
        let _input = writer.kill();
        until_dead(&host, "a");
        reader.tell("alive");
        reader.expect("dead");
        reader.tell("held");
        reader.expect("1 held");
        assert_eq!(element(&host.reader("a").unwrap().latest().unwrap()), 1);
        // The next one, in the reader's kind of container, goes on; the waiting reader is told.
        reader.tell("wait");
        let mut next = start(second, false, test, "writer", dir.path());
        next.expect("open");
        next.tell("write 2 1000");
        next.expect("written");
        reader.expect("2 of 1000");
        assert_eq!(host.stat("a").unwrap().value.unwrap().version, 2);
        // Now the reader is killed, and its pin stays. A stream goes on without waiting, in two files.
        assert_eq!(host.stat("a").unwrap().value.unwrap().slots.pinned, 1);
        let _input = reader.kill();
        for value in 3..30 {
            next.tell(&format!("write {value} 1000"));
            next.expect("written");
            assert_eq!(element(&host.reader("a").unwrap().latest().unwrap()), value);
        }
        assert_eq!(files(&shared).len(), 2);
        let _input = next.kill();
        until_dead(&host, "a");
        assert_eq!(host.gc().unwrap().removed, [""; 0], "a value outlives its writer");
        host.remove("a").unwrap();
        assert_eq!(files(&shared), [""; 0]);
    }
}

#[test]
fn gc_across_the_boundary() {
    let test = test_name!();
    if let Some(role) = role() {
        engine::check();
        let store = Store::open(place()).unwrap();
        if role == "sweeper" {
            assert_eq!(store.gc().unwrap().removed, [""; 0], "the other container's writer lives");
            say("nothing");
            assert_eq!(hear(), "again");
            let removed = store.gc().unwrap().removed;
            assert!(removed.contains(&"e".to_owned()), "{removed:?}");
            return;
        }
        let mut ephemeral = store.writer_options("e").ephemeral(true).open().unwrap();
        ephemeral.write_slice(&[1_u8], &[1]).unwrap();
        let _unfinished = ephemeral.loan::<u8>(&[100_000]).unwrap();
        say("half done");
        hear();
        return;
    }
    let watchdog = Watchdog::new(test);
    for [first, second] in pairs(test) {
        watchdog.feed();
        let (one, two) = (first.0, second.0);
        println!("writer in {one}, gc in {two}");
        let (dir, shared) = shared();
        let mut writer = start(first, false, test, "maker", dir.path());
        writer.expect("half done");
        let before = files(&shared);
        assert_eq!(before.len(), 3, "header, data file, and a new one under a temporary name: {before:?}");
        let mut sweeper = start(second, false, test, "sweeper", dir.path());
        sweeper.expect("nothing");
        assert_eq!(files(&shared), before);
        let _input = writer.kill();
        until_dead(&Store::open(&shared).unwrap(), "e");
        sweeper.tell("again");
        sweeper.end();
        assert_eq!(files(&shared), [""; 0]);
    }
}
