//! The byte layout of format 1, in literal numbers: what this library writes is read here with plain file reads, and
//! what is built here byte by byte is read by this library. Whoever changes a number here changes the format.

use std::path::Path;

use ndsharray::{DType, Error, Meta, Store};

#[path = "common/mod.rs"]
mod common;
use common::record;
use common::sandbox::{directory, files, skip, store};

/// The offsets below are those of 4096-byte pages; a machine with larger pages writes larger ones.
fn pages_are_larger(test: &str) -> bool {
    let larger = rustix::param::page_size() != 4096;
    if larger {
        skip(test, "pages are larger than 4096 bytes");
    }
    larger
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_ne_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_ne_bytes(bytes[offset..offset + 8].try_into().unwrap())
}

fn u128_at(bytes: &[u8], offset: usize) -> u128 {
    u128::from(u64_at(bytes, offset)) | u128::from(u64_at(bytes, offset + 8)) << 64
}

#[track_caller]
fn zeros(bytes: &[u8], range: std::ops::Range<usize>) {
    assert!(bytes[range.clone()].iter().all(|&byte| byte == 0), "{range:?} is not zero");
}

/// The name of tag "a"'s data file: the header's id with the number in its lowest 40 bits.
fn name(id: u128, number: u64) -> String {
    format!("a_{:032x}", id >> 40 << 40 | u128::from(number))
}

/// The 128 bytes that header and data file start with; from byte 56 to 88 each has fields of its own.
#[track_caller]
fn check_identity(bytes: &[u8], magic: &[u8; 8]) {
    assert_eq!(&bytes[..8], magic);
    assert_eq!(u32_at(bytes, 8), 1, "format version");
    assert_eq!(u32_at(bytes, 12), 0x0102_0304, "byte order");
    assert_eq!(u64_at(bytes, 16), 4096, "page size");
    assert_ne!(u128_at(bytes, 24), 0, "header id");
    assert_eq!((u64_at(bytes, 40), u64_at(bytes, 48)), (0, 0), "incompatible, read-compatible features");
    zeros(bytes, 88..120);
    assert_eq!(u64_at(bytes, 120), u64::from(crc32fast::hash(&bytes[..120])), "checksum");
}

