//! The futex word wraps around while readers sleep on it, in every way to sleep.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use memmap2::MmapRaw;
use ndsharray::Reader;

use crate::common::board::Place;
use crate::common::header::{FUTEX, HeaderFile};
use crate::common::process::Watchdog;
use crate::common::random::{Random, Seeded, seed};
use crate::common::values::{FIXED, write_next};
use crate::common::{soak, test_name};
use crate::stopped;

/// Sleeps on the event count as docs/design.md has it, but without a timeout: a reader that is not woken sleeps for
/// ever.
fn sleep_without_slices(header: &HeaderFile, mut reader: Reader, last: u64, acknowledge: impl Fn(u64)) {
    let map = MmapRaw::map_raw(header.file()).unwrap();
    let word = |offset: u64| {
        // SAFETY: inside the file's mapping, aligned, and an atomic for everybody.
        unsafe { AtomicU32::from_ptr(map.as_mut_ptr().add(offset as usize).cast()) }
    };
    let (futex, waiting) = (word(FUTEX), word(u64::from(header.u32(16))));
    loop {
        let count = futex.load(Ordering::Acquire);
        if let Some(snapshot) = reader.read().unwrap() {
            acknowledge(snapshot.version());
            if snapshot.version() == last {
                return;
            }
            continue;
        }
        waiting.store(1, Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::SeqCst);
        let _ = rustix::thread::futex::wait(futex, rustix::thread::futex::Flags::empty(), count, None);
    }
}

/// Each value is written when all sleepers have acknowledged the one before. If one wake-up is missed, the sleeper
/// without a timeout hangs, and so does the test.
#[test]
fn the_futex_word_wraps_under_sleepers() {
    const VALUES: u64 = 150;
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (mut sent, mut received, mut asleep) = (0, 0, 0);
    for _ in 0..if soak() { 50 } else { 4 } {
        let _watchdog = Watchdog::new(test_name!());
        let place = Place::new();
        let store = &place.store;
        store.writer("other").unwrap();
        write_next(&mut store.writer(FIXED).unwrap()).unwrap();
        let header = HeaderFile::of(store, FIXED);
        // Three for each value that finds a sleeper, one for each that does not. The record in use stays the same.
        let start = (u32::MAX - random.below(VALUES - 20) as u32) & !1 | header.u32(FUTEX) & 1;
        header.put(FUTEX, &start.to_ne_bytes());
        let mut writer = store.writer(FIXED).unwrap();
        let mut others = ["wait", "wait-any"].map(|way| stopped::start(&format!("{way} {FIXED}"), store));
        let (acknowledge, acknowledged) = std::sync::mpsc::channel();
        let reader = store.reader(FIXED).unwrap();
        std::thread::scope(|scope| {
            let header = &header;
            scope.spawn(move || {
                sleep_without_slices(header, reader, 1 + VALUES, |version| {
                    acknowledge.send(version).unwrap()
                });
            });
            let mut expect = |version: u64| {
                assert_eq!(acknowledged.recv().unwrap(), version);
                others.iter_mut().for_each(|other| assert_eq!(other.line(), version.to_string()));
                received += 3;
            };
            expect(1);
            for version in 2..=1 + VALUES {
                if random.below(4) > 0 {
                    while !header.waiting() {
                        std::thread::yield_now();
                    }
                    std::thread::sleep(Duration::from_micros(random.below(100)));
                    asleep += 1;
                }
                assert_eq!(write_next(&mut writer).unwrap(), version);
                expect(version);
            }
        });
        sent += 3 * (1 + VALUES);
        let end = header.u32(FUTEX);
        assert!(end < start, "it wrapped: {start}, now {end}");
    }
    assert_eq!(sent, received);
    println!(
        "figures: the futex word over its wrap: {sent} values sent to sleepers, {received} received, {asleep} times asleep"
    );
}
