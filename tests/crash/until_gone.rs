//! Loops over values that end when the writer has gone: closed, killed, or its tag removed. They have all that it wrote.

use std::time::Duration;

use ndsharray::{Reader, Store};

use crate::common::process::{Process, Watchdog, hear, place, role, say};
use crate::common::sandbox::store;
use crate::common::test_name;

/// Writes as many values as it is told, then is told how to end.
fn write(store: &Store) {
    let ephemeral = hear() == "ephemeral";
    let mut writer = store.writer_options("a").history(200).ephemeral(ephemeral).open().unwrap();
    say("ready");
    let values: u64 = hear().parse().unwrap();
    for value in 1..=values {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    if hear() == "close" {
        return;
    }
    // SAFETY: ends the process at once; the lock goes with it.
    unsafe { libc::_exit(0) };
}

fn numbers(values: impl Iterator<Item = ndsharray::Result<ndsharray::Snapshot>>) -> Vec<u64> {
    values.map(|value| value.unwrap().as_slice::<u64>().unwrap()[0]).collect()
}

#[test]
fn loops_end_after_the_last_value() {
    if role().is_some() {
        return write(&Store::open(place()).unwrap());
    }
    let watchdog = Watchdog::new(test_name!());
    for how in ["close", "die"] {
        for kind in ["lasting", "ephemeral"] {
            watchdog.feed();
            let (_dir, store) = store();
            let mut process = Process::start(test_name!(), "write", store.directory());
            process.tell(kind);
            process.expect("ready");
            let mut each = store.reader("a").unwrap();
            let mut latest = each.clone();
            std::thread::scope(|scope| {
                let each = scope.spawn(|| numbers(each.every(None).until_writer_gone()));
                let latest = scope.spawn(|| numbers(latest.values(None).until_writer_gone()));
                process.tell("150");
                // So that an ephemeral tag does not go with what was not read yet.
                let mut own = store.reader("a").unwrap();
                while own.wait(None).unwrap().unwrap().version() < 150 {}
                std::thread::sleep(Duration::from_millis(50));
                assert!(!each.is_finished() && !latest.is_finished(), "the writer lives");
                process.tell(how);
                assert_eq!(each.join().unwrap(), (1..=150).collect::<Vec<u64>>(), "{how}, {kind}");
                let latest = latest.join().unwrap();
                assert!(latest.is_sorted() && latest.last() == Some(&150), "{how}, {kind}: {latest:?}");
            });
            process.dies();
        }
    }
}

#[test]
fn loops_end_with_a_removed_tag_and_go_on_with_a_successor() {
    let watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let writer = store.writer("a").unwrap();
    let next = |reader: &mut Reader| {
        reader.every(None).until_writer_gone().next().map(|value| value.unwrap().version())
    };
    let mut reader = store.reader("a").unwrap();
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| next(&mut reader));
        let mut other = writer;
        // None of them is taken for a tag without a writer.
        for _ in 0..50 {
            watchdog.feed();
            other = store.writer_options("a").takeover(true).open().unwrap();
            std::thread::sleep(Duration::from_millis(11));
        }
        assert!(!looping.is_finished());
        other.write_slice(&[1_u8], &[1]).unwrap();
        assert_eq!(looping.join().unwrap(), Some(1));
    });
    let mut reader = store.reader("a").unwrap();
    reader.read().unwrap();
    let writer = store.writer("a").unwrap();
    std::thread::scope(|scope| {
        let looping = scope.spawn(|| next(&mut reader));
        std::thread::sleep(Duration::from_millis(50));
        store.force_remove("a").unwrap();
        assert_eq!(looping.join().unwrap(), None);
    });
    drop(writer);
    // A time that is over ends it while the writer lives.
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    let timeout = Duration::from_millis(120);
    assert_eq!(reader.values(timeout).until_writer_gone().count(), 1);
    assert_eq!(reader.values(Duration::ZERO).until_writer_gone().count(), 0);
    drop(writer);
    assert_eq!(store.reader("a").unwrap().every(None).until_writer_gone().count(), 1);
}
