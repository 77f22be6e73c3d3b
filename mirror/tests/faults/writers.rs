//! What writers at the source do.

use super::pair;
use crate::common::host::Hosts;
use crate::common::values::{Checker, latest};
use crate::common::{begin, rest, until};

/// Waits until the last value of the source is there.
#[track_caller]
fn arrives(hosts: &Hosts, tag: &str) {
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    until(20, "the latest value arrives", || {
        let last = latest(&source, tag);
        last > 0 && latest(&taken, tag) >= last
    });
}

#[test]
fn writers_are_killed_restarted_and_taken_over() {
    let Some(_watchdog) = begin("writers_are_killed_restarted_and_taken_over", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let taken = hosts[1].store();
    let _mirrors = pair(&hosts, "--keep");
    let first = hosts[0].writer("a", 200.0, 80_000, 1, "");
    let checker = Checker::latest(hosts[1].store(), "a");
    until(20, "values", || checker.last() > 20);
    first.kill();
    arrives(&hosts, "a");
    let took = until(20, "the writer is known to be gone", || !taken.stat("a").unwrap().writer_alive);
    println!("figures: writer gone after {took:?}");
    let second = hosts[0].writer("a", 200.0, 160_000, 1_000_000, "");
    until(20, "values of the next writer", || checker.last() > 1_000_020);
    until(20, "there is a writer again", || taken.stat("a").unwrap().writer_alive);
    let third = hosts[0].writer("a", 200.0, 80_000, 2_000_000, "takeover");
    until(20, "values of the one that took over", || checker.last() > 2_000_020);
    drop((second, third));
    arrives(&hosts, "a");
    checker.finish();
}

#[test]
fn tags_go_and_come_back() {
    let Some(_watchdog) = begin("tags_go_and_come_back", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let (source, taken) = (hosts[0].store(), hosts[1].store());
    let _mirrors = pair(&hosts, "");
    let checker = Checker::latest(hosts[1].store(), "a");
    for round in 0..3 {
        let writer = hosts[0].writer("a", 200.0, 8_000, 1 + round * 1_000_000, "ephemeral");
        until(20, "values", || checker.last() > 20 + round * 1_000_000);
        if round == 1 {
            // By hand, while its writer lives: it ends.
            source.force_remove("a").unwrap();
        } else {
            writer.kill();
            let _ = source.gc();
        }
        until(20, "the tag is gone", || taken.stat("a").is_err());
        rest(100);
    }
    checker.finish();
}
