//! Hostile recordings: an input is the bytes of a file, which is opened and read to the end.
//!
//! What must hold is checked by panics: values have as many bytes as their layout says, times are in order, and what can be read
//! can be recovered. The same code replays the kept inputs without a fuzzer: recording/tests/fuzz_corpus.rs includes this file.

use std::fs;
use std::path::Path;

use ndsharray_recording::{Clock, Error, Recording, recover};

/// Runs one input in a directory.
pub fn run(input: &[u8], directory: &Path) {
    let path = directory.join("run.mcap");
    fs::write(&path, input).unwrap();
    let recording = Recording::open(&path);
    // It is mapped: what is written next must be another file.
    fs::remove_file(&path).unwrap();
    match recording {
        Ok(recording) => read(&recording),
        Err(Error::NotARecording { .. }) => return,
        Err(error) => panic!("{error}"),
    }
    // It makes threads and files, and not every input is worth that.
    if input.len() % 8 == 0 {
        fs::write(&path, input).unwrap();
        recovered(&path, &directory.join("recovered.mcap"));
        fs::remove_file(&path).unwrap();
    }
}

fn read(recording: &Recording) {
    let _ = (recording.is_complete(), recording.span(), recording.compression());
    for error in recording.left_out() {
        assert!(matches!(error, Error::Damaged { .. } | Error::Store(_)), "{error}");
    }
    let tags = recording.tags().collect::<Vec<_>>();
    let mut count = 0;
    for tag in &tags {
        let track = recording.track(tag).unwrap();
        assert!(!track.is_empty());
        for value in &track {
            count += 1;
            match value {
                Ok(value) => {
                    let nbytes = value.shape().iter().product::<usize>() * value.dtype().itemsize();
                    assert_eq!(value.bytes().len(), nbytes);
                }
                Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error}"),
            }
        }
        assert_eq!(track.acquired_at().len(), track.len());
        let middle = track.written_at().nth(track.len() / 2).unwrap();
        let nearest = track.nearest(middle).unwrap();
        assert_eq!(track.written_at().nth(nearest), Some(middle));
        let layouts = track.layouts();
        let values = layouts.map(|layouts| layouts.iter().map(|layout| layout.values).sum::<usize>());
        assert!(values.is_err() || values.is_ok_and(|values| values == track.len()));
        let _ = track.nbytes();
    }
    for clock in [Clock::Written, Clock::Acquired] {
        let times = recording.in_order(&tags, clock).map(|(_, _, time)| time).collect::<Vec<_>>();
        assert!(times.is_sorted());
        assert_eq!(times.len(), count);
    }
}

fn recovered(from: &Path, to: &Path) {
    let recovered = recover(from, to).unwrap();
    let recording = Recording::open(to).unwrap();
    assert!(recording.is_complete());
    let mut values = 0;
    for tag in recording.tags() {
        for value in &recording.track(tag).unwrap() {
            value.unwrap();
            values += 1;
        }
    }
    assert_eq!(values, recovered.values);
    fs::remove_file(to).unwrap();
}
