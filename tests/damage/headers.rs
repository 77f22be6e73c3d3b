//! Headers with every kind of damage: a typed error that says what was found, or the right value; never a wrong value,
//! a panic, a signal or a hang. Each test runs in a child, so that a SIGBUS is seen.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use ndsharray::{Error, Store};

use crate::common::damage::{
    NEXT, Tag, VALUE, damages, read, read_live, says, seal_identity, set, try_all, word_at,
};
use crate::common::header::{FROZEN, HeaderFile, RECORDS, RETIRED, SEQ};
use crate::common::process::PATIENCE;
use crate::common::sandbox::{files, in_child};
use crate::common::{record, test_name};

#[test]
fn every_length_of_a_header() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for length in (0..8192).step_by(97).chain([1, 7, 8, 9, 127, 128, 129, 4095, 4096, 4097, 8191]) {
        let cut = |header: &mut Vec<u8>, _: &mut Vec<u8>| header.truncate(length);
        let outcome = try_all(&dir, &tag, &format!("a header of {length} bytes"), &cut);
        for error in [outcome.read.unwrap_err(), outcome.opened.unwrap_err()] {
            let fits = match error {
                Error::NotAHeader { .. } => length < 8,
                Error::Truncated { found, expected: 8192, .. } => length >= 8 && found == length as u64,
                _ => false,
            };
            assert!(fits, "{length}: {error:?}");
        }
    }
    // A header that is too long is not damaged.
    let outcome = try_all(&dir, &tag, "longer", &|header, _| header.extend([0xff; 5000]));
    assert!(outcome.read.is_ok() && outcome.opened.is_ok());
}

#[test]
fn every_byte_of_the_headers_identity() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for at in 0..128 {
        let what = format!("header byte {at}");
        let outcome = try_all(&dir, &tag, &what, &|header, _| header[at] ^= 0x41);
        for error in [outcome.read.unwrap_err(), outcome.opened.unwrap_err()] {
            let fits = match at {
                0..8 => matches!(error, Error::NotAHeader { .. }),
                8..12 => matches!(error, Error::FormatVersion { expected: 1, .. }),
                12..16 => matches!(error, Error::Endianness { expected: 0x0102_0304, .. }),
                _ => matches!(error, Error::Checksum { .. }),
            };
            assert!(fits, "{what}: {error:?}");
        }
    }
    let other = |header: &mut Vec<u8>, _: &mut Vec<u8>| header[12..16].reverse();
    let error = try_all(&dir, &tag, "the other byte order", &other).read.unwrap_err();
    assert!(matches!(error, Error::Endianness { found: 0x0403_0201, .. }), "{error:?}");
    let newer = |header: &mut Vec<u8>, _: &mut Vec<u8>| header[8..12].copy_from_slice(&2_u32.to_ne_bytes());
    let error = try_all(&dir, &tag, "version 2", &newer).read.unwrap_err();
    assert!(matches!(error, Error::FormatVersion { found: 2, .. }), "{error:?}");
    // Invalid fields under a right checksum.
    for region in [0, 1, 2048, 4097, 12288, 1 << 25, 1 << 63, u64::MAX] {
        let wrong = |header: &mut Vec<u8>, _: &mut Vec<u8>| {
            set(header, 16, region);
            seal_identity(header);
        };
        let error = try_all(&dir, &tag, &format!("region {region}"), &wrong).read.unwrap_err();
        assert!(matches!(error, Error::Corrupt { field: "page size", .. }), "{region}: {error:?}");
    }
}

#[test]
fn every_word_of_the_header() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    assert_eq!(word_at(&tag.header, SEQ as usize), 2, "record 0 is in use");
    let (mut right, mut wrong) = (0, 0);
    // The writer, both records, the source, what is unused, and the waiting flag; the sequence number is below.
    for at in (128..4096).chain(4096..4112).step_by(8).filter(|&at| at as u64 != SEQ) {
        for word in damages(word_at(&tag.header, at), at) {
            let what = format!("header word {at} is {word:#x}");
            let outcome = try_all(&dir, &tag, &what, &|header, _| set(header, at, word));
            // The record in use has a check. Nothing else here says where the value is.
            let changed = (200..224).contains(&at) && word != word_at(&tag.header, at);
            match outcome.read {
                Ok(()) => assert!(!changed, "{what}"),
                Err(Error::Corrupt { .. }) => assert!(changed, "{what}"),
                Err(error) => panic!("{what}: {error:?}"),
            }
            assert_eq!(outcome.opened.is_err(), changed, "{what}: {:?}", outcome.opened);
            *if changed { &mut wrong } else { &mut right } += 1;
        }
    }
    assert!(right > 500 && wrong > 10, "{right} {wrong}");
}

