//! A writer publishes while its tag is being taken over. Values whose write returned stay, refused ones leave no trace,
//! and the writer goes on if the taker was killed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ndsharray::Error;

use super::log::{PAGE, map};
use crate::common::header::{FROZEN, HeaderFile, SEQ};
use crate::common::process::Watchdog;
use crate::common::sandbox::{files, store};
use crate::common::values::{check_snapshot, check_view, layout, write_next};
use crate::common::{Stop, soak, test_name};

/// The old writer publishes as fast as it can while it is taken over: what it was told is published stays.
#[test]
fn a_takeover_keeps_every_value_whose_write_returned() {
    let _watchdog = Watchdog::new(test_name!());
    for _ in 0..5 {
        let (dir, store) = store();
        let mut one = store.writer("a").unwrap();
        let array = vec![1_u8; 4 << 20];
        one.write_slice(&array, &[array.len()]).unwrap();
        let old = std::thread::spawn(move || {
            loop {
                let last = one.version();
                match one.write_slice(&array, &[array.len()]) {
                    Ok(_) => {}
                    Err(Error::Superseded { .. }) => return last,
                    Err(error) => panic!("{error}"),
                }
            }
        });
        std::thread::sleep(Duration::from_millis(20));
        let two = store.writer_options("a").takeover(true).open().unwrap();
        let last = old.join().unwrap();
        assert!(two.version() >= last, "version {last} was published, the takeover has {}", two.version());
        assert!(store.reader("a").unwrap().latest().unwrap().version() >= last);
        drop(two);
        store.gc().unwrap();
        assert_eq!(files(dir.path()).len(), 2);
    }
}

/// A taker is killed between the writer's look at the latch and its publish: that write goes on, too.
#[test]
fn a_publish_goes_on_when_the_taker_was_killed() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    write_next(&mut writer).unwrap();
    let path = directory.path().join("a");
    // SAFETY: the sequence number of a header, which is mapped for ever.
    let seq: &'static AtomicU64 = unsafe { &*map(&path, 2 * PAGE).add(SEQ as usize).cast() };
    for version in 2..200 {
        // Nobody holds the name lock, so whoever froze the header is dead. The freeze comes before or after the look.
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    seq.fetch_or(FROZEN, Ordering::SeqCst);
                }
            });
            let written = write_next(&mut writer);
            stop.store(true, Ordering::Relaxed);
            assert_eq!(written.unwrap(), version);
        });
    }
    assert_eq!(store.reader("a").unwrap().latest().unwrap().version(), 199);
}

/// A taker freezes the header and thaws it again, all the time, while the writer changes the layout with each value. A
/// value that is refused at the very instant of its publication leaves nothing behind, and no other value is lost.
#[test]
fn a_publish_is_turned_back_whole() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut last = write_next(&mut writer).unwrap();
    let path = directory.path().join("a");
    // SAFETY: the sequence number of a header, which is mapped for ever.
    let seq: &'static AtomicU64 = unsafe { &*map(&path, 2 * PAGE).add(SEQ as usize).cast() };
    let end = Instant::now() + Duration::from_secs(if soak() { 120 } else { 3 });
    let (mut refused, mut written) = (0_u64, 0_u64);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let freezer = scope.spawn(|| {
            let header = HeaderFile::of(&store, "a");
            let mut reader = store.reader("a").unwrap();
            while !stop.load(Ordering::Relaxed) {
                header.lock_name();
                seq.fetch_or(FROZEN, Ordering::SeqCst);
                let first = reader.latest().unwrap().version();
                std::thread::yield_now();
                // Nothing is published meanwhile.
                assert_eq!(reader.latest().unwrap().version(), first);
                seq.fetch_and(!FROZEN, Ordering::SeqCst);
                header.unlock_name();
                std::thread::sleep(Duration::from_micros(20));
                if let Some(value) = reader.read().unwrap() {
                    check_snapshot("a", &value);
                }
            }
        });
        let _stop = Stop(&stop);
        let reader = store.reader("a").unwrap();
        // On a busy machine the freezer may sleep for long while the header is frozen.
        while Instant::now() < end || written < 100 || refused == 0 {
            assert!(!freezer.is_finished());
            match write_next(&mut writer) {
                Ok(version) => {
                    assert_eq!(version, last + 1);
                    (last, written) = (version, written + 1);
                }
                Err(Error::Superseded { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
            let view = reader.view().unwrap();
            assert_eq!(view.version(), last);
            check_view("a", &view);
        }
    });
    assert!(layout("a", 1) != layout("a", last));
    println!("{written} written, {refused} refused");
    assert_eq!(files(store.directory()), ["a".to_owned(), writer.data_file().unwrap()]);
}
