//! A writer is killed before each of its steps, one after the other: every atomic store and every system call of every
//! operation. Readers, old and new, find the value before or after, whole; the next writer goes on, and leaves two
//! files.
//!
//! A binary of its own, as it is built with a cfg: `RUSTFLAGS="--cfg ndsharray_steps" cargo test --test steps --target-dir target/steps`
#![cfg(ndsharray_steps)]

use ndsharray::{Store, Writer, steps};

#[path = "../common/mod.rs"]
mod common;
mod killed;

use common::data_words::DataWords;
use common::process::{Process, Watchdog, in_role, place, role, say};
use common::sandbox::store;
use common::{soak, test_name};
use killed::aftermath::Witnesses;
use killed::doomed::{Doomed, Status};
use killed::histories::*;
use killed::scenarios::*;
use killed::{Kind, Scenario, TAG, strace};

/// Kills before each step, until the operation runs to its end. After each kill the other processes go on in one of
/// four ways, or, if the environment variable NDSHARRAY_SOAK is set, in all four.
fn every_step(scenario: &Scenario) {
    let mut kills = 0;
    for kill_at in 1.. {
        let turns = if soak() { 0..4 } else { kill_at..kill_at + 1 };
        for turn in turns {
            if let Some(said) = one_kill(scenario, kill_at, turn) {
                // The same steps each time, so that none was left out.
                assert!(
                    kill_at > 1 && said.starts_with(&format!("{} steps", kill_at - 1)),
                    "{kill_at}: {said}"
                );
                println!("steps: {}: {said}; {kills} kills", scenario.name);
                return;
            }
            kills += 1;
        }
    }
}

/// Kills before that step, and checks what is left. Returns what steps there were if there is no such step.
fn one_kill(scenario: &Scenario, kill_at: u64, turn: u64) -> Option<String> {
    let _watchdog = Watchdog::new("a kill at a step");
    let (_directory, store) = store();
    let mut doomed = Doomed::start(scenario, &store, |operate| {
        steps::begin(kill_at);
        operate();
        let taken = steps::end();
        let stores = taken.iter().filter(|&&step| step == steps::STORE).count();
        format!("{} steps: {stores} stores, {} system calls", taken.len(), taken.len() - stores).into()
    });
    let _context = Context(format!("{}, killed before step {kill_at}, turn {}", scenario.name, turn % 4));
    let witnesses = Witnesses::new(scenario, &store);
    doomed.go();
    let status = doomed.wait();
    let said = String::from_utf8(doomed.said()).unwrap();
    witnesses.check(turn);
    match status {
        Status::Killed(libc::SIGKILL) => None,
        Status::Exited(0) => Some(said),
        other => panic!("{other:?}"),
    }
}

/// Says which kill it was if something panics.
struct Context(String);

impl Drop for Context {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("that was: {}", self.0);
        }
    }
}

/// A tag whose writer was killed at that step of a scenario.
fn left_at(scenario: &Scenario, store: &Store, step: u64) -> Option<Writer> {
    let mut doomed = Doomed::start(scenario, store, |operate| {
        steps::begin(step);
        operate();
        Vec::new()
    });
    doomed.go();
    assert_eq!(doomed.wait(), Status::Killed(libc::SIGKILL));
    None
}

/// It was killed while it wrote the entry of another layout.
const LEFT_IN_ENTRY: Scenario = Scenario {
    name: "takeover of a tag left in the middle of an entry",
    prepare: |store| left_at(&RECYCLED, store, 100),
    ..LEFT
};

/// The last step of `PUBLISH` makes the sealed value the one that readers see.
const PUBLISHES: u64 = 12;

/// What a writer left that was killed between sealing and publishing: version 3 is in its slot, and was never published.
fn left_sealed(store: &Store) -> Option<Writer> {
    let none = left_at(&PUBLISH, store, PUBLISHES);
    assert_eq!(store.reader(TAG).unwrap().latest().unwrap().version(), 2);
    let data = DataWords::of(store, TAG);
    assert!((0..2).any(|slot| data.content(slot) == 3), "a phantom");
    none
}

/// The next writer is killed while it clears that version, too.
const LEFT_SEALED: Scenario =
    Scenario { name: "takeover of a tag left with a phantom", prepare: left_sealed, ..LEFT };

/// The same without takeover: the writer opens, and publishes version 3 itself.
const OPENED_SEALED: Scenario = Scenario {
    name: "opening of a tag left with a phantom, and a write",
    operate: |store, writer, value| {
        *writer = Some(store.writer(TAG).unwrap());
        value.write(writer.as_mut().unwrap()).unwrap();
    },
    values: &[(2, Kind::Small), (3, Kind::Cast)],
    ..LEFT_SEALED
};

/// A writer with history was killed between sealing and publishing.
const HISTORY_LEFT_SEALED: Scenario = Scenario {
    name: "adoption of a history left with a phantom, and a write",
    prepare: |store| {
        let none = left_at(&HISTORY_PUBLISH, store, PUBLISHES);
        let data = DataWords::of(store, TAG);
        assert!((0..4).any(|slot| data.content(slot) == 7), "a phantom");
        none
    },
    operate: |store, writer, value| {
        *writer = Some(store.writer_options(TAG).history(3).open().unwrap());
        value.write(writer.as_mut().unwrap()).unwrap();
    },
    values: &[(6, Kind::Small), (7, Kind::Cast)],
    ..HISTORY_PUBLISH
};

