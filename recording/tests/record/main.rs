//! A recorder has every value of a store's tags that could be read, and counts the others.

mod changes;
mod errors;
mod missed;
mod pretrigger;
mod values;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ndsharray::Store;
use ndsharray_recording::{Recorder, Recording, RecordingOptions};

/// Far more than any step takes: what takes longer hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

/// A store of its own, and a directory for recordings.
struct Place {
    store: tempfile::TempDir,
    files: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = || tempfile::tempdir_in("/dev/shm").unwrap();
        Place { store: directory(), files: directory() }
    }

    fn store(&self) -> Store {
        Store::open(self.store.path()).unwrap()
    }

    fn file(&self) -> PathBuf {
        self.files.path().join("run.mcap")
    }

    fn recorder(&self) -> Recorder {
        Recorder::new(self.store(), RecordingOptions::new().min_free(0).create(self.file()).unwrap())
    }

    fn recording(&self) -> Recording {
        let recording = Recording::open(self.file()).unwrap();
        assert!(recording.is_complete());
        recording
    }
}

/// The versions of a tag's values, in the order in which they were recorded.
fn versions(recording: &Recording, tag: &str) -> Vec<u64> {
    let track = recording.track(tag).unwrap();
    (0..track.len()).map(|index| track.get(index).unwrap().unwrap().version()).collect()
}

/// What the file says of a tag in a metadata record.
fn metadata(recording: &Recording, record: &str, entry: &str) -> Option<String> {
    let (_, entries) = recording.metadata().find(|(name, _)| *name == record)?;
    entries.get(entry).cloned()
}

/// Records until `so` is true; fails if that takes too long.
#[track_caller]
fn record_until(recorder: &mut Recorder, so: impl Fn(&mut Recorder) -> bool) {
    let start = Instant::now();
    while !so(recorder) {
        assert!(start.elapsed() < WATCHDOG, "it waits for nothing");
        recorder.run_for(Duration::from_millis(5)).unwrap();
    }
}

/// Records what is there now.
fn catch_up(recorder: &mut Recorder) {
    recorder.run_for(Duration::ZERO).unwrap();
}
