//! What was found by reading: files left behind, values lost at a takeover, options and files with absurd values.

mod record;

use std::os::unix::fs::{FileExt, PermissionsExt};
use std::time::Duration;

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
