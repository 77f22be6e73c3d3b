//! What is left of a takeover or a removal that was killed in the middle, and what the writer and the readers do then.
//! The state is made by hand: a frozen header, a name lock, a header under a temporary name, a second name of a data
//! file.

use std::time::Duration;

use ndsharray::{Error, Store, Writer};

use crate::common::header::HeaderFile;
use crate::common::process::Watchdog;
use crate::common::sandbox::{self, files};
use crate::common::{soak, test_name};

fn freeze(store: &Store, tag: &str) {
    HeaderFile::of(store, tag).freeze();
}

/// The name lock of a tag's header, until it is dropped.
fn lock_name(store: &Store, tag: &str) -> HeaderFile {
    let header = HeaderFile::of(store, tag);
    header.lock_name();
    header
}

/// A store with a tag that has value 1.
fn store() -> (tempfile::TempDir, Store, Writer) {
    let (dir, store) = sandbox::store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    (dir, store, writer)
}

fn is_superseded(outcome: &ndsharray::Result<u64>) -> bool {
    matches!(outcome, Err(Error::Superseded { .. }))
}

#[test]
fn a_writer_is_refused_while_somebody_is_at_work_and_goes_on_if_he_is_killed() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, mut writer) = store();
    let reader = store.reader("a").unwrap();
    let lock = lock_name(&store, "a");
    assert_eq!(writer.write_slice(&[2_u8], &[1]).unwrap(), 2, "nothing has happened yet");
    let mut loan = writer.loan::<u16>(&[3000]).unwrap();
    loan.as_mut_slice().fill(3);
    freeze(&store, "a");
    assert!(is_superseded(&loan.publish()));
    assert!(is_superseded(&writer.write_slice(&[3_u8], &[1])));
    assert_eq!(reader.latest().unwrap().bytes(), [2], "readers go on");
    assert_eq!(files(store.directory()).len(), 2);
    drop(lock);
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })), "it has its lock still");
    assert_eq!(writer.write_slice(&[4_u8], &[1]).unwrap(), 3);
    assert_eq!(reader.latest().unwrap().bytes(), [4]);
}

/// The refused value has another layout. That layout must not show with the next value, in either of the two records.
#[test]
fn a_value_that_is_refused_leaves_no_trace() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, mut writer) = store();
    let reader = store.reader("a").unwrap();
    for (bytes, next) in [(3, 1), (2, 2), (9000, 3), (20_000, 2), (5, 1)] {
        let lock = lock_name(&store, "a");
        // Past the writer's first look, so that the publish itself is refused.
        let mut loan = writer.loan::<u8>(&[bytes]).unwrap();
        loan.as_mut_slice().fill(9);
        freeze(&store, "a");
        assert!(is_superseded(&loan.publish()));
        drop(lock);
        for value in 0..3 {
            let version = writer.write_slice(&vec![value; next], &[next]).unwrap();
            let latest = reader.latest().unwrap();
            assert_eq!((latest.version(), latest.bytes()), (version, &vec![value; next][..]));
            assert_eq!(files(store.directory()), ["a".to_owned(), writer.data_file().unwrap()]);
        }
    }
}

#[test]
fn a_header_left_frozen_is_adopted() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, writer) = store();
    drop(writer);
    freeze(&store, "a");
    let mut writer = store.writer("a").unwrap();
    assert_eq!(writer.write_slice(&[2_u8], &[1]).unwrap(), 2);
    freeze(&store, "a");
    let mut next = store.writer_options("a").takeover(true).open().unwrap();
    assert_eq!(next.write_slice(&[3_u8], &[1]).unwrap(), 3);
    assert!(is_superseded(&writer.write_slice(&[4_u8], &[1])));
    assert_eq!(files(store.directory()), ["a".to_owned(), next.data_file().unwrap()]);
}