/// Nanoseconds of CLOCK_MONOTONIC, and of CLOCK_REALTIME less it.
fn clocks() -> (u64, i64) {
    let nanoseconds = |clock| {
        let time = rustix::time::clock_gettime(clock);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    let monotonic = nanoseconds(rustix::time::ClockId::Monotonic);
    (monotonic as u64, nanoseconds(rustix::time::ClockId::Realtime) - monotonic)
}

/// FNV-1a of the boot id, as the kernel says it with its line end, and the inode of the time namespace.
fn clock_domain() -> u64 {
    let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap();
    let namespace = std::fs::metadata("/proc/self/ns/time");
    let namespace = namespace.map_or(0, |file| std::os::unix::fs::MetadataExt::ino(&file));
    let bytes = [&boot[..], &namespace.to_ne_bytes()].concat();
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn what_is_written() {
    if pages_are_larger("what_is_written") {
        return;
    }
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let empty = std::fs::read(dir.path().join("a")).unwrap();
    let pid = std::process::id();
    assert_eq!(empty.len(), 8192);
    check_identity(&empty, b"NDSHHEAD");
    let id = u128_at(&empty, 24);
    assert_eq!(u32_at(&empty, 56), rustix::process::geteuid().as_raw(), "maker's uid");
    assert_eq!(u32_at(&empty, 60), pid, "maker's pid");
    assert_eq!(u64_at(&empty, 64), 0, "not ephemeral");
    assert_eq!(u64_at(&empty, 72), u64_at(&empty, 24), "origin: it begins here");
    zeros(&empty, 80..88);
    assert_eq!(u32_at(&empty, 128), pid, "writer's pid");
    assert_eq!(u32_at(&empty, 132), 1, "it has stood at its tag");
    // Nothing is published, no number is spent, the source is empty, and nobody waits.
    zeros(&empty, 136..8192);

    let bytes = [0x11_u8, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc];
    let before = clocks();
    writer
        .write_bytes_with(&DType::UInt16, &[2, 3], &bytes, &Meta::new().user_data(b"frame 7!!").unwrap())
        .unwrap();
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!((header.len(), &header[..136]), (8192, &empty[..136]), "the identity block never changes");
    assert_eq!(u64_at(&header, 136), 1, "spent");
    zeros(&header, 144..192);
    assert_eq!(u64_at(&header, 192), 1, "seq: record 1 is in use");
    zeros(&header, 200..224);
    let written_at = u64_at(&header, 232);
    assert!((before.0..=clocks().0).contains(&written_at), "write time: {written_at}");
    let record = record::bytes(1, written_at, 1, 0);
    assert_eq!(header[224..248], record, "version, write time; number, slot and check");
    assert_eq!(u64_at(&header, 240) >> 16, 1 << 8, "number 1, slot 0");
    zeros(&header, 248..8192);

    let file = writer.data_file().unwrap();
    assert_eq!(file, name(id, 1));
    let data = std::fs::read(dir.path().join(&file)).unwrap();
    assert_eq!(data.len(), 4096 + 4096 + 4096 + 4096, "lines, pins, entry, elements");
    check_identity(&data, b"NDSHDATA");
    assert_eq!(u128_at(&data, 24), id, "header id");
    assert_eq!((u64_at(&data, 56), u64_at(&data, 64)), (1, 4096), "made as number, slot capacity");
    assert_eq!(
        (u64_at(&data, 72), u32_at(&data, 80), u32_at(&data, 84)),
        (8, 4096, 4096),
        "slot limit, regions"
    );
    zeros(&data, 128..256);
    assert_eq!((u64_at(&data, 256), u64_at(&data, 264)), (1, written_at), "content version, write time");
    let apart = (u64_at(&data, 272) as i64).abs_diff(before.1);
    assert!(apart < 1_000_000_000, "clock offset is {apart} ns off");
    assert_eq!(u64_at(&data, 280), clock_domain(), "clock domain");
    assert_eq!(u64_at(&data, 288), 0, "acquisition time");
    assert_eq!((u32_at(&data, 296), u32_at(&data, 300)), (0, 9), "encoding, user data length");
    zeros(&data, 304..8192);

    let entry = &data[8192..12288];
    assert_eq!(u64_at(entry, 0), 1, "number");
    assert_eq!((u32_at(entry, 8), u32_at(entry, 12)), (6, 6), "dtype, length of its name");
    assert_eq!(&entry[16..22], b"uint16");
    zeros(entry, 22..64);
    assert_eq!((u64_at(entry, 64), u64_at(entry, 72)), (2, 2), "item size, ndim");
    assert_eq!((u64_at(entry, 80), u64_at(entry, 88)), (2, 3), "shape");
    zeros(entry, 96..592);
    assert_eq!((u64_at(entry, 592), u64_at(entry, 600)), (12, 0), "length, descr length");
    zeros(entry, 608..1632);
    assert_eq!(u64_at(entry, 1632), u64::from(crc32fast::hash(&entry[..1632])), "checksum");
    zeros(entry, 1640..2048);
    assert_eq!(&entry[2048..2057], b"frame 7!!");
    zeros(entry, 2057..4096);
    assert_eq!(data[12288..12300], bytes);
    zeros(&data, 12300..16384);

    drop(writer);
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(u32_at(&header, 128), 0, "nobody has it");
}

/// Times, attributes and a source, and the limit and the slots of a history.
#[test]
fn what_travels_with_a_value() {
    if pages_are_larger("what_travels_with_a_value") {
        return;
    }
    let (dir, store) = store();
    let mut writer = store.writer_options("a").history(248).source("host-b").open().unwrap();
    let meta =
        Meta::new().acquired_at(1_700_000_000_123_456_789).source_written_at(1_700_000_001_000_000_001);
    let text = r#"{"unit": "K"}"#;
    writer.write_slice_with(&[1_u8], &[1], &meta.attributes_json(text).unwrap()).unwrap();
    writer.write_slice(&[2_u8], &[1]).unwrap();
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!((u64_at(&header, 256), &header[264..270]), (6, &b"host-b"[..]));
    zeros(&header, 270..8192);
    let data = std::fs::read(dir.path().join(writer.data_file().unwrap())).unwrap();
    let regions = (20 << 10, 128 << 10);
    assert_eq!((u64_at(&data, 72), u32_at(&data, 80), u32_at(&data, 84)), (256, regions.0, regions.1));
    assert_eq!(data.len(), (regions.0 + regions.1) as usize + 2 * 8192, "two slots");
    assert_eq!((u64_at(&data, 256), u64_at(&data, 288)), (1, 1_700_000_000_123_456_789), "acquisition time");
    assert_eq!(
        (u32_at(&data, 296), u32_at(&data, 300)),
        (1, text.len() as u32),
        "encoding, user data length"
    );
    assert_eq!(u64_at(&data, 304), 1_700_000_001_000_000_001, "source write time");
    zeros(&data, 312..320);
    assert_eq!(
        (u64_at(&data, 320), u64_at(&data, 352), u64_at(&data, 360), u64_at(&data, 368)),
        (2, 0, 0, 0)
    );
    let entry = (regions.0 + regions.1) as usize;
    assert_eq!(&data[entry + 2048..entry + 2048 + text.len()], text.as_bytes());
    drop(writer);
    drop(store.writer("a").unwrap());
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(u64_at(&header, 256), 0, "a writer of this machine has no source");
}

/// A second value leaves the record of the first as it is; a third one overwrites it.
#[test]
fn each_publish_writes_one_record() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let header = || std::fs::read(dir.path().join("a")).unwrap();
    let mut before = header();
    for version in 1..=4 {
        writer.write_slice(&[version], &[1]).unwrap();
        let now = header();
        let (used, other) = if version % 2 == 1 { (224, 200) } else { (200, 224) };
        assert_eq!(u64_at(&now, 192), version, "seq");
        assert_eq!(now[other..other + 24], before[other..other + 24]);
        let slot = 1 - version % 2;
        assert_eq!(now[used..used + 24], record::bytes(version, u64_at(&now, used + 8), 1, slot));
        before = now;
    }
}

#[test]
fn later_slots_and_pins() {
    if pages_are_larger("later_slots_and_pins") {
        return;
    }
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut held = Vec::new();
    // Each value is held, so each goes to a slot of its own; the third shows strides of three.
    for i in 1..=3_u8 {
        writer
            .write_bytes_with(
                &DType::UInt8,
                &[5000],
                &vec![i; 5000],
                &Meta::new().user_data([i; 2048]).unwrap(),
            )
            .unwrap();
        held.push(store.reader("a").unwrap().latest().unwrap());
    }
    let data = std::fs::read(dir.path().join(writer.data_file().unwrap())).unwrap();
    let stride = 4096 + 8192;
    assert_eq!((data.len(), u64_at(&data, 64)), (8192 + 3 * stride, 8192));
    for i in 0..8 {
        let (line, pins) = (256 + 64 * i, 4096 + 512 * i);
        let shards: Vec<u32> = [0, 128, 256, 384].iter().map(|shard| u32_at(&data, pins + shard)).collect();
        let used = i < 3;
        let number = if used { i as u8 + 1 } else { 0 };
        assert_eq!(u64_at(&data, line), u64::from(number), "content version of slot {i}");
        assert_eq!(u32_at(&data, line + 44), if used { 2048 } else { 0 }, "user data length");
        zeros(&data, line + 48..line + 64);
        assert_eq!(shards.iter().sum::<u32>(), u32::from(used), "pins of slot {i}");
        for shard in [0, 128, 256, 384] {
            zeros(&data, pins + shard + 4..pins + shard + 128);
        }
        if used {
            let slot = 8192 + stride * i;
            assert_eq!(u64_at(&data, slot), 1, "the number of the one layout");
            assert_eq!(data[slot + 2048..slot + 4096], [number; 2048], "user data");
            assert_eq!(data[slot + 4096..slot + 9096], [number; 5000]);
            zeros(&data, slot + 9096..slot + stride);
        } else {
            zeros(&data, line..line + 64);
        }
    }
    zeros(&data, 256 + 8 * 64..4096);
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(u64_at(&header, 192), 3, "seq after three values");
    assert_eq!(header[224..248], record::bytes(3, u64_at(&header, 232), 1, 2), "version, number, slot");
    drop(held);
}

/// A new layout in the same file: another number, another name, and only the slot that it is in says so.
#[test]
fn a_change_of_layout_takes_the_next_number() {
    if pages_are_larger("a_change_of_layout_takes_the_next_number") {
        return;
    }
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8; 4], &[4]).unwrap();
    let inode =
        |name: &str| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(dir.path().join(name)).unwrap());
    let first = inode(&writer.data_file().unwrap());
    writer.write_slice(&[2_u16, 3], &[2]).unwrap();
    let header = std::fs::read(dir.path().join("a")).unwrap();
    let id = u128_at(&header, 24);
    assert_eq!((u64_at(&header, 136), writer.data_file().unwrap()), (2, name(id, 2)), "spent, name");
    assert_eq!((inode(&name(id, 2)), files(dir.path()).len()), (first, 2), "the same file");
    assert_eq!(header[200..224], record::bytes(2, u64_at(&header, 208), 2, 1));
    let data = std::fs::read(dir.path().join(name(id, 2))).unwrap();
    assert_eq!(u64_at(&data, 56), 1, "made as number 1");
    assert_eq!((u64_at(&data, 8192), u64_at(&data, 16384)), (1, 2), "numbers of the entries");
    // A larger value: another file.
    writer.write_slice(&[4_u8; 5000], &[5000]).unwrap();
    let data = std::fs::read(dir.path().join(name(id, 3))).unwrap();
    assert_eq!((u64_at(&data, 56), u64_at(&data, 64), u64_at(&data, 8192)), (3, 8192, 3));
    assert_eq!(files(dir.path()), ["a".to_owned(), name(id, 3)]);
}