/// The sequence number has no check, since each of its values may be right: another lowest bit names the record before, whose
/// value is whole as well.
#[test]
fn every_bit_of_the_sequence_number() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for seq in (0..64).map(|bit| 2 ^ 1_u64 << bit).chain([u64::MAX, u64::MAX - 1]) {
        println!("seq {seq:#x}");
        let value = if seq & 1 == 0 { VALUE } else { [0.0; 5] };
        let damage = |header: &mut Vec<u8>, _: &mut Vec<u8>| set(header, SEQ as usize, seq);
        for take_over in [false, true] {
            let place = tag.put(&dir, &damage);
            let store = Store::open(&place.0).unwrap();
            read(&store, &value).unwrap();
            assert_eq!(store.gc().unwrap().removed, [""; 0]);
            let mut reader = store.reader("a").unwrap();
            let before = reader.read().unwrap().unwrap();
            let mut writer = store.writer_options("a").takeover(take_over).open().unwrap();
            // A retired header is not gone on with.
            let is_retired = seq & RETIRED != 0;
            match read_live(&store) {
                Ok(found) => assert!(!is_retired && found == value),
                Err(error) => assert!(is_retired && matches!(error, Error::Empty { .. }), "{error:?}"),
            }
            let version = writer.write_slice(&NEXT, &[5]).unwrap();
            assert_eq!(version, if is_retired { 1 } else { before.version() + 1 });
            assert_eq!(read_live(&store).unwrap(), NEXT);
            assert_eq!(reader.wait(PATIENCE).unwrap().unwrap().as_slice::<f32>().unwrap(), NEXT);
            assert_eq!(before.as_slice::<f32>().unwrap(), value, "what is held stays");
        }
    }
}

/// A reader that is open already when the header is damaged.
#[test]
fn damage_under_an_open_reader() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for at in (128..400).step_by(8) {
        for word in damages(word_at(&tag.header, at), at) {
            println!("header word {at} is {word:#x}");
            let place = tag.put(&dir, &|_, _| {});
            let store = Store::open(&place.0).unwrap();
            let mut reader = store.reader("a").unwrap();
            let held = reader.read().unwrap().unwrap();
            let file = std::fs::File::options().write(true).open(place.0.join("a")).unwrap();
            file.write_all_at(&word.to_ne_bytes(), at as u64).unwrap();
            let outcomes = [reader.latest().map(Some), reader.read(), reader.wait(Duration::ZERO)];
            for outcome in outcomes {
                match outcome {
                    Ok(None) => {}
                    // Another sequence number may name the record before.
                    Ok(Some(value)) if at as u64 == SEQ && word & 1 == 1 => {
                        assert_eq!(value.as_slice::<f32>().unwrap(), [0.0; 5]);
                    }
                    Ok(Some(value)) => assert_eq!(value.as_slice::<f32>().unwrap(), VALUE),
                    Err(error) => says(&store, &error),
                }
            }
            assert_eq!(held.as_slice::<f32>().unwrap(), VALUE);
        }
    }
}

/// A header that says it is retired, and still has its name: whoever retired it was killed, or it was damaged.
#[test]
fn retired_under_its_name() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    let retired = |header: &mut Vec<u8>, _: &mut Vec<u8>| set(header, SEQ as usize, 2 | FROZEN | RETIRED);
    let place = tag.put(&dir, &retired);
    let store = Store::open(&place.0).unwrap();
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().as_slice::<f32>().unwrap(), VALUE);
    assert!(reader.wait(Duration::from_millis(1)).unwrap().is_none());
    let mut writer = store.writer("a").unwrap();
    assert_eq!(files(&place.0), ["a"], "a new header; the old one's files are gone");
    writer.write_slice(&NEXT, &[5]).unwrap();
    assert_eq!(reader.wait(PATIENCE).unwrap().unwrap().as_slice::<f32>().unwrap(), NEXT);
    assert_eq!(files(&place.0).len(), 2);
}

