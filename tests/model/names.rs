//! Every interleaving of a writer that changes its layout, by a second name of its file or by a new one, of the writer that
//! comes next, a takeover that may fail, a sweep, a reader and an `rm`, with a kill at any step: the name in the record always
//! leads to the file that was published under it, and nothing is left over. If one rule is taken out, a check fails.

use super::naming::{Without, World};
use super::walk::{fails, walk};

#[test]
fn every_interleaving_of_those_who_give_and_remove_names() {
    let (states, ends) = walk(World::new(), Without::Nothing);
    println!("\nfigures: names of data files: {states} states, {ends} of them ends");
    assert!(states > 100_000 && ends > 100);
}

#[test]
fn each_rule_of_naming_is_needed() {
    use Without::{OldNameLast, SecondNames, Spent, SpentFirst, SweepLock, SweepLook, TakingBack};
    for without in [Spent, SpentFirst, OldNameLast, TakingBack, SecondNames, SweepLock, SweepLook] {
        println!("without {without:?}: {}", fails(World::new(), without));
    }
}
