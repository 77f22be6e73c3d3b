//! Headers that were put aside: by mistake, by somebody who was killed before he could put them back; or in the making, by a
//! taker who was killed.

use std::path::PathBuf;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

use crate::common::header::HeaderFile;
use crate::common::process::Watchdog;
use crate::common::sandbox::{self, files};
use crate::common::{soak, test_name};

/// Where a header is put aside.
fn aside(store: &Store) -> PathBuf {
    store.directory().join(".a_0000000000000001.ndsharray-tmp")
}

fn at_tag(store: &Store) -> PathBuf {
    store.directory().join("a")
}

/// A store with a tag that has version 2, and no writer.
fn store() -> (tempfile::TempDir, Store) {
    let (dir, store) = sandbox::store();
    let mut writer = store.writer("a").unwrap();
    for value in [1_u8, 2] {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    drop(writer);
    (dir, store)
}

fn put_aside(store: &Store) {
    std::fs::rename(at_tag(store), aside(store)).unwrap();
}

/// Two sweeps at once, or openers, which sweep too: one puts the header back, and the other does not take its data file for
/// one that nobody names, nor makes a new tag.
#[test]
fn a_header_is_put_back_by_several_at_once() {
    let _watchdog = Watchdog::new(test_name!());
    for round in 0..if soak() { 2000 } else { 150 } {
        let (_dir, store) = store();
        put_aside(&store);
        let barrier = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    barrier.wait();
                    if round % 2 == 0 {
                        assert_eq!(store.gc().unwrap().removed, [""; 0]);
                        return;
                    }
                    match store.writer("a") {
                        Ok(writer) => assert_eq!(writer.version(), 2),
                        Err(Error::WriterExists { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                });
            }
        });
        let value = store.reader("a").unwrap().latest().unwrap();
        assert_eq!((value.version(), value.bytes()), (2, &[2][..]));
        assert_eq!(files(store.directory()).len(), 2);
    }
}

/// Want of descriptors says nothing of a header: it stays, with its value, until somebody can look at it.
#[test]
fn a_header_is_not_removed_for_want_of_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let Some(dir) = sandbox::in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[7_u8], &[1]).unwrap();
    drop(writer);
    let limit = getrlimit(Resource::Nofile);
    let lowest = std::fs::File::open("/dev/null").unwrap();
    let lowest = std::os::fd::AsRawFd::as_raw_fd(&lowest) as u64;
    for free in 0..10 {
        put_aside(&store);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lowest + free), ..limit }).unwrap();
        let swept = store.gc();
        setrlimit(Resource::Nofile, limit).unwrap();
        assert!(swept.is_err() || swept.as_ref().is_ok_and(|report| report.removed.is_empty()), "{swept:?}");
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [7], "with {free} descriptors");
    }
}

/// A taker is killed before it gives its new header the name. That has a copy of the value, which must not come back once the tag
/// has gone on, or was removed.
#[test]
fn what_a_killed_taker_made_is_not_put_back() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut taker = store.writer_options("a").takeover(true).open().unwrap();
    let version = taker.write_slice(&[3_u8], &[1]).unwrap();
    // As it is before it has stood at the tag (docs/design.md, 2).
    let (mut header, name) = (std::fs::read(at_tag(&store)).unwrap(), taker.data_file().unwrap());
    assert_eq!(std::mem::take(&mut header[132]), 1);
    let data = std::fs::read(store.directory().join(&name)).unwrap();
    let made = || {
        std::fs::write(aside(&store), &header).unwrap();
        std::fs::write(store.directory().join(&name), &data).unwrap();
    };
    drop(taker);
    store.remove("a").unwrap();
    made();
    let left = [aside(&store).file_name().unwrap().to_str().unwrap().to_owned(), name.clone()];
    assert_eq!(store.gc_dry_run().unwrap().removed, left);
    assert_eq!(store.gc().unwrap().removed, left);
    assert!(matches!(store.reader("a"), Err(Error::NotFound { .. })));
    made();
    let writer = store.writer("a").unwrap();
    assert_eq!(writer.version(), 0, "not {version}");
    assert_eq!(files(store.directory()), ["a"]);
}

/// A living writer's header is put aside. The next opener puts it back, and finds that it has a writer.
#[test]
fn a_living_writers_header_is_put_back() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").open().unwrap();
    put_aside(&store);
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
    assert_eq!(writer.write_slice(&[3_u8], &[1]).unwrap(), 3);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [3]);
    assert_eq!(files(store.directory()).len(), 2);
}

/// If another header has come to the tag meanwhile, that wins: the writer of the one that was put aside ends, and its readers
/// follow. Nothing of it is left.
#[test]
fn a_writer_whose_header_is_put_aside_for_good_ends() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[3_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [3]);
    put_aside(&store);
    // A store beside it, whose header is moved here: an opener would put the other one back.
    let (other_dir, other) = sandbox::store();
    let mut new = other.writer("a").unwrap();
    new.write_slice(&[9_u8], &[1]).unwrap();
    let name = new.data_file().unwrap();
    drop(new);
    for file in ["a", &name] {
        std::fs::rename(other_dir.path().join(file), store.directory().join(file)).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(60);
    let error = loop {
        let outcome = writer.write_slice(&[4_u8], &[1]);
        store.gc().unwrap();
        match outcome {
            Err(error) if files(store.directory()).len() == 2 => break error,
            outcome => assert!(Instant::now() < end, "{outcome:?}, and no end"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(matches!(error, Error::Superseded { .. }), "{error}");
    assert_eq!(reader.wait(Duration::from_secs(60)).unwrap().unwrap().bytes(), [9]);
    assert_eq!(files(store.directory()), ["a", &name]);
}

/// A removal that waited for a taker who was killed after the exchange: the old header, which that taker froze and displaced, is
/// not thawed, or its writer would go on beside the new one.
#[test]
fn a_removal_thaws_no_header_that_was_replaced() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[3_u8], &[1]).unwrap();
    let (other_dir, other) = sandbox::store();
    drop(other.writer("a").unwrap());
    let old = HeaderFile::of(&store, "a");
    old.lock_name();
    std::thread::scope(|scope| {
        let removal = scope.spawn(|| store.force_remove("a"));
        // It has opened the header by then, and waits for its name lock.
        std::thread::sleep(Duration::from_millis(200));
        old.freeze();
        put_aside(&store);
        std::fs::rename(other_dir.path().join("a"), at_tag(&store)).unwrap();
        old.unlock_name();
        removal.join().unwrap().unwrap();
    });
    let outcome = writer.write_slice(&[4_u8], &[1]);
    assert!(matches!(outcome, Err(Error::Removed { .. })), "{outcome:?}");
    assert!(matches!(store.reader("a"), Err(Error::NotFound { .. })));
    store.gc().unwrap();
    assert_eq!(files(store.directory()), [""; 0]);
}