/// Two at once: the second waits for the first, and then works on what the first has made.
#[test]
fn whoever_opens_or_removes_waits_for_who_is_at_work() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, mut writer) = store();
    type Then = fn(&Store);
    let takes: Then = |store| {
        let next = store.writer_options("a").takeover(true).open().unwrap();
        assert_eq!(next.version(), 2);
    };
    let removes: Then = |store| store.force_remove("a").unwrap();
    for then in [takes, removes] {
        let lock = lock_name(&store, "a");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| then(&store));
            std::thread::sleep(Duration::from_millis(100));
            assert!(!other.is_finished());
            if writer.version() == 1 {
                writer.write_slice(&[2_u8], &[1]).unwrap();
            }
            drop(lock);
        });
        assert!(writer.write_slice(&[3_u8], &[1]).is_err());
        writer = store.writer("a").unwrap();
    }
}

/// What a takeover leaves that is killed right after the exchange: the new header has the tag's name, and the old one a
/// temporary name.
fn displaced() -> (tempfile::TempDir, Store, Writer, Writer) {
    let (dir, store, mut old) = store();
    old.write_slice(&[2_u8], &[1]).unwrap();
    freeze(&store, "a");
    std::fs::rename(dir.path().join("a"), dir.path().join(".a_0123456789abcdef.ndsharray-tmp")).unwrap();
    let mut new = store.writer("b").unwrap();
    new.write_slice(&[7_u8], &[1]).unwrap();
    drop(new);
    std::fs::rename(dir.path().join("b"), dir.path().join("a")).unwrap();
    let of_b = files(store.directory()).into_iter().find(|name| name.starts_with("b_")).unwrap();
    let of_a = of_b.replace("b_", "a_");
    std::fs::rename(dir.path().join(of_b), dir.path().join(of_a)).unwrap();
    assert_eq!(files(store.directory()).len(), 4);
    // What the next writer removes, `gc` would remove too: the old header, and the data file that it names.
    let data_file = old.data_file().unwrap();
    assert_eq!(
        store.gc_dry_run().unwrap().removed,
        [".a_0123456789abcdef.ndsharray-tmp".to_owned(), data_file]
    );
    assert_eq!(files(store.directory()).len(), 4);
    let new = store.writer("a").unwrap();
    (dir, store, old, new)
}

#[test]
fn a_displaced_header_goes_with_the_next_writer() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, mut old, mut new) = displaced();
    assert_eq!(files(store.directory()), ["a".to_owned(), new.data_file().unwrap()]);
    for _ in 0..2 {
        assert!(is_superseded(&old.write_slice(&[3_u8], &[1])));
    }
    assert_eq!(new.write_slice(&[8_u8], &[1]).unwrap(), 2);
    assert_eq!(files(store.directory()), ["a".to_owned(), new.data_file().unwrap()]);
}

/// While a takeover is under way, the ephemeral value is kept for it, also when its writer ends.
#[test]
fn an_ephemeral_value_stays_for_whoever_takes_it_over() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, persistent) = store();
    drop(persistent);
    store.remove("a").unwrap();
    let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
    writer.write_slice(&[7_u8], &[1]).unwrap();
    let lock = lock_name(&store, "a");
    freeze(&store, "a");
    drop(writer);
    drop(store.writer_options("b").ephemeral(true).open().unwrap());
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [7]);
    drop(lock);
    let data_file = store.stat("a").unwrap().value.unwrap().data_file;
    assert_eq!(store.gc().unwrap().removed, ["a".to_owned(), data_file]);
    assert_eq!(files(store.directory()), [""; 0]);

    let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
    writer.write_slice(&[8_u8], &[1]).unwrap();
    let taken = store.writer_options("a").takeover(true).open().unwrap();
    drop(writer);
    drop(taken);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [8], "taken over to stay");
}

