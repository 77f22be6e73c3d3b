//! Forks in the middle of everything: what a child inherits may be used or dropped, and neither hurts the parent nor
//! leaks a slot for good; a writer and its loans stay the parent's.

use std::time::{Duration, Instant};

use ndsharray::ndarray::array;
use ndsharray::{DType, Error, Snapshot, Store};

use crate::common::forking::{fork, join};
use crate::common::process::{Process, Watchdog, hear, place, role, say, stopping, wait_for_end};
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::common::values::{FIXED, check_snapshot, check_view, write_next};

/// Starts one of the roles below.
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
        "write" => write(&store),
        "inherit-writer" => inherit_writer(&store),
        "outlive" => outlive(&store),
        "inherit-snapshots" => inherit_snapshots(&store),
        "inherit-kept" => inherit_kept(&store),
        "exit-holding" => exit_holding(&store),
        "inherit-loan" => inherit_loan(&store),
        "fork-while-reading" => fork_while_reading(&store),
        "lend-nothing" => lend_nothing(&store),
        _ => panic!("{role}?"),
    }
}

/// Role: writes until it is told to end.
fn write(store: &Store) {
    let mut writer = store.writer(FIXED).unwrap();
    write_next(&mut writer).unwrap();
    say("ready");
    while !stopping() {
        write_next(&mut writer).unwrap();
    }
}

fn inherit_writer(store: &Store) {
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
                forked(writer.write_with(&array![1_u8, 2], b"x"));
                forked(writer.write_slice(&[1_u8], &[1]));
                forked(writer.write_bytes(&DType::UInt8, &[1], &[1], b""));
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
fn outlive(store: &Store) {
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

/// Role: snapshots and a reader, used on both sides of forks and of forks of forks.
fn inherit_snapshots(store: &Store) {
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
    assert_eq!(before.slots.unwrap().pinned, 2, "those of the parent, and no more of its children");
    parent.tell("drop");
    assert_eq!(parent.line(), "dropped");
    assert_eq!((stat().slots.unwrap().pinned, stat().data_file), (0, before.data_file));
    parent.end();
}

/// Role: forks with a reader that keeps the pin of a value which it has asked for many times.
fn inherit_kept(store: &Store) {
    let mut writer = store.writer(FIXED).unwrap();
    let reader = store.reader(FIXED).unwrap();
    let pinned = || store.stat(FIXED).unwrap().value.unwrap().slots.unwrap().pinned;
    for ends_at_once in [false, true] {
        write_next(&mut writer).unwrap();
        let look = || (0..200).for_each(|_| check_view(FIXED, &reader.view().unwrap()));
        look();
        assert_eq!(pinned(), 1, "it is kept");
        join(fork(|| {
            look();
            check_snapshot(FIXED, &reader.latest().unwrap());
            if !ends_at_once {
                // SAFETY: read once, here, in a process that ends without dropping it again.
                drop(unsafe { std::ptr::read(&reader) });
                assert_eq!(pinned(), 1, "the parent's");
            }
        }));
        look();
        let version = reader.latest().unwrap().version();
        for _ in 0..10 {
            write_next(&mut writer).unwrap();
        }
        assert_eq!(reader.view().unwrap().version(), version + 10);
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
fn exit_holding(store: &Store) {
    let mut reader = store.reader(FIXED).unwrap();
    let held = reader.wait(None).unwrap().unwrap();
    join(fork(|| check_snapshot(FIXED, &held)));
    check_snapshot(FIXED, &held);
    drop(held);
}

#[test]
fn a_child_that_exits_leaks_its_pins_until_the_next_writer() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let writer = ready("write", &store);
    start("exit-holding", &store).end();
    writer.end();
    let stat = || store.stat(FIXED).unwrap().value.unwrap().slots.unwrap();
    assert_eq!(stat().pinned, 1, "the child's pin, and not its parent's");
    let mut next = store.writer(FIXED).unwrap();
    for _ in 0..20 {
        write_next(&mut next).unwrap();
    }
    assert_eq!((stat().allocated, stat().pinned), (2, 0));
    assert_eq!(files(store.directory()).len(), 2);
}

/// Role: forks while it has a loan, of memory in use and of a file that has no name yet.
fn inherit_loan(store: &Store) {
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8; 3], &[3]).unwrap();
    for (length, publish) in [(3, false), (3, true), (100_000, false), (300_000, true)] {
        let version = writer.version();
        let mut loan = writer.loan::<u8>(&[length]).unwrap();
        loan.as_mut_slice().fill(7);
        let before = files(store.directory());
        join(fork(|| {
            // SAFETY: read once, here, in a process that ends without dropping it again.
            let mut mine = unsafe { std::ptr::read(&loan) };
            assert!(mine.as_mut_slice().is_empty(), "the memory is the parent's");
            if publish {
                assert!(matches!(mine.publish(), Err(Error::Forked { .. })));
            } else {
                drop(mine);
            }
            assert_eq!(files(store.directory()), before, "the parent's files are there");
        }));
        assert_eq!(files(store.directory()), before);
        assert_eq!(loan.publish().unwrap(), version + 1);
        let value = store.reader("a").unwrap().latest().unwrap();
        assert_eq!((value.bytes(), value.version()), (&vec![7; length][..], version + 1));
        assert_eq!(files(store.directory()).len(), 2);
    }
}

#[test]
fn a_loan_in_a_child_is_inert() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("inherit-loan", &store).end();
    assert_eq!(files(store.directory()).len(), 2);
}

/// Role: its child writes to a loan that it inherited, and ends.
fn lend_nothing(store: &Store) {
    let mut writer = store.writer("a").unwrap();
    for fresh in [true, false] {
        if !fresh {
            writer.write_slice(&[0_u8; 3], &[3]).unwrap();
        }
        let mut loan = writer.loan::<u8>(&[3]).unwrap();
        loan.as_mut_slice().fill(1);
        join(fork(|| loan.as_mut_slice().fill(9)));
        loan.publish().unwrap();
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 3], "the child wrote to it");
    }
}

#[test]
fn a_loan_in_a_forked_child_lends_nothing() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    start("lend-nothing", &store).end();
}

/// Role: forks again and again while a thread of its own reads at full speed.
fn fork_while_reading(store: &Store) {
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
    let mut next = store.writer(FIXED).unwrap();
    write_next(&mut next).unwrap();
    assert_eq!(store.stat(FIXED).unwrap().value.unwrap().slots.unwrap().pinned, 0);
    assert_eq!(files(store.directory()).len(), 2);
}
