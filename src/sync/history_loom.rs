//! Every interleaving of a reader of history with a writer that reclaims what it looks for, and with versions that were sealed
//! and never published.

use loom::sync::Arc;
use loom::thread;

use super::{first, oldest};
use crate::model::{explore, must_fail};
use crate::sync::pin::{pin, unpin};
use crate::sync::store_loom::{Kill, Look, Record, SLOTS, STEPS, Store, Value, Writer};
use crate::sync::{Point, omitted};

fn value(version: u64) -> Option<(Value, u64)> {
    Some((Value { version, layout: 1, author: 1 }, 1))
}

/// The first value of those without a gap, or the oldest that is newer than `after`, if it is still there.
fn read_next(store: &Store, shard: usize, after: u64) -> Option<Value> {
    let (_, record) = store.record();
    let (slot, version) = match after {
        0 => first(store.contents(), record.version)?,
        after => oldest(store.contents(), after, record.version)?,
    };
    let slot = &store.slots[slot];
    // The control: the slot is believed to hold the version still.
    if !pin(&slot.content, &slot.pins[shard], version, || omitted(Point::HistoryRecheck)) {
        return None;
    }
    let value = slot.value();
    assert_eq!(slot.entry().1, value.layout, "the layout is not that of the value");
    assert_eq!(value.version, version, "another version");
    unpin(&slot.pins[shard]);
    Some(value)
}

/// Versions 1, 2 and 3 in slots 0, 1, 2; the writer goes on in the slots of the oldest.
fn reclaimed(reads: usize, writes: usize, relayout: bool) {
    let store = Store::new(Record { version: 3, number: 1, slot: 2 }, [value(1), value(2), value(3)]);
    let reader = {
        let store = store.clone();
        thread::spawn(move || {
            let mut last = 0;
            for _ in 0..reads {
                if let Some(value) = read_next(&store, 0, last) {
                    assert!(value.version > last, "not newer");
                    last = value.version;
                }
            }
        })
    };
    let mut writer = Writer::new(&store, 1, 1);
    for i in 0..writes {
        writer.write(&store, if relayout && i > 0 { 2 } else { 1 }, i % SLOTS, &mut Kill::never());
    }
    reader.join().unwrap();
}

#[test]
fn history_is_read_while_its_slots_are_reclaimed() {
    explore("history, 2 writes, 1 reader of 2", 3, || reclaimed(2, 2, false));
    explore("history, 2 writes with a new layout, 1 reader of 2", 2, || reclaimed(2, 2, true));
    explore("history, 3 writes, 1 reader", 3, || reclaimed(1, 3, false));
}

/// Version 1 is in slot 0. The first writer publishes 2 in slot 1, and is killed in 3, in slot 0. The next publishes its own 3,
/// of another layout, in slot 2: of two slots that say 3, a reader would take the first.
fn phantom(steps: usize, latest_reader: bool, writes: usize) {
    let store = Store::new(Record { version: 1, number: 1, slot: 0 }, [value(1), None, None]);
    let history = {
        let store = store.clone();
        thread::spawn(move || read_next(&store, 0, 2))
    };
    let latest = latest_reader.then(|| {
        let store: Arc<Store> = store.clone();
        thread::spawn(move || store.read_latest(1, Look::AtRecord, &mut vec![(1, 1)]))
    });
    let mut dead = Writer::new(&store, 1, 1);
    assert_eq!(dead.write(&store, 1, 1, &mut Kill::never()), Some(true));
    let _ = dead.write(&store, 1, 0, &mut Kill(steps));
    let third = if store.record().1.version == 3 { 1 } else { 2 };
    let mut next = Writer::new(&store, 1, 2);
    if !omitted(Point::ClearBeforePublish) {
        next.adopt(&store);
    }
    for slot in 0..writes {
        next.write(&store, 2, (2 + slot) % SLOTS, &mut Kill::never());
    }
    next.adopt(&store);
    let found = [Some(history), latest].into_iter().flatten().filter_map(|reader| reader.join().unwrap());
    for value in found {
        let author = match value.version {
            3 => third,
            version => 1 + u64::from(version > 3),
        };
        assert_eq!(value.author, author, "version {} by one that never published it", value.version);
    }
}

#[test]
fn a_version_that_was_never_published_is_never_read() {
    for steps in 0..=STEPS {
        explore(&format!("history, killed after {steps} steps"), 2, move || phantom(steps, false, 1));
    }
    explore("history, killed after the seal, a reader of the latest", 1, || phantom(STEPS - 1, true, 1));
}

/// Version 2 is refused, and then published with another layout in another slot.
fn refused() {
    let store = Store::new(Record { version: 1, number: 1, slot: 2 }, [None, None, value(1)]);
    let reader = {
        let store = store.clone();
        thread::spawn(move || {
            let mut last = 0;
            for _ in 0..2 {
                if let Some(value) = read_next(&store, 0, last) {
                    let author = if value.version == 1 { 1 } else { 2 };
                    assert_eq!(value.author, author, "version {} that was refused", value.version);
                    last = value.version;
                }
            }
        })
    };
    let mut writer = Writer::new(&store, 1, 9);
    store.latch().freeze();
    assert_eq!(writer.write(&store, 3, 0, &mut Kill::never()), Some(false));
    store.latch().thaw();
    writer.author = 2;
    writer.write(&store, 2, 1, &mut Kill::never());
    reader.join().unwrap();
}

#[test]
fn a_refused_version_is_never_read() {
    explore("history, refused, then published", 3, refused);
}

#[test]
fn negative_controls() {
    for point in [Point::PinFence, Point::ClaimFence, Point::HistoryRecheck, Point::ClaimRecheck] {
        must_fail("history", point, 3, || reclaimed(2, 2, false));
    }
    let sealed = STEPS - 1;
    for point in [Point::ClearPhantoms, Point::ClearBeforePublish, Point::NotAboveRecord] {
        must_fail("history, killed after the seal", point, 3, move || phantom(sealed, false, 1));
    }
    must_fail("history, refused", Point::RefusalClears, 3, refused);
}
