//! Cases that take turns in many short rounds, so that whatever else the machine does is the same for all of them.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Where samples go: a file of one JSON object per line.
pub struct Output {
    file: File,
    /// A few rounds only, to see that everything runs.
    pub quick: bool,
}

impl Output {
    pub fn create(path: &Path, quick: bool) -> Self {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).expect("a directory for the samples");
        }
        Output { file: File::create(path).expect("a file for the samples"), quick }
    }

    pub fn rounds(&self, usual: usize) -> usize {
        if self.quick { 3 } else { usual }
    }

    /// One case: a sample for each round. What has the same topic and size is of the same rounds.
    pub fn record(&mut self, topic: &str, case: &str, size: usize, unit: &str, samples: &[f64]) {
        let joined: Vec<String> = samples.iter().map(|sample| format!("{sample:.2}")).collect();
        let joined = joined.join(",");
        writeln!(
            self.file,
            r#"{{"topic":"{topic}","case":"{case}","size":{size},"unit":"{unit}","samples":[{joined}]}}"#
        )
        .expect("the samples to be written");
        println!("{topic:<16} {case:<34} {size:>11} B {:>14.1} {unit}", median(samples.to_vec()));
    }
}

/// The cases of one topic and size.
pub struct Rounds<'a> {
    topic: &'a str,
    size: usize,
    unit: &'a str,
    cases: Vec<(String, Box<dyn FnMut() -> f64 + 'a>)>,
}

impl<'a> Rounds<'a> {
    pub fn new(topic: &'a str, size: usize) -> Self {
        Rounds { topic, size, unit: "ns", cases: Vec::new() }
    }

    pub fn unit(mut self, unit: &'a str) -> Self {
        self.unit = unit;
        self
    }

    /// `run` takes one turn and returns its sample.
    pub fn add(&mut self, case: impl Into<String>, run: impl FnMut() -> f64 + 'a) {
        self.cases.push((case.into(), Box::new(run)));
    }

    /// Takes all turns. The order is turned round each time: nobody always comes after the same neighbour.
    pub fn run(mut self, rounds: usize, output: &mut Output) {
        let mut samples = vec![Vec::new(); self.cases.len()];
        for round in 0..=rounds {
            let count = self.cases.len();
            for turn in 0..count {
                let index = if round % 2 == 0 { turn } else { count - 1 - turn };
                let sample = (self.cases[index].1)();
                // The first round only warms up.
                if round > 0 {
                    samples[index].push(sample);
                }
            }
        }
        for ((case, _), samples) in self.cases.iter().zip(&samples) {
            output.record(self.topic, case, self.size, self.unit, samples);
        }
    }
}

/// Nanoseconds per call, over `count` calls.
#[inline(always)]
pub fn each(count: usize, mut call: impl FnMut()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        call();
    }
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Nanoseconds of one call, with the clock's own.
#[inline(always)]
pub fn once(call: impl FnOnce()) -> f64 {
    let start = Instant::now();
    call();
    start.elapsed().as_nanos() as f64
}

/// What [`once`] of nothing says.
pub fn clock() -> f64 {
    middle((0..401).map(|_| once(|| {})).collect())
}

/// The mean of the middle half: finer than the clock's ticks, and without the outliers.
pub fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let quarter = values.len() / 4;
    let half = &values[quarter..values.len() - quarter];
    half.iter().sum::<f64>() / half.len() as f64
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// CLOCK_MONOTONIC, which is the same in all processes.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
