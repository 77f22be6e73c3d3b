//! What is no recording, and recordings that others wrote or that lie.

mod common;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use common::{Read, chunked, open, read, values};
use mcap::records::MessageHeader;
use ndsharray::UnixTime;
use ndsharray_recording::{Compression, Error, Recording};

/// Opens a path in a thread, so that a wait ends the test.
fn opened(path: &Path) -> ndsharray_recording::Result<Recording> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    std::thread::spawn(move || sender.send(Recording::open(path)));
    receiver.recv_timeout(Duration::from_secs(60)).expect("opening ends")
}

fn found(outcome: ndsharray_recording::Result<Recording>) -> String {
    match outcome {
        Err(Error::NotARecording { found, .. }) => found,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_recording_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("it");
    assert!(matches!(opened(&path), Err(Error::Io { operation: "open", .. })));
    std::fs::create_dir(&path).unwrap();
    assert_eq!(found(opened(&path)), "a directory");
    let fifo = directory.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(found(opened(&fifo)), "a FIFO");
    assert_eq!(found(opened(Path::new("/dev/null"))), "a device");
    assert_eq!(found(open(directory.path(), b"")), "an empty file");
    assert_eq!(found(open(directory.path(), b"\x89MCAP0\r")), r#"b"\x89MCAP0\r""#);
    assert_eq!(found(open(directory.path(), b"text text text")), r#"b"text tex""#);
    // As a recorder leaves it that is killed at once.
    let recording = open(directory.path(), mcap::MAGIC).unwrap();
    assert!(!recording.is_complete() && recording.tags().len() == 0 && recording.span().is_none());
}

#[test]
fn a_file_without_permission_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    std::fs::write(&path, mcap::MAGIC).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o0)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        return; // The superuser may read everything.
    }
    assert!(matches!(opened(&path), Err(Error::Io { operation: "open", .. })));
}

/// The messages of a recording, as another program would write them: first, `before` makes channels of its own.
fn rewritten(
    bytes: &[u8],
    options: mcap::WriteOptions,
    before: impl FnOnce(&mut mcap::Writer<Cursor<Vec<u8>>>),
) -> Vec<u8> {
    let mut writer = options.create(Cursor::new(Vec::new())).unwrap();
    before(&mut writer);
    for message in mcap::MessageStream::new(bytes).unwrap() {
        let mcap::Message { channel, sequence, log_time, publish_time, data } = message.unwrap();
        let schema = channel.schema.as_ref().unwrap();
        let schema = writer.add_schema(&schema.name, &schema.encoding, &schema.data).unwrap();
        let channel_id =
            writer.add_channel(schema, &channel.topic, &channel.message_encoding, &channel.metadata).unwrap();
        let header = MessageHeader { channel_id, sequence, log_time, publish_time };
        writer.write_to_known_channel(&header, &data).unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().into_inner()
}

fn foreign(writer: &mut mcap::Writer<Cursor<Vec<u8>>>) {
    let header = |channel_id| MessageHeader { channel_id, sequence: 1, log_time: 5, publish_time: 5 };
    let json = writer.add_schema("pose", "jsonschema", b"{}").unwrap();
    let json = writer.add_channel(json, "/robot/pose", "json", &BTreeMap::new()).unwrap();
    writer.write_to_known_channel(&header(json), b"{\"x\":1}").unwrap();
    let bare = writer.add_channel(0, "cam", "raw", &BTreeMap::new()).unwrap();
    writer.write_to_known_channel(&header(bare), b"raw").unwrap();
    // An image of others, whose messages are no arrays.
    let image = writer.add_schema("foxglove.RawImage", "protobuf", b"").unwrap();
    let image = writer.add_channel(image, "/cam", "protobuf", &BTreeMap::new()).unwrap();
    writer.write_to_known_channel(&header(image), b"\x15\x10\0\0\0").unwrap();
    writer
        .attach(&mcap::Attachment {
            log_time: 1,
            create_time: 1,
            name: "notes".to_owned(),
            media_type: "text/plain".to_owned(),
            data: b"text"[..].into(),
        })
        .unwrap();
}

#[test]
fn our_values_in_the_files_of_others_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let values = values(20);
    let bytes = chunked(&values, 6, Compression::None);
    let ways: [fn(mcap::WriteOptions) -> mcap::WriteOptions; 7] = [
        |options| options.chunk_size(Some(512)),
        |options| options.use_chunks(false),
        |options| options.compression(None).calculate_chunk_crcs(false),
        |options| options.emit_statistics(false).emit_summary_offsets(false),
        |options| options.emit_message_indexes(false),
        |options| options.emit_summary_records(false).compression(Some(mcap::Compression::Lz4)),
        |options| options.repeat_channels(false).repeat_schemas(false),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        for with_foreign in [false, true] {
            let written = rewritten(&bytes, way(mcap::WriteOptions::new()), |writer| {
                if with_foreign {
                    foreign(writer);
                }
            });
            let recording = open(directory.path(), &written).unwrap();
            let place = format!("way {number}, {with_foreign}, {:?}", recording.left_out());
            assert_eq!(recording.tags().collect::<Vec<_>>(), ["cam", "pose", "records"], "{place}");
            assert_eq!(read(&recording, &values), Read { right: 20, damaged: 0 }, "{place}");
            assert!(recording.is_complete() && recording.left_out().is_empty(), "{place}");
            let cut = open(directory.path(), &written[..written.len() - 1]).unwrap();
            assert_eq!(read(&cut, &values), Read { right: 20, damaged: 0 }, "{place}");
            assert!(!cut.is_complete());
        }
    }
}

