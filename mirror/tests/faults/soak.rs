//! Random faults, for as long as is asked for.

use std::time::{Duration, Instant};

use super::{offering, taking};
use crate::common::host::Hosts;
use crate::common::values::{Checker, latest};
use crate::common::{begin, rest, until};

/// Numbers that a seed repeats (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

const FAULTS: [&str; 8] =
    ["source", "receiver", "stop source", "stop receiver", "writer", "cut", "half", "loss"];

/// Shows what the mirrors know if the test fails.
struct Shown<'a>(&'a Hosts);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        for host in (0..2).filter(|_| std::thread::panicking()) {
            let status = self.0[host].command(env!("CARGO_BIN_EXE_ndsharray-mirror")).arg("status").output();
            let text = status.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            println!("{}: {}", self.0[host].name(), text.unwrap_or_default());
        }
    }
}

/// The seed and the seconds are in MIRROR_SEED and MIRROR_SECONDS.
#[test]
#[ignore = "a soak"]
fn random_faults() {
    let of = |name: &str, other: u64| std::env::var(name).map_or(other, |text| text.parse().unwrap());
    let seconds = of("MIRROR_SECONDS", 60);
    let Some(_watchdog) = begin("random_faults", seconds + 180) else { return };
    let seed = of("MIRROR_SEED", std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64);
    println!("seed: MIRROR_SEED={seed}");
    let mut random = Random(seed);
    let hosts = Hosts::new(["robot", "desk"]);
    let (mut source, mut receiver) = (offering(&hosts), taking(&hosts, "--keep --every small"));
    let _shown = Shown(&hosts);
    let mut first = 1;
    let tags = [("frames", 30.0, 2_000_000, ""), ("small", 100.0, 800, "history=200")];
    let write =
        |first: u64| tags.map(|(tag, hz, nbytes, options)| hosts[0].writer(tag, hz, nbytes, first, options));
    let mut writers = write(first);
    let checkers = tags.map(|(tag, ..)| Checker::latest(hosts[1].store(), tag));
    let (end, mut counts) = (Instant::now() + Duration::from_secs(seconds), [0; FAULTS.len()]);
    let mut longest = Duration::ZERO;
    while Instant::now() < end {
        rest(random.below(1500));
        let fault = random.below(FAULTS.len() as u64) as usize;
        let time = 100 + random.below(6000);
        println!("{}: {} for {time} ms", counts.iter().sum::<u64>(), FAULTS[fault]);
        counts[fault] += 1;
        match FAULTS[fault] {
            "source" => {
                source.kill();
                rest(time / 10);
                source = offering(&hosts);
            }
            "receiver" => {
                receiver.kill();
                rest(time / 10);
                receiver = taking(&hosts, "--keep --every small");
            }
            "stop source" | "stop receiver" => {
                let stopped = if FAULTS[fault] == "stop source" { &source } else { &receiver };
                stopped.stop();
                rest(time);
                stopped.go_on();
            }
            "writer" => {
                drop(writers);
                rest(time / 10);
                first += 1_000_000;
                writers = write(first);
            }
            "cut" | "half" | "loss" => {
                let hit: Vec<usize> = match random.below(2) as usize {
                    one if FAULTS[fault] == "half" => vec![one],
                    _ => vec![0, 1],
                };
                let percent = if FAULTS[fault] == "loss" { 1 + random.below(30) as u32 } else { 100 };
                hit.iter().for_each(|&host| hosts[host].lose(percent));
                rest(time);
                hit.iter().for_each(|&host| hosts[host].lose_none());
            }
            other => panic!("{other}"),
        }
        for ((tag, ..), checker) in tags.iter().zip(&checkers) {
            // At the least the first value of a writer that was just started.
            until(20, "the writer writes", || latest(&hosts[0].store(), tag) >= first);
            let last = latest(&hosts[0].store(), tag);
            longest = longest.max(until(20, "the latest value after a fault", || checker.last() >= last));
        }
    }
    drop((source, receiver, writers));
    println!("figures: faults {FAULTS:?}: {counts:?}; longest recovery {longest:?}");
    for ((tag, ..), checker) in tags.iter().zip(checkers) {
        let seen = checker.finish();
        println!("figures: {tag}: {} values, longest wait {:?}", seen.values, seen.longest);
    }
}
