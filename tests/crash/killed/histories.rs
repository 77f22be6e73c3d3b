//! Operations on tags with history in which a process is killed.

use ndsharray::{Store, Writer};

use crate::common::data_words::DataWords;

use super::Kind::*;
use super::scenarios::{PUBLISH, TAKEOVER};
use super::{PAGE, Scenario, TAG, write};

fn wrote(store: &Store, history: usize, capacity: usize, values: u64) -> Option<Writer> {
    let mut writer = store.writer_options(TAG).history(history).capacity(capacity).open().unwrap();
    (0..values).for_each(|_| _ = write(&mut writer, Small).unwrap());
    Some(writer)
}

pub const HISTORY_PUBLISH: Scenario = Scenario {
    name: "publish to a full history",
    prepare: |store| wrote(store, 3, 0, 6),
    values: &[(6, Small), (7, Small)],
    history: 3,
    kept: 3,
    ..PUBLISH
};

pub const HISTORY_GROWTH: Scenario = Scenario {
    name: "publish to a history that is not full (a slot is added)",
    prepare: |store| wrote(store, 3, 0, 2),
    values: &[(2, Small), (3, Small)],
    kept: 2,
    ..HISTORY_PUBLISH
};

pub const HISTORY_LAYOUT: Scenario = Scenario {
    name: "layout change within a full history",
    values: &[(6, Small), (7, Cast)],
    ..HISTORY_PUBLISH
};

/// Readers hold a value in each slot that the history does not need, so the next value takes the slot of the oldest.
pub const HISTORY_OLDEST: Scenario = Scenario {
    name: "publish in the slot of the oldest value of a history",
    prepare: |store| {
        let mut writer = wrote(store, 3, 0, 0).unwrap();
        for slot in 0..11 {
            write(&mut writer, Small).unwrap();
            let data = DataWords::of(store, TAG);
            assert_eq!(data.content(slot), slot + 1);
            if slot < 8 {
                data.set_pins(slot, 0, 1);
            }
        }
        assert_eq!(store.stat(TAG).unwrap().value.unwrap().slots.pinned, 8);
        Some(writer)
    },
    values: &[(11, Small), (12, Small)],
    kept: 2,
    ..HISTORY_PUBLISH
};

/// The first value that does not fit: the history ends.
pub const HISTORY_ENDS: Scenario = Scenario {
    name: "growth to a new segment, which ends a history",
    values: &[(6, Small), (7, Big)],
    kept: 1,
    ..HISTORY_PUBLISH
};

const LOOK: u64 = 4096;
/// The writes before the second look, which is the first one that finds nothing needed (as without history).
const LOOKS: u64 = 1 + 2 * (LOOK + 1);

pub const HISTORY_GIVES_BACK: Scenario = Scenario {
    name: "publish with history that gives the slots of a burst back",
    prepare: |store| {
        let mut writer = wrote(store, 2, 16 * PAGE, 0).unwrap();
        let reader = store.reader(TAG).unwrap();
        let mut held = Vec::new();
        for _ in 0..6 {
            write(&mut writer, Small).unwrap();
            held.push(reader.latest().unwrap());
        }
        assert!(store.stat(TAG).unwrap().value.unwrap().slots.allocated > 4);
        drop(held);
        while writer.version() < LOOKS {
            write(&mut writer, Small).unwrap();
        }
        Some(writer)
    },
    values: &[(LOOKS, Small), (LOOKS + 1, Small)],
    history: 2,
    kept: 2,
    ..HISTORY_PUBLISH
};

/// The last value comes along to the new header, and nothing before it.
pub const HISTORY_TAKEOVER: Scenario = Scenario {
    name: "takeover of a live writer with history",
    operate: |store, writer, _| {
        *writer = Some(store.writer_options(TAG).history(3).takeover(true).open().unwrap());
    },
    history: 3,
    kept: 1,
    ..TAKEOVER
};

/// What two writers left that were killed between sealing and publishing: phantoms in two slots, one of them far above
/// the record's version.
pub fn left_phantoms(store: &Store) -> Option<Writer> {
    drop(wrote(store, 5, 0, 12));
    let data = DataWords::of(store, TAG);
    for phantom in [13, 40] {
        let oldest = (0..6).min_by_key(|&slot| data.content(slot)).unwrap();
        data.set_content(oldest, phantom);
    }
    None
}

/// A history with two phantoms is adopted.
pub const HISTORY_ADOPTED: Scenario = Scenario {
    name: "adoption of a history with two phantoms",
    prepare: left_phantoms,
    operate: |store, writer, _| {
        *writer = Some(store.writer_options(TAG).history(5).open().unwrap());
    },
    values: &[(12, Small)],
    history: 5,
    // One of the phantoms took a slot of the history.
    kept: 4,
    ..HISTORY_PUBLISH
};

/// The same, and it goes on with the version that one of them has.
pub const HISTORY_GOES_ON: Scenario = Scenario {
    name: "adoption of a history with two phantoms, and a write",
    operate: |store, writer, value| {
        *writer = Some(store.writer_options(TAG).history(5).open().unwrap());
        value.write(writer.as_mut().unwrap()).unwrap();
    },
    values: &[(12, Small), (13, Cast)],
    ..HISTORY_ADOPTED
};
