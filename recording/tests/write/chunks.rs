//! When a chunk is closed, and how it is compressed.

use std::time::{Duration, Instant};

use ndsharray_recording::{Compression, RecordingOptions};

use crate::file::{chunks, messages, value, wait_until};

const MIB: usize = 1 << 20;

/// What was appended a second before is in the file after a tick, while the recording goes on.
#[test]
fn a_chunk_is_closed_after_a_second() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    assert_eq!(chunks(&path).0.len(), 0, "a file that can be seen is an MCAP file");
    let in_chunks = || chunks(&path).0.into_iter().flat_map(|chunk| chunk.versions).collect::<Vec<_>>();
    let mut version = 0;
    for _ in 0..2 {
        for _ in 0..3 {
            version += 1;
            writer.append(&value("imu", &[3], &[1, 2, 3], version)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(1010));
        writer.tick().unwrap();
        wait_until(|| in_chunks() == (1..=version as u32).collect::<Vec<_>>());
    }
    // A value after a second closes the chunk too.
    writer.append(&value("imu", &[3], &[1, 2, 3], 7)).unwrap();
    std::thread::sleep(Duration::from_millis(1010));
    writer.append(&value("imu", &[3], &[1, 2, 3], 8)).unwrap();
    wait_until(|| in_chunks().contains(&7));
    // There is nothing to close.
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(1010));
        writer.tick().unwrap();
    }
    assert_eq!(writer.finish().unwrap().values, 8);
    assert_eq!(messages(&path).len(), 8);
    let (chunks, _) = chunks(&path);
    assert!(chunks.len() >= 3 && chunks.iter().all(|chunk| !chunk.versions.is_empty()));
}

#[test]
fn a_chunk_is_closed_at_16_mib() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let bytes = vec![7; 3 * MIB];
    let begin = Instant::now();
    for version in 1..=6 {
        writer.append(&value("cam", &[3 * MIB], &bytes, version)).unwrap();
    }
    let is_quick = begin.elapsed() < Duration::from_millis(900);
    // 18 MiB: no tick is needed.
    wait_until(|| !chunks(&path).0.is_empty());
    for version in 7..=20 {
        writer.append(&value("cam", &[3 * MIB], &bytes, version)).unwrap();
    }
    // One that is larger than a chunk.
    writer.append(&value("large", &[40 * MIB], &vec![8; 40 * MIB], 21)).unwrap();
    writer.finish().unwrap();
    let (chunks, left) = chunks(&path);
    assert_eq!(left, 0);
    let versions: Vec<_> = chunks.iter().flat_map(|chunk| chunk.versions.clone()).collect();
    assert_eq!(versions, (1..=21).collect::<Vec<_>>());
    for chunk in &chunks[..chunks.len() - 1] {
        assert!(chunk.header.uncompressed_size < 20 << 20, "{:?}", chunk.header);
    }
    // On a machine that is busy with something else it was closed since it was old.
    assert!(!is_quick || chunks[0].versions == [1, 2, 3, 4, 5, 6], "16 MiB are 6 values of 3 MiB");
}

#[test]
fn compressed_chunks_are_read_by_others() {
    let directory = tempfile::tempdir().unwrap();
    // Not something that compression makes nothing of.
    let pattern: Vec<u8> = (0..MIB as u64).map(|index| (index.wrapping_mul(index) >> 13) as u8).collect();
    let frame = |version: u64| [&version.to_le_bytes(), &pattern[8..]].concat();
    let mut sizes = Vec::new();
    for (compression, name) in
        [(Compression::None, ""), (Compression::Lz4, "lz4"), (Compression::Zstd, "zstd")]
    {
        let path = directory.path().join(format!("run-{name}.mcap"));
        let mut writer = RecordingOptions::new().min_free(0).compression(compression).create(&path).unwrap();
        for version in 1..=40 {
            writer.append(&value("cam", &[1024, 1024], &frame(version), version)).unwrap();
        }
        let written = writer.finish().unwrap();
        assert_eq!(written.bytes, path.metadata().unwrap().len());
        sizes.push(written.bytes);
        let messages = messages(&path);
        assert_eq!(messages.len(), 40);
        for (message, version) in messages.iter().zip(1..) {
            assert_eq!(u64::from(message.sequence), version);
            assert!(message.data.ends_with(&frame(version)), "{name}, value {version}");
        }
        let (chunks, _) = chunks(&path);
        assert!(chunks.len() >= 3, "{name}: {} chunks", chunks.len());
        assert!(chunks.iter().all(|chunk| chunk.header.compression == name));
    }
    assert!(sizes[1] < sizes[0] && sizes[2] < sizes[0], "{sizes:?}");
}
