//! A file with many tags and many chunks that are damaged is opened in a time that grows with its size alone.

use std::sync::mpsc::channel;
use std::time::Duration;

use mcap::records::op;
use ndsharray_recording::Recording;

/// Far more than it takes: if each damaged chunk looks at each tag, it takes many minutes.
const WATCHDOG: Duration = Duration::from_secs(120);

fn record(opcode: u8, body: &[u8]) -> Vec<u8> {
    [&[opcode][..], &(body.len() as u64).to_le_bytes(), body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

fn message(channel: u16) -> Vec<u8> {
    record(op::MESSAGE, &[&channel.to_le_bytes()[..], &[0; 20]].concat())
}

#[test]
fn damaged_chunks_do_not_look_at_all_tags() {
    const TAGS: u16 = 50_000;
    const CHUNKS: usize = 500_000;
    let schema =
        [&1u16.to_le_bytes()[..], &text("ndsharray.Array"), &text("protobuf"), &0u32.to_le_bytes()].concat();
    let mut file = [mcap::MAGIC, &record(op::HEADER, &[text(""), text("")].concat())].concat();
    file.extend(record(op::SCHEMA, &schema));
    for id in 1..=TAGS {
        let ids = [id.to_le_bytes(), 1u16.to_le_bytes()].concat();
        let channel = [&ids[..], &text(&format!("tag{id}")), &text("protobuf"), &0u32.to_le_bytes()].concat();
        file.extend(record(op::CHANNEL, &channel));
        file.extend(message(id));
    }
    // A value, and a record that is cut.
    let records = [&message(7)[..], &[5]].concat();
    let size = (records.len() as u64).to_le_bytes();
    let chunk = record(op::CHUNK, &[&[0; 16][..], &size, &[0; 4], &text(""), &size, &records].concat());
    file.extend(chunk.repeat(CHUNKS));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    std::fs::write(&path, &file).unwrap();
    let (done, opened) = channel();
    std::thread::spawn(move || done.send(Recording::open(path).unwrap()));
    let recording = opened.recv_timeout(WATCHDOG).expect("it takes too long");
    assert_eq!(recording.tags().len(), usize::from(TAGS));
    assert_eq!(recording.track("tag7").unwrap().len(), 1);
    assert!(!recording.left_out().is_empty());
}
