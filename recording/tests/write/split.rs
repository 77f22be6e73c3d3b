//! A recording in several files, and what is in the way of one.

use std::collections::BTreeMap;

use ndsharray_recording::{Error, RecordingOptions};

use crate::file::{messages, value};

#[test]
fn each_file_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    // Not parts of it.
    for name in ["run-1.mcap", "run-0002.txt", "run-00a1.mcap", "other-0001.mcap"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).split(1 << 20).create(&path).unwrap();
    let metadata = |missed: &str| BTreeMap::from([("cam".to_owned(), missed.to_owned())]);
    writer.set_metadata("ndsharray.missed", metadata("0"));
    let bytes = vec![9; 300_000];
    for version in 1..=10 {
        writer.append(&value("cam", &[500, 600], &bytes, 2 * version - 1)).unwrap();
        writer.append(&value("imu", &[3], &[1, 2, 3], 2 * version)).unwrap();
        if version == 8 {
            writer.set_metadata("ndsharray.missed", metadata("4"));
        }
    }
    assert!(writer.nbytes() > 3_000_000);
    let written = writer.finish().unwrap();
    let names: Vec<_> =
        written.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["run-0001.mcap", "run-0002.mcap", "run-0003.mcap"]);
    assert_eq!(written.values, 20);
    assert_eq!(written.bytes, written.files.iter().map(|path| path.metadata().unwrap().len()).sum::<u64>());
    let mut versions = Vec::new();
    for (path, missed) in written.files.iter().zip(["0", "0", "4"]) {
        let file = std::fs::read(path).unwrap();
        let summary = mcap::Summary::read(&file).unwrap().unwrap();
        let topics: Vec<_> = summary.channels.values().map(|channel| channel.topic.as_str()).collect();
        assert!(topics.len() == 2 && topics.contains(&"cam") && topics.contains(&"imu"), "{topics:?}");
        assert_eq!(summary.schemas.len(), 2);
        let [index] = &summary.metadata_indexes[..] else { panic!("{:?}", summary.metadata_indexes) };
        let record = mcap::read::metadata(&file, index).unwrap();
        assert_eq!((record.name.as_str(), record.metadata), ("ndsharray.missed", metadata(missed)));
        versions.extend(messages(path).iter().map(|message| message.sequence));
    }
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
}

#[test]
fn existing_files_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    std::fs::write(&path, "mine").unwrap();
    let error = RecordingOptions::new().min_free(0).create(&path).unwrap_err();
    assert!(matches!(&error, Error::Exists { path: found } if *found == path), "{error:?}");
    // Parts have other names; an earlier one, also one that this recording would come to only later, is in the way.
    let part = directory.path().join("run-0003.mcap");
    std::fs::write(&part, "mine").unwrap();
    let error = RecordingOptions::new().min_free(0).split(1000).create(&path).unwrap_err();
    assert!(matches!(&error, Error::Exists { path: found } if *found == part), "{error:?}");
    for path in [path, part] {
        assert_eq!(std::fs::read(path).unwrap(), b"mine");
    }
    assert_eq!(directory.path().read_dir().unwrap().count(), 2);
}

/// One that appears later ends the recording when it comes to it; what is complete stays so.
#[test]
fn a_part_that_appears_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).split(1000).create(&path).unwrap();
    let part = directory.path().join("run-0002.mcap");
    std::fs::write(&part, "mine").unwrap();
    let error = writer.append(&value("imu", &[2000], &[5; 2000], 1)).unwrap_err();
    assert!(matches!(&error, Error::Exists { path } if *path == part), "{error:?}");
    let first = directory.path().join("run-0001.mcap");
    assert_eq!((writer.written().values, &writer.written().files), (1, &vec![first.clone()]));
    assert!(matches!(writer.append(&value("imu", &[1], &[5], 2)), Err(Error::Ended { .. })));
    assert!(matches!(writer.tick(), Err(Error::Ended { .. })));
    assert!(matches!(writer.finish(), Err(Error::Ended { .. })));
    assert_eq!(messages(&first).len(), 1);
    assert_eq!(std::fs::read(part).unwrap(), b"mine");
}

/// A file that has no value yet is larger than that already.
#[test]
fn parts_that_are_to_be_smaller_than_a_file_have_a_value_each() {
    for size in [0, 1, 300] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.mcap");
        let mut writer = RecordingOptions::new().min_free(0).split(size).create(&path).unwrap();
        for _ in 0..10 {
            writer.tick().unwrap();
        }
        for version in 1..=3 {
            writer.append(&value("imu", &[500], &[5; 500], version)).unwrap();
            writer.tick().unwrap();
        }
        let written = writer.finish().unwrap();
        let values: Vec<_> = written.files.iter().map(|path| messages(path).len()).collect();
        assert_eq!(values, [1, 1, 1, 0], "{size}");
    }
}
