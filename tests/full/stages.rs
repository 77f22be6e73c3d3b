//! A store that is full, at every stage of a write: a typed error with the right figures, no signal, the last value and
//! the files as before, and everything works again when there is room.

use std::path::Path;

use ndsharray::Error;

use super::small_store::{Ballast, KIB, full, mount, reads, value, write};
use crate::common::sandbox::{fails, files, with_mounts};
use crate::common::{soak, test_name};

#[test]
fn first_write() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=64k");
    let mut writer = store.writer("a").unwrap();
    let text = full(write(&mut writer, 1, 1000 * KIB), &dir, 1000 * KIB, 64 * KIB);
    assert!(!text.contains("container"), "{text}");
    assert_eq!(files(&dir), ["a"]);
    assert!(matches!(store.reader("a").unwrap().latest(), Err(Error::Empty { .. })));
    // A loan is the same; so are rows that are copied one by one.
    full(writer.loan::<u8>(&[1000 * KIB]), &dir, 1000 * KIB, 64 * KIB);
    let column = ndsharray::ndarray::Array2::<u8>::zeros((1000, KIB));
    full(writer.write(&column.t()), &dir, 1000 * KIB, 64 * KIB);
    assert_eq!(files(&dir), ["a"]);
    assert_eq!(write(&mut writer, 2, 10 * KIB).unwrap(), 1, "no version is lost");
    reads(&store, 2, 10 * KIB);
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn second_slot() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=8m");
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1, 3000 * KIB).unwrap();
    let ballast = Ballast::all_but(&dir, 2000 << 10);
    let before = files(&dir);
    for _ in 0..3 {
        full(write(&mut writer, 2, 3000 * KIB), &dir, 3000 * KIB, 8 << 20);
        reads(&store, 1, 3000 * KIB);
        assert_eq!(files(&dir), before);
        assert_eq!(fs2::available_space(&dir).unwrap(), 2000 << 10, "nothing stays taken");
    }
    drop(ballast);
    assert_eq!(write(&mut writer, 2, 3000 * KIB).unwrap(), 2);
    reads(&store, 2, 3000 * KIB);
    // With two slots a stream needs nothing more: it goes on in a store without a free byte.
    let _ballast = Ballast::all_but(&dir, 0);
    for seed in 3..20 {
        write(&mut writer, seed, 3000 * KIB).unwrap();
        reads(&store, seed, 3000 * KIB);
    }
}

#[test]
fn a_held_value_needs_a_third_slot() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let mut writer = store.writer("a").unwrap();
    for seed in 0..3 {
        write(&mut writer, seed, 100 * KIB).unwrap();
    }
    let held = store.reader("a").unwrap().latest().unwrap();
    let ballast = Ballast::all_but(&dir, 0);
    write(&mut writer, 3, 100 * KIB).unwrap();
    full(write(&mut writer, 4, 100 * KIB), &dir, 100 * KIB, 1 << 20);
    reads(&store, 3, 100 * KIB);
    assert!(held.bytes() == value(2, 100 * KIB));
    drop(held);
    write(&mut writer, 4, 100 * KIB).unwrap();
    reads(&store, 4, 100 * KIB);
    drop(ballast);
    write(&mut writer, 5, 100 * KIB).unwrap();
    reads(&store, 5, 100 * KIB);
}

#[test]
fn new_segment() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1, 100 * KIB).unwrap();
    let ballast = Ballast::all_but(&dir, 200 << 10);
    let before = files(&dir);
    full(write(&mut writer, 2, 300 * KIB), &dir, 300 * KIB, 1 << 20);
    reads(&store, 1, 100 * KIB);
    assert_eq!(files(&dir), before);
    // What fits still works: another layout in the memory that is there.
    write(&mut writer, 3, 99 * KIB).unwrap();
    reads(&store, 3, 99 * KIB);
    full(write(&mut writer, 2, 300 * KIB), &dir, 300 * KIB, 1 << 20);
    reads(&store, 3, 99 * KIB);
    drop(ballast);
    write(&mut writer, 2, 300 * KIB).unwrap();
    reads(&store, 2, 300 * KIB);
    assert_eq!(files(&dir).len(), 2);
}

