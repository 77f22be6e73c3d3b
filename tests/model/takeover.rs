//! The takeover as a machine of small steps, every interleaving of which is walked: a writer, two that take over at once,
//! somebody who tidies up, a reader, and a kill of each at any step. With one rule taken out at a time it fails.
//!
//! The machine is a model of src/open.rs, publish.rs, renew.rs and sweep.rs: what a step does at one instant (one system
//! call, one atomic operation) is one step here. What the latch does inside is modelled by loom (src/seqlock_loom.rs).

use std::collections::HashSet;

use super::machine::{Without, World};

/// Walks every state that can be reached, and returns how many there are.
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
