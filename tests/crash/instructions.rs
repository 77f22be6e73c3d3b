//! A writer is killed after each of its instructions, by single steps with ptrace: of a publish of 64 bytes, of a
//! layout change, of a takeover; of publishes to a history, and of its adoption. Readers, old and new, find the value
//! before or after, whole, and all of the history that must be there; the next writer goes on.
//!
//! The long form kills at every instruction, the short form at some of them, spread evenly, other ones in each run;
//! publishes without a change of layout are killed at every instruction in both.
//!
//! A binary of its own, as it is run in a release build: `cargo test --release --test instructions`
#![cfg(all(target_arch = "x86_64", not(ndsharray_steps)))]

#[path = "../common/mod.rs"]
mod common;
mod killed;

use common::process::Watchdog;
use common::sandbox::store;
use common::soak;
use killed::Scenario;
use killed::aftermath::Witnesses;
use killed::doomed::Doomed;
use killed::histories::{HISTORY_ADOPTED, HISTORY_LAYOUT, HISTORY_OLDEST, HISTORY_PUBLISH};
use killed::scenarios::{PUBLISH, RECYCLED, TAKEOVER};
use killed::tracer::{Course, Traced, around};

/// How many kills the short form has of each operation, about.
const KILLS: usize = 1000;
/// How often to try to kill at an instruction that the process did not come to: names are random, and a digit may take
/// another branch than a letter.
const TRIES: usize = 5;

/// Runs the operation once by single steps; `None` if that is not permitted here.
fn course(scenario: &Scenario) -> Option<Course> {
    let _watchdog = Watchdog::new("a run by single steps");
    let (_directory, store) = store();
    let mut doomed = Doomed::start(scenario, &store, around);
    let witnesses = Witnesses::new(scenario, &store);
    doomed.go();
    let traced = Traced::new(&doomed)?;
    let course = traced.course();
    traced.kill();
    witnesses.check(0);
    Some(course)
}

/// Kills after so many instructions of a stretch; true if the process came to that place.
fn kill_at(scenario: &Scenario, course: &Course, stretch: usize, instructions: usize, turn: u64) -> bool {
    let _watchdog = Watchdog::new("a kill at an instruction");
    let (_directory, store) = store();
    let mut doomed = Doomed::start(scenario, &store, around);
    let witnesses = Witnesses::new(scenario, &store);
    doomed.go();
    let traced = Traced::new(&doomed).expect("ptrace, which was permitted before");
    let there = traced.run_to(course, stretch, instructions);
    traced.kill();
    let _context = Context(scenario.name, stretch, instructions, turn % 4);
    witnesses.check(turn);
    there
}

/// Says which kill it was if something panics.
struct Context(&'static str, usize, usize, u64);

impl Drop for Context {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Context(name, stretch, instructions, turn) = self;
            println!(
                "that was: {name}, {instructions} instructions after system call {stretch}, turn {turn}"
            );
        }
    }
}

fn every_instruction(test: &str, scenario: &Scenario) {
    // The second run counts: this process sets up during the first what is made once, and its forks inherit that.
    let Some(course) = course(scenario).and_then(|_| course(scenario)) else {
        return println!("\nskipped: {test}: ptrace is not permitted");
    };
    let all = course.instructions();
    let whole = soak() || all < 3 * KILLS;
    let stride = if whole { 1 } else { all.div_ceil(KILLS) };
    let offset = uuid::Uuid::new_v4().as_u128() as usize % stride;
    println!("instructions: {}: {all}; every {stride}. from the {offset}. is killed", scenario.name);
    let each = course.stretches.iter().enumerate();
    let places = each.flat_map(|(stretch, addresses)| (0..addresses.len()).map(move |at| (stretch, at)));
    let (mut chosen, mut reached, mut kills) = (0, 0, 0);
    for (stretch, at) in places.skip(offset).step_by(stride) {
        chosen += 1;
        for _ in 0..TRIES {
            kills += 1;
            if kill_at(scenario, &course, stretch, at, kills) {
                reached += 1;
                break;
            }
        }
    }
    println!("instructions: {}: {reached} of {chosen} places, {kills} kills", scenario.name);
    assert!(reached * 10 > chosen * 9, "it takes another course each time");
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn publish() {
    every_instruction("publish", &PUBLISH);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn layout_change() {
    every_instruction("layout_change", &RECYCLED);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn takeover() {
    every_instruction("takeover", &TAKEOVER);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn history_publish() {
    every_instruction("history_publish", &HISTORY_PUBLISH);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn history_oldest() {
    every_instruction("history_oldest", &HISTORY_OLDEST);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn history_layout() {
    every_instruction("history_layout", &HISTORY_LAYOUT);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "for a release build, whose instructions are those that users run")]
fn history_adopted() {
    every_instruction("history_adopted", &HISTORY_ADOPTED);
}
