//! Every interleaving of a writer, two takeovers at once, a sweep, a reader, and a kill of each at any step. If one
//! rule of the protocol is taken out, a check fails.
//!
//! `machine` models how writers open, publish, are refused and take over, and how files are swept. The inside of the
//! latch is no part of it: loom has that.

use super::machine::{Without, World};
use super::walk::{fails, walk};

#[test]
fn every_interleaving_of_two_takeovers() {
    let (states, ends) = walk(World::new(), Without::Nothing);
    println!("{states} states, {ends} of them ends");
    assert!(states > 10_000 && ends > 10);
}

#[test]
fn each_rule_is_needed() {
    use Without::{Asking, Freeze, NameLock, Naming, Veto};
    for without in [NameLock, Veto, Freeze, Asking, Naming] {
        println!("without {without:?}: {}", fails(World::new(), without));
    }
}
