//! What a future promises of values.

use ndsharray::Store;

use crate::common::process::Watchdog;
use crate::common::sandbox::store;
use crate::common::test_name;
use crate::runtime::{Task, block_on};

#[test]
fn ready_at_once_if_there_is_a_value_that_was_not_returned() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(8).open().unwrap();
    let mut reader = store.reader("a").unwrap();
    assert!(Task::new(reader.changed()).poll().is_pending(), "no value at all");
    for value in 1..=3_u8 {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    for value in 1..=3_u8 {
        assert!(Task::new(reader.changed()).poll().is_ready(), "{value} is there");
        assert!(Task::new(reader.changed()).poll().is_ready(), "it was not read");
        assert_eq!(reader.read_next().unwrap().unwrap().bytes(), [value]);
    }
    assert!(Task::new(reader.changed()).poll().is_pending());
    // What was looked at is not returned.
    writer.write_slice(&[4_u8], &[1]).unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [4]);
    block_on(reader.changed()).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [4]);
}

async fn read_all(store: &Store, values: u64) -> u64 {
    let mut reader = store.reader("a").unwrap();
    let mut last = 0;
    while last < values {
        while let Some(value) = reader.read_next().unwrap() {
            let [number] = value.as_slice::<u64>().unwrap() else { panic!() };
            assert_eq!(*number, last + 1);
            last = *number;
        }
        // The writer may go on.
        SEEN.store(last, std::sync::atomic::Ordering::Release);
        if last < values {
            reader.changed().await.unwrap();
        }
    }
    reader.missed()
}

static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// A writer in bursts that are shorter than its history: no value is lost, and no wait hangs.
#[test]
fn each_value_of_a_history_comes() {
    const VALUES: u64 = 20_000;
    let watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").history(100).open().unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| block_on(read_all(&store, VALUES)));
        for value in 1..=VALUES {
            while value > SEEN.load(std::sync::atomic::Ordering::Acquire) + 50 {
                assert!(!reading.is_finished());
                std::thread::yield_now();
            }
            writer.write_slice(&[value], &[1]).unwrap();
            if value % 1000 == 0 {
                watchdog.feed();
                // Now and then the reader is asleep.
                std::thread::sleep(std::time::Duration::from_millis(3));
            }
        }
        assert_eq!(reading.join().unwrap(), 0, "missed");
    });
}

/// Two that answer each other: each value wakes a reader that sleeps.
#[test]
fn values_go_to_and_fro() {
    const ROUNDS: u64 = 2000;
    let watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let (mut there, mut back) = (store.writer("there").unwrap(), store.writer("back").unwrap());
    let (mut at_there, mut at_back) = (store.reader("there").unwrap(), store.reader("back").unwrap());
    let next = |reader: &mut ndsharray::Reader| {
        block_on(reader.changed()).unwrap();
        reader.read().unwrap().unwrap().as_slice::<u64>().unwrap()[0]
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let value = next(&mut at_there);
                back.write_slice(&[value], &[1]).unwrap();
            }
        });
        for round in 0..ROUNDS {
            there.write_slice(&[round], &[1]).unwrap();
            assert_eq!(next(&mut at_back), round);
            watchdog.feed();
        }
    });
}
