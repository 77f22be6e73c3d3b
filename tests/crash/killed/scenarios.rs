//! The operations in which a process is killed.

use ndsharray::{Store, Writer};

use crate::common::sandbox::files;

use super::Company::*;
use super::Kind::*;
use super::{Kind, PAGE, Scenario, TAG, Value, write};

fn nothing(_: &Store) -> Option<Writer> {
    None
}

/// A writer that has written these.
fn wrote(store: &Store, kinds: &[Kind]) -> Option<Writer> {
    let mut writer = store.writer(TAG).unwrap();
    kinds.iter().for_each(|&kind| assert!(write(&mut writer, kind).is_ok()));
    Some(writer)
}

fn publish(_: &Store, writer: &mut Option<Writer>, value: &Value) {
    value.write(writer.as_mut().unwrap()).unwrap();
}

pub const FIRST_WRITE: Scenario = Scenario {
    name: "first write (header and segment made)",
    prepare: nothing,
    company: Nobody,
    operate: |store, writer, value| {
        *writer = Some(store.writer(TAG).unwrap());
        publish(store, writer, value);
    },
    values: &[(1, Small)],
    absent: true,
    takeover: false,
    sweeps: false,
    history: 0,
    kept: 1,
};

pub const FIRST_VALUE: Scenario = Scenario {
    name: "first value under a header (segment made)",
    prepare: |store| wrote(store, &[]),
    company: Reader,
    operate: publish,
    values: &[(1, Small)],
    absent: true,
    takeover: false,
    sweeps: false,
    history: 0,
    kept: 1,
};

pub const PUBLISH: Scenario = Scenario {
    name: "publish of 64 bytes",
    prepare: |store| wrote(store, &[Small, Small]),
    company: Reader,
    operate: publish,
    values: &[(2, Small), (3, Small)],
    absent: false,
    takeover: false,
    sweeps: false,
    history: 0,
    kept: 1,
};

pub const WAKE_UP: Scenario =
    Scenario { name: "publish that wakes a sleeping reader", company: Sleeper, ..PUBLISH };

pub const GROWTH: Scenario = Scenario {
    name: "growth (a slot is added)",
    prepare: |store| wrote(store, &[Small]),
    values: &[(1, Small), (2, Small)],
    ..PUBLISH
};

pub const RECYCLED: Scenario =
    Scenario { name: "layout change, recycled", values: &[(2, Small), (3, Cast)], ..PUBLISH };

pub const NEW_SEGMENT: Scenario =
    Scenario { name: "layout change, to a new segment", values: &[(2, Small), (3, Big)], ..PUBLISH };

pub const SHRINK: Scenario = Scenario {
    name: "shrink to a new segment",
    // The seventeenth small value after a large one gets a segment of its own size.
    prepare: |store| {
        let mut kinds = [Small; 17];
        kinds[0] = Large;
        wrote(store, &kinds)
    },
    values: &[(17, Small), (18, Small)],
    ..PUBLISH
};

pub const LEAVES_LARGE_SLOTS: Scenario = Scenario {
    name: "layout change, to a new segment, with slots punched out",
    prepare: |store| wrote(store, &[Large, Large, Large]),
    values: &[(3, Large), (4, Huge)],
    ..PUBLISH
};

/// A writer that was taken over finds out, and punches out what nobody needs of the data file that is not its own any more.
pub const SUPERSEDED: Scenario = Scenario {
    name: "write of a writer that was taken over",
    prepare: |store| {
        let superseded = wrote(store, &[Large, Large]);
        drop(store.writer_options(TAG).takeover(true).open().unwrap());
        superseded
    },
    company: Reader,
    operate: |_, writer, value| {
        let error = value.write(writer.as_mut().unwrap()).unwrap_err();
        assert!(matches!(error, ndsharray::Error::Superseded { .. }), "{error}");
    },
    values: &[(2, Large)],
    ..PUBLISH
};

/// After so many writes a writer looks which slots it did not need meanwhile (docs/design.md).
const LOOK: u64 = 4096;

