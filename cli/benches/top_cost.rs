//! What `top` costs a writer that runs at full speed: the writer's throughput, by turns with and without a `top` that shows
//! its array, and the part of a core that `top` takes. The second ratio compares two turns without `top`: it is the noise
//! of the machine.
//!
//! ```sh
//! cargo bench -p ndsharray-cli --bench top_cost
//! ```

#[path = "../tests/terminal/mod.rs"]
mod terminal;

use std::time::{Duration, Instant};

use ndsharray::{Store, Writer};
use terminal::{TOP, Terminal};

const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(1500);

/// Writes per second of this thread's time on a core, so that other programs on the machine matter less.
fn rate(writer: &mut Writer, data: &[u8], shape: &[usize]) -> f64 {
    let (start, before, mut count) = (Instant::now(), on_core(), 0);
    while start.elapsed() < ROUND {
        // Several writes for each look at the clock, which takes longer than a small write.
        for _ in 0..(1 + 100_000 / data.len()) {
            writer.write_slice(data, shape).unwrap();
            count += 1;
        }
    }
    f64::from(count) / (on_core() - before).as_secs_f64()
}

/// How long this thread was on a core.
fn on_core() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// User and system time of a process.
fn used(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // USER_HZ is 100 for every program that asks.
    Duration::from_millis(ticks * 10)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let Some(terminal) = Terminal::start("top_cost", (160, 50)) else { return };
    println!(
        "{:>17} {:>12} {:>12} {:>24} {:>24} {:>5}",
        "array", "writes/s", "with top", "ratio", "without", "core"
    );
    for shape in [&[8, 8][..], &[480, 640, 3], &[1080, 1920, 3], &[8192, 8192]] {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let data = vec![7; shape.iter().product()];
        rate(&mut writer, &data, shape);
        let (mut rounds, mut share) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let without = rate(&mut writer, &data, shape);
            terminal.run(&format!("COLORTERM=truecolor {TOP} top a --dir {}", dir.path().display()));
            terminal.until("a picture", |lines| lines.iter().any(|line| line.contains('▀')));
            let (pid, start) = (terminal.program(), Instant::now());
            let before = used(pid);
            let with = rate(&mut writer, &data, shape);
            share.push((used(pid) - before).as_secs_f64() / start.elapsed().as_secs_f64());
            terminal.keys("q");
            terminal.given_back(0);
            let again = rate(&mut writer, &data, shape);
            rounds.push((without, with, again));
        }
        let ratios = |of: fn(&(f64, f64, f64)) -> f64| {
            let all = || rounds.iter().map(of);
            let (least, greatest) = all().fold((f64::MAX, 0.0_f64), |(a, b), r| (a.min(r), b.max(r)));
            format!("{:.3} ({least:.3} to {greatest:.3})", median(all()))
        };
        println!(
            "{:>17} {:>12.0} {:>12.0} {:>24} {:>24} {:>4.1}%",
            format!("{shape:?}"),
            median(rounds.iter().map(|round| (round.0 + round.2) / 2.0)),
            median(rounds.iter().map(|round| round.1)),
            // With top, against the mean of before and after.
            ratios(|(before, with, after)| 2.0 * with / (before + after)),
            ratios(|(before, _, after)| after / before),
            100.0 * median(share.into_iter()),
        );
    }
}