/// An ephemeral writer would remove the value at its end, so it opens a persistent one only with `takeover`.
#[test]
fn an_ephemeral_writer_does_not_take_a_value_that_is_to_stay() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, writer) = store();
    drop(writer);
    let error = store.writer_options("a").ephemeral(true).open().unwrap_err();
    assert!(matches!(error, Error::InvalidOption { option: "ephemeral", .. }), "{error:?}");
    assert!(error.to_string().contains("\"a\""), "{error}");
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1]);
    let taken = store.writer_options("a").ephemeral(true).takeover(true).open().unwrap();
    assert_eq!(taken.version(), 1);
    drop(taken);
    assert_eq!(files(store.directory()), [""; 0]);
    // Nothing was ever written: nothing is lost.
    drop(store.writer("a").unwrap());
    drop(store.writer_options("a").ephemeral(true).open().unwrap());
    assert_eq!(files(store.directory()), [""; 0]);
}

/// `stat` never finds a tag damaged whose writer changes the layout all the time.
#[test]
fn stat_under_a_busy_writer() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store, mut writer) = store();
    writer.write_slice(&[0_u8; 100], &[100]).unwrap();
    std::thread::scope(|scope| {
        let looker = scope.spawn(|| {
            for _ in 0..if soak() { 20_000 } else { 5000 } {
                let value = store.stat("a").unwrap().value.unwrap();
                assert!(value.shape == [100] || value.shape == [10, 10], "{:?}", value.shape);
            }
        });
        // Each layout for two values: the second one is in another slot, under the same number.
        let mut turn = 0;
        while !looker.is_finished() {
            turn += 1;
            let shape: &[usize] = if turn / 2 % 2 == 0 { &[10, 10] } else { &[100] };
            writer.write_slice(&[0_u8; 100], shape).unwrap();
        }
    });
}

/// A writer that was killed between link and unlink leaves its data file two names.
#[test]
fn a_second_name_of_the_data_file_goes_with_the_next_writer() {
    let _watchdog = Watchdog::new(test_name!());
    let (dir, store) = sandbox::store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let data = dir.path().join(writer.data_file().unwrap());
    drop(writer);
    std::fs::hard_link(&data, dir.path().join(format!("a_{}", "0f".repeat(16)))).unwrap();
    let writer = store.writer("a").unwrap();
    assert_eq!(files(dir.path()), ["a".to_owned(), writer.data_file().unwrap()]);
}

/// A writer that is killed between link and unlink leaves two names of one file. The next writer adopts the file under
/// the name that the header says, and removes the other one.
#[test]
fn the_second_name_of_a_data_file_is_removed() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = sandbox::store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let name = writer.data_file().unwrap();
    drop(writer);
    let second = format!("a_{}", "0123456789abcdef".repeat(2));
    std::fs::hard_link(directory.path().join(&name), directory.path().join(second)).unwrap();
    let writer = store.writer("a").unwrap();
    assert_eq!(writer.data_file().as_ref(), Some(&name));
    assert_eq!(files(store.directory()), ["a", &name]);
}

/// A sweep that was killed after it had displaced a header by mistake: whoever comes next puts that back, with its value.
#[test]
fn a_header_that_was_displaced_by_mistake_is_put_back() {
    let _watchdog = Watchdog::new(test_name!());
    for by_gc in [false, true] {
        let (_dir, store, mut writer) = store();
        writer.write_slice(&[7_u8], &[1]).unwrap();
        let version = writer.version();
        drop(writer);
        let path = store.directory().join("a");
        std::fs::rename(&path, store.directory().join(".a_0000000000000001.ndsharray-tmp")).unwrap();
        assert!(matches!(store.reader("a"), Err(Error::NotFound { .. })));
        if by_gc {
            assert_eq!(store.gc_dry_run().unwrap().removed, [""; 0]);
            assert_eq!(store.gc().unwrap().removed, [""; 0]);
        } else {
            assert_eq!(store.writer("a").unwrap().version(), version);
        }
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [7]);
        assert_eq!(files(store.directory()).len(), 2);
    }
}
