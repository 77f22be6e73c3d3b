//! Files that are put back from a copy while readers and a writer go on: the copy is another array.

use std::path::Path;
use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

use crate::common::sandbox::{files, in_child};
use crate::common::test_name;

/// Puts the files of a store back as they were. They have the ids of the files that they are a copy of, and count on
/// from there on their own.
fn restore(dir: &Path, backup: &[(String, Vec<u8>)]) {
    files(dir).iter().for_each(|name| std::fs::remove_file(dir.join(name)).unwrap());
    backup.iter().for_each(|(name, bytes)| std::fs::write(dir.join(name), bytes).unwrap());
}

fn backup(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), std::fs::read(dir.join(name)).unwrap());
    files(dir).into_iter().map(read).collect()
}

/// Found by review: two headers with the same id had layouts with the same number, in different segments.
#[test]
fn a_store_that_is_put_back_from_a_copy_is_another_one() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
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
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
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

/// A loop that keeps its snapshot: the other store's value of the same number is another value.
#[test]
fn a_loop_notices_that_a_copy_was_put_back() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    store.writer("a").unwrap().write_slice(&[1_u64], &[1]).unwrap();
    let backup = backup(&dir);
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[2_u64], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    let kept = reader.latest().unwrap();
    drop(writer);
    restore(&dir, &backup);
    store.writer("a").unwrap().write_slice(&[200_u64], &[1]).unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while !reader.has_changed(&kept) {
        assert!(Instant::now() < end, "it does not notice");
        std::thread::sleep(Duration::from_millis(1));
    }
    let next = reader.latest().unwrap();
    assert_eq!((next.version(), next.as_slice::<u64>().unwrap()), (2, &[200][..]));
    assert_eq!(kept.as_slice::<u64>().unwrap(), [2]);
    assert!(!reader.has_changed(&next));
}

/// The writer that was there before goes on to another layout, another file and its end. The files that were put back have the
/// names of its own, but are not its.
#[test]
fn a_writer_leaves_the_files_alone_that_were_put_back_under_it() {
    let Some(dir) = in_child(test_name!()) else { return };
    for what in ["drop", "relayout", "grow", "notice"] {
        for ephemeral in [false, true] {
            println!("{what}, ephemeral: {ephemeral}");
            let dir = dir.join(format!("{what}{ephemeral}"));
            std::fs::create_dir(&dir).unwrap();
            let store = Store::open(&dir).unwrap();
            let mut one = store.writer_options("a").ephemeral(ephemeral).open().unwrap();
            one.write_slice(&[1_u64; 100], &[100]).unwrap();
            let backup = backup(&dir);
            restore(&dir, &backup);
            match what {
                "relayout" => drop(one.write_slice(&[2_u8; 3], &[3])),
                "grow" => drop(one.write_slice(&[2_u8; 9000], &[9000])),
                "notice" => {
                    std::thread::sleep(Duration::from_millis(1050));
                    let error = one.write_slice(&[2_u64; 100], &[100]).unwrap_err();
                    assert!(matches!(error, Error::Superseded { .. }), "{error:?}");
                }
                _ => {}
            }
            drop(one);
            for (name, bytes) in &backup {
                assert!(std::fs::read(dir.join(name)).unwrap() == *bytes, "{name} was changed");
            }
            let reader = store.reader("a").unwrap();
            assert_eq!(reader.latest().unwrap().as_slice::<u64>().unwrap(), [1; 100]);
            // Whatever else it named is swept.
            assert_eq!(
                store.gc().is_ok_and(|report| report.removed.iter().any(|name| name == "a")),
                ephemeral
            );
            if !ephemeral {
                assert_eq!(files(&dir).len(), 2);
                assert_eq!(store.writer("a").unwrap().write_slice(&[3_u64; 100], &[100]).unwrap(), 2);
                assert_eq!(reader.latest().unwrap().as_slice::<u64>().unwrap(), [3; 100]);
            }
        }
    }
}

/// Header and data files that were copied at two moments: a reader gets the header's value or an error, never another value, and a
/// writer goes on and gives no number twice.
#[test]
fn copies_of_two_moments() {
    let Some(dir) = in_child(test_name!()) else { return };
    let live = dir.join("live");
    std::fs::create_dir(&live).unwrap();
    let store = Store::open(&live).unwrap();
    let mut writer = store.writer("a").unwrap();
    let mut held = Vec::new();
    let mut moments = Vec::new();
    for value in 1..=7_u64 {
        // Layouts come and go, once by a new file; values are held, so that slots are added.
        let length = [1, 1, 2, 2, 600, 600, 1][value as usize - 1];
        writer.write_slice(&vec![value; length], &[length]).unwrap();
        held.push(store.reader("a").unwrap().latest().unwrap());
        moments.push((backup(&live), vec![value; length]));
    }
    drop(writer);
    let (mut whole, mut none) = (0, 0);
    for (header, (of_header, value)) in moments.iter().enumerate() {
        for (data, (of_data, _)) in moments.iter().enumerate() {
            println!("the header after {}, data after {}", header + 1, data + 1);
            let dir = dir.join(format!("{header} {data}"));
            std::fs::create_dir(&dir).unwrap();
            let put = |files: &[(String, Vec<u8>)], of: fn(&str) -> bool| {
                let chosen = files.iter().filter(|(name, _)| of(name));
                chosen.for_each(|(name, bytes)| std::fs::write(dir.join(name), bytes).unwrap());
            };
            put(of_header, |name| name == "a");
            put(of_data, |name| name != "a");
            let store = Store::open(&dir).unwrap();
            let reader = store.reader("a").unwrap();
            match reader.latest() {
                Ok(found) => {
                    assert_eq!(found.as_slice::<u64>().unwrap(), value);
                    whole += 1;
                }
                Err(
                    Error::Contended { .. }
                    | Error::Corrupt { .. }
                    | Error::Truncated { .. }
                    | Error::DataMissing { .. },
                ) => none += 1,
                Err(error) => panic!("{error:?}"),
            }
            assert!(header != data || reader.latest().is_ok());
            let mut writer = store.writer("a").unwrap();
            assert_eq!(writer.version(), header as u64 + 1);
            // More values than there are versions in the slots: none of them comes back.
            for version in header as u64 + 2..25 {
                let length = [1, 2, 600, 1][version as usize % 4];
                assert_eq!(writer.write_slice(&vec![100 * version; length], &[length]).unwrap(), version);
                let found = reader.latest().unwrap();
                assert_eq!(found.as_slice::<u64>().unwrap(), vec![100 * version; length]);
            }
            assert_eq!(files(&dir).len(), 2, "{:?}", files(&dir));
        }
    }
    assert!(whole >= 7 && none > 20, "{whole} {none}");
}
