//! Each value, as far as the source's history holds them.

use super::{pair, taking};
use crate::common::host::Hosts;
use crate::common::values::{Checker, latest};
use crate::common::{begin, rest, until};

#[test]
fn nothing_is_missed_while_the_history_holds() {
    let Some(_watchdog) = begin("nothing_is_missed_while_the_history_holds", 150) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    // Twelve seconds of values.
    let _writer = hosts[0].writer("a", 20.0, 8_000, 1, "history=240");
    let (_source, mut receiver) = pair(&hosts, "--every --keep");
    let checker = Checker::every(hosts[1].store(), "a");
    let catches_up = || {
        let last = latest(&hosts[0].store(), "a");
        until(20, "the latest value", || checker.last() >= last);
    };
    until(20, "values", || checker.last() > 20);
    // The link is cut.
    (0..2).for_each(|host| hosts[host].lose(100));
    rest(4000);
    (0..2).for_each(|host| hosts[host].lose_none());
    catches_up();
    // The receiver is killed, now and then.
    for round in 0..4 {
        receiver.kill();
        rest(37 * round);
        receiver = taking(&hosts, "--every --keep");
        catches_up();
    }
    // And some loss.
    (0..2).for_each(|host| hosts[host].lose(10));
    rest(3000);
    (0..2).for_each(|host| hosts[host].lose_none());
    catches_up();
    let seen = checker.finish();
    println!("figures: {} values, {} left out", seen.values, seen.left_out);
    assert_eq!(seen.left_out, 0, "{} of {} values are missing", seen.left_out, seen.values);
    drop(receiver);
}

/// Tags that go with their connection come back where they were.
#[test]
fn tags_that_are_not_kept_go_on_too() {
    let Some(_watchdog) = begin("tags_that_are_not_kept_go_on_too", 150) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let _writer = hosts[0].writer("a", 20.0, 8_000, 1, "history=240");
    let _mirrors = pair(&hosts, "--every");
    let checker = Checker::latest(hosts[1].store(), "a");
    let taken = hosts[1].store();
    for _ in 0..2 {
        let before = checker.last();
        until(20, "values", || checker.last() > before + 20);
        hosts.set_link(0, 1, false);
        until(20, "the tag is gone", || taken.stat("a").is_err());
        rest(1000);
        hosts.set_link(0, 1, true);
        let last = latest(&hosts[0].store(), "a");
        until(20, "the latest value", || checker.last() >= last);
    }
    // The reader takes the latest of several that come at once; but none twice, and none that is older.
    checker.finish();
}
