//! Links that are cut, lossy, slow or long.

use super::pair;
use crate::common::host::Hosts;
use crate::common::values::{Checker, latest};
use crate::common::{begin, rest, until};

/// Values arrive again within 10 s, and a while for a busy machine.
const RECOVERY: u64 = 15;
/// A host that is gone is noticed within 3 s, and a while for a busy machine.
const NOTICE: u64 = 6;

#[track_caller]
fn recovers(hosts: &Hosts, checker: &Checker) {
    let last = latest(&hosts[0].store(), "a");
    let took = until(RECOVERY, "the latest value after the fault", || checker.last() >= last);
    println!("figures: recovery {took:?}");
}

#[test]
fn a_host_goes_and_comes_back() {
    let Some(_watchdog) = begin("a_host_goes_and_comes_back", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let mirrors = pair(&hosts, "--keep");
    let _writer = hosts[0].writer("a", 100.0, 80_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    until(20, "values", || checker.last() > 20);
    let taken = hosts[1].store();
    hosts.set_link(0, 1, false);
    let took = until(NOTICE, "the writer counts as gone", || !taken.stat("a").unwrap().writer_alive);
    println!("figures: writer gone after {took:?}");
    hosts.set_link(0, 1, true);
    recovers(&hosts, &checker);
    assert!(taken.stat("a").unwrap().writer_alive);
    checker.finish();
    drop(mirrors);
    taken.remove("a").unwrap();
    // The same, and nothing is kept.
    let _mirrors = pair(&hosts, "");
    let checker = Checker::latest(hosts[1].store(), "a");
    until(20, "values", || checker.values() > 20);
    hosts.set_link(0, 1, false);
    let took = until(NOTICE, "the tag is gone", || taken.stat("a").is_err());
    println!("figures: tag gone after {took:?}");
    hosts.set_link(0, 1, true);
    recovers(&hosts, &checker);
    checker.finish();
}

#[test]
fn a_link_is_cut_and_half_open() {
    let Some(_watchdog) = begin("a_link_is_cut_and_half_open", 150) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let _mirrors = pair(&hosts, "--keep");
    let _writer = hosts[0].writer("a", 100.0, 800_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    for (to, seconds) in [(&[0, 1][..], 10), (&[0], 5), (&[1], 5)] {
        let before = checker.last();
        until(20, "values", || checker.last() > before + 20);
        to.iter().for_each(|&host| hosts[host].lose(100));
        let taken = hosts[1].store();
        let took = until(NOTICE, "the writer counts as gone", || !taken.stat("a").unwrap().writer_alive);
        println!("figures: nothing gets to {to:?}: writer gone after {took:?}");
        rest(1000 * seconds);
        to.iter().for_each(|&host| hosts[host].lose_none());
        recovers(&hosts, &checker);
    }
    checker.finish();
}

#[test]
fn a_link_is_lossy() {
    let Some(_watchdog) = begin("a_link_is_lossy", 150) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let _mirrors = pair(&hosts, "--keep");
    let _writer = hosts[0].writer("a", 100.0, 80_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    until(20, "values", || checker.last() > 20);
    for (percent, goes_on) in [(2, true), (10, true), (30, false)] {
        let (before, values) = (checker.last(), checker.values());
        (0..2).for_each(|host| hosts[host].lose(percent));
        rest(7000);
        if goes_on {
            until(RECOVERY, "values under loss", || checker.last() > before + 300);
        }
        println!("figures: {percent} % loss: {} values", checker.values() - values);
        (0..2).for_each(|host| hosts[host].lose_none());
        recovers(&hosts, &checker);
    }
    checker.finish();
}

fn slow(large: usize, seconds: u64) {
    let hosts = Hosts::new(["robot", "desk"]);
    hosts.limit(0, 1, 1_000_000);
    let _mirrors = pair(&hosts, "");
    let frames = hosts[0].writer("a", 30.0, 2_000_000, 1, "ephemeral");
    let _small = hosts[0].writer("small", 50.0, 64, 1, "ephemeral");
    let (checker, small) =
        (Checker::latest(hosts[1].store(), "a"), Checker::latest(hosts[1].store(), "small"));
    until(60, "frames over a slow link", || checker.values() >= 3);
    let at = latest(&hosts[0].store(), "a") - checker.last();
    println!("figures: the frame is {at} of 30 a second behind, {} small values meanwhile", small.values());
    frames.kill();
    checker.finish();
    let _large = hosts[0].writer("large", 5.0, large, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "large");
    until(seconds, "large values over a slow link", || checker.values() >= 2);
    checker.finish();
    small.finish();
}

#[test]
fn a_link_is_slow() {
    let Some(_watchdog) = begin("a_link_is_slow", 180) else { return };
    slow(4 << 20, 60);
}

/// The long form.
#[test]
#[ignore = "takes three minutes"]
fn a_link_is_slow_for_50_mib() {
    let Some(_watchdog) = begin("a_link_is_slow_for_50_mib", 600) else { return };
    slow(50 << 20, 400);
}

/// The long form.
#[test]
#[ignore = "takes more than a minute"]
fn a_link_is_cut_for_a_minute() {
    let Some(_watchdog) = begin("a_link_is_cut_for_a_minute", 180) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let _mirrors = pair(&hosts, "--keep");
    let _writer = hosts[0].writer("a", 100.0, 800_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    until(20, "values", || checker.last() > 20);
    (0..2).for_each(|host| hosts[host].lose(100));
    rest(60_000);
    (0..2).for_each(|host| hosts[host].lose_none());
    recovers(&hosts, &checker);
    checker.finish();
}

/// A value takes seconds, and a round trip a part of one.
#[test]
fn a_link_is_slow_and_long() {
    let Some(_watchdog) = begin("a_link_is_slow_and_long", 180) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    hosts.limit(0, 1, 100_000);
    let _offer = hosts[0].mirror("--offer * --listen tcp/0.0.0.0:7447");
    let _delay = hosts[1].delay("127.0.0.1:7000", &hosts.socket(0, 1), 100);
    let _take = hosts[1].mirror("--take * --connect tcp/127.0.0.1:7000");
    let _writer = hosts[0].writer("a", 5.0, 600_000, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    let took = until(120, "values", || checker.values() >= 3);
    println!("figures: three values of 600 kB over 100 kB/s and 200 ms in {took:?}");
    checker.finish();
}

/// A pose does not wait for the frames of two cameras.
#[test]
fn small_values_go_between_large_ones() {
    let Some(_watchdog) = begin("small_values_go_between_large_ones", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    hosts.limit(0, 1, 1_000_000);
    let _mirrors = pair(&hosts, "");
    let _frames = ["a", "b"].map(|tag| hosts[0].writer(tag, 30.0, 2_000_000, 1, "ephemeral"));
    let _small = hosts[0].writer("small", 100.0, 64, 1, "ephemeral");
    let frames = ["a", "b"].map(|tag| Checker::latest(hosts[1].store(), tag));
    let small = Checker::latest(hosts[1].store(), "small");
    until(60, "frames", || frames.iter().all(|checker| checker.values() >= 1));
    let count = || (small.values(), frames.iter().map(Checker::values).sum::<u64>());
    let before = count();
    rest(20_000);
    let after = count();
    let (poses, frames_then) = (after.0 - before.0, after.1 - before.1);
    println!("figures: {poses} small values beside {frames_then} frames in 20 s");
    // If each waited for a frame, there would be as many.
    assert!(poses > 4 * frames_then, "{poses} small values beside {frames_then} frames");
    small.finish();
    frames.into_iter().for_each(|checker| drop(checker.finish()));
}

/// With one question at a time, no more than one value could arrive in a round trip.
#[test]
fn a_link_is_long() {
    let Some(_watchdog) = begin("a_link_is_long", 120) else { return };
    let hosts = Hosts::new(["robot", "desk"]);
    let _offer = hosts[0].mirror("--offer * --listen tcp/0.0.0.0:7447");
    let _delay = hosts[1].delay("127.0.0.1:7000", &hosts.socket(0, 1), 100);
    let _take = hosts[1].mirror("--take * --connect tcp/127.0.0.1:7000");
    let _writer = hosts[0].writer("a", 100.0, 800, 1, "ephemeral");
    let checker = Checker::latest(hosts[1].store(), "a");
    until(30, "values", || checker.values() > 20);
    let before = checker.values();
    rest(6000);
    let arrived = checker.values() - before;
    println!("figures: {arrived} values in 30 round trips");
    assert!(arrived > 36, "{arrived} values in 30 round trips");
    checker.finish();
}
