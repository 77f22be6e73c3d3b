//! What was found by reading: files left behind, values lost at a takeover, options and files with absurd values.

#[path = "../record/mod.rs"]
mod record;

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::time::{Duration, Instant};

use ndsharray::{DType, Error, Reader, Store};

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let store = Store::open(dir.path()).unwrap();
    (dir, store)
}

fn files(dir: &tempfile::TempDir) -> Vec<String> {
    let mut names: Vec<String> =
        dir.path().read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The old writer publishes as fast as it can while it is taken over: what it was told is published stays.
#[test]
fn a_takeover_keeps_every_value_whose_write_returned() {
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
        assert_eq!(files(&dir).len(), 2);
    }
}

#[test]
fn a_tag_that_was_removed_with_an_unread_value_has_nothing_new() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    store.remove("a").unwrap();
    assert!(reader.read().unwrap().is_none(), "removed");
    assert_eq!(ndsharray::wait_any(&mut [&mut reader], Duration::from_millis(1)).unwrap(), None, "still");
    let mut writer = store.writer("a").unwrap();
    assert!(reader.read().unwrap().is_none(), "written anew, but nothing yet");
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [2]);
}

/// Versions of a tag that was removed and made again begin at 1; those of a takeover go on.
#[test]
fn missed_counts_over_removals_and_takeovers() {
    let (_dir, store) = store();
    let write = |writer: &mut ndsharray::Writer, count: u8| {
        for value in 0..count {
            writer.write_slice(&[value], &[1]).unwrap();
        }
    };
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 3);
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().version(), 3);
    write(&mut writer, 2);
    store.force_remove("a").unwrap();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 4);
    assert_eq!(reader.read().unwrap().unwrap().version(), 4);
    // The fourth and the fifth, and three of the new ones.
    assert_eq!(reader.missed(), 5);
    let mut next = store.writer_options("a").takeover(true).open().unwrap();
    assert!(reader.read().unwrap().is_none(), "the same value under a new header is nothing new");
    write(&mut next, 2);
    assert!(writer.write_slice(&[9_u8], &[1]).is_err());
    assert_eq!(reader.clone().read().unwrap().unwrap().version(), 6);
    assert_eq!(reader.read().unwrap().unwrap().version(), 6);
    assert_eq!(reader.missed(), 6);
}

/// A writer that was killed between link and unlink leaves its data file two names.
#[test]
fn a_second_name_of_the_data_file_goes_with_the_next_writer() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let data = dir.path().join(writer.data_file().unwrap());
    drop(writer);
    std::fs::hard_link(&data, dir.path().join(format!("a_{}", "0f".repeat(16)))).unwrap();
    let writer = store.writer("a").unwrap();
    assert_eq!(files(&dir), ["a".to_owned(), writer.data_file().unwrap()]);
}

/// A data file that cannot be taken on is replaced by the next write, and does not stay behind.
#[test]
fn a_damaged_data_file_goes_with_the_next_value() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let data = dir.path().join(writer.data_file().unwrap());
    drop(writer);
    let file = std::fs::File::options().write(true).open(&data).unwrap();
    // All but the magic: without that, nothing would say that the file is ours.
    file.write_all_at(&[0xff; 56], 8).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert_eq!(files(&dir), ["a".to_owned(), writer.data_file().unwrap()]);
}

#[test]
fn a_mode_holds_for_the_data_file_that_is_taken_on() {
    let (dir, store) = store();
    let mut writer = store.writer_options("a").mode(0o644).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    drop(writer);
    let _writer = store.writer_options("a").mode(0o600).open().unwrap();
    for name in files(&dir) {
        let mode = dir.path().join(&name).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}: {mode:o}");
    }
}

#[test]
fn a_capacity_beyond_all_memory_is_an_error() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let mut writer = store.writer_options("a").capacity(usize::MAX).open().unwrap();
    // The segment that is there has room.
    assert_eq!(writer.write_slice(&[2_u8], &[1]).unwrap(), 2);
    assert!(matches!(writer.write_slice(&[2_u8; 5000], &[5000]), Err(Error::NoSpace { .. })));
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [2]);
}

