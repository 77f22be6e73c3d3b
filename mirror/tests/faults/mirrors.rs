//! Mirrors that are killed and stopped.

use super::{offering, pair, taking};
use crate::common::host::Hosts;
use crate::common::values::{self, Checker, latest};
use crate::common::{begin, rest, until};

fn killed(keeps: bool) {
    let hosts = Hosts::new(["robot", "desk"]);
    let more = if keeps { "--keep" } else { "" };
    let (mut source, mut receiver) = pair(&hosts, more);
    let _writer = hosts[0].writer("a", 300.0, 400_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    for round in 0..6 {
        let before = checker.last();
        until(20, "values", || checker.last() > before + 20);
        // At another moment each time.
        rest(17 * round);
        if round % 2 == 0 {
            receiver.kill();
            receiver = taking(&hosts, more);
        } else {
            source.kill();
            rest(50);
            source = offering(&hosts);
        }
        let last = latest(&hosts[0].store(), "a");
        let took = until(20, "values after a restart", || checker.last() > last);
        println!("figures: round {round}: {took:?}");
    }
    drop((source, receiver));
    checker.finish();
}

#[test]
fn mirrors_are_killed() {
    let Some(_watchdog) = begin("mirrors_are_killed", 180) else { return };
    killed(false);
}

#[test]
fn mirrors_that_keep_are_killed() {
    let Some(_watchdog) = begin("mirrors_that_keep_are_killed", 180) else { return };
    killed(true);
}

#[test]
fn mirrors_are_stopped() {
    let Some(_watchdog) = begin("mirrors_are_stopped", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (source, receiver) = pair(&hosts, "--keep");
    let _writer = hosts[0].writer("a", 300.0, 400_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    for stopped in [&receiver, &source] {
        let before = checker.last();
        until(20, "values", || checker.last() > before + 20);
        stopped.stop();
        rest(4000);
        stopped.go_on();
        let last = latest(&hosts[0].store(), "a");
        let took = until(20, "the latest value after it went on", || checker.last() >= last);
        println!("figures: {took:?}");
    }
    checker.finish();
}

/// Nobody is told of a new value when the same one comes again.
#[test]
fn a_value_that_was_kept_is_not_published_again() {
    let Some(_watchdog) = begin("a_value_that_was_kept_is_not_published_again", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    let (_source, mut receiver) = pair(&hosts, "--keep --every every");
    let mut writers = ["latest", "every"].map(|tag| source.writer_options(tag).history(8).open().unwrap());
    writers.iter_mut().for_each(|writer| values::write(writer, 1, 80).unwrap());
    let is_there = |number| ["latest", "every"].iter().all(|tag| latest(&taken, tag) == number);
    until(20, "the value", || is_there(1));
    let versions = || ["latest", "every"].map(|tag| taken.stat(tag).unwrap().value.unwrap().version);
    let before = versions();
    for _ in 0..2 {
        receiver.kill();
        until(20, "the writer is gone", || !taken.stat("latest").unwrap().writer_alive);
        receiver = taking(&hosts, "--keep --every every");
        until(20, "the tag is taken up", || taken.stat("latest").unwrap().writer_alive);
        rest(500);
        assert_eq!(versions(), before);
    }
    writers.iter_mut().for_each(|writer| values::write(writer, 2, 80).unwrap());
    until(20, "the next value", || is_there(2));
    assert_eq!(versions(), before.map(|version| version + 1));
    drop(receiver);
}