/// Readers held three values, and let go long ago.
pub const GIVES_BACK: Scenario = Scenario {
    name: "publish that gives the slots of a burst back",
    prepare: |store| {
        // In slots that are worth it.
        let mut writer = store.writer_options(TAG).capacity(16 * PAGE).open().unwrap();
        let reader = store.reader(TAG).unwrap();
        let mut held = Vec::new();
        for _ in 0..4 {
            write(&mut writer, Small).unwrap();
            held.push(reader.latest().unwrap());
        }
        assert!(store.stat(TAG).unwrap().value.unwrap().slots.allocated > 3);
        drop(held);
        // Those of the second look, which is the first one that finds nothing needed.
        while writer.version() < LOOKS {
            write(&mut writer, Small).unwrap();
        }
        Some(writer)
    },
    values: &[(LOOKS, Small), (LOOKS + 1, Small)],
    ..PUBLISH
};

/// The writes before the second look. The first value is in a new file, and a look comes after one more.
const LOOKS: u64 = 1 + 2 * (LOOK + 1);

pub const TAKEOVER: Scenario = Scenario {
    name: "takeover of a live writer, which then leaves",
    prepare: nothing,
    company: Victim,
    operate: |store, writer, _| *writer = Some(store.writer_options(TAG).takeover(true).open().unwrap()),
    values: &[(2, Small)],
    absent: false,
    takeover: false,
    sweeps: false,
    history: 0,
    kept: 1,
};

pub const TAKEOVER_AGAIN: Scenario = Scenario {
    name: "takeover of a live writer, then another one",
    takeover: true,
    sweeps: true,
    ..TAKEOVER
};

pub const LEFT: Scenario = Scenario {
    name: "takeover of a left tag",
    prepare: |store| {
        drop(wrote(store, &[Small, Small]));
        None
    },
    company: Reader,
    values: &[(2, Small)],
    ..TAKEOVER
};

pub const REMOVE: Scenario = Scenario {
    name: "remove",
    operate: |store, _, _| store.remove(TAG).unwrap(),
    absent: true,
    takeover: false,
    ..LEFT
};

pub const FORCE_REMOVE: Scenario = Scenario {
    name: "removal under a live writer",
    operate: |store, _, _| store.force_remove(TAG).unwrap(),
    absent: true,
    takeover: false,
    ..TAKEOVER
};

pub const EPHEMERAL: Scenario = Scenario {
    name: "drop of an ephemeral writer",
    prepare: |store| {
        let mut writer = store.writer_options(TAG).ephemeral(true).open().unwrap();
        write(&mut writer, Small).unwrap();
        Some(writer)
    },
    company: Reader,
    operate: |_, writer, _| drop(writer.take()),
    values: &[(1, Small)],
    absent: true,
    takeover: false,
    sweeps: false,
    history: 0,
    kept: 1,
};

pub const GC: Scenario = Scenario {
    name: "gc",
    prepare: |store| {
        leave_things(store);
        None
    },
    company: Reader,
    operate: |store, _, _| assert_eq!(store.gc().unwrap().removed.len(), 5),
    values: &[(2, Small)],
    absent: false,
    takeover: false,
    sweeps: true,
    history: 0,
    kept: 1,
};

/// A tag that nobody writes to, and beside it an ephemeral tag whose writer was killed, a data file that no header
/// names, and a staged header and data file.
fn leave_things(store: &Store) {
    let directory = store.directory();
    let mut ephemeral = store.writer_options("e").ephemeral(true).open().unwrap();
    write(&mut ephemeral, Small).unwrap();
    let files = files(directory);
    let kept: Vec<_> =
        files.iter().map(|name| (name, std::fs::read(directory.join(name)).unwrap())).collect();
    drop(ephemeral);
    for (name, contents) in kept {
        std::fs::write(directory.join(name), contents).unwrap();
    }
    drop(wrote(store, &[Small, Small]));
    let data = store.stat(TAG).unwrap().value.unwrap().data_file;
    // Of another number under the same header.
    let unnamed = format!("{}{:010x}", &data[..data.len() - 10], 0xff);
    for (from, to) in [
        (&data[..], &unnamed[..]),
        (&data[..], ".t_AAAAAAAAAAAAAAAA.ndsharray-tmp"),
        (TAG, ".t_BBBBBBBBBBBBBBBB.ndsharray-tmp"),
    ] {
        std::fs::copy(directory.join(from), directory.join(to)).unwrap();
    }
}