#[test]
fn header_creation() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=64k");
    for left in [0, 4096] {
        let ballast = Ballast::all_but(&dir, left);
        full(store.writer("a"), &dir, 8 * KIB, 64 * KIB);
        assert_eq!(files(&dir), ["ballast"]);
        assert!(matches!(store.reader("a"), Err(Error::NotFound { .. })));
        drop(ballast);
    }
    write(&mut store.writer("a").unwrap(), 1, KIB).unwrap();
    reads(&store, 1, KIB);
}

#[test]
fn adoption_needs_no_room() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    for seed in 1..3 {
        write(&mut store.writer("a").unwrap(), seed, 100 * KIB).unwrap();
    }
    let _ballast = Ballast::all_but(&dir, 0);
    for seed in 3..6 {
        let mut writer = store.writer("a").unwrap();
        reads(&store, seed - 1, 100 * KIB);
        assert_eq!(write(&mut writer, seed, 100 * KIB).unwrap(), u64::from(seed));
        reads(&store, seed, 100 * KIB);
    }
    store.remove("a").unwrap();
    assert_eq!(files(&dir), ["ballast"]);
}

#[test]
fn takeover() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let mut old = store.writer("a").unwrap();
    write(&mut old, 1, 100 * KIB).unwrap();
    write(&mut old, 2, 100 * KIB).unwrap();
    let before = files(&dir);
    // No room for the header; for the header, but not for the value.
    for (left, least) in [(0, 8 * KIB), (16 << 10, 100 * KIB)] {
        let ballast = Ballast::all_but(&dir, left);
        full(store.writer_options("a").takeover(true).open(), &dir, least, 1 << 20);
        drop(ballast);
        assert_eq!(files(&dir), before);
        reads(&store, 2, 100 * KIB);
        write(&mut old, 2, 100 * KIB).unwrap();
    }
    let mut new = store.writer_options("a").takeover(true).open().unwrap();
    reads(&store, 2, 100 * KIB);
    assert!(matches!(write(&mut old, 9, 100 * KIB), Err(Error::Superseded { .. })));
    write(&mut new, 3, 100 * KIB).unwrap();
    reads(&store, 3, 100 * KIB);
    assert_eq!(files(&dir).len(), 2);
}