/// The hot words of the first value stand at byte 232 of the header (and at 208, out of use until the second).
#[test]
fn absurd_numbers_in_a_record_are_an_error() {
    for (version, layout_id) in [(u64::MAX, 1), (1, (1 << 44) - 1)] {
        let (dir, store) = store();
        store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
        let file = std::fs::File::options().write(true).open(dir.path().join("a")).unwrap();
        file.write_all_at(&record::hot(version, 1, 0, layout_id), 232).unwrap();
        let error = store.writer("a").and_then(|mut writer| writer.write_slice(&[1_u16, 2], &[2]));
        assert!(matches!(error, Err(Error::Corrupt { .. })), "{version}, {layout_id}: {error:?}");
    }
}

/// Found by fuzzing: a header that says it has no value, and that its cold parts are of the layout id that is used next.
#[test]
fn a_header_without_a_value_has_no_layout_either() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let old = writer.data_file().unwrap();
    drop(writer);
    let file = std::fs::File::options().write(true).open(dir.path().join("a")).unwrap();
    file.write_all_at(&[0; 48], 208).unwrap();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    for version in 1..5_u8 {
        assert_eq!(writer.write_slice(&[u16::from(version); 3], &[3]).unwrap(), u64::from(version));
        assert_eq!(reader.latest().unwrap().as_slice::<u16>().unwrap(), [u16::from(version); 3]);
    }
    assert_ne!(writer.data_file().unwrap(), old);
}

/// The files of a store, put back as they were: a copy has the ids of what it was made of, and counts from there on its own.
fn restore(dir: &tempfile::TempDir, backup: &[(String, Vec<u8>)]) {
    files(dir).iter().for_each(|name| std::fs::remove_file(dir.path().join(name)).unwrap());
    backup.iter().for_each(|(name, bytes)| std::fs::write(dir.path().join(name), bytes).unwrap());
}

fn backup(dir: &tempfile::TempDir) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), std::fs::read(dir.path().join(name)).unwrap());
    files(dir).into_iter().map(read).collect()
}

/// Found by review: two headers of one id had layouts of one number, in different segments.
#[test]
fn a_store_that_is_put_back_from_a_copy_is_another_one() {
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u64; 100], &[100]).unwrap();
    let backup = backup(&dir);
    let mut writer = store.writer("a").unwrap();
    for value in 2..5_u64 {
        writer.write_slice(&[value; 50], &[50]).unwrap();
    }
    let reader = store.reader("a").unwrap();
    assert_eq!(reader.view().unwrap().shape(), [50]);
    assert_eq!(reader.latest().unwrap().shape(), [50]);
    drop(writer);
    restore(&dir, &backup);
    let mut writer = store.writer("a").unwrap();
    for value in 1000..1010_u64 {
        writer.write_slice(&[value; 30], &[30]).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(60);
    while reader.latest().unwrap().version() != 11 {
        assert!(Instant::now() < end, "it does not follow");
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..100 {
        let (value, view) = (reader.latest().unwrap(), reader.view().unwrap());
        assert_eq!((value.shape(), value.as_slice::<u64>().unwrap()), (&[30][..], &[1009; 30][..]));
        assert_eq!(view.as_slice::<u64>().unwrap(), [1009; 30]);
    }
}

/// The same, while the old writer fills a slot that has the number of the one that the new writer's record names.
#[test]
fn a_view_is_never_of_what_is_being_filled() {
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u64; 100], &[100]).unwrap();
    let backup = backup(&dir);
    let mut one = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    for value in 2..6_u64 {
        one.write_slice(&[value; 1000], &[1000]).unwrap();
        assert_eq!((reader.latest().unwrap().version(), reader.view().unwrap().version()), (value, value));
    }
    let mut loan = one.loan::<u64>(&[1000]).unwrap();
    loan.as_mut_slice().fill(7);
    restore(&dir, &backup);
    let mut two = store.writer("a").unwrap();
    for value in 2..20_u64 {
        two.write_slice(&[100 * value; 1000], &[1000]).unwrap();
        std::thread::sleep(Duration::from_millis(30));
        let view = reader.view().unwrap();
        assert!(view.as_slice::<u64>().unwrap().iter().all(|&found| found == 100 * value || found == 5));
    }
    assert_eq!(reader.view().unwrap().as_slice::<u64>().unwrap(), [1900; 1000]);
}