/// The role: does the scenario under strace, in this one process, and says which steps were counted.
#[test]
#[ignore = "the other process of a test; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    // What a process looks up once is no step: which clock it has.
    let (_directory, elsewhere) = store();
    killed::write(&mut elsewhere.writer("elsewhere").unwrap(), Kind::Small).unwrap();
    let store = Store::open(place()).unwrap();
    let scenario = ALL[role.parse::<usize>().unwrap()];
    let mut writer = (scenario.prepare)(&store);
    let witnesses = Witnesses::new(scenario, &store);
    let value = scenario.value();
    strace::mark(strace::BEGIN);
    steps::begin(u64::MAX);
    (scenario.operate)(&store, &mut writer, &value);
    let taken = steps::end();
    strace::mark(strace::END);
    drop(writer);
    drop(witnesses);
    let calls: Vec<_> = taken.into_iter().filter(|&step| step != steps::STORE).collect();
    say(format!("calls: {}", calls.join(" ")));
}

/// The system calls that are counted as steps are those that the kernel saw, by name, number and order.
#[test]
fn strace_sees_the_same_system_calls() {
    if let Some(reason) = strace::missing() {
        return println!("\nskipped: strace_sees_the_same_system_calls: {reason}");
    }
    let mut calls = 0;
    for (i, scenario) in ALL.iter().enumerate() {
        let _watchdog = Watchdog::new(test_name!());
        let (_directory, store) = store();
        let output = tempfile::NamedTempFile::new().unwrap();
        let strace = strace::command(output.path());
        let said = Process::run(in_role(strace, test_name!(child), &i.to_string(), store.directory())).end();
        let output = std::fs::read_to_string(output.path()).unwrap();
        let seen = strace::calls(&output);
        let counted: Vec<_> = said[0].split_whitespace().skip(1).collect();
        assert_eq!(counted, seen, "{}: counted, seen by strace", scenario.name);
        calls += seen.len();
    }
    println!("steps: {calls} system calls of {} scenarios, as strace saw them", ALL.len());
    assert!(calls > 0);
}

/// Those scenarios are ones in which slots are punched out, and not a write before or after it.
#[test]
fn a_burst_is_given_back_by_that_very_write() {
    let _watchdog = Watchdog::new(test_name!());
    for scenario in [GIVES_BACK, HISTORY_GIVES_BACK] {
        let (directory, store) = store();
        let mut writer = (scenario.prepare)(&store);
        let data = directory.path().join(writer.as_ref().unwrap().data_file().unwrap());
        let storage = || std::os::unix::fs::MetadataExt::blocks(&data.metadata().unwrap());
        let before = storage();
        (scenario.operate)(&store, &mut writer, &scenario.value());
        assert!(storage() < before, "{}: {before} blocks before, {} after", scenario.name, storage());
    }
}

/// The slot of the oldest value of the history is taken in that scenario, and no slot is added.
#[test]
fn the_oldest_value_is_taken_by_that_very_write() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let mut writer = (HISTORY_OLDEST.prepare)(&store);
    let name = writer.as_ref().unwrap().data_file();
    assert_eq!(DataWords::of(&store, TAG).content(8), 9);
    (HISTORY_OLDEST.operate)(&store, &mut writer, &HISTORY_OLDEST.value());
    assert_eq!(DataWords::of(&store, TAG).content(8), 12);
    assert_eq!(writer.unwrap().data_file(), name);
}

macro_rules! tests {
    ($($test:ident: $scenario:expr;)*) => {
        $(#[test]
        fn $test() {
            every_step(&$scenario);
        })*

        /// All scenarios.
        const ALL: &[&Scenario] = &[$(&$scenario),*];
    };
}

tests! {
    first_write: FIRST_WRITE;
    first_value: FIRST_VALUE;
    publish: PUBLISH;
    wake_up: WAKE_UP;
    growth: GROWTH;
    recycled: RECYCLED;
    new_segment: NEW_SEGMENT;
    shrink: SHRINK;
    takeover: TAKEOVER;
    takeover_again: TAKEOVER_AGAIN;
    left: LEFT;
    left_in_entry: LEFT_IN_ENTRY;
    left_sealed_and_taken_over: LEFT_SEALED;
    left_sealed_and_opened: OPENED_SEALED;
    leaves_large_slots: LEAVES_LARGE_SLOTS;
    superseded: SUPERSEDED;
    gives_a_burst_back: GIVES_BACK;
    remove: REMOVE;
    force_remove: FORCE_REMOVE;
    ephemeral: EPHEMERAL;
    gc: GC;
    history_publish: HISTORY_PUBLISH;
    history_growth: HISTORY_GROWTH;
    history_layout: HISTORY_LAYOUT;
    history_oldest: HISTORY_OLDEST;
    history_ends: HISTORY_ENDS;
    history_gives_a_burst_back: HISTORY_GIVES_BACK;
    history_takeover: HISTORY_TAKEOVER;
    history_adopted: HISTORY_ADOPTED;
    history_goes_on: HISTORY_GOES_ON;
    history_left_sealed: HISTORY_LEFT_SEALED;
}
