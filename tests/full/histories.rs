//! Histories on a full store: the history gets shorter, and a value is refused only if there is no slot that it could be
//! written to. When there is space again, the history grows again.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ndsharray::{Reader, Store, Writer};

use super::small_store::{Ballast, KIB, full, mount, value};
use crate::common::sandbox::{files, with_mounts};
use crate::common::test_name;

const SIZE: usize = 4 << 20;
const LENGTH: usize = 60 * KIB;
/// A slot: the page of its entry, and the elements.
const SLOT: usize = 64 * KIB;

fn open(store: &Store, history: usize) -> Writer {
    store.writer_options("a").history(history).open().unwrap()
}

/// Writes that many values, of which each is a function of its version.
fn write(writer: &mut Writer, count: u64) {
    for _ in 0..count {
        try_write(writer).unwrap();
    }
}

fn try_write(writer: &mut Writer) -> ndsharray::Result<u64> {
    let seed = (writer.version() + 1) as u8;
    writer.write_slice(&value(seed, LENGTH), &[LENGTH])
}

/// The next values of a reader, whole.
fn versions(reader: &mut Reader) -> Vec<u64> {
    let next = || {
        let found = reader.read_next().unwrap()?;
        assert!(found.bytes() == value(found.version() as u8, LENGTH), "version {}", found.version());
        Some(found.version())
    };
    std::iter::from_fn(next).collect()
}

/// How many values a new reader finds, the last one and those before it.
#[track_caller]
fn history(store: &Store, last: u64) -> u64 {
    let found = versions(&mut store.reader("a").unwrap());
    let count = found.len() as u64;
    assert_eq!(found, (last + 1 - count..=last).collect::<Vec<_>>());
    count
}

/// The number that a new file gets; a filesystem in memory counts them.
fn next_inode(dir: &Path) -> u64 {
    let path = dir.join("counted");
    let inode = std::fs::File::create(&path).unwrap().metadata().unwrap().ino();
    std::fs::remove_file(path).unwrap();
    inode
}

fn allocated(store: &Store) -> usize {
    store.stat("a").unwrap().value.unwrap().slots.allocated
}

/// The space ends in the middle of a stream: the history stays as long as it has slots, and grows when there is space.
#[test]
fn a_history_gets_as_long_as_there_is_space() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=4m");
    let mut writer = open(&store, 30);
    write(&mut writer, 1);
    let mut reader = store.reader("a").unwrap();
    assert_eq!(versions(&mut reader), [1]);
    let mut last = 1;
    for slots in [4, 9, 20] {
        // One slot is there, or as many as fitted before.
        let more = slots - allocated(&store);
        let ballast = Ballast::all_but(&dir, (more * SLOT) as u64);
        write(&mut writer, 200);
        last += 200;
        assert_eq!(allocated(&store), slots);
        // All slots have a value: none is free between two writes.
        assert_eq!(history(&store, last), slots as u64);
        let kept = last + 1 - slots as u64;
        assert_eq!(versions(&mut reader), (kept..=last).collect::<Vec<_>>());
        drop(ballast);
    }
    assert_eq!(reader.missed() + 1 + 4 + 9 + 20, last, "exact all the while");
    // There is space now. After some writes it is asked for, and then the history is as long as it should be.
    write(&mut writer, 64 + 30);
    last += 64 + 30;
    assert!(history(&store, last) >= 30, "{}", history(&store, last));
    versions(&mut reader);
    for _ in 0..5 {
        write(&mut writer, 30);
        last += 30;
        assert_eq!(versions(&mut reader), (last - 29..=last).collect::<Vec<_>>());
    }
    assert_eq!(files(&dir), ["a".to_owned(), writer.data_file().unwrap()], "the same file all the while");
}

/// No value is refused while a slot can be written: neither the last value nor what a reader holds, but everything else.
#[test]
fn a_value_is_refused_only_if_no_slot_can_be_written() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=4m");
    let mut writer = open(&store, 10);
    write(&mut writer, 1);
    let ballast = Ballast::all_but(&dir, 0);
    let refused = |writer: &mut Writer, dir: &Path| {
        full(try_write(writer), dir, SLOT, SIZE);
    };
    refused(&mut writer, &dir);
    assert_eq!(history(&store, 1), 1, "the only slot has the last value");
    drop(ballast);
    write(&mut writer, 2);
    assert_eq!(history(&store, 3), 3, "there is space again");
    let ballast = Ballast::all_but(&dir, 0);
    // Three slots, of which a reader holds two, and one has the last value.
    let mut reader = store.reader("a").unwrap();
    let held = [reader.read_next().unwrap().unwrap(), reader.read_next().unwrap().unwrap()];
    for _ in 0..100 {
        refused(&mut writer, &dir);
    }
    assert_eq!(held.each_ref().map(|held| held.version()), [1, 2]);
    assert_eq!(history(&store, 3), 3, "what is refused takes nothing away");
    let [first, second] = held;
    drop(first);
    write(&mut writer, 1);
    assert_eq!(history(&store, 4), 3, "in the slot that was held");
    write(&mut writer, 100);
    assert!(second.bytes() == value(2, LENGTH));
    assert_eq!(history(&store, 104), 2, "in turn in the two that are not held");
    drop(second);
    write(&mut writer, 100);
    assert_eq!(history(&store, 204), 3);
    // The next writer goes on with them.
    drop(writer);
    let mut writer = open(&store, 10);
    assert_eq!(history(&store, 204), 3);
    write(&mut writer, 100);
    assert_eq!((history(&store, 304), allocated(&store)), (3, 3));
    drop(ballast);
    write(&mut writer, 64 + 10);
    assert!(history(&store, 378) >= 10);
}

/// A longer history needs another file, for which there is no space. The writer goes on in the one that it has, and asks
/// again now and then, not at each write.
#[test]
fn a_longer_history_waits_for_space() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let store = mount(&dir, "size=4m");
    let mut writer = open(&store, 3);
    write(&mut writer, 10);
    drop(writer);
    let ballast = Ballast::all_but(&dir, 0);
    let mut writer = open(&store, 20);
    let (name, before) = (writer.data_file(), next_inode(&dir));
    write(&mut writer, 100);
    assert_eq!((writer.data_file(), history(&store, 110)), (name.clone(), 4));
    let made = next_inode(&dir) - before;
    assert!(made < 20, "{made} files were made in 100 writes");
    drop(ballast);
    write(&mut writer, 64 + 20);
    assert_ne!(writer.data_file(), name);
    assert!(history(&store, 194) >= 20);
    assert_eq!(files(&dir), ["a".to_owned(), writer.data_file().unwrap()]);
}
