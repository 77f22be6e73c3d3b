//! How the loom tests run: to exhaustion at a stated preemption bound, with a count, and with negative controls.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sync::{Point, without};

/// Runs `model` in every interleaving with at most `bound` preemptions, and prints how many there were.
pub(crate) fn explore(name: &str, bound: usize, model: impl Fn() + Send + Sync + 'static) {
    let executions = run(bound, model);
    println!("loom: {name}: {executions} executions, all of those with at most {bound} preemptions");
    assert!(executions > 1, "{name}: nothing was interleaved");
}

/// Shows that `model` fails when `point` is taken out of the protocol.
pub(crate) fn must_fail(name: &str, point: Point, bound: usize, model: impl Fn() + Send + Sync + 'static) {
    let outcome = catch_unwind(AssertUnwindSafe(|| without(point, || run(bound, model))));
    assert!(outcome.is_err(), "{name}: {point:?} was taken out and no execution failed");
    println!("loom: {name}: fails without {point:?}, as it must");
}

fn run(bound: usize, model: impl Fn() + Send + Sync + 'static) -> usize {
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(bound);
    builder.max_branches = 20_000;
    builder.max_duration = None;
    builder.max_permutations = None;
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    executions.load(Ordering::Relaxed)
}