#[test]
fn names_that_are_no_tags_and_channels_that_change_are_left_out() {
    let directory = tempfile::tempdir().unwrap();
    let values = values(12);
    let bytes = chunked(&values, 12, Compression::None);
    let mut writer = mcap::Writer::new(Cursor::new(Vec::new())).unwrap();
    for message in mcap::MessageStream::new(&bytes).unwrap() {
        let mut message = message.unwrap();
        let mut channel = mcap::Channel::clone(&message.channel);
        if channel.topic == "cam" {
            channel.topic = "../cam".to_owned();
        }
        message.channel = channel.into();
        writer.write(&message).unwrap();
    }
    writer.finish().unwrap();
    let recording = open(directory.path(), &writer.into_inner().into_inner()).unwrap();
    assert_eq!(recording.tags().collect::<Vec<_>>(), ["pose", "records"]);
    assert_eq!(read(&recording, &values), Read { right: 8, damaged: 0 });
    let [Error::Store(ndsharray::Error::InvalidTag { tag, .. })] = recording.left_out() else {
        panic!("{:?}", recording.left_out())
    };
    assert_eq!(tag, "../cam");

    // The channel of `pose` again, in the same chunk, with another name.
    let at = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text).unwrap();
    let start = at(b"\x04\0\0\0pose") - 13;
    let length = u64::from_le_bytes(bytes[start + 1..start + 9].try_into().unwrap()) as usize + 9;
    let mut changed = bytes[start..start + length].to_vec();
    changed[9 + 8] = b'r';
    // Outside of chunks, at the start of the data.
    let mut twice = bytes.clone();
    let data = 8 + 9 + u64::from_le_bytes(bytes[9..17].try_into().unwrap()) as usize;
    let schema = at(b"ndsharray.Array") - 15;
    let schema_length = u64::from_le_bytes(bytes[schema + 1..schema + 9].try_into().unwrap()) as usize + 9;
    twice.splice(data..data, [&bytes[schema..schema + schema_length], &changed].concat());
    let recording = open(directory.path(), &twice).unwrap();
    assert_eq!(recording.tags().collect::<Vec<_>>(), ["cam", "records"]);
    assert_eq!(read(&recording, &values), Read { right: 8, damaged: 0 });
    let left_out = recording.left_out();
    assert!(matches!(left_out, [Error::Damaged { found, .. }] if found.contains("pose")), "{left_out:?}");
}