fn put(bytes: &mut [u8], offset: usize, with: &[u8]) {
    bytes[offset..offset + with.len()].copy_from_slice(with);
}

fn put_u32(bytes: &mut [u8], offset: usize, value: u32) {
    put(bytes, offset, &value.to_ne_bytes());
}

fn put_u64(bytes: &mut [u8], offset: usize, value: u64) {
    put(bytes, offset, &value.to_ne_bytes());
}

const ID: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;

/// An identity block with its checksum.
fn identity(bytes: &mut [u8], magic: &[u8; 8], own: [u64; 4]) {
    put(bytes, 0, magic);
    put_u32(bytes, 8, 1);
    put_u32(bytes, 12, 0x0102_0304);
    put_u64(bytes, 16, 4096);
    put_u64(bytes, 24, ID as u64);
    put_u64(bytes, 32, (ID >> 64) as u64);
    for (i, field) in own.into_iter().enumerate() {
        put_u64(bytes, 56 + 8 * i, field);
    }
    let checksum = crc32fast::hash(&bytes[..120]);
    put_u64(bytes, 120, u64::from(checksum));
}

/// Two half words, one after the other.
fn pair(first: u32, second: u32) -> u64 {
    u64::from_ne_bytes([first.to_ne_bytes(), second.to_ne_bytes()].concat().try_into().unwrap())
}

