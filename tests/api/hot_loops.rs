//! Loops that ask for the same value again and again: nothing is held between two calls of `view` or `latest`, a loop that keeps
//! its snapshot as long as it is the latest asks `has_changed`, and neither drives the writer to new memory without end.

use ndsharray::{Reader, Snapshot, Store, Writer};

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

/// Asks often.
fn spin(reader: &Reader, look: fn(&Reader) -> u64, value: u64) {
    for _ in 0..200 {
        assert_eq!(look(reader), value);
    }
}

const LOOKS: [fn(&Reader) -> u64; 2] = [view, latest];

#[test]
fn nothing_is_held_between_two_looks() {
    for look in LOOKS {
        let (_dir, store) = store();
        let mut writer = store.writer("a").unwrap();
        write(&mut writer, 1);
        let reader = store.reader("a").unwrap();
        for value in 2..20 {
            spin(&reader, look, value - 1);
            assert_eq!(slots(&store).1, 0);
            write(&mut writer, value);
            assert_eq!(look(&reader), value);
        }
        assert_eq!(slots(&store), (2, 0), "a stream without holders takes two slots");
    }
}

/// Keeps its snapshot if it is the latest.
fn renew(reader: &Reader, kept: &mut Snapshot) -> u64 {
    if reader.has_changed(kept) {
        *kept = reader.latest().unwrap();
    }
    assert_eq!(kept.as_slice::<u64>().unwrap(), [kept.version(); 100]);
    kept.version()
}

#[test]
fn a_snapshot_is_kept_as_long_as_it_is_the_latest() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let reader = store.reader("a").unwrap();
    let mut kept = reader.latest().unwrap();
    for value in 2..20 {
        for _ in 0..200 {
            assert!(!reader.has_changed(&kept));
            assert_eq!(renew(&reader, &mut kept), value - 1);
        }
        assert_eq!(slots(&store).1, 1, "the snapshot's");
        write(&mut writer, value);
        assert!(reader.has_changed(&kept) && reader.clone().has_changed(&kept));
        assert_eq!(renew(&reader, &mut kept), value);
        assert!(!kept.is_copy());
    }
    assert!(slots(&store).0 <= 3, "{:?}", slots(&store));
    drop(kept);
    assert_eq!(slots(&store).1, 0);
}

/// `view`, `latest`, `read` and `has_changed` of a reader and its clones go together.
#[test]
fn all_ways_of_reading_agree() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    for value in 1..10 {
        write(&mut writer, value);
        spin(&reader, LOOKS[value as usize % 2], value);
        spin(&reader, LOOKS[(value as usize + 1) % 2], value);
        let read = reader.read().unwrap().unwrap();
        assert_eq!(read.version(), value);
        assert!(reader.read().unwrap().is_none());
        let clone = reader.clone();
        assert_eq!((view(&clone), latest(&clone)), (value, value));
        assert!(!clone.has_changed(&read) && !reader.has_changed(&clone.latest().unwrap()));
        drop((clone, read));
        assert_eq!(slots(&store).1, 0);
    }
}

/// A value from a hot loop is like any other: it outlives the loop, the reader and the values that follow.
#[test]
fn what_a_loop_saw_may_be_held() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let reader = store.reader("a").unwrap();
    spin(&reader, view, 1);
    let (old_view, other_view, snapshot) =
        (reader.view().unwrap(), reader.view().unwrap(), reader.latest().unwrap());
    for value in 2..40 {
        write(&mut writer, value);
        // Views of the first value are alive.
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

/// A view holds its value and lets it go at its end, also if there is nothing newer.
#[test]
fn the_last_view_of_a_value_lets_it_go() {
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
    assert!(held.iter().enumerate().all(|(i, held)| held.is_copy() == (i >= 3)));
    assert_eq!(slots(&store), (5, 3), "three held, the current one, and one to write");
    for (value, held) in (1..).zip(&held) {
        assert_eq!(held.as_slice::<u64>().unwrap(), [value; 100]);
    }
    drop((held, reader));
    assert_eq!(slots(&store).1, 0);
}

/// Loops that stopped, each with another value in hand (there are more of them than slots): together they hold three slots in
/// place, or the writer would make one new file after the other.
#[test]
fn stopped_loops_do_not_take_all_slots() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let name = writer.data_file();
    let readers: Vec<Reader> = (0..30).map(|_| store.reader("a").unwrap()).collect();
    let mut kept: Vec<Snapshot> = readers.iter().map(|reader| reader.latest().unwrap()).collect();
    for round in 0..3 {
        for ((value, reader), kept) in (round * 30 + 1..).zip(&readers).zip(&mut kept) {
            spin(reader, LOOKS[value as usize % 2], value);
            assert_eq!(renew(reader, kept), value);
            write(&mut writer, value + 1);
        }
        for (value, kept) in (round * 30 + 1..).zip(&kept) {
            assert_eq!(kept.as_slice::<u64>().unwrap(), [value; 100]);
        }
    }
    assert_eq!(writer.data_file(), name);
    assert_eq!(slots(&store), (5, 3));
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
        let (kept_view, mut kept) = (reader.view().unwrap(), reader.latest().unwrap());
        // Takes over with a copy of value 2, and goes through every number that the old header had.
        let mut two = store.writer_options("a").takeover(true).open().unwrap();
        for value in 3..10 {
            write(&mut two, value);
            assert_eq!((look(&reader), renew(&reader, &mut kept)), (value, value));
            assert_eq!(kept_view.as_slice::<u64>().unwrap(), [2; 100]);
        }
        // The same with a tag that is removed and made again.
        drop((kept_view, one, two));
        spin(&reader, look, 9);
        store.remove("a").unwrap();
        let mut three = store.writer("a").unwrap();
        for value in 1..10 {
            write(&mut three, value);
            assert_eq!((look(&reader), renew(&reader, &mut kept)), (value, value));
        }
    }
}

/// The last value of a tag that is removed stays the latest until there is another, also if that has the same number.
#[test]
fn the_first_value_after_a_removal_has_changed() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    let reader = store.reader("a").unwrap();
    let kept = reader.latest().unwrap();
    drop(writer);
    store.remove("a").unwrap();
    assert_eq!((reader.has_changed(&kept), latest(&reader)), (false, 1));
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 1);
    assert!(reader.has_changed(&kept));
    let next = reader.latest().unwrap();
    assert_eq!((next.version(), reader.has_changed(&next)), (1, false));
}
