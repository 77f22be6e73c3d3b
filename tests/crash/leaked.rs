//! Pins that are leaked again and again, by `mem::forget` in a loop: before their count wraps to 0, and a held value changes,
//! cloning aborts the process, and readers copy.

use ndsharray::{Snapshot, Store, View};

use crate::common::data_words::DataWords;
use crate::common::process::{Process, Watchdog, place, role, say};
use crate::common::sandbox::{files, store};
use crate::common::test_name;

/// Where a count may not go beyond.
const MOST: u32 = 1 << 31;

#[test]
fn a_count_of_pins_never_wraps() {
    let test = test_name!();
    if let Some(role) = role() {
        return leak(&Store::open(place()).unwrap(), &role);
    }
    let _watchdog = Watchdog::new(test);
    for how in ["clone", "latest", "view"] {
        let (_directory, store) = store();
        let mut writer = store.writer("a").unwrap();
        writer.write_slice(&[1_u8; 10], &[10]).unwrap();
        let mut leaking = Process::ready(test, how, store.directory());
        let status = leaking.dies();
        if how == "clone" {
            let signal = std::os::unix::process::ExitStatusExt::signal(&status);
            assert_eq!(signal, Some(libc::SIGABRT), "{status}");
        } else {
            assert!(status.success(), "{how}: {status}");
        }
        // The value stays for ever, and is not written over.
        let held = store.reader("a").unwrap();
        let name = writer.data_file();
        for i in 2..50_u8 {
            writer.write_slice(&[i; 10], &[10]).unwrap();
            assert_eq!(held.latest().unwrap().bytes(), [i; 10]);
        }
        assert_eq!(writer.data_file(), name);
        let slots = store.stat("a").unwrap().value.unwrap().slots;
        assert_eq!((slots.allocated, slots.pinned), (3, 1), "{how}");
        assert_eq!(files(store.directory()).len(), 2);
    }
}

/// Role: has all but one of the pins that there may be, and takes two more.
fn leak(store: &Store, how: &str) {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Core, none).unwrap();
    let reader = store.reader("a").unwrap();
    let held = reader.latest().unwrap();
    let data = DataWords::of(store, "a");
    let shard = data.pins(0).iter().position(|&pins| pins == 1).unwrap() as u64;
    data.set_pins(0, shard, MOST - 1);
    say("ready");
    for copies in [false, true] {
        let is_copy = match how {
            "clone" => forget(held.clone(), Snapshot::is_copy),
            "latest" => forget(reader.latest().unwrap(), Snapshot::is_copy),
            _ => forget(reader.view().unwrap(), View::is_copy),
        };
        assert_eq!(is_copy, copies, "{how}");
        let pins = data.pins(0)[shard as usize];
        assert_eq!(pins, MOST, "one more is allowed");
    }
    assert_ne!(how, "clone", "two more than there may be");
    std::mem::forget(held);
}

/// Leaks the pin of a value; what was asked of it.
fn forget<T>(value: T, ask: impl Fn(&T) -> bool) -> bool {
    let answer = ask(&value);
    std::mem::forget(value);
    answer
}