/// What a hand-built entry says of the type: code, name, item size, descr.
type Type = (u32, &'static str, u64, &'static str);
/// The shape of each value.
const SHAPE: [u64; 3] = [1, 2, 2];

/// What else differs between hand-built tags.
#[derive(Clone, Copy)]
struct Tag {
    /// Which record is in use; the other one is nonsense.
    valid: u64,
    number: u64,
    limit: usize,
    slot: usize,
}

impl Tag {
    /// Builds header and data file of tag "a", with version 41; slots beyond the value's are left out of the file.
    fn build(self, dir: &Path, (code, dtype, itemsize, descr): Type, value: &[u8]) {
        let Tag { valid, number, limit, slot } = self;
        let mut header = vec![0; 8192];
        identity(&mut header, b"NDSHHEAD", [pair(1000, 7), 0, 0xbeef, 0]);
        put_u32(&mut header, 128, 4711);
        put_u64(&mut header, 136, number);
        put_u64(&mut header, 192, 80 + valid);
        let [used, other] = if valid == 0 { [200, 224] } else { [224, 200] };
        put(&mut header, used, &record::bytes(41, 1_000, number, slot as u64));
        header[other..other + 24].fill(0xa5);

        let region = |bytes: usize| bytes.next_multiple_of(4096);
        let (front, pins) = (region(256 + 64 * limit), region(512 * limit));
        let mut data = vec![0; front + pins + 8192 * (slot + 1)];
        let regions = pair(front as u32, pins as u32);
        identity(&mut data, b"NDSHDATA", [1, 4096, limit as u64, regions]);
        let line = 256 + 64 * slot;
        put_u64(&mut data, line, 41);
        put_u64(&mut data, line + 8, 1_000);
        put_u64(&mut data, line + 16, 1_700_000_000_000_000_000);
        put_u64(&mut data, line + 24, 0x0dd);
        put_u64(&mut data, line + 32, 1_700_000_000_000_000_500);
        put_u32(&mut data, line + 44, 5);
        let entry = front + pins + 8192 * slot;
        put_u64(&mut data, entry, number);
        put_u32(&mut data, entry + 8, code);
        put_u32(&mut data, entry + 12, dtype.len() as u32);
        put(&mut data, entry + 16, dtype.as_bytes());
        put_u64(&mut data, entry + 64, itemsize);
        put_u64(&mut data, entry + 72, 3);
        for (i, axis) in SHAPE.into_iter().enumerate() {
            put_u64(&mut data, entry + 80 + 8 * i, axis);
        }
        put_u64(&mut data, entry + 592, 4 * itemsize);
        put_u64(&mut data, entry + 600, descr.len() as u64);
        put(&mut data, entry + 608, descr.as_bytes());
        let checksum = crc32fast::hash(&data[entry..entry + 1632]);
        put_u64(&mut data, entry + 1632, u64::from(checksum));
        put(&mut data, entry + 2048, b"hello");
        put(&mut data, entry + 4096, value);
        std::fs::write(dir.join("a"), header).unwrap();
        std::fs::write(dir.join(name(ID, number)), data).unwrap();
    }
}

