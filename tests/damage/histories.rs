//! Damaged and copied stores with a history, and readers of one that must copy.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ndsharray::{Error, Store, UnixTime};

use crate::common::sandbox::{store, with_mounts};
use crate::common::test_name;

/// The content version of a slot, in a data file with that bytes.
fn content(data: &mut [u8], slot: usize) -> &mut [u8] {
    &mut data[256 + 64 * slot..][..8]
}

/// A slot that says the version of the record in another slot: a writer that goes on does not take the record's own for free.
#[test]
fn another_slot_with_the_version_of_the_record() {
    let (dir, store) = store();
    for slot in [0, 1, 2, 4] {
        let mut writer = store.writer_options("a").history(4).open().unwrap();
        for i in 1..=11_u64 {
            writer.write_slice(&[i; 4], &[4]).unwrap();
        }
        let path = dir.path().join(writer.data_file().unwrap());
        let version = writer.version();
        drop(writer);
        let mut data = std::fs::read(&path).unwrap();
        if content(&mut data, slot) != version.to_ne_bytes() {
            content(&mut data, slot).copy_from_slice(&version.to_ne_bytes());
            std::fs::write(&path, data).unwrap();
        }
        let reader = store.reader("a").unwrap();
        let held = reader.latest().unwrap();
        assert_eq!(held.as_slice::<u64>().unwrap(), [11; 4]);
        let again = reader.latest().unwrap();
        drop(held);
        drop(again);
        let mut writer = store.writer("a").unwrap();
        let mut loan = writer.loan::<u64>(&[4]).unwrap();
        loan.as_mut_slice().fill(77);
        let value = reader.latest().unwrap();
        assert_eq!(value.as_slice::<u64>().unwrap(), [11; 4], "slot {slot}");
        loan.as_mut_slice().fill(78);
        assert_eq!(value.as_slice::<u64>().unwrap(), [11; 4], "slot {slot}");
        drop(loan);
        drop(writer);
        store.remove("a").unwrap();
    }
}

/// A data file that was copied before its header: the record's slot holds an earlier value. Finding that value as itself is no
/// reason to believe the record.
#[test]
fn an_earlier_value_in_the_slot_of_the_record() {
    let (dir, store) = store();
    let mut writer = store.writer_options("a").history(3).open().unwrap();
    for i in 1..=4_u64 {
        writer.write_slice(&[i], &[1]).unwrap();
    }
    let path = dir.path().join(writer.data_file().unwrap());
    drop(writer);
    let mut data = std::fs::read(&path).unwrap();
    content(&mut data, 3).copy_from_slice(&2_u64.to_ne_bytes());
    std::fs::write(&path, data).unwrap();
    let mut reader = store.reader("a").unwrap();
    let is_contended = |outcome: ndsharray::Result<_>| matches!(outcome, Err(Error::Contended { .. }));
    assert!(is_contended(reader.latest()));
    let old = reader.nearest(UnixTime::now(), None).unwrap().unwrap();
    assert_eq!((old.version(), old.as_slice::<u64>().unwrap()), (2, &[4][..]), "as the slot says");
    drop(old);
    assert!(is_contended(reader.latest()), "it goes by what the slot says");
    let _ = reader.read_next();
    assert!(is_contended(reader.latest()));
}

/// The tag is removed by hand and made anew between two reads: the versions of the new one are not taken for the old one's.
#[test]
fn a_tag_that_is_made_anew_before_its_file_is_opened() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    for i in 1..=2_u64 {
        writer.write_slice(&[i], &[1]).unwrap();
        assert!(reader.read_next().unwrap().is_some());
    }
    // Another number, which the reader has not opened.
    writer.write_slice(&[3_u64, 3], &[2]).unwrap();
    for name in ["a", &writer.data_file().unwrap()] {
        std::fs::remove_file(dir.path().join(name)).unwrap();
    }
    let mut new = store.writer_options("a").history(8).open().unwrap();
    for i in 1..=5_u64 {
        new.write_slice(&[10 * i], &[1]).unwrap();
    }
    let found: Vec<u64> = std::iter::from_fn(|| reader.read_next().unwrap())
        .map(|value| value.as_slice().unwrap()[0])
        .collect();
    assert_eq!(found, [10, 20, 30, 40, 50]);
    assert_eq!(reader.missed(), 1);
}

/// The directory, and the same one read-only.
const MOUNTS: &str = "mount -t tmpfs -o size=500m none \"$1\" && mkdir \"$1/rw\" \"$1/ro\" &&
    mount --bind \"$1/rw\" \"$1/ro\" && mount -o remount,bind,ro \"$1/ro\"";

/// A reader that must copy, of a writer that is faster than a copy: it loses values, and gets the others.
#[test]
fn a_copying_reader_keeps_up_with_a_fast_writer() {
    let Some(dir) = with_mounts(test_name!(), MOUNTS) else { return };
    let open = |name: &Path| Store::open(dir.join(name)).unwrap();
    let (store, copy) = (open(Path::new("rw")), open(Path::new("ro")));
    const LENGTH: usize = 4 << 20;
    let mut writer = store.writer_options("a").history(8).open().unwrap();
    writer.write_slice(&vec![0_u64; LENGTH], &[LENGTH]).unwrap();
    let mut reader = copy.reader("a").unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // A value stays for nine milliseconds, and the oldest for less than one: shorter than a copy takes.
            for i in 1.. {
                let mut loan = writer.loan::<u64>(&[LENGTH]).unwrap();
                for at in [0, LENGTH / 2, LENGTH - 1] {
                    loan.as_mut_slice()[at] = i;
                }
                loan.publish().unwrap();
                std::thread::sleep(Duration::from_millis(1));
                if over.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let (mut last, mut found) = (0, 0);
        for _ in 0..20 {
            // It falls behind each time.
            std::thread::sleep(Duration::from_millis(20));
            let value = match reader.wait_next(Duration::from_secs(60)) {
                Ok(value) => value.expect("a value"),
                // On a busy machine even the latest value may not stay for as long as a copy takes.
                Err(Error::Contended { .. }) => continue,
                Err(error) => panic!("{error}"),
            };
            let elements = value.as_slice::<u64>().unwrap();
            assert!(value.version() > last && value.is_copy());
            (last, found) = (value.version(), found + 1);
            assert_eq!([elements[0], elements[LENGTH / 2], elements[LENGTH - 1]], [last - 1; 3]);
        }
        assert!(found > 0);
        over.store(true, Ordering::Relaxed);
    });
}
