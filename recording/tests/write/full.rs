//! Disks that are full or fail, and the permissions of the file.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use ndsharray_recording::{Error, Recording, RecordingOptions, RecordingWriter};

use crate::file::{chunks, messages, value, wait_until};
use crate::inside::{inside, inside_tmpfs};

const MIB: usize = 1 << 20;

fn append(writer: &mut RecordingWriter, version: u64) -> ndsharray_recording::Result<()> {
    writer.append(&value("cam", &[1024, 2048], &vec![version as u8; 2 * MIB], version))
}

/// Appends from `first` on until there is an error, and returns it.
fn append_all(writer: &mut RecordingWriter, first: u64) -> Error {
    (first..2000).find_map(|version| append(writer, version).err()).expect("an error")
}

/// The free bytes of a directory.
fn free(directory: &Path) -> u64 {
    let found = rustix::fs::statvfs(directory).unwrap();
    found.f_bavail * found.f_frsize
}

fn after_the_end(mut writer: RecordingWriter) {
    assert!(matches!(append(&mut writer, 9999), Err(Error::Ended { .. })));
    assert!(matches!(writer.tick(), Err(Error::Ended { .. })));
    assert!(matches!(writer.finish(), Err(Error::Ended { .. })));
}

#[test]
fn a_recording_stops_before_the_disk_is_full() {
    let Some(directory) = inside_tmpfs("full::a_recording_stops_before_the_disk_is_full", "150m") else {
        return;
    };
    for min_free in [20 << 20, 0] {
        let path = directory.join("run.mcap");
        let mut writer = RecordingOptions::new().min_free(min_free).create(&path).unwrap();
        let error = append_all(&mut writer, 1);
        let Error::NoSpace { free: found, wanted, .. } = error else { panic!("{error:?}") };
        assert!(found < wanted && wanted > min_free, "{found} {wanted}");
        assert!(free(&directory) >= min_free);
        let written = writer.written().clone();
        // At least all but the room for a chunk and the index.
        assert!(written.values >= 20, "{written:?}");
        assert_eq!(written.files, std::slice::from_ref(&path));
        assert_eq!(written.bytes, path.metadata().unwrap().len());
        after_the_end(writer);
        let versions: Vec<_> = messages(&path).iter().map(|message| u64::from(message.sequence)).collect();
        assert_eq!(versions, (1..=written.values).collect::<Vec<_>>());
        std::fs::remove_file(&path).unwrap();
    }
    // There is not enough to begin with.
    let path = directory.join("run.mcap");
    let error = RecordingOptions::new().create(&path).unwrap_err();
    assert!(matches!(&error, Error::NoSpace { free, .. } if *free <= 150 << 20), "{error:?}");
    assert!(error.to_string().contains("run.mcap: too little free space"), "{error}");
    assert!(!path.exists());
}

/// Somebody else takes the space after the recording has looked.
#[test]
fn a_disk_that_gets_full_leaves_whole_chunks() {
    let Some(directory) = inside_tmpfs("full::a_disk_that_gets_full_leaves_whole_chunks", "150m") else {
        return;
    };
    let path = directory.join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    for version in 1..=10 {
        append(&mut writer, version).unwrap();
    }
    // All that is there, and one more in the next chunk.
    std::thread::sleep(Duration::from_millis(1010));
    writer.tick().unwrap();
    wait_until(|| chunks(&path).0.iter().map(|chunk| chunk.versions.len()).sum::<usize>() == 10);
    append(&mut writer, 11).unwrap();
    let ballast = std::fs::File::create(directory.join("ballast")).unwrap();
    let all_but = free(&directory) - MIB as u64;
    rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, all_but).unwrap();
    let error = append_all(&mut writer, 12);
    cut(&error, &path);
    assert!(error.to_string().contains("No space left on device"), "{error}");
    assert!(writer.written().files.is_empty() && writer.written().bytes == 0);
    after_the_end(writer);
    let values = cut(&error, &path);
    // As the error says.
    drop(ballast);
    std::fs::remove_file(directory.join("ballast")).unwrap();
    let recovered = directory.join("recovered.mcap");
    assert_eq!(ndsharray_recording::recover(&path, &recovered).unwrap().values, values);
    assert_eq!(messages(&recovered).len() as u64, values);
}

