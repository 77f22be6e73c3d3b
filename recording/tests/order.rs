//! The values of several tags in one order.

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Clock, Recording, RecordingOptions, Value};

/// Records values of one byte: tag, when it was written, and when it was acquired.
fn recorded(directory: &tempfile::TempDir, values: &[(&str, u64, Option<u64>)]) -> Recording {
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    for (version, &(tag, written_at, acquired_at)) in values.iter().enumerate() {
        writer
            .append(&Value {
                tag,
                dtype: &DType::UInt8,
                shape: &[1],
                bytes: &[version as u8],
                user_data: &[],
                attributes: None,
                version: version as u64,
                written_at: UnixTime::from(written_at),
                acquired_at: acquired_at.map(UnixTime::from),
                source_written_at: None,
            })
            .unwrap();
    }
    writer.finish().unwrap();
    Recording::open(&path).unwrap()
}

fn order(recording: &Recording, tags: &[&str], by: Clock) -> Vec<(usize, usize, u64)> {
    recording.in_order(tags, by).map(|(tag, index, time)| (tag, index, time.as_nanos())).collect()
}

#[test]
fn values_come_in_the_order_of_the_clock() {
    let directory = tempfile::tempdir().unwrap();
    let values =
        [("b", 10, Some(9)), ("a", 10, None), ("a", 20, Some(1)), ("b", 15, None), ("a", 30, Some(9))];
    let recording = recorded(&directory, &values);
    assert_eq!(
        order(&recording, &["a", "none", "b"], Clock::Written),
        [(2, 0, 10), (0, 0, 10), (2, 1, 15), (0, 1, 20), (0, 2, 30)]
    );
    assert_eq!(
        order(&recording, &["a", "b"], Clock::Acquired),
        [(0, 1, 1), (1, 0, 9), (0, 2, 9), (0, 0, 10), (1, 1, 15)]
    );
    assert_eq!(order(&recording, &["b"], Clock::Written), [(0, 0, 10), (0, 1, 15)]);
    assert_eq!(recording.in_order(&["a", "b"], Clock::Written).len(), 5);
    assert_eq!(recording.in_order(&[], Clock::Written).len(), 0);
}
