//! What ndsharray costs beside other crates for the same work, in one run on one machine: `ci/bench.sh`.
//!
//! `peers [--quick] [TOPIC]` measures all topics or one; samples go to target/bench/rust.jsonl. Started with `role` it is
//! one of the other processes of a measurement.

mod child;
mod contenders;
mod history;
mod latency;
mod layouts;
mod measure;
mod memory;
mod readers;
mod reading;
mod shared;
mod writing;

use std::path::Path;

use measure::Output;

/// From a pose to 1 GiB; in between frames of 720p and 1080p.
const SIZES: [usize; 6] = [64, 64 << 10, 1280 * 720 * 3, 1920 * 1080 * 3, 50 << 20, 1 << 30];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["role", directory, role @ ..] = words.as_slice() {
        child::die_with_parent();
        return play(role, Path::new(directory));
    }
    let quick = words.contains(&"--quick");
    let topic = words.iter().find(|word| !word.starts_with("--")).copied();
    let name = topic.map_or("rust.jsonl".to_owned(), |topic| format!("rust-{topic}.jsonl"));
    let mut output = Output::create(&Path::new("target/bench").join(name), quick);
    for (name, measure) in TOPICS {
        if topic.is_none_or(|topic| topic == name) {
            measure(&mut output);
        }
    }
}

type Measure = fn(&mut Output);

const TOPICS: [(&str, Measure); 12] = [
    ("unchanged", |output| sized(&SIZES, output, reading::unchanged)),
    ("new", |output| sized(&SIZES[..5], output, reading::new)),
    ("through", |output| sized(&SIZES[1..5], output, reading::through)),
    ("small", |output| fresh(|directory| writing::small(directory, output))),
    ("large", |output| sized(&SIZES[1..], output, writing::large)),
    ("history", |output| sized(&SIZES[..4], output, history::write)),
    ("next", |output| sized(&[SIZES[0], SIZES[1], SIZES[3]], output, history::next)),
    ("loan", |output| sized(&SIZES[..5], output, writing::loan)),
    ("layouts", |output| {
        sized(&SIZES[1..], output, layouts::fits);
        sized(&SIZES[2..], output, layouts::grows);
    }),
    ("latency", |output| fresh(|directory| latency::one_way(directory, output))),
    ("readers", |output| sized(&[SIZES[0], SIZES[3]], output, readers::throughput)),
    ("memory", |output| {
        if memory::alone() {
            fresh(|directory| memory::footprint(directory, output));
        } else {
            println!("skipped: memory: a /dev/shm of its own needs root");
        }
    }),
];

/// Measures with each size in a directory of its own.
fn sized(sizes: &[usize], output: &mut Output, measure: fn(&Path, usize, &mut Output)) {
    for &size in sizes {
        fresh(|directory| measure(directory, size, output));
    }
}

fn fresh(measure: impl FnOnce(&Path)) {
    let directory = tempfile::Builder::new().prefix("peers").tempdir_in("/dev/shm").expect("a directory");
    measure(directory.path());
    contenders::sweep(directory.path());
}

fn play(role: &[&str], directory: &Path) {
    match *role {
        ["writer", contender, size, ref pinned @ ..] => {
            reading::writer(contender, directory, number(size), !pinned.is_empty());
        }
        ["whole of", contender, size] => reading::whole(contender, directory, number(size)),
        ["reader", contender] => writing::reader(contender, directory),
        [topic @ ("wake" | "spin"), contender] => latency::reader(topic, contender, directory),
        ["busy", contender] => readers::busy(contender, directory),
        ["sizes", contender, size] => memory::writer(contender, directory, number(size)),
        ["whole", contender] => memory::reader(contender, directory),
        ref other => panic!("{other:?} is no role"),
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}
