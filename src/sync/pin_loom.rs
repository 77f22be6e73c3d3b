//! Every interleaving of pins and claims: with layouts in the slots' entries, killed writers, copies, and a writer that leaves
//! its file. Elements are atomics here, so that a torn read is seen, not undefined.

use loom::sync::Arc;
use loom::thread::{self, JoinHandle};

use super::copy_unpinned;
use crate::model::{explore, must_fail};
use crate::sync::store_loom::{Kill, Look, Record, STEPS, Store, Value, Writer, whole};
use crate::sync::{Point, omitted};

fn value(version: u64, layout: u64) -> Option<(Value, u64)> {
    Some((Value { version, layout, author: 1 }, layout))
}

/// Version 1 of layout 1, number 1, in slot 0; the other slots are new.
fn store() -> Arc<Store> {
    Store::new(Record { version: 1, number: 1, slot: 0 }, [value(1, 1), None, None])
}

/// `knows`: has seen layout 1 before.
fn reader(store: &Arc<Store>, shard: usize, look: Look, reads: usize, knows: bool) -> JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || {
        let mut layouts = if knows { vec![(1, 1)] } else { Vec::new() };
        let mut last = 0;
        for _ in 0..reads {
            if let Some(value) = store.read_latest(shard, look, &mut layouts) {
                assert!(value.version >= last, "went back");
                last = value.version;
            }
        }
    })
}

/// A write for each layout, under the eyes of readers.
fn relayout(look: Look, readers: usize, reads: usize, layouts: &[u64]) {
    let store = store();
    let readers: Vec<_> = (0..readers).map(|i| reader(&store, i, look, reads, i == 0)).collect();
    let mut writer = Writer::new(&store, 1, 1);
    for (i, layout) in layouts.iter().enumerate() {
        writer.write(&store, *layout, 1 + i, &mut Kill::never());
    }
    readers.into_iter().for_each(|reader| reader.join().unwrap());
}

const LOOKS: [(Look, &str); 2] = [(Look::AtRecord, "by record"), (Look::AtSlot, "by slot")];

#[test]
fn held_values_and_their_layouts_are_whole() {
    for (look, name) in LOOKS {
        let explore = |what: &str, bound, model: fn(Look)| {
            explore(&format!("pins {name}, {what}"), bound, move || model(look));
        };
        explore("3 writes, 1 reader", 3, |look| relayout(look, 1, 1, &[1, 1, 1]));
        explore("layouts 2 2 3, 1 reader of 2", 2, |look| relayout(look, 1, 2, &[2, 2, 3]));
        explore("layouts 2 2, 2 readers", 2, |look| relayout(look, 2, 1, &[2, 2]));
    }
}

/// The first writer is killed in a change to `layout`; the next goes on with another, in the slot that the dead one had.
fn killed(look: Look, steps: usize, layout: u64, next: u64) {
    let store = store();
    let reader = reader(&store, 0, look, 2, layout != 1);
    let _ = Writer::new(&store, 1, 1).write(&store, layout, 1, &mut Kill(steps));
    let published = store.record().1.version == 2;
    assert_eq!(published, steps >= STEPS);
    let mut writer = Writer::new(&store, if published { layout } else { 1 }, 2);
    writer.adopt(&store);
    for slot in [1, 2] {
        writer.write(&store, next, slot, &mut Kill::never());
    }
    reader.join().unwrap();
    if let Some(value) = store.read_latest(1, Look::AtRecord, &mut Vec::new()) {
        assert_eq!(value, Value { version: writer.last.version, layout: next, author: 2 });
    }
}

#[test]
fn a_killed_change_of_layout_harms_nobody() {
    for (look, name) in LOOKS {
        for steps in 0..=STEPS {
            for (layout, next) in [(2, 1), (2, 3), (1, 1)] {
                let name = format!("pins {name}, layout {layout} killed after {steps} steps, then {next}");
                explore(&name, 2, move || killed(look, steps, layout, next));
            }
        }
    }
}

/// A change to layout 2 is refused by a freeze. After the thaw the writer goes on with layout 3 in the same slot.
fn refused(look: Look) {
    let store = store();
    let reader = reader(&store, 0, look, 2, true);
    let mut writer = Writer::new(&store, 1, 1);
    store.latch().freeze();
    assert_eq!(writer.write(&store, 2, 1, &mut Kill::never()), Some(false));
    store.latch().thaw();
    for slot in [1, 2] {
        writer.write(&store, 3, slot, &mut Kill::never());
    }
    reader.join().unwrap();
    if let Some(value) = store.read_latest(1, Look::AtRecord, &mut Vec::new()) {
        assert_eq!(value.layout, 3);
    }
}

