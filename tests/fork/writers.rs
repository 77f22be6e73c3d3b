//! A writer in a forked child writes nothing and removes nothing, and does not keep its parent's lock.

use ndsharray::ndarray::array;
use ndsharray::{DType, Error, Meta, Store};

use crate::common::forking::{fork, join};
use crate::common::process::{Watchdog, hear, say, wait_for_end};
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::common::values::{check_snapshot, write_next};
use crate::start;

/// Role: forks with a writer, whose child tries it and drops it.
pub fn inherit_writer(store: &Store) {
    let mut writer = store.writer("a").unwrap();
    let mut short = store.writer_options("short").ephemeral(true).open().unwrap();
    for writer in [&mut writer, &mut short] {
        write_next(writer).unwrap();
    }
    for _ in 0..3 {
        let (before, version) = (files(store.directory()), writer.version());
        let (mut writer_here, mut short_here) = (writer, short);
        let pid = fork(|| {
            for writer in [&mut writer_here, &mut short_here] {
                let forked = |result: Result<u64, Error>| {
                    assert!(matches!(result, Err(Error::Forked { .. })), "{result:?}");
                };
                forked(writer.write(&array![1_u8, 2]));
                forked(writer.write(&array![[1_u8, 2], [3, 4]].t()));
                forked(writer.write_with(&array![1_u8, 2], &Meta::new()));
                forked(writer.write_slice(&[1_u8], &[1]));
                forked(writer.write_bytes(&DType::UInt8, &[1], &[1]));
                forked(writer.loan::<u8>(&[1]).map(|_| 0));
                forked(writer.loan_bytes(&DType::UInt8, &[1]).map(|_| 0));
            }
            // SAFETY: read once, here, in a process that ends without dropping them again.
            let mine = unsafe { (std::ptr::read(&writer_here), std::ptr::read(&short_here)) };
            drop(mine);
            assert_eq!(files(store.directory()), before, "nothing was removed");
            assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })), "the parent's lock holds");
            let mut own = store.writer("own").unwrap();
            write_next(&mut own).unwrap();
            drop(own);
            store.remove("own").unwrap();
        });
        join(pid);
        say("forked");
        assert_eq!(hear(), "go on");
        (writer, short) = (writer_here, short_here);
        assert_eq!(write_next(&mut writer).unwrap(), version + 1);
        write_next(&mut short).unwrap();
    }
}

#[test]
fn a_writer_in_a_child_is_inert() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let mut parent = start("inherit-writer", &store);
    for _ in 0..3 {
        assert_eq!(parent.line(), "forked");
        for tag in ["a", "short"] {
            assert!(matches!(store.writer(tag), Err(Error::WriterExists { .. })), "{tag}");
            assert!(store.stat(tag).unwrap().writer_alive);
        }
        parent.tell("go on");
    }
    parent.end();
    assert_eq!(store.tags().unwrap(), ["a"], "the ephemeral tag went with its writer, and not before");
    assert_eq!(files(store.directory()).len(), 2);
}

/// Role: a child that lives on, with everything that it inherited, when its parent is killed.
pub fn outlive(store: &Store) {
    let mut writer = store.writer("a").unwrap();
    write_next(&mut writer).unwrap();
    let held = store.reader("a").unwrap().latest().unwrap();
    fork(|| {
        say(std::process::id());
        // The write end of its standard input is the test's.
        assert_eq!(hear(), "end");
        check_snapshot("a", &held);
        say("fine");
    });
    wait_for_end();
}

#[test]
fn a_child_does_not_keep_the_lock_of_a_killed_parent() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let mut parent = start("outlive", &store);
    let pid: u32 = parent.line().parse().unwrap();
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
    parent.kill_and_listen();
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists(), "the child lives on");
    let mut writer = store.writer("a").unwrap();
    for version in 2..50 {
        assert_eq!(write_next(&mut writer).unwrap(), version);
    }
    assert_eq!(files(store.directory()).len(), 2);
    parent.tell("end");
    assert_eq!(parent.line(), "fine", "what the child held did not change");
}
