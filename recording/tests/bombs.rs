//! Chunks that lie about their size. A test of its own: it measures the memory of the process.

use std::path::Path;

use mcap::records::op;
use ndsharray_recording::{Error, Recording};

fn record(opcode: u8, body: &[u8]) -> Vec<u8> {
    [&[opcode][..], &(body.len() as u64).to_le_bytes(), body].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A file with the channel of a tag, and a chunk that says `size`.
fn file(compression: &str, size: u64, crc: u32, stored: &[u8]) -> Vec<u8> {
    let schema =
        [&1u16.to_le_bytes()[..], &text("ndsharray.Array"), &text("protobuf"), &0u32.to_le_bytes()].concat();
    let channel = [&[1, 0, 1, 0][..], &text("cam"), &text("protobuf"), &0u32.to_le_bytes()].concat();
    let chunk = [
        &[0; 16][..],
        &size.to_le_bytes(),
        &crc.to_le_bytes(),
        &text(compression),
        &(stored.len() as u64).to_le_bytes(),
        stored,
    ]
    .concat();
    [
        mcap::MAGIC,
        &record(op::HEADER, &[text(""), text("")].concat()),
        &record(op::SCHEMA, &schema),
        &record(op::CHANNEL, &channel),
        &record(op::CHUNK, &chunk),
        &record(op::DATA_END, &[0; 4]),
        &record(op::FOOTER, &[0; 20]),
        mcap::MAGIC,
    ]
    .concat()
}

fn message(data: &[u8]) -> Vec<u8> {
    let head = [&1u16.to_le_bytes()[..], &[0; 4], &7u64.to_le_bytes(), &7u64.to_le_bytes()].concat();
    record(op::MESSAGE, &[&head[..], data].concat())
}

/// A file with a chunk for each of some channels, which compress to nothing.
fn file_of_channels(channels: impl Iterator<Item = (u16, String, String)>) -> Vec<u8> {
    let mut file = file("zstd", 0, 0, &zstd(b""));
    file.truncate(file.len() - record(op::DATA_END, &[0; 4]).len() - record(op::FOOTER, &[0; 20]).len() - 8);
    for (id, name, metadata) in channels {
        let metadata = [text("shape"), text(&metadata)].concat();
        let head = [id.to_le_bytes(), 1u16.to_le_bytes()].concat();
        let length = (metadata.len() as u32).to_le_bytes();
        let body = [&head[..], &text(&name), &text("protobuf"), &length, &metadata].concat();
        let channel = record(op::CHANNEL, &body);
        let stored = zstd(&channel);
        let numbers = [&[0; 16][..], &(channel.len() as u64).to_le_bytes(), &[0; 4]].concat();
        let chunk = [&numbers[..], &text("zstd"), &(stored.len() as u64).to_le_bytes(), &stored].concat();
        file.extend(record(op::CHUNK, &chunk));
    }
    file
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 1).unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4::EncoderBuilder::new().build(Vec::new()).unwrap();
    std::io::copy(&mut &bytes[..], &mut encoder).unwrap();
    let (out, outcome) = encoder.finish();
    outcome.unwrap();
    out
}

fn open(directory: &Path, bytes: &[u8]) -> Recording {
    let path = directory.join("run.mcap");
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, bytes).unwrap();
    Recording::open(&path).unwrap()
}

/// The most memory that the process had so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn no_memory_is_taken_for_what_is_claimed() {
    let directory = tempfile::tempdir().unwrap();
    // `data` of one byte, of shape 1: a valid value.
    let valid = message(b"\n\x05uint8\x12\x01\x01*\x01x");
    for (compression, stored) in [("zstd", zstd(&valid)), ("lz4", lz4(&valid))] {
        let recording = open(directory.path(), &file(compression, valid.len() as u64, 0, &stored));
        assert_eq!(recording.track("cam").unwrap().get(0).unwrap().unwrap().bytes(), b"x");
    }
    let zeros = vec![0; 64 << 20];
    let (of_zstd, of_lz4) = (zstd(&zeros), lz4(&zeros));
    assert!(of_zstd.len() < 100_000 && of_lz4.len() < 400_000);
    drop(zeros);
    let before = peak();
    for (compression, size, stored, found) in [
        // More than there is.
        ("zstd", 1 << 30, &zstd(&valid), "bytes of records, which are to be 1073741824"),
        ("lz4", 1 << 30, &lz4(&valid), "bytes of records, which are to be 1073741824"),
        ("", 1 << 30, &valid, "bytes of records, which are to be 1073741824"),
        // More than is taken.
        ("zstd", u64::MAX, &of_zstd, "when decompressed"),
        ("lz4", (1 << 30) + (33 << 20), &of_lz4, "when decompressed"),
        // Less than there is: no more is made than that. It is no record.
        ("zstd", 1000, &of_zstd, "a record that is cut"),
        ("lz4", 1000, &of_lz4, "a record that is cut"),
        // Of no known kind.
        ("zip", 1000, &of_lz4, "the compression \"zip\""),
        ("zstd", 1000, &valid, "records that do not decompress"),
        ("lz4", 1000, &valid, "records that do not decompress"),
    ] {
        let recording = open(directory.path(), &file(compression, size, 0, stored));
        let [Error::Damaged { found: said, .. }] = recording.left_out() else { panic!("{recording:?}") };
        assert!(said.contains(found), "{compression}, {size}: {said}");
        assert_eq!(recording.tags().len(), 0);
    }
    // A shape of a million axes, in a message that compresses to nothing.
    let many = [&b"\n\x05uint8\x12"[..], &[0xc0, 0x84, 0x3d], &[1; 1_000_000], b"*\x01x"].concat();
    let many = message(&many);
    let recording = open(directory.path(), &file("zstd", many.len() as u64, 0, &zstd(&many)));
    let error = recording.track("cam").unwrap().get(0).unwrap_err();
    assert!(error.to_string().contains("beside data"), "{error}");
    // More values than the file has bytes.
    let empty = message(b"");
    let values = empty.repeat(100_000);
    let stored = zstd(&values);
    assert!(stored.len() < 50_000);
    let recording = open(directory.path(), &file("zstd", values.len() as u64, 0, &stored));
    let [Error::Damaged { found, .. }] = recording.left_out() else { panic!("{recording:?}") };
    assert!(found.contains("more values"), "{found}");
    assert_eq!(recording.tags().len(), 0);
    // Names and metadata of channels, each of 4 MiB.
    let large = || "1".repeat(4 << 20);
    let names = file_of_channels((2..32).map(|id| (id, large(), String::new())));
    let metadata = file_of_channels((2..32).map(|id| (id, format!("tag{id}"), large())));
    let axes =
        file_of_channels((2..32).map(|id| (id, format!("tag{id}"), format!("[{}1]", "1, ".repeat(1 << 20)))));
    let changes = file_of_channels((2..32).map(|id| (id / 2, format!("{id}{}", large()), String::new())));
    for (file, left_out) in [(names, 30), (metadata, 0), (axes, 0), (changes, 15)] {
        assert!(file.len() < 100_000);
        let recording = open(directory.path(), &file);
        let said = recording.left_out().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(said.len(), left_out, "{:?}", said.first());
        assert!(said.iter().all(|error| error.len() < 10_000));
    }
    let taken = peak().saturating_sub(before);
    assert!(taken < 64 << 20, "{taken} bytes");
}
