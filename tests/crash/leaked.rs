//! Pins that are leaked again and again, by `mem::forget` in a loop. Before their count wraps to 0, and a held value changes,
//! readers get copies, and the clone of a held value, which cannot be one, aborts the process.

use ndsharray::Store;

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
        if how == "clone" {
            let status = leaking.dies();
            let signal = std::os::unix::process::ExitStatusExt::signal(&status);
            assert_eq!(signal, Some(libc::SIGABRT), "{status}");
        } else {
            leaking.end();
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

/// Role: has all but one of the pins that there may be, and asks for two more.
fn leak(store: &Store, how: &str) {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Core, none).unwrap();
    let reader = store.reader("a").unwrap();
    let held = reader.latest().unwrap();
    let data = DataWords::of(store, "a");
    let shard = data.pins(0).iter().position(|&pins| pins == 1).unwrap();
    data.set_pins(0, shard as u64, MOST - 1);
    say("ready");
    for last in [false, true] {
        // Whether it is a copy.
        let copied = match how {
            "clone" => {
                std::mem::forget(held.clone());
                assert!(!last, "two more than there may be");
                false
            }
            "latest" => {
                let value = reader.latest().unwrap();
                assert_eq!(value.bytes(), [1; 10]);
                let copied = value.is_copy();
                std::mem::forget(value);
                copied
            }
            _ => {
                let value = reader.view().unwrap();
                assert_eq!(value.bytes(), [1; 10]);
                let copied = value.is_copy();
                std::mem::forget(value);
                copied
            }
        };
        assert_eq!((copied, data.pins(0)[shard]), (last, MOST), "one more is allowed");
    }
    std::mem::forget(held);
}