const TYPES: [Type; 15] = [
    (1, "int8", 1, ""),
    (2, "int16", 2, ""),
    (3, "int32", 4, ""),
    (4, "int64", 8, ""),
    (5, "uint8", 1, ""),
    (6, "uint16", 2, ""),
    (7, "uint32", 4, ""),
    (8, "uint64", 8, ""),
    (9, "float16", 2, ""),
    (10, "float32", 4, ""),
    (11, "float64", 8, ""),
    (12, "complex64", 8, ""),
    (13, "complex128", 16, ""),
    (14, "bool", 1, ""),
    (255, "datetime64[ns]", 8, "<M8[ns]"),
];

#[test]
fn what_is_built_by_hand_is_read() {
    if pages_are_larger("what_is_built_by_hand_is_read") {
        return;
    }
    for (i, dtype) in TYPES.into_iter().enumerate() {
        let dir = directory();
        let value: Vec<u8> = (0..4 * dtype.2).map(|i| i as u8 % 2).collect();
        let number = [5, (1 << 40) - 1 - 10][i % 2];
        let tag = Tag { valid: i as u64 % 2, number, limit: 8, slot: 1 };
        tag.build(dir.path(), dtype, &value);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.tags().unwrap(), ["a"]);
        let read = store.reader("a").unwrap().latest().unwrap();
        let expected = match dtype.0 {
            255 => DType::custom(dtype.1, 8, dtype.3).unwrap(),
            _ => DType::from_name(dtype.1).unwrap(),
        };
        assert_eq!((read.dtype(), read.shape(), read.version()), (&expected, &[1, 2, 2][..], 41));
        assert_eq!((read.bytes(), read.user_data()), (&value[..], &b"hello"[..]));
        assert_eq!(read.written_at().as_nanos(), 1_700_000_000_000_001_000, "by the clock of its line");
        assert!(read.age().as_secs() > 0, "that is in the past");
        assert!(!read.is_copy());
        let stat = store.stat("a").unwrap();
        let slots = stat.value.unwrap().slots;
        assert_eq!((stat.pid, stat.writer_alive, stat.ephemeral), (None, false, false), "nobody has it now");
        assert_eq!((slots.allocated, slots.capacity, slots.pinned), (2, 4096, 1));
        drop(read);
        // The next writer goes on in the same file.
        let mut writer = store.writer("a").unwrap();
        assert_eq!(writer.version(), 41);
        assert_eq!(writer.write_bytes(&expected, &[1, 2, 2], &value).unwrap(), 42);
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), value);
        assert_eq!(files(dir.path()), ["a".to_owned(), name(ID, number)]);
        let header = std::fs::read(dir.path().join("a")).unwrap();
        assert_eq!((u32_at(&header, 128), u64_at(&header, 136)), (std::process::id(), number));
    }
}

