//! A store that gets full at any moment of a stream, or after an `rm` by hand, and a limit on the size of files. The
//! last value is kept, no signal kills, and everything works again when there is room.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

use super::small_store::{Ballast, KIB, full, mount, reads, value, write};
use crate::common::process::PATIENCE;
use crate::common::sandbox::{fails, files, in_child, with_mounts};
use crate::common::{Stop, soak, test_name};

/// After this time a writer has checked that its files still have their names.
const LOOK: Duration = Duration::from_millis(1050);

/// Beyond the limit the kernel would send SIGXFSZ, which kills.
#[test]
fn a_limit_on_the_size_of_files() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let limit = |bytes: Option<u64>| {
        let resource = rustix::process::Resource::Fsize;
        let limits = rustix::process::Rlimit { current: bytes, ..rustix::process::getrlimit(resource) };
        rustix::process::setrlimit(resource, limits).unwrap();
    };
    let refused = |outcome: ndsharray::Result<u64>| {
        let error = fails(outcome, dir.to_str().unwrap());
        assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
        assert!(error.to_string().contains("ulimit"), "{error}");
    };
    limit(Some(4096));
    refused(store.writer("a").map(|_| 0));
    assert_eq!(files(&dir), [""; 0]);
    limit(Some(100 << 10));
    let mut writer = store.writer("a").unwrap();
    refused(write(&mut writer, 1, 100 * KIB));
    write(&mut writer, 1, 50 * KIB).unwrap();
    for seed in 2..5 {
        refused(write(&mut writer, seed, 50 * KIB));
        refused(write(&mut writer, seed, 100 * KIB));
        reads(&store, 1, 50 * KIB);
    }
    limit(Some(8192));
    refused(store.writer_options("a").takeover(true).open().map(|_| 0));
    reads(&store, 1, 50 * KIB);
    limit(None);
    for (seed, length) in [(2, 50), (3, 100), (4, 100)] {
        write(&mut writer, seed, length * KIB).unwrap();
        reads(&store, seed, length * KIB);
    }
}

#[test]
fn removed_by_hand_on_a_full_store() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=1m");
    for header in [true, false] {
        let mut writer = store.writer("a").unwrap();
        for seed in 0..3 {
            write(&mut writer, seed, 100 * KIB).unwrap();
        }
        let reader = store.reader("a").unwrap();
        let held = reader.latest().unwrap();
        // Into the second slot, and a third. The reader maps each at its first use.
        for seed in 0..2 {
            write(&mut writer, seed, 100 * KIB).unwrap();
            assert!(reader.latest().unwrap().bytes() == value(seed, 100 * KIB));
        }
        let name = if header { "a".to_owned() } else { writer.data_file().unwrap() };
        std::fs::remove_file(dir.join(name)).unwrap();
        let ballast = Ballast::all_but(&dir, 0);
        let before = files(&dir);
        // Once a second the writer tries to make new files, and has no room. Readers that have the old ones mapped go
        // on.
        for seed in 3..5 {
            std::thread::sleep(LOOK);
            let least = if header { 8 * KIB } else { 100 * KIB };
            full(write(&mut writer, 9, 100 * KIB), &dir, least, 1 << 20);
            assert_eq!(files(&dir), before);
            write(&mut writer, seed, 100 * KIB).unwrap();
            assert!(reader.latest().unwrap().bytes() == value(seed, 100 * KIB));
        }
        drop(ballast);
        std::thread::sleep(LOOK);
        write(&mut writer, 5, 100 * KIB).unwrap();
        reads(&store, 5, 100 * KIB);
        assert_eq!(files(&dir), ["a".to_owned(), writer.data_file().unwrap()]);
        std::thread::sleep(Duration::from_millis(150));
        assert!(
            (0..2).any(|_| reader.latest().unwrap().bytes() == value(5, 100 * KIB)),
            "the old reader follows"
        );
        assert!(held.bytes() == value(2, 100 * KIB));
        drop(writer);
        store.remove("a").unwrap();
    }
}

/// Another thread takes all the space and gives it back, all the time; values of all sizes, takeovers and new tags go
/// on.
#[test]
fn full_at_any_moment() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=3m");
    let (least, time) = if soak() { (500, Duration::from_secs(60)) } else { (50, Duration::from_secs(2)) };
    let stop = AtomicBool::new(false);
    let (mut written, mut refused, mut takeovers, mut refused_takeovers) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut last =
        store.writer("a").and_then(|mut writer| write(&mut writer, 0, KIB)).map(|_| (0, KIB)).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = 1_u64;
            while !stop.load(Ordering::Relaxed) {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let file = std::fs::File::create(dir.join("ballast")).unwrap();
                for _ in 0..3 {
                    // It may fail, or leave some room, if the writer allocates or frees at the same instant.
                    let (free, had) = (fs2::available_space(&dir).unwrap(), file.metadata().unwrap().len());
                    let _ = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, had + free);
                }
                std::thread::sleep(Duration::from_micros(random >> 53));
                drop(file);
                std::fs::remove_file(dir.join("ballast")).unwrap();
                std::thread::sleep(Duration::from_micros(random >> 43 & 2047));
            }
        });
        let _stop = Stop(&stop);
        let (start, reader) = (Instant::now(), store.reader("a").unwrap());
        let mut writer = store.writer("a").unwrap();
        let enough = |count: &[u64]| count.iter().all(|&count| count >= least);
        let mut round = 0_u64;
        while start.elapsed() < time || !enough(&[written, refused]) || takeovers.min(refused_takeovers) == 0
        {
            assert!(start.elapsed() < PATIENCE, "{written} {refused} {takeovers} {refused_takeovers}");
            round += 1;
            let (seed, length) = (round as u8, [1, 5000, 40_000, 300_000][round as usize / 7 % 4]);
            match write(&mut writer, seed, length) {
                Ok(_) => (written, last) = (written + 1, (seed, length)),
                Err(Error::NoSpace { .. }) => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
            if round % 5 == 0 {
                match store.writer_options("a").takeover(true).open() {
                    Ok(next) => (takeovers, writer) = (takeovers + 1, next),
                    Err(Error::NoSpace { .. }) => refused_takeovers += 1,
                    Err(error) => panic!("{error:?}"),
                }
            }
            if round % 3 == 0 {
                let made = store.writer("b").and_then(|mut writer| write(&mut writer, 1, 10_000));
                assert!(matches!(made, Ok(_) | Err(Error::NoSpace { .. })), "{made:?}");
                assert!(matches!(store.remove("b"), Ok(()) | Err(Error::NotFound { .. })));
            }
            for reader in [&reader, &store.reader("a").unwrap()] {
                assert!(reader.latest().unwrap().bytes() == value(last.0, last.1), "{last:?}");
            }
        }
    });
    println!(
        "\nfigures: {written} values written, {refused} refused; {takeovers} takeovers, {refused_takeovers} refused"
    );
    assert_eq!(store.gc().unwrap().removed, [""; 0], "nothing is left over");
    assert_eq!(files(&dir).len(), 2, "{:?}", files(&dir));
}
