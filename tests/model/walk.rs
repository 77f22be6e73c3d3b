//! A walk of all states of a machine.

use std::collections::HashSet;
use std::hash::Hash;

/// A machine that takes small steps. Each state is checked where it is reached.
pub trait Machine: Clone + Eq + Hash {
    /// What can be taken out of its rules.
    type Rule: Copy;

    /// Every state that one step leads to.
    fn nexts(&self, without: Self::Rule) -> Vec<Self>;

    /// Whether nothing more happens, unless somebody is killed or something is done by hand.
    fn is_end(&self, nexts: &[Self]) -> bool;

    fn check(&self);

    fn check_end(&self);
}

/// Visits every state that can be reached; how many there are, and how many of them are ends.
pub fn walk<M: Machine>(start: M, without: M::Rule) -> (usize, usize) {
    let mut found = HashSet::from([start.clone()]);
    let mut open = vec![start];
    let mut ends = 0;
    while let Some(state) = open.pop() {
        state.check();
        let nexts = state.nexts(without);
        if state.is_end(&nexts) {
            state.check_end();
            ends += 1;
        }
        open.extend(nexts.into_iter().filter(|next| found.insert(next.clone())));
    }
    (found.len(), ends)
}

/// Checks that the walk fails without a rule, and says how.
#[track_caller]
pub fn fails<M: Machine>(start: M, without: M::Rule) -> String
where
    M::Rule: std::fmt::Debug,
{
    let walked = std::panic::AssertUnwindSafe(|| walk(start, without));
    let Err(why) = std::panic::catch_unwind(walked) else {
        panic!("{without:?} was taken out and nothing failed");
    };
    why.downcast_ref::<String>().cloned().unwrap_or_else(|| why.downcast_ref::<&str>().unwrap().to_string())
}
