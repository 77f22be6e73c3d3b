//! Recorders that are killed at random moments: each file opens, and nothing but the last chunk is lost.
//!
//! 20 kills; with NDSHARRAY_SOAK set, 200.

mod place;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndsharray::Store;
use ndsharray_recording::Recording;
use place::{Place, Running};

/// So many recorders run at a time, for so long at most.
const TOGETHER: u64 = 10;
const LONGEST: u64 = 8000;
/// A writer keeps so many values, and writes no more: whatever stalls, a recorder can read all of them.
const VALUES: u64 = 240;
/// The age at which a chunk is closed.
const CHUNK: Duration = Duration::from_secs(1);
/// What a recorder may take to close it and to write it, on a machine where others work, too.
const SLACK: Duration = Duration::from_secs(3);

/// A stream: its tag, the size of a value, the time between two, and when each was written.
struct Stream {
    tag: &'static str,
    nbytes: usize,
    period: Duration,
    log: Mutex<Vec<Instant>>,
}

impl Stream {
    fn new(tag: &'static str, nbytes: usize, millis: u64) -> Self {
        Stream { tag, nbytes, period: Duration::from_millis(millis), log: Mutex::default() }
    }

    fn value(&self, version: u64) -> Vec<u8> {
        vec![version as u8; self.nbytes]
    }

    fn produce(&self, store: &Store, done: &AtomicBool) {
        let mut writer = store.writer_options(self.tag).history(VALUES as usize).open().unwrap();
        for version in 1..=VALUES {
            if done.load(Ordering::Relaxed) {
                return;
            }
            writer.write_slice(&self.value(version), &[self.nbytes]).unwrap();
            self.log.lock().unwrap().push(Instant::now());
            std::thread::sleep(self.period);
        }
    }

    /// Checks what a killed recorder left of it; returns for how long at the end values are missing.
    fn check(&self, recording: &Recording, ready: Instant, killed: Instant, late: Duration) -> Duration {
        let track = recording.track(self.tag).ok();
        let count = track.as_ref().map_or(0, |track| track.len());
        for index in 0..count {
            let value = track.as_ref().unwrap().get(index).unwrap().unwrap();
            assert_eq!(value.version(), index as u64 + 1, "{}", self.tag);
            assert!(value.bytes() == self.value(value.version()), "{}: {}", self.tag, value.version());
        }
        let log = self.log.lock().unwrap().clone();
        let Some(&lost) = log.get(count).filter(|&&lost| lost < killed) else { return Duration::ZERO };
        let time = killed.duration_since(lost.max(ready));
        assert!(
            time < CHUNK + SLACK + 10 * late,
            "{}: of {} values only {count} are there, and {time:?} are lost",
            self.tag,
            log.len()
        );
        time
    }
}

/// The longest time by which a sleep was too long: what the machine does to a recorder.
fn oversleep(done: &AtomicBool) -> Duration {
    const SLEEP: Duration = Duration::from_millis(5);
    let mut longest = Duration::ZERO;
    while !done.load(Ordering::Relaxed) {
        let start = Instant::now();
        std::thread::sleep(SLEEP);
        longest = longest.max(start.elapsed().saturating_sub(SLEEP));
    }
    longest
}

/// Kills some recorders of the same streams; returns the longest time for which values are missing at the end of a file.
fn round(mut random: impl FnMut(u64) -> u64) -> Duration {
    let place = Place::new();
    let streams = [Stream::new("cam", 100_000, 50), Stream::new("imu", 64, 35)];
    let done = AtomicBool::new(false);
    let mut killed = Vec::new();
    let (ready, late) = std::thread::scope(|scope| {
        let ends = Done(&done);
        let mut runs: Vec<_> = (0..TOGETHER)
            .map(|number| {
                let path = place.file(&format!("run-{number}.mcap"));
                let args = ["record", "--min-free", "0", "-o", path.to_str().unwrap()];
                (Duration::from_millis(random(LONGEST)), Running::start(place.command(&args)), path)
            })
            .collect();
        // From here on it records: the start of the program is not what this is about.
        let begins = |path: &PathBuf| path.metadata().is_ok_and(|metadata| metadata.len() > 0);
        place::until("all have their file", || runs.iter().all(|(.., path)| begins(path)));
        let ready = Instant::now();
        for stream in &streams {
            let (store, done) = (place.store(), &done);
            scope.spawn(move || stream.produce(&store, done));
        }
        let late = scope.spawn(|| oversleep(&done));
        runs.sort_by_key(|(moment, ..)| *moment);
        for (moment, running, path) in runs {
            std::thread::sleep(moment.saturating_sub(ready.elapsed()));
            killed.push((Instant::now(), path));
            running.signal(rustix::process::Signal::KILL);
            // Killed, and not ended before.
            assert_eq!(running.finish().status.code(), None);
        }
        drop(ends);
        (ready, late.join().unwrap())
    });
    let lost = killed.iter().map(|(killed, path)| {
        let recording = opened(path);
        let of = |stream: &Stream| stream.check(&recording, ready, *killed, late);
        streams.iter().map(of).max().unwrap_or_default()
    });
    lost.max().unwrap_or_default()
}

fn opened(path: &Path) -> Recording {
    let recording = Recording::open(path).unwrap_or_else(|error| panic!("{error}"));
    assert!(!recording.is_complete());
    recording
}

#[test]
fn a_killed_recorder_loses_no_more_than_its_last_chunk() {
    let kills: u64 = if std::env::var_os("NDSHARRAY_SOAK").is_some() { 200 } else { 20 };
    let seed = std::env::var("NDSHARRAY_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut random: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    println!("NDSHARRAY_SEED={random}");
    let mut random = move |below: u64| {
        // Xorshift.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let lost = (0..kills / TOGETHER).map(|_| round(&mut random)).max().unwrap();
    println!("figures: record kills: {kills} killed; at most what was written in the last {lost:?} is lost");
}

/// Ends the threads of a scope, also after a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