/// A record that has its check, and says what cannot be.
#[test]
fn absurd_numbers_in_a_record_are_an_error() {
    let Some(dir) = in_child(test_name!()) else { return };
    for (version, number, slot) in
        [(u64::MAX, 1, 0), (1 << 62, 1, 0), (1, (1 << 40) - 1, 0), (1, 1, 255), (1, 1, 1)]
    {
        let dir = dir.join(format!("{version} {number} {slot}"));
        std::fs::create_dir(&dir).unwrap();
        let store = Store::open(&dir).unwrap();
        store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
        let header = HeaderFile::of(&store, "a");
        header.put(header.current(), &record::bytes(version, 1, number, slot));
        let error = store.reader("a").unwrap().latest().unwrap_err();
        let is_found = match error {
            Error::Corrupt { field: "version", .. } => version > 1,
            Error::DataMissing { .. } => number > 1,
            Error::Corrupt { field: "slot", .. } => slot == 255,
            Error::Contended { .. } => slot == 1,
            _ => false,
        };
        assert!(is_found, "{version}, {number}, {slot}: {error:?}");
        let written = store.writer("a").and_then(|mut writer| writer.write_slice(&[1_u16, 2], &[2]));
        match written {
            // All numbers are spent.
            Err(Error::Corrupt { .. }) => assert!(version > 1 || number > 1),
            Ok(2) => assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1, 0, 2, 0]),
            other => panic!("{version}, {number}, {slot}: {other:?}"),
        }
        // The way out of either.
        store.remove("a").unwrap();
        store.writer("a").unwrap().write_slice(&[3_u8], &[1]).unwrap();
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [3]);
    }
}

/// Found by fuzzing: a header said that it had no value, and the data file had the number that is used next.
#[test]
fn a_header_without_a_value_has_no_layout_either() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let old = writer.data_file().unwrap();
    drop(writer);
    let file = std::fs::File::options().write(true).open(dir.join("a")).unwrap();
    file.write_all_at(&[0; 48], 200).unwrap();
    let mut writer = store.writer("a").unwrap();
    let reader = store.reader("a").unwrap();
    for version in 1..5_u8 {
        assert_eq!(writer.write_slice(&[u16::from(version); 3], &[3]).unwrap(), u64::from(version));
        assert_eq!(reader.latest().unwrap().as_slice::<u16>().unwrap(), [u16::from(version); 3]);
    }
    assert_ne!(writer.data_file().unwrap(), old);
}

/// Found by review: versions went on from that of a damaged record, 2^64 - 1, and no value was newer than that.
#[test]
fn a_damaged_header_that_is_replaced_does_not_stop_its_readers() {
    let Some(dir) = in_child(test_name!()) else { return };
    for remove in [false, true] {
        let dir = dir.join(remove.to_string());
        std::fs::create_dir(&dir).unwrap();
        let store = Store::open(&dir).unwrap();
        let mut one = store.writer("a").unwrap();
        one.write_slice(&[1_u64], &[1]).unwrap();
        let mut reader = store.reader("a").unwrap();
        assert_eq!(reader.read().unwrap().unwrap().version(), 1);
        let file = std::fs::File::options().read(true).write(true).open(dir.join("a")).unwrap();
        for at in RECORDS.map(|record| record + 8) {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1], at).unwrap();
        }
        let options = store.writer_options("a").takeover(!remove);
        if remove {
            drop(one);
            store.remove("a").unwrap();
        }
        let mut two = options.open().unwrap();
        for value in 10..15_u64 {
            two.write_slice(&[value], &[1]).unwrap();
            let found = loop {
                match reader.wait(Duration::from_secs(60)) {
                    Ok(found) => break found.expect("it does not follow"),
                    Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error}"),
                }
            };
            assert_eq!(found.as_slice::<u64>().unwrap(), [value]);
        }
        assert_eq!(reader.missed(), 0);
    }
}