#[test]
fn tracks_tell_layouts_sizes_and_times() {
    let directory = tempfile::tempdir().unwrap();
    let values = values(12);
    let recording = open(directory.path(), &chunked(&values, 5, Compression::Zstd)).unwrap();
    assert_eq!(recording.compression(), Compression::Zstd);
    let missed = recording.metadata().collect::<Vec<_>>();
    assert_eq!((missed[0].0, &missed[0].1["cam"][..], missed.len()), ("ndsharray.missed", "7", 1));
    let cam = recording.track("cam").unwrap();
    let layouts = cam.layouts().unwrap();
    assert_eq!((layouts.len(), layouts[0].values), (1, 4));
    assert_eq!(
        (&layouts[0].dtype, layouts[0].shape.as_deref()),
        (&ndsharray::DType::UInt8, Some(&[16, 16][..]))
    );
    assert_eq!(cam.nbytes().unwrap(), 4 * 256);
    let records = recording.track("records").unwrap();
    assert_eq!(records.layouts().unwrap()[0].dtype, values[1].dtype);
    assert_eq!(records.nbytes().unwrap(), 4 * 24);
    assert_eq!(cam.written_at().map(UnixTime::as_nanos).collect::<Vec<_>>(), [3000, 6000, 9000, 12000]);
    let acquired = cam.acquired_at().map(UnixTime::as_nanos).collect::<Vec<_>>();
    assert_eq!(acquired, [3000, 6000 - 7, 9000, 12000 - 7]);
    for (time, nearest) in [(0, 0), (3000, 0), (4500, 0), (4501, 1), (9000, 2), (u64::MAX, 3)] {
        assert_eq!(cam.nearest(time), Some(nearest), "{time}");
    }
    let versions = |messages: ndsharray_recording::Messages| {
        messages.map(|message| message.unwrap().version()).collect::<Vec<_>>()
    };
    assert_eq!(versions(cam.iter()), [3, 6, 9, 12]);
    assert_eq!(versions(cam.range(1..=2)), [6, 9]);
    assert_eq!(versions(cam.range(3..100)), [12]);
    assert_eq!(versions(cam.range(7..)), [0; 0]);
    assert_eq!(cam.iter().rev().nth(1).unwrap().unwrap().version(), 9);
    assert_eq!(cam.iter().len(), 4);
    assert!(cam.get(4).unwrap().is_none());
}

#[test]
fn the_nearest_is_found_where_times_go_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = ndsharray_recording::RecordingOptions::new().min_free(0).create(&path).unwrap();
    let value = common::value(1);
    for written_at in [50, 10, 30, 30, 20] {
        let value = value.value();
        let value = ndsharray_recording::Value { written_at: UnixTime::from(written_at), ..value };
        writer.append(&value).unwrap();
    }
    writer.finish().unwrap();
    let track = Recording::open(&path).unwrap().track("pose").unwrap();
    for (time, nearest) in [(0, 1), (16, 4), (25, 4), (30, 2), (40, 2), (41, 0), (100, 0)] {
        assert_eq!(track.nearest(time), Some(nearest), "{time}");
    }
}

#[test]
fn a_dtype_that_is_not_understood_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = ndsharray_recording::RecordingOptions::new().min_free(0).create(&path).unwrap();
    // As the store keeps it when another program made it.
    let dtype = ndsharray::DType::stored("quaternion", 32, "quaternion of another library").unwrap();
    let value = common::Owned { dtype, shape: vec![1], bytes: vec![7; 32], ..common::value(1) };
    writer.append(&value.value()).unwrap();
    writer.finish().unwrap();
    let track = Recording::open(&path).unwrap().track("pose").unwrap();
    value.assert_is(&track.get(0).unwrap().unwrap());
    assert_eq!(track.layouts().unwrap()[0].dtype, value.dtype);
}

#[test]
fn a_recording_that_is_being_made_is_read_as_far_as_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = ndsharray_recording::RecordingOptions::new().min_free(0).create(&path).unwrap();
    let values = values(6);
    for value in &values[..3] {
        writer.append(&value.value()).unwrap();
    }
    let start = Instant::now();
    let recording = loop {
        // A chunk is closed after a second.
        writer.tick().unwrap();
        match Recording::open(&path) {
            Ok(recording) if recording.tags().len() == 3 => break recording,
            Ok(_) | Err(Error::NotARecording { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert!(start.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(!recording.is_complete());
    for value in &values[3..] {
        writer.append(&value.value()).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(read(&recording, &values), Read { right: 3, damaged: 0 });
    let complete = Recording::open(&path).unwrap();
    assert!(complete.is_complete());
    assert_eq!(read(&complete, &values), Read { right: 6, damaged: 0 });
}
