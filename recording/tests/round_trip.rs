//! What is recorded is read again, byte for byte.

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Recording, RecordingOptions, Value};

#[test]
fn values_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let frame: Vec<u8> = (0..480 * 640).map(|index| index as u8).collect();
    let sample = [1.5f64, 2.5, 3.5].map(f64::to_le_bytes).concat();
    for version in 1..=50 {
        let mut value = Value {
            tag: "cam",
            dtype: &DType::UInt8,
            shape: &[480, 640],
            bytes: &frame,
            user_data: b"user",
            attributes: Some(r#"{"exposure":7}"#),
            version,
            written_at: UnixTime::from(version * 1000),
            acquired_at: Some(UnixTime::from(version * 1000 - 7)),
            source_written_at: None,
        };
        writer.append(&value).unwrap();
        value = Value {
            tag: "pose",
            dtype: &DType::Float64,
            shape: &[3],
            bytes: &sample,
            attributes: None,
            ..value
        };
        writer.append(&value).unwrap();
    }
    let written = writer.finish().unwrap();
    assert_eq!((written.values, &written.files), (100, &vec![path.clone()]));
    assert_eq!(written.bytes, std::fs::metadata(&path).unwrap().len());

    let recording = Recording::open(&path).unwrap();
    assert!(recording.is_complete());
    assert_eq!(recording.tags().collect::<Vec<_>>(), ["cam", "pose"]);
    let track = recording.track("cam").unwrap();
    assert_eq!(track.len(), 50);
    for index in 0..50 {
        let value = track.get(index).unwrap().unwrap();
        assert_eq!(
            (value.dtype(), value.shape(), value.bytes()),
            (&DType::UInt8, &[480, 640][..], &frame[..])
        );
        assert_eq!(value.version(), index as u64 + 1);
        assert_eq!(value.bytes().as_ptr().addr() % 64, 0);
        assert_eq!(value.attributes_json(), Some(r#"{"exposure":7}"#));
        let sampled = recording.track("pose").unwrap().get(index).unwrap().unwrap();
        assert_eq!((sampled.bytes(), sampled.bytes().as_ptr().addr() % 64), (&sample[..], 0));
    }
}

#[test]
fn attributes_are_the_user_data_and_are_kept_once() {
    let directory = tempfile::tempdir().unwrap();
    let text = format!(r#"{{"note":"{}"}}"#, "x".repeat(4000));
    let size = |name: &str, user_data: &[u8]| {
        let path = directory.path().join(name);
        let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
        let value = Value {
            tag: "cam",
            dtype: &DType::UInt8,
            shape: &[1],
            bytes: &[7],
            user_data,
            attributes: Some(&text),
            version: 1,
            written_at: UnixTime::from(1),
            acquired_at: None,
            source_written_at: None,
        };
        writer.append(&value).unwrap();
        writer.finish().unwrap();
        let value = Recording::open(&path).unwrap().track("cam").unwrap().get(0).unwrap().unwrap();
        assert_eq!((value.user_data(), value.attributes_json()), (text.as_bytes(), Some(&text[..])));
        std::fs::metadata(path).unwrap().len()
    };
    assert_eq!(size("both.mcap", text.as_bytes()), size("one.mcap", b""));
}