/// The error says how many values there are in the file, which has whole chunks and nothing else. Returns how many.
#[track_caller]
fn cut(error: &Error, path: &Path) -> u64 {
    let Error::Cut { path: found, values, .. } = error else { panic!("{error:?}") };
    let (chunks, left) = chunks(path);
    let versions: Vec<_> = chunks.into_iter().flat_map(|chunk| chunk.versions).collect();
    assert_eq!((found.as_path(), left), (path, 0));
    assert!(*values >= 8, "{error}");
    assert_eq!(versions, (1..=*values as u32).collect::<Vec<_>>());
    assert!(error.to_string().contains(&format!("the first {values} values")), "{error}");
    assert!(!Recording::open(path).unwrap().is_complete());
    *values
}

/// There is room for the last chunk, but not for the index.
#[test]
fn a_disk_without_room_for_the_index() {
    let Some(directory) = inside_tmpfs("full::a_disk_without_room_for_the_index", "150m") else { return };
    let path = directory.join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let text = "t".repeat(4 * MIB);
    writer.set_metadata("long", [("text".to_owned(), text)].into());
    append(&mut writer, 1).unwrap();
    let ballast = std::fs::File::create(directory.join("ballast")).unwrap();
    let all_but = free(&directory) - 3 * MIB as u64;
    rustix::fs::fallocate(&ballast, rustix::fs::FallocateFlags::empty(), 0, all_but).unwrap();
    let error = writer.finish().unwrap_err();
    let Error::Cut { values: 1, .. } = error else { panic!("{error:?}") };
    let (chunks, left) = chunks(&path);
    assert_eq!((chunks.len(), left), (1, 0));
}

/// A write that fails in the middle of a block: a limit on the size of files. Its signal is ignored.
#[test]
fn a_write_that_fails_leaves_whole_chunks() {
    // 40 or 80 MiB, as the shell counts.
    let limit = "trap '' XFSZ; ulimit -f 81920";
    let Some(directory) = inside("full::a_write_that_fails_leaves_whole_chunks", limit) else { return };
    for split in [None, Some(20 << 20)] {
        let path = directory.join(if split.is_some() { "parts.mcap" } else { "run.mcap" });
        let mut options = RecordingOptions::new().min_free(0);
        if let Some(bytes) = split {
            options = options.split(bytes);
        }
        let mut writer = options.create(&path).unwrap();
        if split.is_some() {
            // A part has room for what is between; one value more than the limit has not.
            for version in 1..=20 {
                append(&mut writer, version).unwrap();
            }
            let large = vec![1; 90 * MIB];
            let error = match writer.append(&value("large", &[90 * MIB], &large, 21)) {
                Err(error) => error,
                Ok(()) => writer.finish().unwrap_err(),
            };
            let Error::Cut { path: found, .. } = &error else { panic!("{error:?}") };
            let cut = found.file_name().unwrap().to_str().unwrap();
            assert!(cut > "parts-0001.mcap", "{error}");
            assert_eq!(chunks(found).1, 0);
            assert!(messages(&directory.join("parts-0001.mcap")).len() >= 8);
            continue;
        }
        let error = append_all(&mut writer, 1);
        cut(&error, &path);
        after_the_end(writer);
        cut(&error, &path);
    }
}

/// A file that cannot begin is not left behind.
#[test]
fn a_file_that_cannot_begin() {
    let limit = "trap '' XFSZ; ulimit -f 0";
    let Some(directory) = inside("full::a_file_that_cannot_begin", limit) else { return };
    let path = directory.join("run.mcap");
    let error = RecordingOptions::new().min_free(0).create(&path).unwrap_err();
    assert!(matches!(error, Error::Io { operation: "write", .. }), "{error:?}");
    assert!(error.to_string().contains("File too large"), "{error}");
    assert_eq!(directory.read_dir().unwrap().count(), 0);
    let error = RecordingOptions::new().min_free(0).create(directory.join("no/run.mcap")).unwrap_err();
    assert!(matches!(error, Error::Io { operation: "create", .. }), "{error:?}");
}

#[test]
fn the_file_is_its_owners_alone() {
    for umask in ["0000", "0022", "0777"] {
        let Some(directory) = inside("full::the_file_is_its_owners_alone", &format!("umask {umask}")) else {
            continue;
        };
        let path = directory.join("run.mcap");
        let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
        append(&mut writer, 1).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        writer.finish().unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        return;
    }
}
