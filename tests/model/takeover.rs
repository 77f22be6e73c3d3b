//! Every interleaving of a writer, two takeovers at once, a sweep, a reader, and a kill of each at any step. If one
//! rule of the protocol is taken out, a check fails.
//!
//! `machine` models how writers open, publish, are refused and take over, and how files are swept. The inside of the
//! latch is no part of it: loom has that.

use std::collections::HashSet;

use super::machine::{Without, World};

/// Visits every state that can be reached; how many there are, and how many of them are ends.
fn walk(without: Without) -> (usize, usize) {
    let mut found = HashSet::from([World::new()]);
    let mut open = vec![World::new()];
    let mut ends = 0;
    while let Some(world) = open.pop() {
        let nexts = world.nexts(without);
        if nexts.is_empty() || nexts.iter().all(|next| next.kills < world.kills) {
            world.check_end();
            ends += 1;
        }
        open.extend(nexts.into_iter().filter(|next| found.insert(next.clone())));
    }
    (found.len(), ends)
}

#[test]
fn every_interleaving_of_two_takeovers() {
    let (states, ends) = walk(Without::Nothing);
    println!("{states} states, {ends} of them ends");
    assert!(states > 10_000 && ends > 10);
}

#[test]
fn each_rule_is_needed() {
    use Without::{Asking, Freeze, NameLock, Naming, Veto};
    for without in [NameLock, Veto, Freeze, Asking, Naming] {
        let outcome = std::panic::catch_unwind(|| walk(without));
        assert!(outcome.is_err(), "{without:?} was taken out and nothing failed");
    }
}