#[test]
fn the_number_of_a_refused_change_is_spent() {
    for (look, name) in LOOKS {
        explore(&format!("pins {name}, refused, then another layout"), 3, move || refused(look));
    }
}

/// Copies version 1 without a pin.
fn copy(store: &Store) {
    for slot in &store.slots {
        let mut words = [0; 2];
        if copy_unpinned(&slot.content, 1, || words = slot.words()) {
            assert_eq!(whole(words), Some(Value { version: 1, layout: 1, author: 1 }), "torn or punched");
        }
    }
}

fn copy_against_reuse() {
    let store = store();
    let reader = {
        let store = store.clone();
        thread::spawn(move || copy(&store))
    };
    let mut writer = Writer::new(&store, 1, 1);
    for slot in [1, 0, 1] {
        writer.write(&store, 1, slot, &mut Kill::never());
    }
    reader.join().unwrap();
}

#[test]
fn a_copying_reader_takes_whole_values() {
    explore("pins, 1 writer, 1 copying reader", 3, copy_against_reuse);
}

/// Claims the slots of a file that its writer has left, and punches them out; `spare`: but for that of the last record.
fn leave(store: &Store, spare: Option<usize>) {
    for (i, slot) in store.slots.iter().enumerate() {
        if spare == Some(i) && !omitted(Point::SpareLastSlot) {
            continue;
        }
        if omitted(Point::PunchClaims) || slot.claim() {
            slot.punch();
        }
    }
}

/// The writer moves to another file, and leaves this one. What readers of this file know is a record that is not in use
/// any more.
fn leave_after_a_move(copies: bool) {
    let store = store();
    let reader = {
        let store = store.clone();
        thread::spawn(move || {
            if copies {
                copy(&store);
            } else if let Some(value) = read_in_this_file(&store) {
                assert_eq!(value.version, 1);
            }
        })
    };
    if omitted(Point::PunchAfterPublish) {
        leave(&store, None);
    }
    // Number 2 stands for the other file.
    assert!(store.latch().publish(&[2, 2 << 8]));
    leave(&store, None);
    reader.join().unwrap();
}

/// A reader that takes a record of number 1 only, since that is this file's.
fn read_in_this_file(store: &Store) -> Option<Value> {
    let (seq, record) = store.record();
    if record.number != 1 {
        return None;
    }
    let slot = &store.slots[record.slot];
    let current = || store.latch().seq() == seq;
    if !super::pin(&slot.content, &slot.pins[0], record.version, current) {
        return None;
    }
    let value = slot.value();
    super::unpin(&slot.pins[0]);
    Some(value)
}

/// The writer finds its header retired, and gives its file up. The last record names slot 0 of it for ever.
fn leave_a_retired_header() {
    let store = store();
    let reader = {
        let store = store.clone();
        thread::spawn(move || {
            for _ in 0..2 {
                assert_eq!(read_in_this_file(&store).map_or(1, |value| value.version), 1);
            }
        })
    };
    store.latch().retire();
    leave(&store, Some(0));
    reader.join().unwrap();
}

#[test]
fn a_writer_that_leaves_a_file_punches_nothing_that_is_held() {
    explore("pins, punched after a move, 1 reader", 3, || leave_after_a_move(false));
    explore("pins, punched after a move, 1 copying reader", 3, || leave_after_a_move(true));
    explore("pins, punched under a retired header, 1 reader of 2", 3, leave_a_retired_header);
}

#[test]
fn negative_controls() {
    for (look, _) in LOOKS {
        for point in [
            Point::PinFence,
            Point::ClaimFence,
            Point::PinRecheck,
            Point::ClaimRecheck,
            Point::EntryUnderClaim,
        ] {
            must_fail("pins", point, 3, move || relayout(look, 1, 2, &[2, 2, 3]));
        }
        must_fail("pins, killed after 3 steps", Point::OwnKnowledge, 2, move || killed(look, 3, 2, 3));
        must_fail("pins, killed after 7 steps", Point::OwnKnowledge, 2, move || killed(look, 7, 2, 3));
        must_fail("pins, refused", Point::FreshNumber, 2, move || refused(look));
    }
    must_fail("pins", Point::EntryUnderPin, 3, || relayout(Look::AtSlot, 2, 1, &[2, 2, 3]));
    must_fail("pins, copying", Point::ReadFence, 3, copy_against_reuse);
    must_fail("pins, copying", Point::CopyRecheck, 3, copy_against_reuse);
    for point in [Point::PunchClaims, Point::PunchAfterPublish, Point::ClaimFence, Point::PinFence] {
        must_fail("pins, punched after a move", point, 3, || leave_after_a_move(false));
    }
    must_fail("pins, punched under a retired header", Point::SpareLastSlot, 3, leave_a_retired_header);
}
