//! The byte layout of format 1, in literal numbers: what this library writes is read here with plain file reads, and
//! what is built here byte by byte is read by this library. Whoever changes a number here changes the format.

use std::path::Path;

use ndsharray::{DType, Store};

#[path = "common/mod.rs"]
mod common;
use common::record::hot;
use common::sandbox::{directory, files, skip, store};

/// The offsets below are those of 4096-byte regions; a machine with larger pages writes larger ones.
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

/// The 128 bytes that header and data file start with.
#[track_caller]
fn check_identity(bytes: &[u8], magic: &[u8; 8]) {
    assert_eq!(&bytes[..8], magic);
    assert_eq!(u32_at(bytes, 8), 1, "format version");
    assert_eq!(u32_at(bytes, 12), 0x0102_0304, "byte order");
    assert_eq!(u64_at(bytes, 16), 4096, "region");
    assert_ne!(u128_at(bytes, 24), 0, "id");
    zeros(bytes, 72..120);
    assert_eq!(u64_at(bytes, 120), u64::from(crc32fast::hash(&bytes[..120])), "checksum");
}

#[test]
fn what_is_written() {
    if pages_are_larger("what_is_written") {
        return;
    }
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let empty = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(empty.len(), 8192);
    check_identity(&empty, b"NDSHHEAD");
    assert_eq!(u32_at(&empty, 40), rustix::process::geteuid().as_raw());
    assert_eq!(u32_at(&empty, 44), std::process::id());
    assert_eq!(u64_at(&empty, 48), 0, "not ephemeral");
    assert_eq!(u32_at(&empty, 200), 1, "live");
    assert_eq!(u64_at(&empty, 56), u64_at(&empty, 24), "origin: it begins here");
    zeros(&empty, 64..120);
    zeros(&empty, 128..200);
    zeros(&empty, 204..8192);

    let bytes = [0x11_u8, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc];
    writer.write_bytes(&DType::UInt16, &[2, 3], &bytes, b"frame 7!!").unwrap();
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!((header.len(), &header[..192]), (8192, &empty[..192]), "the identity block never changes");
    assert_eq!(u64_at(&header, 192), 1, "seq");
    assert_eq!((u32_at(&header, 200), u32_at(&header, 204)), (1, 0), "state, reserved");
    let name = writer.data_file().unwrap();
    let data = std::fs::read(dir.path().join(&name)).unwrap();
    for at in [208, 232] {
        let age = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let written_at = u64_at(&header, at + 8);
        assert!(written_at > 0 && written_at / 1_000_000_000 <= age.tv_sec as u64, "write time");
        assert_eq!(header[at..at + 24], hot(1, written_at, 0, 1), "version, write time, slot, layout id");
    }
    for record in [256, 1984] {
        assert_eq!((u64_at(&header, record), u64_at(&header, record + 8)), (1, 1), "opened, closed");
        assert_eq!(u64_at(&header, record + 16), 1, "layout id, cold");
        assert_eq!(
            (u32_at(&header, record + 24), u32_at(&header, record + 28)),
            (6, 6),
            "code, length of name"
        );
        assert_eq!(&header[record + 32..record + 38], b"uint16");
        zeros(&header, record + 38..record + 80);
        assert_eq!(u64_at(&header, record + 80), 2, "itemsize");
        assert_eq!(u64_at(&header, record + 88), 2, "ndim");
        assert_eq!((u64_at(&header, record + 96), u64_at(&header, record + 104)), (2, 3), "shape");
        zeros(&header, record + 112..record + 608);
        assert_eq!(u64_at(&header, record + 608), 12, "length in bytes");
        assert_eq!(name, format!("a_{:032x}", u128_at(&header, record + 616)), "data file");
        assert_eq!(u128_at(&header, record + 632), u128_at(&data, 24), "segment id");
        zeros(&header, record + 648..record + 1680);
        let checksum = crc32fast::hash(&header[record + 16..record + 1680]);
        assert_eq!(u64_at(&header, record + 1680), u64::from(checksum), "checksum of the cold part");
        zeros(&header, record + 1688..record + 1728);
    }
    zeros(&header, 3712..8192);

    assert_eq!(data.len(), 8192 + 4096);
    check_identity(&data, b"NDSHDATA");
    assert_eq!(u128_at(&data, 40), u128_at(&header, 24), "header id");
    assert_eq!(u64_at(&data, 56), 4096, "slot capacity");
    assert_eq!(u64_at(&data, 64), 0);
    assert_eq!(u64_at(&data, 128), 1, "slots allocated");
    zeros(&data, 136..256);
    assert_eq!((u64_at(&data, 256), u64_at(&data, 264)), (1, 9), "content version, length of user data");
    assert_eq!(&data[272..281], b"frame 7!!");
    zeros(&data, 281..8192);
    assert_eq!(data[8192..8204], bytes);
    zeros(&data, 8204..12288);
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
        writer.write_bytes(&DType::UInt8, &[5000], &vec![i; 5000], &[i; 240]).unwrap();
        held.push(store.reader("a").unwrap().latest().unwrap());
    }
    let data = std::fs::read(dir.path().join(writer.data_file().unwrap())).unwrap();
    assert_eq!((data.len(), u64_at(&data, 56), u64_at(&data, 128)), (8192 + 3 * 8192, 8192, 3));
    for i in 0..8 {
        let (entry, pins) = (256 + 256 * i, 4096 + 512 * i);
        let shards: Vec<u32> = [0, 128, 256, 384].iter().map(|shard| u32_at(&data, pins + shard)).collect();
        let used = i < 3;
        let number = if used { i as u8 + 1 } else { 0 };
        assert_eq!(u64_at(&data, entry), u64::from(number), "content version of slot {i}");
        assert_eq!(u64_at(&data, entry + 8), if used { 240 } else { 0 });
        assert_eq!(data[entry + 16..entry + 256], [number; 240]);
        assert_eq!(shards.iter().sum::<u32>(), u32::from(used), "pins of slot {i}");
        for shard in [0, 128, 256, 384] {
            zeros(&data, pins + shard + 4..pins + shard + 128);
        }
        if used {
            let slot = 8192 + 8192 * i;
            assert_eq!(data[slot..slot + 5000], [number; 5000]);
            zeros(&data, slot + 5000..slot + 8192);
        }
    }
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(u64_at(&header, 192), 3, "seq after three values");
    for at in [208, 232] {
        assert_eq!(header[at..at + 24], hot(3, u64_at(&header, at + 8), 2, 1), "version, slot, layout id");
    }
    drop(held);
}

