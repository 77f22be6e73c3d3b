//! Waiting for a tag that is not there: what it costs, and how soon the tag is found once it is there.
//!
//! A binary of its own: it counts the processor time of the whole process.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "a part of it is used here")]
#[path = "../futures/runtime.rs"]
mod runtime;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use ndsharray::{Reader, Snapshot, Store};

use common::process::Watchdog;
use common::sandbox::{files, in_child, skip, store};
use common::{seccomp, test_name};

const READERS: usize = 20;

/// The processor time that this process has taken.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

type Wait = fn(&Store, &mut Reader) -> Option<Snapshot>;

/// Runs waiting readers for a second, then writes the tag anew. Returns the share of a processor that they took together, and how
/// long after the write the last of them had the value.
fn measure(store: &Store, gone: impl FnOnce(), wait: Wait) -> (f64, Duration) {
    let started = Barrier::new(READERS + 1);
    let mut readers: Vec<Reader> = (0..READERS).map(|_| store.reader("a").unwrap()).collect();
    for reader in &mut readers {
        assert_eq!(reader.read().unwrap().unwrap().bytes(), [1]);
    }
    gone();
    std::thread::scope(|scope| {
        let started = &started;
        let wait = |reader| {
            scope.spawn(move || {
                started.wait();
                let value = wait(store, reader).expect("the new value");
                assert_eq!(value.bytes(), [2]);
                Instant::now()
            })
        };
        let waits: Vec<_> = readers.iter_mut().map(wait).collect();
        started.wait();
        std::thread::sleep(Duration::from_millis(200));
        let (start, before) = (Instant::now(), processor_time());
        std::thread::sleep(Duration::from_secs(1));
        let share = (processor_time() - before).as_secs_f64() / start.elapsed().as_secs_f64();
        let mut writer = store.writer("a").unwrap();
        writer.write_slice(&[2_u8], &[1]).unwrap();
        let written = Instant::now();
        let last = waits.into_iter().map(|wait| wait.join().unwrap()).max().unwrap();
        (share, last.saturating_duration_since(written))
    })
}

const LONG: Duration = Duration::from_secs(60);

const WAITS: [(&str, Wait); 6] = [
    ("wait", |_, reader| reader.wait(LONG).unwrap()),
    ("wait_next", |_, reader| reader.wait_next(LONG).unwrap()),
    ("every", |_, reader| reader.every(LONG).next().map(Result::unwrap)),
    ("wait_any", |_, reader| {
        assert_eq!(ndsharray::wait_any(&mut [reader], LONG).unwrap(), Some(0));
        reader.read().unwrap()
    }),
    ("changed", |_, reader| {
        runtime::block_on(reader.changed()).unwrap();
        reader.read().unwrap()
    }),
    ("open", |store, _| store.reader_options("a").wait(LONG).open().unwrap().wait(LONG).unwrap()),
];

fn check(watchdog: &Watchdog) {
    for (name, wait) in WAITS {
        for by_hand in [false, true] {
            let (dir, store) = store();
            store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
            let gone = || {
                if by_hand {
                    files(dir.path())
                        .iter()
                        .for_each(|name| std::fs::remove_file(dir.path().join(name)).unwrap());
                } else {
                    store.remove("a").unwrap();
                }
            };
            watchdog.feed();
            let (share, found) = measure(&store, gone, wait);
            println!(
                "{name}, removed{}: {READERS} readers take {:.2} % of a processor, and find the tag within {found:?}",
                if by_hand { " by hand" } else { "" },
                100.0 * share
            );
            // It is 1 % or so. The rest is for a busy machine, on which each thing takes longer.
            assert!(share < 0.1, "{name}: {share}");
        }
    }
}

#[test]
fn readers_of_an_absent_tag_rest() {
    check(&Watchdog::new(test_name!()));
}

#[test]
fn readers_of_an_absent_tag_rest_without_inotify() {
    let watchdog = Watchdog::new(test_name!());
    let Some(_) = in_child(test_name!()) else { return };
    if !seccomp::refuse(&[libc::SYS_inotify_init1]) {
        return skip("readers_of_an_absent_tag_rest_without_inotify", "no seccomp here");
    }
    check(&watchdog);
}
