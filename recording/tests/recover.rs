//! Complete recordings from cut and damaged ones; and many threads that read one.

mod common;

use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use common::{Owned, Read, chunked, open, read, values};
use ndsharray::DType;
use ndsharray_recording::{Compression, Error, Recording, RecordingOptions, recover};

const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Lz4, Compression::Zstd];

#[test]
fn what_is_whole_is_recovered() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("recovered.mcap");
    let values = values(14);
    for compression in COMPRESSIONS {
        let whole = chunked(&values, 3, compression);
        let mut chunks = mcap::Summary::read(&whole).unwrap().unwrap().chunk_indexes;
        chunks.sort_by_key(|chunk| chunk.chunk_start_offset);
        let inside =
            |chunk: usize| (chunks[chunk].chunk_start_offset + chunks[chunk].chunk_length / 2) as usize;
        let mut damaged = whole.clone();
        damaged[inside(2)] ^= 1;
        for (bytes, right, lost) in [(&whole[..], 14, 0), (&whole[..inside(3)], 9, 0), (&damaged, 11, 3)] {
            let from = open(directory.path(), bytes).unwrap();
            let recovered = recover(from.path(), &to).unwrap();
            assert_eq!((recovered.values, recovered.lost), (right, lost));
            assert_eq!(recovered.passed_over.len() as u64, lost / 3, "{:?}", recovered.passed_over);
            let written = std::fs::read(&to).unwrap();
            assert_eq!(recovered.bytes, written.len() as u64);
            let recording = Recording::open(&to).unwrap();
            assert!(recording.is_complete());
            assert_eq!(read(&recording, &values), Read { right: right as usize, damaged: 0 });
            assert_eq!(recording.compression(), compression);
            assert!(recording.metadata().eq(from.metadata()));
            // The official reader takes it, with every checksum. The messages keep their order, which is that of their versions.
            let options = mcap::read::Options::ValidateChunkCrcs.into();
            let messages = mcap::MessageStream::new_with_options(&written, options).unwrap();
            let sequences = messages.map(|message| message.unwrap().sequence).collect::<Vec<_>>();
            assert_eq!(sequences.len() as u64, right);
            assert!(sequences.is_sorted());
            if compression == Compression::None {
                let track = recording.track("cam").unwrap();
                assert!(track.iter().all(|value| value.unwrap().bytes().as_ptr().addr() % 64 == 0));
            }
            std::fs::remove_file(&to).unwrap();
        }
    }
}

#[test]
fn recovering_overwrites_nothing_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    std::fs::write(&path, chunked(&values(3), 3, Compression::None)).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(recover(&path, &path), Err(Error::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let nothing = directory.path().join("none.mcap");
    let to = directory.path().join("to.mcap");
    assert!(matches!(recover(&nothing, &to), Err(Error::Io { operation: "open", .. })));
    assert!(matches!(recover(&path, nothing.join("to.mcap")), Err(Error::Io { operation: "create", .. })));
    assert!(!to.exists());
}

#[test]
fn threads_share_a_recording() {
    let directory = tempfile::tempdir().unwrap();
    let values = values(300);
    for compression in COMPRESSIONS {
        let mut bytes = chunked(&values, 7, compression);
        let chunks = mcap::Summary::read(&bytes).unwrap().unwrap().chunk_indexes;
        let damaged = chunks.iter().find(|chunk| chunk.message_start_time > 100_000).unwrap();
        bytes[(damaged.chunk_start_offset + damaged.chunk_length / 2) as usize] ^= 1;
        let recording = open(directory.path(), &bytes).unwrap();
        let together = Arc::new(Barrier::new(8));
        let (done, finished) = mpsc::channel();
        for _ in 0..8 {
            let (recording, values) = (recording.clone(), values.clone());
            let (together, done) = (together.clone(), done.clone());
            std::thread::spawn(move || {
                together.wait();
                let _ = done.send(read(&recording, &values));
            });
        }
        drop(done);
        for _ in 0..8 {
            let outcome =
                finished.recv_timeout(Duration::from_secs(120)).expect("a thread panicked or hangs");
            assert_eq!(outcome, Read { right: 293, damaged: 7 });
        }
    }
}

#[test]
fn a_value_outlives_its_recording() {
    let directory = tempfile::tempdir().unwrap();
    let values = values(3);
    for compression in COMPRESSIONS {
        let recording = open(directory.path(), &chunked(&values, 3, compression)).unwrap();
        let path = recording.path().to_owned();
        let value = recording.track("cam").unwrap().get(0).unwrap().unwrap();
        drop(recording);
        std::fs::remove_file(path).unwrap();
        values[2].assert_is(&value);
    }
}

#[test]
fn dtypes_that_mean_the_same_share_a_channel() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let named = |version, name| {
        let dtype = DType::custom(name, 12, "[('x', '<f4'), ('y', '<i8')]").unwrap();
        Owned { dtype, shape: vec![2], ..common::value(version) }
    };
    let values = [named(1, "void96"), named(4, "point")];
    for value in &values {
        writer.append(&value.value()).unwrap();
    }
    writer.finish().unwrap();
    let track = Recording::open(&path).unwrap().track("pose").unwrap();
    for (value, read) in values.iter().zip(&track) {
        value.assert_is(&read.unwrap());
    }
    assert_eq!(track.layouts().unwrap()[0].values, 2);
}
