//! A receiver that takes little or nothing is nobody else's trouble.

use crate::common::host::Hosts;
use crate::common::program::Program;
use crate::common::values::{Checker, latest};
use crate::common::{begin, rest, until};

/// One of two receivers gets into trouble, and out of it again.
fn delays_nobody(trouble: impl Fn(&Hosts, &Program), relief: impl Fn(&Hosts, &Program)) {
    let hosts = Hosts::new(["robot", "desk", "shelf"]);
    let _source = super::offering(&hosts);
    let receivers =
        [1, 2].map(|host| hosts[host].mirror(&format!("--take * --keep --connect {}", hosts.at(0, host))));
    let tags: Vec<String> = (0..6).map(|i| format!("cam{i}")).collect();
    let _writers: Vec<_> =
        tags.iter().map(|tag| hosts[0].writer(tag, 25.0, 800_000, 1, "ephemeral")).collect();
    let checkers: Vec<_> = tags.iter().map(|tag| Checker::latest(hosts[1].store(), tag)).collect();
    let other = Checker::latest(hosts[2].store(), "cam0");
    until(30, "values at both", || {
        other.values() > 20 && checkers.iter().all(|checker| checker.values() > 20)
    });
    let source = hosts[0].store();
    let count = |milliseconds| {
        let now = || (checkers.iter().map(Checker::values).sum::<u64>(), latest(&source, "cam0"));
        let (arrived, written) = now();
        rest(milliseconds);
        let then = now();
        (then.0 - arrived, then.1 - written)
    };
    let before = count(4000);
    trouble(&hosts, &receivers[1]);
    // Some while its connection is open, and maybe some when it is not any more.
    let during = count(8000);
    relief(&hosts, &receivers[1]);
    println!("figures: arrived and written: {before:?} in 4 s, {during:?} in 8 s of trouble");
    // Twice as much is expected.
    assert!(during.0 > before.0, "arrived: {before:?} and {during:?}");
    assert!(during.1 > before.1, "written: {before:?} and {during:?}");
    let last = latest(&source, "cam0");
    until(20, "the other one catches up", || other.last() >= last);
    other.finish();
    checkers.into_iter().for_each(|checker| drop(checker.finish()));
}

#[test]
fn a_stopped_receiver_delays_nobody() {
    let Some(_watchdog) = begin("a_stopped_receiver_delays_nobody", 120) else { return };
    delays_nobody(|_, receiver| receiver.stop(), |_, receiver| receiver.go_on());
}

#[test]
fn a_slow_receiver_delays_nobody() {
    let Some(_watchdog) = begin("a_slow_receiver_delays_nobody", 120) else { return };
    delays_nobody(|hosts, _| hosts.limit(0, 2, 200_000), |hosts, _| hosts.limit(0, 2, 1_000_000_000));
}
