//! Stores of receivers that have no room, and tags that belong to others.

use super::pair;
use crate::common::host::Hosts;
use crate::common::values::{self, Checker, latest};
use crate::common::{begin, rest, until};

#[test]
fn a_full_store_gets_room() {
    let Some(_watchdog) = begin("a_full_store_gets_room", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    hosts[1].resize("8m");
    let (_source, receiver) = pair(&hosts, "--keep");
    let _small = hosts[0].writer("small", 50.0, 8_000, 1, "ephemeral");
    let small = Checker::latest(hosts[1].store(), "small");
    until(20, "values of the small tag", || small.values() > 20);
    let _large = hosts[0].writer("large", 20.0, 16 << 20, 1, "ephemeral");
    let large = Checker::latest(hosts[1].store(), "large");
    until(30, "an error for the large tag", || receiver.said().contains("ndsharray: large of robot: "));
    let before = small.last();
    until(20, "the small one goes on", || small.last() > before + 50);
    assert_eq!(large.values(), 0);
    hosts[1].resize("1g");
    let took = until(20, "the large one has room", || large.values() > 3);
    println!("figures: {took:?}\n{}", receiver.said());
    small.finish();
    large.finish();
}

#[test]
fn a_layout_is_too_large_and_the_next_is_not() {
    let Some(_watchdog) = begin("a_layout_is_too_large_and_the_next_is_not", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (_source, receiver) = pair(&hosts, "--max-size 1M --every every");
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    for tag in ["latest", "every"] {
        let mut writer = source.writer_options(tag).history(8).open().unwrap();
        for (number, nbytes) in [(1, 1 << 20), (2, 2 << 20), (3, 3 << 20), (4, 4096)] {
            values::write(&mut writer, number, nbytes).unwrap();
            if nbytes <= 1 << 20 {
                until(30, "a value that is not too large", || latest(&taken, tag) == number);
            } else {
                until(30, "an error", || {
                    receiver.said().contains(&format!("{tag} of robot: a value of {nbytes} bytes is larger"))
                });
                assert_eq!(latest(&taken, tag), 1);
            }
        }
    }
}

#[test]
fn a_tag_of_this_host_is_not_overwritten() {
    let Some(_watchdog) = begin("a_tag_of_this_host_is_not_overwritten", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let taken = hosts[1].store();
    let mut own = taken.writer_options("a").ephemeral(true).open().unwrap();
    values::write(&mut own, 7, 80).unwrap();
    let (_source, receiver) = pair(&hosts, "--keep");
    let _writers = ["a", "b"].map(|tag| hosts[0].writer(tag, 100.0, 8_000, 1000, "ephemeral"));
    let checker = Checker::latest(hosts[1].store(), "b");
    until(20, "values of the other tag", || checker.values() > 100);
    assert_eq!(latest(&taken, "a"), 7);
    assert!(
        receiver.said().contains("ndsharray: a of robot: it has a writer in this store"),
        "{}",
        receiver.said()
    );
    values::write(&mut own, 8, 80).unwrap();
    assert_eq!(latest(&taken, "a"), 8);
    drop(own);
    until(20, "it is taken when its writer has gone", || latest(&taken, "a") > 1000);
    assert!(taken.stat("a").unwrap().source.starts_with("mirror://robot/"));
    // Somebody takes it from the mirror, which lets go of it.
    let mut own = taken.writer_options("a").ephemeral(true).takeover(true).open().unwrap();
    values::write(&mut own, 9, 80).unwrap();
    rest(2500);
    assert_eq!(latest(&taken, "a"), 9);
    values::write(&mut own, 10, 80).unwrap();
    drop(own);
    until(20, "it is taken again", || latest(&taken, "a") > 1000);
    checker.finish();
}

#[test]
fn values_that_together_are_too_large_are_passed_over() {
    let Some(_watchdog) = begin("values_that_together_are_too_large_are_passed_over", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (_source, receiver) = pair(&hosts, "--max-total 2M --every every");
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    for tag in ["latest", "every"] {
        // A tag of 100 KB each: with what is kept beside them.
        let mut writer = source.writer_options(tag).history(4).open().unwrap();
        values::write(&mut writer, 1, 80_000).unwrap();
        until(30, "a small value", || latest(&taken, tag) == 1);
        values::write(&mut writer, 2, 4_000_000).unwrap();
        until(30, "an error", || receiver.said().contains(&format!("{tag} of robot: its values need")));
        values::write(&mut writer, 3, 80_000).unwrap();
        until(30, "the next small value", || latest(&taken, tag) == 3);
    }
}
