//! In a file that is not compressed, the elements of every value begin at a multiple of 64 bytes.

use ndsharray_recording::{RecordingOptions, Value};

use crate::file::{chunks, value};

const MARK: &[u8; 32] = b"the elements of a value are here";

#[test]
fn elements_are_aligned() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let mut version = 0;
    // Sizes around those where a length takes a byte more, tags and user data of all lengths, images and others. A new channel
    // comes with every value, also as the first of a chunk and in the middle of one.
    for size in [32, 100, 127, 128, 16_383, 16_384, 5 << 20, 33, 5 << 20, 5 << 20, 2_097_151, 2_097_152] {
        for extra in 0..70 {
            let mut bytes = vec![0; if extra > 2 { size.min(70_000) } else { size }];
            bytes[..32].copy_from_slice(MARK);
            version += 1;
            let tag = "t".repeat(1 + extra * 7 % 40);
            let attributes = format!(r#"{{"text":"{}"}}"#, "a".repeat(extra % 9));
            let is_image = bytes.len() == 70_000;
            let shape = if is_image { vec![70, 1000] } else { vec![bytes.len()] };
            let value = Value {
                user_data: &vec![1; extra * 3],
                attributes: (extra % 2 == 0).then_some(attributes.as_str()),
                acquired_at: (extra % 3 == 0).then_some(7.into()),
                ..value(&tag, &shape, &bytes, version)
            };
            writer.append(&value).unwrap();
            // One that has a channel already.
            let again = Value { version: version + 1, ..value };
            version += 1;
            writer.append(&again).unwrap();
        }
    }
    writer.finish().unwrap();
    let file = std::fs::read(&path).unwrap();
    // Each is found where it is looked for, so none is elsewhere.
    let found = file.chunks(64).filter(|line| line.starts_with(MARK)).count();
    assert_eq!(found as u64, version);
    assert!(chunks(&path).0.len() > 2);
}