fn put(bytes: &mut [u8], offset: usize, with: &[u8]) {
    bytes[offset..offset + with.len()].copy_from_slice(with);
}

fn put_u64(bytes: &mut [u8], offset: usize, value: u64) {
    put(bytes, offset, &value.to_ne_bytes());
}

/// An identity block with its checksum.
fn identity(bytes: &mut [u8], magic: &[u8; 8], id: u64, fields: [u64; 3]) {
    put(bytes, 0, magic);
    put(bytes, 8, &1_u32.to_ne_bytes());
    put(bytes, 12, &0x0102_0304_u32.to_ne_bytes());
    put_u64(bytes, 16, 4096);
    put_u64(bytes, 24, id);
    put_u64(bytes, 32, !id);
    for (i, field) in fields.into_iter().enumerate() {
        put_u64(bytes, 40 + 8 * i, field);
    }
    let checksum = crc32fast::hash(&bytes[..120]);
    put_u64(bytes, 120, u64::from(checksum));
}

/// What a hand-built record says of the type: code, name, itemsize, descr.
type Type = (u32, &'static str, u64, &'static str);
/// Shape, and the bytes of the value.
const SHAPE: [u64; 3] = [1, 2, 2];
const UUID: &str = "a_00112233445566778899aabbccddeeff";

