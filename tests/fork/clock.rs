//! Forks, and which clock a process has: it is found out once, by the boot and the time namespace. A child that is forked while
//! another thread finds it out does not wait for that thread, and a child in another time namespace finds it out anew.
//!
//! A binary of its own: it puts a function of its own in the place of the C library's `open64`.
#![cfg(target_env = "gnu")]

use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ndsharray::{Snapshot, Store};

#[path = "../common/mod.rs"]
mod common;
use common::forking::{fork, join};
use common::process::{Process, Watchdog, place, role};
use common::sandbox::{store, under};
use common::{test_name, time_namespace};

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    match &role[..] {
        "find-out" => find_out(&store),
        "other-clock" => other_clock(&store),
        _ => panic!("{role}?"),
    }
}

/// 1: the next thread that asks for the boot sets 2, and waits there for 3.
static FINDING_OUT: AtomicU32 = AtomicU32::new(0);

fn wait_for(state: &AtomicU32, value: u32) {
    while state.load(Ordering::SeqCst) != value {
        std::thread::yield_now();
    }
}

/// What the standard library calls, in place of the C library's.
///
/// # Safety
/// As that.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    // SAFETY: a string, by the contract.
    let asks_for_the_boot = unsafe { CStr::from_ptr(path) }.to_bytes().ends_with(b"/boot_id");
    if asks_for_the_boot && FINDING_OUT.compare_exchange(1, 2, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        wait_for(&FINDING_OUT, 3);
    }
    let flags = flags | libc::O_LARGEFILE;
    // SAFETY: as the C library does it.
    unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, flags, mode) as c_int }
}

fn write(store: &Store, tag: &str) {
    store.writer(tag).unwrap().write_slice(&[1_u8], &[1]).unwrap();
}

fn value(store: &Store, tag: &str) -> Snapshot {
    store.reader(tag).unwrap().latest().unwrap()
}

/// An age of somebody's who is alive: what hangs is killed long before.
#[track_caller]
fn check_age(value: &Snapshot) {
    let age = value.age();
    assert!(age < Duration::from_secs(10_000), "{age:?}");
}

/// Role: forks while another thread finds out which clock this process has.
fn find_out(store: &Store) {
    FINDING_OUT.store(1, Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| write(store, "a"));
        wait_for(&FINDING_OUT, 2);
        join(fork(|| {
            write(store, "b");
            check_age(&value(store, "b"));
        }));
        FINDING_OUT.store(3, Ordering::SeqCst);
    });
    check_age(&value(store, "a"));
    check_age(&value(store, "b"));
}

#[test]
fn a_child_does_not_wait_for_a_thread_that_finds_out_the_clock() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    Process::start(test_name!(child), "find-out", store.directory()).end();
    assert_eq!(store.tags().unwrap(), ["a", "b"]);
}

/// Role: a process that knows its clock has a child with another one, which is ahead by 11 days.
fn other_clock(store: &Store) {
    write(store, "a");
    check_age(&value(store, "a"));
    // A process of one thread: `/proc/self` is about its first one.
    join(fork(|| {
        check_age(&value(store, "a"));
        // SAFETY: gives the children of this process another time namespace.
        assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWTIME) }, 0, "{}", std::io::Error::last_os_error());
        std::fs::write("/proc/self/timens_offsets", "monotonic 1000000 0\nboottime 1000000 0\n").unwrap();
        join(fork(|| {
            check_age(&value(store, "a"));
            write(store, "b");
            check_age(&value(store, "b"));
        }));
        let start = Instant::now();
        std::thread::sleep(Duration::from_millis(50));
        let value = value(store, "b");
        assert!(value.age() >= start.elapsed() - Duration::from_millis(20), "{:?}", value.age());
        check_age(&value);
    }));
}

#[test]
fn a_child_with_another_clock_finds_that_out() {
    let _watchdog = Watchdog::new(test_name!());
    let Some(permission) = time_namespace::permission(test_name!()) else { return };
    let (_directory, store) = store();
    let role = under(permission, "", test_name!(child), "other-clock", store.directory());
    Process::run(role).end();
}
