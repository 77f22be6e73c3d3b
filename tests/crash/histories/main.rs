//! Storms of SIGKILL on histories: writers with history 2, 32 and 248 are killed at random instants of full streams,
//! takeovers among them, while readers that stall read every value. Each value is whole and of the author that wrote that
//! version, versions come in order, `missed` is exact, and none is missing without a reason.
//!
//! A binary of its own, as it needs the processors for its streams.

#[path = "../../common/mod.rs"]
mod common;
mod log;
mod reader;
mod roles;
mod storm;
mod values;
mod writer;

use common::process::{Watchdog, place, role};
use common::random::{Random, Seeded, seed};
use common::{soak, test_name};
use ndsharray::Store;
use storm::Storm;

/// Rounds on one store.
const ROUNDS: usize = 25;

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    let words: Vec<&str> = role.split(' ').collect();
    let number = |word: &str| word.parse::<u64>().unwrap();
    match words[..] {
        ["write", tag, how, author] => {
            writer::stream(&store, number(tag) as usize, how == "takeover", number(author));
        }
        ["read", tag, way, index] => {
            reader::follow(&store, number(tag) as usize, way, number(index) as usize);
        }
        _ => panic!("{words:?}"),
    }
}

#[derive(Default, Debug)]
struct Figures {
    storms: u64,
    kills: u64,
    kills_in_takeovers: u64,
    takeovers: u64,
    growths: u64,
    /// Values that were published, and whose writer was killed before the write returned.
    under_way: u64,
    /// Values that were sealed and never published; and those that the storm made.
    phantoms: u64,
    phantoms_made: u64,
    written: u64,
    returned: u64,
    copied: u64,
    contended: u64,
    /// Stalls for fewer values than the history, after which none was missing.
    short_stalls: u64,
    /// Times at which values were missing, and how many.
    gaps: u64,
    missed: u64,
}

fn storm(seed: u64, figures: &mut Figures) {
    let _watchdog = Watchdog::new(test_name!(storms));
    let _seeded = Seeded(seed);
    let mut storm = Storm::new(Random(seed | 1), figures);
    for _ in 0..ROUNDS {
        storm.round();
    }
    storm.end();
}

#[test]
fn storms() {
    let kills = if soak() { 4000 } else { 100 };
    let first = seed();
    println!("histories: NDSHARRAY_SEED={first}");
    let mut random = Random(first | 1);
    let mut figures = Figures::default();
    let mut seed = first;
    while figures.kills < kills {
        storm(seed, &mut figures);
        seed = random.below(u64::MAX);
    }
    let Figures { written, returned, short_stalls, gaps, missed, .. } = figures;
    assert!(written > 0 && short_stalls > 0 && gaps > 0, "{figures:?}");
    println!(
        "figures: histories: {} kills, 0 torn, 0 lost, 0 out of order of {written} values written and {returned} read; \
         {missed} missed, all for a reason; {short_stalls} stalls that lost nothing: {figures:?}",
        figures.kills
    );
}