/// Found by review: the count went on from the version of a damaged record, 2^64 - 1, and no value was newer than that.
#[test]
fn a_damaged_header_that_is_replaced_does_not_stop_its_readers() {
    for remove in [false, true] {
        let (dir, store) = store();
        let mut one = store.writer("a").unwrap();
        one.write_slice(&[1_u64], &[1]).unwrap();
        let mut reader = store.reader("a").unwrap();
        assert_eq!(reader.read().unwrap().unwrap().version(), 1);
        let file = std::fs::File::options().read(true).write(true).open(dir.path().join("a")).unwrap();
        for at in [208 + 8, 232 + 8] {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1], at).unwrap();
        }
        let options = store.writer_options("a").takeover(!remove);
        if remove {
            drop(one);
            store.remove("a").unwrap();
        }
        let mut two = options.open().unwrap();
        for value in 10..15_u64 {
            two.write_slice(&[value], &[1]).unwrap();
            let found = loop {
                match reader.wait(Duration::from_secs(60)) {
                    Ok(found) => break found.expect("it does not follow"),
                    Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error}"),
                }
            };
            assert_eq!(found.as_slice::<u64>().unwrap(), [value]);
        }
        assert_eq!(reader.missed(), 0);
    }
}

/// Found by removing files again and again: who waited on a retired header, which nobody rings, looked for the tag every
/// 100 ms, and for minutes did not find one that was removed again each time.
#[test]
fn a_tag_that_is_there_for_moments_is_found() {
    const ROUNDS: usize = 100;
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[0_u64], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    let end = std::sync::atomic::AtomicBool::new(false);
    let found = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut found = 0;
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                found += usize::from(reader.wait(Duration::from_millis(500)).unwrap().is_some());
            }
            found
        });
        for round in 0..ROUNDS {
            store.remove("a").unwrap();
            std::thread::sleep(Duration::from_millis(20));
            store.writer("a").unwrap().write_slice(&[round as u64], &[1]).unwrap();
            std::thread::sleep(Duration::from_millis(3));
        }
        end.store(true, std::sync::atomic::Ordering::Relaxed);
        waiting.join().unwrap()
    });
    // One in thirty by chance; nearly all on a quiet machine.
    assert!(found > ROUNDS / 10, "{found} of {ROUNDS}");
}

/// Found by review: a reader that asks every 90 ms looked at the clock at every 32nd call only.
#[test]
fn a_slow_poller_follows_within_a_few_calls() {
    let (dir, store) = store();
    let mut one = store.writer("a").unwrap();
    one.write_slice(&[1_u64], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    let poll = || {
        std::thread::sleep(Duration::from_millis(40));
        reader.view().unwrap().as_slice::<u64>().unwrap()[0]
    };
    for _ in 0..40 {
        assert_eq!(poll(), 1);
        // And it keeps nothing from one call to the next.
        assert_eq!(store.stat("a").unwrap().value.unwrap().slots.unwrap().pinned, 0);
    }
    drop(one);
    files(&dir).iter().for_each(|name| std::fs::remove_file(dir.path().join(name)).unwrap());
    store.writer("a").unwrap().write_slice(&[2_u64], &[1]).unwrap();
    let calls = (1..100).find(|_| poll() == 2).expect("it does not follow");
    assert!(calls <= 8, "{calls} calls");
}

#[test]
fn waiting_for_nobody_ends() {
    let none: &mut [&mut Reader] = &mut [];
    let (done, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(ndsharray::wait_any(&mut [], None).unwrap()));
    assert_eq!(end.recv_timeout(Duration::from_secs(20)).expect("wait_any spins for ever"), None);
    assert_eq!(ndsharray::wait_any(none, Duration::ZERO).unwrap(), None);
}

/// Somebody removes the data file by hand while the next value goes to a slot that the reader has not mapped yet.
#[test]
fn a_missing_data_file_is_said_to_be_missing_when_it_grows() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [1]);
    std::fs::remove_file(dir.path().join(writer.data_file().unwrap())).unwrap();
    // Within the second in which the writer does not look again.
    writer.write_slice(&[2_u8], &[1]).unwrap();
    match reader.latest() {
        Err(Error::DataMissing { .. }) => {}
        // The second was over.
        Ok(value) => assert_eq!(value.bytes(), [2]),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_loan_of_bytes_cannot_publish_a_bool_that_is_none() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut loan = writer.loan_bytes(&DType::Bool, &[2]).unwrap();
    loan.as_mut_slice().fill(7);
    assert!(matches!(loan.publish(), Err(Error::InvalidElement { .. })));
    let mut loan = writer.loan_bytes(&DType::Bool, &[2]).unwrap();
    loan.as_mut_slice().fill(1);
    assert_eq!(loan.publish().unwrap(), 1);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().as_slice::<bool>().unwrap(), [true, true]);
}