/// A takeover that finds the store full, also when the stream that it takes over grows at that moment: the old writer
/// goes on, and nothing that was written is lost.
#[test]
fn takeover_of_a_stream() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=400k");
    let data = value(0, 90 * KIB);
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1, KIB).unwrap();
    let (mut failed, mut taken, mut written) = (0, 0, 0_u64);
    let rounds = if soak() { 20_000 } else { 300 };
    for round in 0..rounds {
        let stop = AtomicBool::new(false);
        let before = writer.version();
        let free = fs2::available_space(&dir).unwrap();
        let ballast = Ballast::all_but(&dir, free / 8 * [1, 4, 6][round as usize % 3] / 4096 * 4096);
        let outcome = std::thread::scope(|scope| {
            let stream = scope.spawn(|| {
                let (mut last, mut tries) = (before, 0);
                while !stop.load(Ordering::Relaxed) {
                    tries += 1;
                    // Each length a few times: new segments, second slots, and values that fit.
                    let length = [1, 20, 90, 50][tries / 3 % 4] * KIB;
                    match writer.write_slice(&data[..length], &[length]) {
                        Ok(version) => last = version,
                        Err(Error::NoSpace { .. } | Error::Superseded { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                last
            });
            std::thread::sleep(std::time::Duration::from_micros(round * 37 % 1500));
            let outcome = store.writer_options("a").takeover(true).open();
            stop.store(true, Ordering::Relaxed);
            (outcome, stream.join().unwrap())
        });
        drop(ballast);
        written += outcome.1 - before;
        let latest = store.reader("a").unwrap().latest().unwrap().version();
        assert!(latest >= outcome.1, "{} was written, {latest} is read", outcome.1);
        match outcome.0 {
            Ok(new) => {
                assert!(matches!(write(&mut writer, 1, KIB), Err(Error::Superseded { .. })));
                assert_eq!(new.version(), outcome.1);
                (writer, taken) = (new, taken + 1);
            }
            Err(Error::NoSpace { .. }) => {
                failed += 1;
                write(&mut writer, 1, KIB).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
        let names = ["a".to_owned(), writer.data_file().unwrap()];
        assert_eq!(files(&dir), names, "round {round}");
    }
    println!("{taken} takeovers, {failed} that failed, {written} values");
    assert!(taken > 20 && failed > 20 && written > 1000, "{taken} {failed} {written}");
}

#[test]
fn out_of_inodes() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    // The root directory, and four more.
    let store = mount(&dir, "size=1m,nr_inodes=5");
    #[track_caller]
    fn inodes<T: std::fmt::Debug>(outcome: ndsharray::Result<T>, dir: &Path) {
        let error = fails(outcome, dir.to_str().unwrap());
        assert!(matches!(&error, Error::NoSpace { path, .. } if path == dir), "{error:?}");
        assert!(error.to_string().contains("inodes"), "bytes are free, so it must say what is not: {error}");
    }
    let mut writer = store.writer("a").unwrap();
    for name in ["1", "2", "3"] {
        std::fs::write(dir.join(name), "").unwrap();
    }
    let before = files(&dir);
    inodes(store.writer("b"), &dir);
    inodes(write(&mut writer, 1, KIB), &dir);
    assert_eq!(files(&dir), before);
    assert!(matches!(store.reader("a").unwrap().latest(), Err(Error::Empty { .. })));
    std::fs::remove_file(dir.join("1")).unwrap();
    write(&mut writer, 1, KIB).unwrap();
    let before = files(&dir);
    // The same layout needs no new name. A new layout in the same memory needs a second name for an instant, and a new
    // segment needs a new file.
    write(&mut writer, 2, KIB).unwrap();
    for length in [100, 100 * KIB] {
        inodes(write(&mut writer, 3, length), &dir);
        reads(&store, 2, KIB);
        assert_eq!(files(&dir), before);
    }
    inodes(store.writer_options("a").takeover(true).open(), &dir);
    write(&mut writer, 2, KIB).unwrap();
    std::fs::remove_file(dir.join("2")).unwrap();
    for (seed, length) in [(4, 100), (5, 100 * KIB)] {
        write(&mut writer, seed, length).unwrap();
        reads(&store, seed, length);
    }
}

#[test]
fn the_default_of_container_engines_is_named() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=64m");
    let mut writer = store.writer("a").unwrap();
    let text = full(writer.loan::<u8>(&[65 << 20]), &dir, 65 << 20, 64 << 20);
    assert!(text.contains("64 MB") && text.contains("--shm-size"), "{text}");
}

/// A copy of a data file may have holes, as `cp` makes them of zeros, so that a slot has no storage. A write to it on a
/// full store would be a SIGBUS.
#[test]
fn holes_in_an_adopted_data_file() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    let mut writer = store.writer("a").unwrap();
    for seed in 1..3 {
        write(&mut writer, seed, 100 * KIB).unwrap();
    }
    let data = dir.join(writer.data_file().unwrap());
    drop(writer);
    // The slot of value 1, which is the next one to be written.
    let file = std::fs::File::options().write(true).open(&data).unwrap();
    let hole = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
    rustix::fs::fallocate(&file, hole, 8192, 100 << 10).unwrap();
    let ballast = Ballast::all_but(&dir, 4096);
    full(store.writer("a"), &dir, 100 * KIB, 1 << 20);
    reads(&store, 2, 100 * KIB);
    drop(ballast);
    write(&mut store.writer("a").unwrap(), 3, 100 * KIB).unwrap();
    reads(&store, 3, 100 * KIB);
}
