//! A reader that asks for the same value again and again keeps its pin between the calls, and that must show nowhere
//! but in time: it lets go when it finds a newer value, and it never drives the writer to new memory without end.

use ndsharray::{Reader, Store, Writer};

use crate::common::sandbox::store;

fn write(writer: &mut Writer, value: u64) {
    writer.write_slice(&[value; 100], &[100]).unwrap();
}

/// Slots of the data file: how many there are, and how many readers hold.
fn slots(store: &Store) -> (usize, usize) {
    let slots = store.stat("a").unwrap().value.unwrap().slots;
    (slots.allocated, slots.pinned)
}

fn view(reader: &Reader) -> u64 {
    let view = reader.view().unwrap();
    let values = view.as_slice::<u64>().unwrap();
    assert_eq!(values, [values[0]; 100]);
    assert_eq!(view.version(), values[0]);
    values[0]
}

fn latest(reader: &Reader) -> u64 {
    let value = reader.latest().unwrap();
    let values = value.as_slice::<u64>().unwrap();
    assert_eq!(values, [values[0]; 100]);
    assert_eq!(value.version(), values[0]);
    values[0]
}

/// Asks so often that the reader keeps its pin.
fn spin(reader: &Reader, look: fn(&Reader) -> u64, value: u64) {
    for _ in 0..200 {
        assert_eq!(look(reader), value);
    }
}

const LOOKS: [fn(&Reader) -> u64; 2] = [view, latest];

#[test]
fn a_kept_value_is_let_go_with_the_next_one() {
    for look in LOOKS {
        let (_dir, store) = store();
        let mut writer = store.writer("a").unwrap();
        write(&mut writer, 1);
        let reader = store.reader("a").unwrap();
        assert_eq!(look(&reader), 1);
        assert_eq!(slots(&store), (1, 0), "one look keeps nothing");
        for value in 2..20 {
            spin(&reader, look, value - 1);
            assert_eq!(slots(&store).1, 1, "kept");
            write(&mut writer, value);
            assert_eq!(look(&reader), value);
            assert_eq!(slots(&store).1, 0, "let go");
        }
        assert!(slots(&store).0 <= 3, "{:?}", slots(&store));
        spin(&reader, look, 19);
        drop(reader);
        assert_eq!(slots(&store).1, 0, "gone with its reader");
    }
}

/// `view` and `latest` share the kept pin, `read` works beside it, and a clone of the reader does not have it.
#[test]
fn all_ways_of_reading_agree() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    for value in 1..10 {
        write(&mut writer, value);
        spin(&reader, LOOKS[value as usize % 2], value);
        spin(&reader, LOOKS[(value as usize + 1) % 2], value);
        assert_eq!(reader.read().unwrap().unwrap().version(), value);
        assert!(reader.read().unwrap().is_none());
        let clone = reader.clone();
        assert_eq!((view(&clone), latest(&clone)), (value, value));
        spin(&clone, view, value);
        drop(clone);
        assert_eq!(slots(&store).1, 1);
    }
    // `read` lets go, too.
    spin(&reader, view, 9);
    write(&mut writer, 10);
    drop(reader.read().unwrap());
    assert_eq!(slots(&store).1, 0);
}

/// A value from a hot loop is like any other: it outlives the loop, the reader and the values that follow.
#[test]
fn what_was_kept_may_be_held() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let reader = store.reader("a").unwrap();
    spin(&reader, view, 1);
    let (old_view, other_view, snapshot) =
        (reader.view().unwrap(), reader.view().unwrap(), reader.latest().unwrap());
    for value in 2..40 {
        write(&mut writer, value);
        // Views of the first value are alive, so its pin is kept.
        spin(&reader, view, value);
        spin(&reader, latest, value);
        assert_eq!(old_view.as_slice::<u64>().unwrap(), [1; 100]);
    }
    drop(old_view);
    assert_eq!(other_view.as_slice::<u64>().unwrap(), [1; 100]);
    drop(other_view);
    write(&mut writer, 40);
    assert_eq!(view(&reader), 40);
    assert_eq!(slots(&store).1, 1, "the snapshot's");
    drop(reader);
    for value in 41..60 {
        write(&mut writer, value);
    }
    assert_eq!((snapshot.as_slice::<u64>().unwrap(), snapshot.version()), (&[1; 100][..], 1));
    assert!(!snapshot.is_copy());
    drop(snapshot);
    assert_eq!(slots(&store).1, 0);
}

/// Views of a kept value keep it; the first look after their end lets it go, also if there is nothing newer.
#[test]
fn the_last_view_of_a_kept_value_lets_it_go() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let reader = store.reader("a").unwrap();
    spin(&reader, view, 1);
    let old = reader.view().unwrap();
    write(&mut writer, 2);
    assert_eq!((view(&reader), slots(&store).1), (2, 1));
    drop(old);
    assert_eq!((view(&reader), slots(&store).1), (2, 0));
}

/// Values from a hot loop that are held cannot fill the store: from the fourth on they are copies.
#[test]
fn kept_values_that_are_held_count() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    let mut held = Vec::new();
    for value in 1..50 {
        write(&mut writer, value);
        spin(&reader, latest, value);
        held.push(reader.latest().unwrap());
    }
    assert!(held[40].is_copy() && !held[0].is_copy());
    let (allocated, pinned) = slots(&store);
    assert!(pinned <= 4 && allocated <= 6, "{allocated} {pinned}");
    for (value, held) in (1..).zip(&held) {
        assert_eq!(held.as_slice::<u64>().unwrap(), [value; 100]);
    }
    drop((held, reader));
    assert_eq!(slots(&store).1, 0);
}

/// Readers that stop in a hot loop, each at another value (there are more of them than cores): they may take three
/// slots, but not all eight, or the writer would make one new file after the other.
#[test]
fn stopped_hot_loops_do_not_take_all_slots() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let name = writer.data_file();
    let readers: Vec<Reader> = (0..30).map(|_| store.reader("a").unwrap()).collect();
    for round in 0..3 {
        for (value, reader) in (round * 30 + 1..).zip(&readers) {
            spin(reader, LOOKS[value as usize % 2], value);
            write(&mut writer, value + 1);
        }
    }
    assert_eq!(writer.data_file(), name);
    assert!(slots(&store).0 <= 5, "{:?}", slots(&store));
}

/// Another header counts its publishes from the start, so equal numbers do not mean the same value.
#[test]
fn what_is_kept_is_of_one_header() {
    for look in LOOKS {
        let (_dir, store) = store();
        let mut one = store.writer("a").unwrap();
        write(&mut one, 1);
        write(&mut one, 2);
        let reader = store.reader("a").unwrap();
        spin(&reader, look, 2);
        let kept_view = reader.view().unwrap();
        // Takes over with a copy of value 2, and goes through every number that the old header had.
        let mut two = store.writer_options("a").takeover(true).open().unwrap();
        for value in 3..10 {
            write(&mut two, value);
            assert_eq!(look(&reader), value);
            assert_eq!(kept_view.as_slice::<u64>().unwrap(), [2; 100]);
        }
        // The same with a tag that is removed and made again.
        drop((kept_view, one, two));
        spin(&reader, look, 9);
        store.remove("a").unwrap();
        let mut three = store.writer("a").unwrap();
        for value in 1..10 {
            write(&mut three, value);
            assert_eq!(look(&reader), value);
        }
    }
}