/// Readers and writers go by the slot limit that a file says, up to 256.
#[test]
fn any_slot_limit_is_read() {
    if pages_are_larger("any_slot_limit_is_read") {
        return;
    }
    for (limit, slot) in
        [(1, 0), (2, 1), (7, 0), (9, 8), (60, 59), (61, 60), (255, 254), (256, 0), (256, 255)]
    {
        println!("slot {slot} of {limit}");
        let dir = directory();
        let value = [slot as u8; 4];
        Tag { valid: 0, number: 1, limit, slot }.build(dir.path(), TYPES[4], &value);
        let store = Store::open(dir.path()).unwrap();
        let reader = store.reader("a").unwrap();
        let held = reader.latest().unwrap();
        assert_eq!((held.bytes(), held.user_data(), held.is_copy()), (&value[..], &b"hello"[..], false));
        assert_eq!(reader.view().unwrap().bytes(), value);
        let slots = store.stat("a").unwrap().value.unwrap().slots;
        assert_eq!((slots.allocated, slots.pinned), (slot + 1, 1));
        let data = std::fs::read(dir.path().join(name(ID, 1))).unwrap();
        let pins = (256 + 64 * limit).next_multiple_of(4096) + 512 * slot;
        let shards: u32 = [0, 128, 256, 384].iter().map(|shard| u32_at(&data, pins + shard)).sum();
        assert_eq!(shards, 1, "its pin is counted where it belongs");
        let found = store.inspect("a").unwrap();
        assert!(found.header.problem.is_none() && found.data_files[0].problem.is_none());
        let mut writer = store.writer("a").unwrap();
        for version in 42..50 {
            assert_eq!(
                writer.write_bytes(&DType::UInt8, &[1, 2, 2], &[version; 4]).unwrap(),
                u64::from(version)
            );
            assert_eq!(reader.latest().unwrap().bytes(), [version; 4]);
            assert_eq!(held.bytes(), value);
        }
        assert_eq!(files(dir.path()).len(), 2);
        let same = writer.data_file().unwrap() == name(ID, 1);
        assert_eq!(same, limit >= 3, "the held one, the current one, and one to write");
    }
}

