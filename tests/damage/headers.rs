//! Headers with every kind of damage: typed errors that say what was found, or the right value, and never a wrong one, a
//! panic, a signal or a hang. Each sweep runs in a child, so that a SIGBUS is seen.

#[path = "../sandbox/damage.rs"]
mod damage;
#[path = "../sandbox/mod.rs"]
mod sandbox;

use std::os::unix::fs::FileExt;

use damage::{NEXT, Tag, VALUE, damages, says, set, try_all, word_at};
use ndsharray::{Error, Store};
use sandbox::{files, in_child};

#[test]
fn every_length_of_a_header() {
    let Some(dir) = in_child("every_length_of_a_header") else { return };
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
    // Longer is no damage.
    let outcome = try_all(&dir, &tag, "longer", &|header, _| header.extend([0xff; 5000]));
    assert!(outcome.read.is_ok() && outcome.opened.is_ok());
}

#[test]
fn every_byte_of_the_headers_identity() {
    let Some(dir) = in_child("every_byte_of_the_headers_identity") else { return };
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
    // Fields that cannot be, under a checksum that is right.
    for region in [0, 1, 2048, 4097, 12288, 1 << 25, 1 << 63, u64::MAX] {
        let wrong = |header: &mut Vec<u8>, _: &mut Vec<u8>| {
            set(header, 16, region);
            let checksum = crc32fast::hash(&header[..120]);
            set(header, 120, u64::from(checksum));
        };
        let error = try_all(&dir, &tag, &format!("region {region}"), &wrong).read.unwrap_err();
        assert!(matches!(error, Error::Corrupt { field: "page size", .. }), "{region}: {error:?}");
    }
}

#[test]
fn every_word_of_the_header() {
    let Some(dir) = in_child("every_word_of_the_header") else { return };
    let tag = Tag::make(&dir);
    let (mut right, mut wrong) = (0, 0);
    // Control line, both records, what is unused, and the waiting flag.
    for at in (128..3712).chain(4096..4112).step_by(8) {
        for word in damages(word_at(&tag.header, at), at) {
            let what = format!("header word {at} is {word:#x}");
            let outcome = try_all(&dir, &tag, &what, &|header, _| set(header, at, word));
            if outcome.read.is_ok() {
                right += 1
            } else {
                wrong += 1
            }
            // Record 1 is not read while the sequence number is even; the waiting flag is no value.
            let unread = !(192..1984).contains(&at) || (232..256).contains(&at);
            if unread || at == 200 && word as u32 == 1 {
                assert!(outcome.read.is_ok() && outcome.opened.is_ok(), "{what}: {:?}", outcome.read);
            }
            // The hot words have a check.
            if (208..232).contains(&at) && word != word_at(&tag.header, at) {
                assert!(matches!(outcome.read, Err(Error::Corrupt { .. })), "{what}: {:?}", outcome.read);
            }
            // The cold part has a checksum.
            if (272..1944).contains(&at) && word != word_at(&tag.header, at) {
                let error = outcome.read.unwrap_err();
                assert!(matches!(error, Error::Checksum { .. }), "{what}: {error:?}");
            }
        }
    }
    assert!(right > 500 && wrong > 500, "{right} {wrong}");
}

/// A reader that is open already when the header is damaged.
#[test]
fn damage_under_an_open_reader() {
    let Some(dir) = in_child("damage_under_an_open_reader") else { return };
    let tag = Tag::make(&dir);
    for at in (192..1984).step_by(8) {
        for word in damages(word_at(&tag.header, at), at) {
            println!("header word {at} is {word:#x}");
            let place = tag.put(&dir, &|_, _| {});
            let store = Store::open(&place.0).unwrap();
            let mut reader = store.reader("a").unwrap();
            let held = reader.read().unwrap().unwrap();
            let file = std::fs::File::options().write(true).open(place.0.join("a")).unwrap();
            file.write_all_at(&word.to_ne_bytes(), at as u64).unwrap();
            let outcomes = [reader.latest().map(Some), reader.read(), reader.wait(std::time::Duration::ZERO)];
            for outcome in outcomes {
                match outcome {
                    Ok(None) => {}
                    Ok(Some(value)) => assert_eq!(value.as_slice::<f32>().unwrap(), VALUE),
                    Err(error) => says(&store, &error),
                }
            }
            assert_eq!(held.as_slice::<f32>().unwrap(), VALUE);
        }
    }
}

/// A header that says it is gone, and still has its name: whoever retired it was killed, or it was damaged.
#[test]
fn gone_under_its_name() {
    let Some(dir) = in_child("gone_under_its_name") else { return };
    let tag = Tag::make(&dir);
    let gone = |header: &mut Vec<u8>, _: &mut Vec<u8>| header[200..204].copy_from_slice(&2_u32.to_ne_bytes());
    let place = tag.put(&dir, &gone);
    let store = Store::open(&place.0).unwrap();
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().as_slice::<f32>().unwrap(), VALUE);
    assert!(reader.wait(std::time::Duration::from_millis(1)).unwrap().is_none());
    let mut writer = store.writer("a").unwrap();
    assert_eq!(files(&place.0), ["a"], "a new header; the old one's files are gone");
    writer.write_slice(&NEXT, &[5]).unwrap();
    assert_eq!(reader.wait(sandbox::WATCHDOG).unwrap().unwrap().as_slice::<f32>().unwrap(), NEXT);
    assert_eq!(files(&place.0).len(), 2);
}
