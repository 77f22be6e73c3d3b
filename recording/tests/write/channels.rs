//! Channels, and values that cannot be recorded.

use std::collections::BTreeMap;

use ndsharray_recording::{Error, LARGEST_VALUE, RecordingOptions, Value};

use crate::file::{messages, value};

/// Those of a point cloud whose number of points changes.
#[test]
fn many_shapes_of_a_tag() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let bytes = vec![3; 400];
    for version in 1..=400 {
        let length = version as usize;
        writer.append(&value("cloud", &[length], &bytes[..length], version)).unwrap();
        writer.append(&value("imu", &[1], &[1], 1000 + version)).unwrap();
    }
    // A shape that had a channel before there were too many still has it.
    writer.append(&value("cloud", &[7], &bytes[..7], 401)).unwrap();
    writer.finish().unwrap();
    let messages = messages(&path);
    let of =
        |tag: &str| messages.iter().filter(move |message| message.channel.topic == tag).collect::<Vec<_>>();
    let (clouds, imu) = (of("cloud"), of("imu"));
    assert_eq!((clouds.len(), imu.len()), (401, 400));
    let ids = |messages: &[&mcap::Message]| {
        messages.iter().map(|message| message.channel.id).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!((ids(&clouds), ids(&imu)), (257, 1));
    for cloud in &clouds[..256] {
        assert_eq!(cloud.channel.metadata["shape"], format!("[{}]", cloud.sequence));
    }
    for cloud in &clouds[256..400] {
        let metadata = BTreeMap::from([("dtype".to_owned(), "uint8".to_owned())]);
        assert_eq!(cloud.channel.metadata, metadata);
    }
    assert_eq!(clouds[400].channel.metadata["shape"], "[7]");
    for (cloud, version) in clouds.iter().zip(1..) {
        assert_eq!(cloud.sequence, version);
    }
}

#[test]
fn more_channels_than_a_file_can_have() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    for number in 0..65_535 {
        writer.append(&value(&format!("t{number}"), &[1], &[7], number)).unwrap();
    }
    for _ in 0..3 {
        let error = writer.append(&value("one more", &[1], &[7], 65_535)).unwrap_err();
        assert!(matches!(&error, Error::TooManyChannels { tag } if tag == "one more"), "{error:?}");
        writer.append(&value("t65534", &[1], &[7], 65_536)).unwrap();
    }
    assert_eq!(writer.finish().unwrap().values, 65_538);
    let messages = messages(&path);
    assert_eq!(messages.len(), 65_538);
    assert_eq!(messages[65_534].channel.topic, "t65534");
    assert_eq!(messages[65_537].channel.topic, "t65534");
}

#[test]
fn values_that_cannot_be_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let good = value("imu", &[3], &[1, 2, 3], 1);
    writer.append(&good).unwrap();
    // Never touched, so not even there.
    let large = vec![0; LARGEST_VALUE + 1];
    let error = writer.append(&value("large", &[large.len()], &large, 2)).unwrap_err();
    assert!(matches!(&error, Error::TooLarge { nbytes, .. } if *nbytes == large.len()), "{error:?}");
    let error = writer.append(&Value { user_data: &large[..LARGEST_VALUE], ..good }).unwrap_err();
    assert!(matches!(&error, Error::TooLarge { nbytes, .. } if *nbytes == LARGEST_VALUE + 3), "{error:?}");
    for bad in [
        value("imu", &[4], &[1, 2, 3], 2),
        value("imu", &[], &[1, 2, 3], 2),
        value("imu", &[3, usize::MAX, 2], &[1, 2, 3], 2),
        value("imu", &[3; 65], &[1, 2, 3], 2),
        value("../imu", &[3], &[1, 2, 3], 2),
        Value { attributes: Some("[1]"), ..good },
        Value { attributes: Some("{"), ..good },
    ] {
        let error = writer.append(&bad).unwrap_err();
        assert!(matches!(&error, Error::InvalidValue { tag, .. } if tag.ends_with("imu")), "{error:?}");
    }
    writer.append(&Value { version: 2, attributes: Some(r#"{"a":1}"#), ..good }).unwrap();
    assert_eq!(writer.finish().unwrap().values, 2);
    assert_eq!(messages(&path).len(), 2);
}
