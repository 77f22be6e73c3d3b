//! Snapshots, and readers that keep one as long as it is current, on both sides of a fork.

use std::time::{Duration, Instant};

use ndsharray::{Snapshot, Store};

use crate::common::forking::{fork, join};
use crate::common::process::{Watchdog, hear, say, stopping, wait_for_end};
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::common::values::{FIXED, check_snapshot, write_next};
use crate::{ready, start};

/// Role: writes until it is told to end.
pub fn write(store: &Store) {
    let mut writer = store.writer(FIXED).unwrap();
    write_next(&mut writer).unwrap();
    say("ready");
    while !stopping() {
        write_next(&mut writer).unwrap();
    }
}

/// Role: uses snapshots and a reader on both sides of forks, and of forks of forks.
pub fn inherit_snapshots(store: &Store) {
    let mut reader = store.reader(FIXED).unwrap();
    let held: Vec<Snapshot> = (0..2).map(|_| reader.wait(None).unwrap().unwrap()).collect();
    assert!(held.iter().all(|snapshot| !snapshot.is_copy()));
    let mut work = || {
        let (start, mut values) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_millis(200) || values < 10 {
            check_snapshot(FIXED, &reader.wait(None).unwrap().unwrap());
            let inherited = held.iter().chain([&held[values % 2].clone()]).cloned().collect::<Vec<_>>();
            inherited.iter().for_each(|snapshot| check_snapshot(FIXED, snapshot));
            values += 1;
        }
    };
    let children: Vec<_> = (0..3)
        .map(|_| {
            fork(|| {
                let grandchild = fork(|| {
                    work();
                    give_back(&held);
                });
                work();
                give_back(&held);
                join(grandchild);
            })
        })
        .collect();
    work();
    children.into_iter().for_each(join);
    say("held");
    assert_eq!(hear(), "drop");
    give_back(&held);
    std::mem::forget(held);
    drop(reader);
    say("dropped");
    wait_for_end();
}

/// Drops what a child inherited, in a process that does not drop it again.
fn give_back(held: &Vec<Snapshot>) {
    // SAFETY: the callers end, or forget it, afterwards.
    drop(unsafe { std::ptr::read(held) });
}

#[test]
fn snapshots_stay_on_both_sides_and_their_pins_balance() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let writer = ready("write", &store);
    let mut parent = start("inherit-snapshots", &store);
    assert_eq!(parent.line(), "held");
    writer.end();
    let stat = || store.stat(FIXED).unwrap().value.unwrap();
    let before = stat();
    assert_eq!(before.slots.pinned, 2, "those of the parent, and no more of its children");
    parent.tell("drop");
    assert_eq!(parent.line(), "dropped");
    assert_eq!((stat().slots.pinned, stat().data_file), (0, before.data_file));
    parent.end();
}

/// Role: forks with a value that it keeps as long as there is no newer one, and so does its child.
pub fn inherit_kept(store: &Store) {
    let mut writer = store.writer(FIXED).unwrap();
    let reader = store.reader(FIXED).unwrap();
    let pinned = || store.stat(FIXED).unwrap().value.unwrap().slots.pinned;
    for ends_at_once in [false, true] {
        write_next(&mut writer).unwrap();
        let kept = reader.latest().unwrap();
        let look = || {
            for _ in 0..200 {
                assert!(!reader.has_changed(&kept));
                check_snapshot(FIXED, &kept);
            }
        };
        look();
        assert_eq!(pinned(), 1, "it is kept");
        join(fork(|| {
            look();
            check_snapshot(FIXED, &reader.latest().unwrap());
            if !ends_at_once {
                // SAFETY: read once, here, in a process that ends without dropping it again.
                drop(unsafe { std::ptr::read(&kept) });
                assert_eq!(pinned(), 1, "the parent's");
            }
        }));
        look();
        for _ in 0..10 {
            write_next(&mut writer).unwrap();
        }
        assert!(reader.has_changed(&kept));
        check_snapshot(FIXED, &kept);
        assert_eq!(reader.view().unwrap().version(), kept.version() + 10);
        drop(kept);
        assert_eq!(pinned(), usize::from(ends_at_once), "the child's, if it gave nothing back");
    }
}

#[test]
fn a_kept_value_is_kept_on_both_sides() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("inherit-kept", &store).end();
    assert_eq!(files(store.directory()).len(), 2);
}

/// Role: its child ends without dropping what it holds.
pub fn exit_holding(store: &Store) {
    let mut reader = store.reader(FIXED).unwrap();
    let held = reader.wait(None).unwrap().unwrap();
    join(fork(|| check_snapshot(FIXED, &held)));
    check_snapshot(FIXED, &held);
    drop(held);
}

#[test]
fn a_child_that_exits_leaks_its_pins_until_the_next_file() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let writer = ready("write", &store);
    start("exit-holding", &store).end();
    writer.end();
    let stat = || store.stat(FIXED).unwrap().value.unwrap().slots;
    assert_eq!(stat().pinned, 1, "the child's pin, and not its parent's");
    let mut next = store.writer(FIXED).unwrap();
    for _ in 0..20 {
        write_next(&mut next).unwrap();
    }
    assert_eq!((stat().allocated, stat().pinned), (3, 1), "it costs one slot");
    next.write_slice(&[0_u8; 100_000], &[100_000]).unwrap();
    assert_eq!((stat().allocated, stat().pinned), (1, 0));
    assert_eq!(files(store.directory()).len(), 2);
}

/// Role: forks again and again while a thread of its own reads at full speed.
pub fn fork_while_reading(store: &Store) {
    let mut reader = store.reader(FIXED).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let held = reader.wait(None).unwrap().unwrap();
    let mut other = reader.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let snapshot = other.wait(None).unwrap().unwrap();
                check_snapshot(FIXED, &snapshot);
                assert!(snapshot.version() > last);
                last = snapshot.version();
            }
        });
        for _ in 0..50 {
            join(fork(|| {
                check_snapshot(FIXED, &held);
                check_snapshot(FIXED, &reader.latest().unwrap());
            }));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    check_snapshot(FIXED, &held);
}

#[test]
fn forks_while_another_thread_reads() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let writer = ready("write", &store);
    start("fork-while-reading", &store).end();
    writer.end();
    // What the children held at their ends stays pinned, until the file is replaced.
    let mut next = store.writer(FIXED).unwrap();
    write_next(&mut next).unwrap();
    next.write_slice(&[0_u8; 100_000], &[100_000]).unwrap();
    assert_eq!(store.stat(FIXED).unwrap().value.unwrap().slots.pinned, 0);
    assert_eq!(files(store.directory()).len(), 2);
}