/// Builds header and data file of tag "a": version 41 in slot 1 of 2, record 0 or 1 the valid one, the other nonsense.
fn build(dir: &Path, valid: usize, (code, name, itemsize, descr): Type, value: &[u8]) {
    let mut header = vec![0; 8192];
    identity(&mut header, b"NDSHHEAD", 0x1234_5678, [7 << 32 | 1000, 0, 0]);
    put_u64(&mut header, 192, 80 + valid as u64);
    put(&mut header, 200, &1_u32.to_ne_bytes());
    put(&mut header, [208, 232][valid], &hot(41, 1_000, 1, 5));
    let record = [256, 1984][valid];
    put_u64(&mut header, record, 5);
    put_u64(&mut header, record + 8, 5);
    let cold = record + 16;
    put_u64(&mut header, cold, 5);
    put(&mut header, cold + 8, &code.to_ne_bytes());
    put(&mut header, cold + 12, &(name.len() as u32).to_ne_bytes());
    put(&mut header, cold + 16, name.as_bytes());
    put_u64(&mut header, cold + 64, itemsize);
    put_u64(&mut header, cold + 72, 3);
    for (i, axis) in SHAPE.into_iter().enumerate() {
        put_u64(&mut header, cold + 80 + 8 * i, axis);
    }
    put_u64(&mut header, cold + 592, 4 * itemsize);
    put_u64(&mut header, cold + 600, 0x8899_aabb_ccdd_eeff);
    put_u64(&mut header, cold + 608, 0x0011_2233_4455_6677);
    put_u64(&mut header, cold + 616, 0x9abc);
    put_u64(&mut header, cold + 624, !0x9abc);
    put_u64(&mut header, cold + 632, descr.len() as u64);
    put(&mut header, cold + 640, descr.as_bytes());
    let checksum = crc32fast::hash(&header[cold..cold + 1664]);
    put_u64(&mut header, cold + 1664, u64::from(checksum));
    let (other_hot, other) = ([232, 208][valid], [1984, 256][valid]);
    header[other_hot..other_hot + 24].fill(0xa5);
    header[other..other + 1728].fill(0xa5);

    let mut data = vec![0; 8192 + 2 * 4096];
    identity(&mut data, b"NDSHDATA", 0x9abc, [0x1234_5678, !0x1234_5678, 4096]);
    put_u64(&mut data, 128, 2);
    put_u64(&mut data, 256, 40);
    put_u64(&mut data, 512, 41);
    put_u64(&mut data, 520, 5);
    put(&mut data, 528, b"hello");
    put(&mut data, 8192, &[0xff; 4096]);
    put(&mut data, 8192 + 4096, value);
    std::fs::write(dir.join("a"), header).unwrap();
    std::fs::write(dir.join(UUID), data).unwrap();
}

#[test]
fn what_is_built_by_hand_is_read() {
    if pages_are_larger("what_is_built_by_hand_is_read") {
        return;
    }
    let types: [Type; 15] = [
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
    for (valid, dtype) in types.into_iter().enumerate().map(|(i, dtype)| (i % 2, dtype)) {
        let dir = directory();
        let value: Vec<u8> = (0..4 * dtype.2).map(|i| i as u8 % 2).collect();
        build(dir.path(), valid, dtype, &value);
        let store = Store::open(dir.path()).unwrap();
        assert_eq!(store.tags().unwrap(), ["a"]);
        let read = store.reader("a").unwrap().latest().unwrap();
        let expected = match dtype.0 {
            255 => DType::custom(dtype.1, 8, dtype.3).unwrap(),
            _ => DType::from_name(dtype.1).unwrap(),
        };
        assert_eq!((read.dtype(), read.shape(), read.version()), (&expected, &[1, 2, 2][..], 41));
        assert_eq!((read.bytes(), read.user_data()), (&value[..], &b"hello"[..]));
        assert_eq!(read.written_at().as_nanos(), 1_000);
        assert!(!read.is_copy());
        let stat = store.stat("a").unwrap();
        let slots = stat.value.unwrap().slots;
        assert_eq!((stat.pid, stat.writer_alive, stat.ephemeral), (7, false, false));
        assert_eq!((slots.allocated, slots.capacity, slots.pinned), (2, 4096, 1));
        drop(read);
        // The next writer repairs the other record, and goes on in the same file.
        let mut writer = store.writer("a").unwrap();
        assert_eq!(writer.version(), 41);
        assert_eq!(writer.write_bytes(&expected, &[1, 2, 2], &value, b"").unwrap(), 42);
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), value);
        assert_eq!(files(dir.path()), ["a", UUID]);
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
    assert_eq!(u64_at(&first, 56), u64_at(&second, 56), "taken over: it goes on");
    drop((one, two));
    store.remove("a").unwrap();
    let _three = store.writer("a").unwrap();
    assert_eq!(u64_at(&header(), 56), u64_at(&header(), 24), "made again: it begins anew");
}

#[test]
fn an_ephemeral_header_says_so() {
    let (dir, store) = store();
    let writer = store.writer_options("a").ephemeral(true).open().unwrap();
    let header = std::fs::read(dir.path().join("a")).unwrap();
    assert_eq!(u64_at(&header, 48), 1);
    // A retired header says so to a reader that has it open.
    let open = std::fs::File::open(dir.path().join("a")).unwrap();
    drop(writer);
    let mut state = [0; 4];
    std::os::unix::fs::FileExt::read_exact_at(&open, &mut state, 200).unwrap();
    assert_eq!(u32::from_ne_bytes(state), 2, "retired");
}