/// A number that none follows, and numbers that were spent for nothing.
#[test]
fn numbers_are_never_given_twice() {
    if pages_are_larger("numbers_are_never_given_twice") {
        return;
    }
    let last = (1 << 40) - 1;
    for (number, spent, next) in [
        (1, 1, Some(2)),
        (1, 9, Some(10)),
        // Damaged, or a store that was copied at two moments: the record has more than was spent.
        (7, 0, Some(8)),
        (1, last - 1, Some(last)),
        (1, last, None),
        (last, last, None),
        (1, u64::MAX, None),
        (1, u64::MAX - 1, None),
    ] {
        let dir = directory();
        Tag { valid: 1, number, limit: 8, slot: 0 }.build(dir.path(), TYPES[4], &[3; 4]);
        let file = std::fs::File::options().write(true).open(dir.path().join("a")).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &spent.to_ne_bytes(), 136).unwrap();
        let store = Store::open(dir.path()).unwrap();
        let reader = store.reader("a").unwrap();
        let mut writer = store.writer("a").unwrap();
        // What needs no number goes on.
        assert_eq!(writer.write_bytes(&DType::UInt8, &[1, 2, 2], &[4; 4]).unwrap(), 42);
        for (shape, bytes) in [(&[2][..], 2), (&[5000], 5000)] {
            let written = writer.write_bytes(&DType::UInt8, shape, &vec![5; bytes]);
            match next {
                Some(next) if next < last || bytes == 2 => {
                    let expected = if bytes == 2 { next } else { next + 1 };
                    assert_eq!(writer.data_file().unwrap(), name(ID, expected));
                    assert_eq!(reader.latest().unwrap().bytes(), vec![5; bytes]);
                }
                _ => {
                    let error = written.unwrap_err();
                    assert!(
                        matches!(error, Error::Corrupt { field: "spent", .. }),
                        "{number} {spent}: {error:?}"
                    );
                    let kept = if next.is_some() { vec![5; 2] } else { vec![4; 4] };
                    assert_eq!(reader.latest().unwrap().bytes(), kept, "nothing is lost");
                }
            }
        }
        assert_eq!(files(dir.path()).len(), 2);
        // And the stream goes on. A takeover, whose header is new, is the way out.
        let value = reader.latest().unwrap();
        let again = writer.write_bytes(value.dtype(), value.shape(), value.bytes()).unwrap();
        let mut two = store.writer_options("a").takeover(true).open().unwrap();
        assert_eq!(reader.latest().unwrap().bytes(), value.bytes());
        assert_eq!(two.write_bytes(&DType::UInt8, &[7000], &[6; 7000]).unwrap(), again + 1);
        assert_eq!(reader.latest().unwrap().bytes(), [6; 7000]);
        assert_eq!(files(dir.path()).len(), 2);
    }
}

/// Files of a machine of the other byte order: every word that has one is reversed.
#[test]
fn the_other_byte_order_is_refused() {
    let dir = directory();
    Tag { valid: 0, number: 1, limit: 8, slot: 0 }.build(dir.path(), TYPES[4], &[3; 4]);
    let store = Store::open(dir.path()).unwrap();
    for name in [name(ID, 1), "a".to_owned()] {
        let path = dir.path().join(&name);
        let mut bytes = std::fs::read(&path).unwrap();
        for at in [8, 12] {
            bytes[at..at + 4].reverse();
        }
        for at in (16..128).step_by(8) {
            bytes[at..at + 8].reverse();
        }
        assert_eq!(bytes[12..16], if cfg!(target_endian = "little") { [1, 2, 3, 4] } else { [4, 3, 2, 1] });
        std::fs::write(&path, bytes).unwrap();
        let read = store.reader("a").and_then(|reader| reader.latest());
        for error in [read.unwrap_err(), store.stat("a").unwrap_err()] {
            let found = matches!(&error, Error::Endianness { found: 0x0403_0201, expected: 0x0102_0304, path: p } if *p == path);
            assert!(found, "{error:?}");
        }
    }
}

#[test]
fn a_header_says_where_its_count_of_versions_began() {
    let (dir, store) = store();
    let header = || std::fs::read(dir.path().join("a")).unwrap();
    let one = store.writer("a").unwrap();
    let first = header();
    let two = store.writer_options("a").takeover(true).open().unwrap();
    let second = header();
    assert_ne!(u128_at(&first, 24), u128_at(&second, 24));
    assert_eq!(u64_at(&first, 72), u64_at(&second, 72), "taken over: it goes on");
    drop((one, two));
    store.remove("a").unwrap();
    let _three = store.writer("a").unwrap();
    assert_eq!(u64_at(&header(), 72), u64_at(&header(), 24), "made again: it begins anew");
}

#[test]
fn an_ephemeral_header_says_so() {
    let (dir, store) = store();
    let writer = store.writer_options("a").ephemeral(true).open().unwrap();
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(u64_at(&header, 64), 1);
    // A retired header says so to a reader that has it open.
    let open = std::fs::File::open(dir.path().join("a")).unwrap();
    drop(writer);
    let mut seq = [0; 8];
    std::os::unix::fs::FileExt::read_exact_at(&open, &mut seq, 192).unwrap();
    assert_eq!(u64::from_ne_bytes(seq) >> 62, 3, "frozen and retired");
}
