//! Slots and segments: how much memory a stream takes, alone and when its values are held.

use ndsharray::Store;

use crate::common::sandbox::{files, store};

pub fn slots(store: &Store) -> usize {
    store.stat("a").unwrap().value.unwrap().slots.allocated
}

#[test]
fn memory_is_what_is_needed() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[0_u8; 10_000], &[10_000]).unwrap();
    assert_eq!(slots(&store), 1, "a value written once takes one slot");
    let name = writer.data_file();
    for _ in 0..100 {
        writer.write_slice(&[0_u8; 10_000], &[10_000]).unwrap();
    }
    assert_eq!(slots(&store), 2, "a stream takes two");
    assert_eq!(writer.data_file(), name, "the data file keeps its name while only values change");
    writer.write_slice(&[0_u16; 21], &[7, 3]).unwrap();
    assert_ne!(writer.data_file(), name, "another layout, another name");
    assert_eq!(store.stat("a").unwrap().value.unwrap().slots.capacity, 12288, "memory is recycled");
    writer.write_slice(&vec![0_u8; 1 << 20], &[1 << 20]).unwrap();
    for i in 0..40 {
        let capacity = store.stat("a").unwrap().value.unwrap().slots.capacity;
        assert_eq!(capacity, if i <= 16 { 1 << 20 } else { 4096 }, "after {i} small writes");
        writer.write_slice(&[0_u8; 100], &[100]).unwrap();
    }
    assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn held_values_do_not_change_and_do_not_fill_the_store() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    let mut held = Vec::new();
    for i in 0..200_u64 {
        // Growing layouts too: each needs a new segment.
        let length = if i % 10 == 9 { 1000 + 600 * i as usize } else { 1000 };
        writer.write_slice(&vec![i; length], &[length]).unwrap();
        held.push(reader.read().unwrap().unwrap());
    }
    for (i, value) in held.iter().enumerate() {
        assert!(value.as_slice::<u64>().unwrap().iter().all(|&e| e == i as u64), "{i}: {value:?}");
    }
    assert!(held.iter().filter(|value| !value.is_copy()).count() <= 4);
    assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn several_holders_make_more_slots_and_then_a_new_segment() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[0_u64], &[1]).unwrap();
    let name = writer.data_file();
    // One process pins three values of a tag at most: from the fourth on they are copies.
    let readers: Vec<_> = (0..6).map(|_| store.reader("a").unwrap()).collect();
    let mut held = Vec::new();
    for (i, reader) in readers.iter().enumerate() {
        held.push(reader.latest().unwrap());
        writer.write_slice(&[i as u64 + 1], &[1]).unwrap();
    }
    assert_eq!(slots(&store), 5, "three held, the current one, and one to write");
    assert_eq!(writer.data_file(), name);
    for (i, value) in held.iter().enumerate() {
        assert_eq!(value.as_slice::<u64>().unwrap(), [i as u64]);
    }
    assert_eq!(files(dir.path()).len(), 2);
}

/// The last values of a history are in place, and one more slot is there to write.
#[test]
fn the_values_of_a_history_stay_in_place() {
    let (_dir, store) = store();
    for history in [0, 1, 2, 7, 20, 248] {
        let tag = format!("a{history}");
        let mut writer = store.writer_options(&tag).history(history).open().unwrap();
        let reader = store.reader(&tag).unwrap();
        for value in 0..600_u64 {
            writer.write_slice(&[value; 1000], &[1000]).unwrap();
            assert_eq!(reader.latest().unwrap().as_slice::<u64>().unwrap(), [value; 1000]);
        }
        let found = store.inspect(&tag).unwrap();
        let in_place =
            found.data_files[0].fields.iter().filter(|field| field.name.ends_with("content version"));
        let mut versions: Vec<u64> = in_place.map(|field| field.value.parse().unwrap()).collect();
        versions.sort_unstable();
        let slots = history.max(1) as u64 + 1;
        assert_eq!(versions, (601 - slots..=600).collect::<Vec<_>>(), "the last {slots} values");
    }
}
