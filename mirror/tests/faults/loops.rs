//! Hosts that offer to one another.

use crate::common::host::Hosts;
use crate::common::values::{Checker, latest};
use crate::common::{begin, rest, until};

#[test]
fn what_was_taken_is_not_offered() {
    let Some(_watchdog) = begin("what_was_taken_is_not_offered", 120) else { return };
    let hosts = Hosts::new(["one", "two", "three"]);
    // In a ring: each takes all from the one before, and has some of its own.
    let _mirrors = [(0, 2), (1, 0), (2, 1)].map(|(host, before)| {
        let connect = hosts.at(before, host);
        hosts[host]
            .mirror(&format!("--offer * --take * --keep --listen tcp/0.0.0.0:7447 --connect {connect}"))
    });
    let _writers = [("a", 0), ("b", 1), ("c", 2)]
        .map(|(tag, host)| hosts[host].writer(tag, 100.0, 8_000, 1, "ephemeral"));
    // A session reaches the hosts to which it has a connection: here, each of them.
    let checkers = [("a", 0, [1, 2]), ("b", 1, [2, 0]), ("c", 2, [0, 1])];
    let checked: Vec<_> = checkers
        .iter()
        .flat_map(|&(tag, _, to)| to.map(|to| Checker::latest(hosts[to].store(), tag)))
        .collect();
    for checker in &checked {
        until(30, "values everywhere", || checker.values() > 50);
    }
    rest(2000);
    for (tag, from, to) in checkers {
        let stat = hosts[from].store().stat(tag).unwrap();
        assert_eq!(stat.source, "", "{stat:?}");
        for to in to {
            let stat = hosts[to].store().stat(tag).unwrap();
            assert_eq!(stat.source, format!("mirror://{}/{tag}", hosts[from].name()), "{stat:?}");
            assert!(latest(&hosts[to].store(), tag) > 0);
        }
    }
    checked.into_iter().for_each(|checker| drop(checker.finish()));
    for host in 0..3 {
        let mut tags = hosts[host].store().tags().unwrap();
        // And the status of its own mirror.
        assert!(tags.pop().is_some_and(|tag| tag.starts_with("ndsharray-mirror-")));
        assert_eq!(tags, ["a", "b", "c"]);
    }
}
