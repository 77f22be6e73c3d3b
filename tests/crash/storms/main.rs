//! Storms of SIGKILL: writers in full stream and amid takeovers, readers that hold values, sleepers, sweepers and
//! forked children are killed at random instants, several at once. No value is torn, the last value whose write
//! returned is never lost, and the next writer leaves header and data file, of the documented sizes, and nothing else.
//!
//! A binary of its own: all orphans below this process become its children, and it measures the whole filesystem.

#[path = "../../common/mod.rs"]
mod common;
mod memory;
mod roles;
mod storm;

use common::process::{Watchdog, place, role};
use common::random::{Random, Seeded, seed};
use common::{soak, test_name};
use ndsharray::Store;
use storm::Storm;

/// Rounds on one store.
const ROUNDS: usize = 8;

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    let words: Vec<&str> = role.split(' ').collect();
    let number = |word: &str| word.parse().unwrap();
    match words[..] {
        ["stream", tag, how, forks] => {
            roles::stream(&store, number(tag), how == "takeover", forks == "forks");
        }
        ["read", tag, way, keep, index, forks] => {
            roles::read(&store, number(tag), way, number(keep), number(index), forks == "forks");
        }
        ["sweep"] => roles::sweep(&store),
        _ => panic!("{words:?}"),
    }
}

#[derive(Default, Debug)]
struct Figures {
    storms: u64,
    writers: u64,
    readers: u64,
    sweepers: u64,
    children: u64,
    written: u64,
    read: u64,
    taken_over: u64,
    forked: u64,
    next_writers: u64,
    /// Next writers that found files left over.
    untidy: u64,
    under_way: u64,
    most_bytes: u64,
}

impl Figures {
    fn kills(&self) -> u64 {
        self.writers + self.readers + self.sweepers + self.children
    }
}

fn storm(seed: u64, figures: &mut Figures) {
    let _watchdog = Watchdog::new(test_name!(storms));
    let _seeded = Seeded(seed);
    let mut storm = Storm::new(Random(seed | 1), figures);
    let memory = memory::Total::new(&storm.place.store);
    for _ in 0..ROUNDS {
        storm.round();
    }
    storm.end();
    memory.check(&storm.place.store);
}

#[test]
fn storms() {
    // Forked children whose parents are killed become children of this process, which can kill and count them.
    // SAFETY: plain system call.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    let kills = if soak() { 10_000 } else { 100 };
    let first = seed();
    println!("storms: NDSHARRAY_SEED={first}");
    let mut random = Random(first | 1);
    let mut figures = Figures::default();
    let mut seed = first;
    while figures.kills() < kills {
        storm(seed, &mut figures);
        seed = random.below(u64::MAX);
    }
    let Figures { written, read, next_writers, most_bytes, .. } = figures;
    assert!(written > 0 && read > 0 && next_writers > 0 && figures.children > 0, "{figures:?}");
    println!(
        "figures: storms: {} kills, 0 torn, 0 lost of {written} values written and {read} read; {next_writers} next \
         writers; at most {most_bytes} bytes of a tag: {figures:?}",
        figures.kills()
    );
}
