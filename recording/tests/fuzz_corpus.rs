//! Replays the inputs that the fuzzer kept (fuzz/corpus/recording): hostile recordings.

#[path = "../../fuzz/src/recording.rs"]
mod recording;

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use ndsharray_recording::Recording;

#[test]
fn kept_inputs() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/recording");
    let mut inputs = corpus.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    inputs.sort();
    assert!(inputs.len() > 10, "{} inputs", inputs.len());
    let directory = tempfile::tempdir().unwrap();
    let (started, starts) = mpsc::channel();
    let runner = std::thread::spawn(move || {
        for input in inputs {
            started.send(input.clone()).unwrap();
            recording::run(&std::fs::read(input).unwrap(), directory.path());
        }
    });
    let mut last = None;
    loop {
        match starts.recv_timeout(Duration::from_secs(60)) {
            Ok(input) => last = Some(input),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{last:?} takes more than a minute"),
        }
    }
    assert!(runner.join().is_ok(), "{last:?} failed");
}

#[test]
fn the_first_inputs_have_all_their_values() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/recording");
    for name in [
        "none",
        "none-crc",
        "lz4",
        "lz4-crc",
        "zstd",
        "zstd-crc",
        "bare",
        "one-chunk",
        "no-index",
        "no-statistics",
        "foreign",
    ] {
        let recording = Recording::open(corpus.join(name)).unwrap();
        let count = |tag| recording.track(tag).unwrap().iter().map(Result::unwrap).count();
        assert_eq!(recording.tags().collect::<Vec<_>>(), ["cam", "free", "p"], "{name}");
        assert_eq!((count("cam"), count("free"), count("p")), (3, 3, 6), "{name}");
        let shapes =
            recording.track("free").unwrap().layouts().unwrap().into_iter().map(|layout| layout.shape);
        assert!(shapes.eq([vec![1, 1], vec![2, 1], vec![3, 1]].map(Some)), "{name}");
    }
}
