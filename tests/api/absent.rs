//! Waiting for a tag that is not there: what it costs, and how soon the tag is found once it is there.
//!
//! A binary of its own: it counts the processor time of the whole process.

#[path = "../common/mod.rs"]
mod common;

use std::sync::Barrier;
use std::time::{Duration, Instant};

use ndsharray::{Reader, Snapshot, Store};

use common::process::Watchdog;
use common::sandbox::store;

const READERS: usize = 20;

/// The processor time that this process has taken.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs waiting readers for a second, then writes the tag anew. Returns the share of a processor that they took together, and how
/// long after the write the last of them had the value.
fn measure(
    store: &Store,
    gone: impl FnOnce(),
    wait: impl Fn(&mut Reader) -> Option<Snapshot> + Sync,
) -> (f64, Duration) {
    let started = Barrier::new(READERS + 1);
    let mut readers: Vec<Reader> = (0..READERS).map(|_| store.reader("a").unwrap()).collect();
    for reader in &mut readers {
        assert_eq!(reader.read().unwrap().unwrap().bytes(), [1]);
    }
    gone();
    std::thread::scope(|scope| {
        let waits: Vec<_> = readers
            .iter_mut()
            .map(|reader| {
                let (started, wait) = (&started, &wait);
                scope.spawn(move || {
                    started.wait();
                    let value = wait(reader).expect("the new value");
                    assert_eq!(value.bytes(), [2]);
                    Instant::now()
                })
            })
            .collect();
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

fn wait(reader: &mut Reader) -> Option<Snapshot> {
    reader.wait(LONG).unwrap()
}

fn wait_next(reader: &mut Reader) -> Option<Snapshot> {
    reader.wait_next(LONG).unwrap()
}

fn wait_any(reader: &mut Reader) -> Option<Snapshot> {
    assert_eq!(ndsharray::wait_any(&mut [reader], LONG).unwrap(), Some(0));
    reader.read().unwrap()
}

fn every(reader: &mut Reader) -> Option<Snapshot> {
    reader.every(LONG).next().map(Result::unwrap)
}

/// One after the other, since the time is that of the process.
#[test]
fn readers_of_an_absent_tag_rest() {
    let watchdog = Watchdog::new("readers_of_an_absent_tag_rest");
    type Wait = fn(&mut Reader) -> Option<Snapshot>;
    let waits: [(&str, Wait); 4] =
        [("wait", wait), ("wait_next", wait_next), ("wait_any", wait_any), ("every", every)];
    for (name, wait) in waits {
        for by_hand in [false, true] {
            let (dir, store) = store();
            store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
            let gone = || {
                if by_hand {
                    let files = common::sandbox::files(dir.path());
                    files.iter().for_each(|name| std::fs::remove_file(dir.path().join(name)).unwrap());
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
            // It is 1 % or less; this is a busy machine's.
            assert!(share < 0.1, "{name}: {share}");
        }
    }
}
