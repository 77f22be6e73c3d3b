//! Files that are put back from a copy while readers and a writer go on: the copy is another array.

use std::path::Path;
use std::time::{Duration, Instant};

use ndsharray::Store;

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
