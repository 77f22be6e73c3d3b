//! Random sequences of everything that one process can do with a tag, against a model in plain memory: what each
//! reader must see, what is held and must not change, and which files there are.

use ndsharray::Error;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::ops::{Op, ops, ops_among_others, ops_of_large_histories, ops_of_the_hand};
use super::world::World;
use crate::common::sandbox::store;
use crate::common::soak;

fn config(cases: u32, max_shrink_iters: u32) -> Config {
    Config {
        cases,
        // The same cases in each run, but for the long form; a failure prints the operations.
        rng_seed: if soak() { RngSeed::Random } else { RngSeed::Fixed(0x6e64_7368_6172_7261) },
        failure_persistence: None,
        max_shrink_iters,
        ..Config::default()
    }
}

fn run(cases: u32, max_shrink_iters: u32, ops: impl Strategy<Value = Vec<Op>>) {
    let mut runner = TestRunner::new(config(cases, max_shrink_iters));
    let result = runner.run(&ops, |ops| {
        let mut world = World::new();
        for (i, op) in ops.iter().enumerate() {
            let context = format!("operation {i}: {op:?}");
            world.run(op).map_err(|why| TestCaseError::fail(format!("{context}: {why}")))?;
            world.check().map_err(|why| TestCaseError::fail(format!("after {context}: {why}")))?;
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn everything_that_a_process_does_is_as_the_model_says() {
    run(250, 500, ops(120));
}

/// Where other processes hold more than the spare slots, too.
#[test]
fn a_history_is_as_long_as_what_is_held_allows() {
    run(120, 300, ops_among_others(150));
}

#[test]
fn large_histories_are_kept() {
    run(15, 30, ops_of_large_histories(40));
}

#[test]
fn what_is_removed_by_hand_comes_back() {
    run(3, 0, ops_of_the_hand(9));
}

/// A reader that has not seen the last value of a removed tag, when the tag has a new writer but no new value.
#[test]
fn a_new_header_without_a_value_is_nothing_new() {
    let (_directory, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    store.remove("a").unwrap();
    let mut writer = store.writer("a").unwrap();
    assert!(reader.read().unwrap().is_none());
    assert!(matches!(reader.latest(), Err(Error::Empty { .. })));
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [2]);
}

/// The same where it has looked at the removed tag before: in each way to read it follows, rather than go on with values of the
/// removed one.
#[test]
fn a_reader_that_saw_the_removal_follows_to_a_new_header() {
    let (_directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let mut readers = [(); 2].map(|()| store.reader("a").unwrap());
    for reader in &mut readers {
        assert_eq!(reader.read().unwrap().unwrap().bytes(), [1]);
    }
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert_eq!(readers[0].latest().unwrap().bytes(), [2]);
    store.force_remove("a").unwrap();
    for reader in &readers {
        assert_eq!(reader.latest().unwrap().bytes(), [2], "this process has it mapped");
    }
    let mut writer = store.writer("a").unwrap();
    let [first, second] = &mut readers;
    assert!(first.read().unwrap().is_none());
    assert!(second.read_next().unwrap().is_none());
    writer.write_slice(&[3_u8], &[1]).unwrap();
    assert_eq!(first.read().unwrap().unwrap().bytes(), [3]);
    assert_eq!(second.read_next().unwrap().unwrap().bytes(), [3]);
    assert_eq!((first.missed(), second.missed()), (1, 1));
}

/// A reader that mapped one slot, when the data file is removed by hand and the writer adds a slot to it.
#[test]
fn a_slot_added_to_a_removed_data_file_is_missing() {
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [1]);
    std::fs::remove_file(directory.path().join(writer.data_file().unwrap())).unwrap();
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert!(matches!(reader.latest(), Err(Error::DataMissing { .. })), "{:?}", reader.latest());
    std::thread::sleep(std::time::Duration::from_millis(1050));
    writer.write_slice(&[3_u8], &[1]).unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [3]);
}
