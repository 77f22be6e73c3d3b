//! Data files that are damaged, missing, or something else: readers get a typed error, and a writer goes on with a new
//! one. Each test runs in a child, so that a SIGBUS is seen.

use std::os::unix::fs::FileExt;

use ndsharray::{Error, Store};

use crate::common::damage::{
    ENTRY_CHECKSUM, LIMIT, NEXT, PINS, Tag, USER_DATA, damages, line, read_live, seal_identity, set, slot,
    try_all, word_at,
};
use crate::common::sandbox::{fails, files, in_child, picture};
use crate::common::test_name;

#[test]
fn every_word_of_the_data_file() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for at in 0..128 {
        let what = format!("data file byte {at}");
        let outcome = try_all(&dir, &tag, &what, &|_, data| data[at] ^= 0x41);
        let error = outcome.read.unwrap_err();
        let fits = match at {
            0..8 => matches!(error, Error::Corrupt { field: "magic", .. }),
            8..12 => matches!(error, Error::FormatVersion { .. }),
            12..16 => matches!(error, Error::Endianness { .. }),
            _ => matches!(error, Error::Checksum { .. }),
        };
        assert!(fits, "{what}: {error:?}");
        assert!(outcome.opened.is_ok(), "{what}: a writer makes a new one: {:?}", outcome.opened);
    }
    // Lines, and what is unused behind them; pins, and what lies between them; the entries of both slots.
    let pins = (PINS..PINS + 8 * 512).step_by(128);
    let entries = [0, 1].into_iter().flat_map(|i| (slot(i)..slot(i) + USER_DATA + 32).step_by(8));
    for at in (128..1024).step_by(8).chain(pins).chain([PINS + 8, 8184]).chain(entries) {
        for word in damages(word_at(&tag.data, at), at) {
            let what = format!("data file word {at} is {word:#x}");
            let outcome = try_all(&dir, &tag, &what, &|_, data| set(data, at, word));
            assert!(outcome.opened.is_ok(), "{what}: {:?}", outcome.opened);
            // The value is in slot 1.
            let changed = word != word_at(&tag.data, at);
            let content = changed && at == line(1);
            let entry = changed && (slot(1)..=slot(1) + ENTRY_CHECKSUM).contains(&at);
            match outcome.read {
                Err(Error::Contended { .. }) => assert!(content, "{what}"),
                Err(Error::Checksum { .. }) => assert!(entry, "{what}"),
                Ok(()) => assert!(!content && !entry, "{what}"),
                Err(error) => panic!("{what}: {error:?}"),
            }
        }
    }
}

#[test]
fn data_files_that_do_not_match() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    let other = Tag::make(&dir);
    let (first, whole) = (slot(1), slot(2));
    let lengths = [0, 1, 7, 8, 127, 128, 136, 255, 256, 4095, 4096, 8191, 8192, 8193, 12288];
    let lengths = lengths.into_iter().chain([first - 1, first, first + 1, first + 4096, whole - 1]);
    for length in lengths {
        let what = format!("a data file of {length} bytes");
        let outcome = try_all(&dir, &tag, &what, &|_, data| data.truncate(length));
        let error = outcome.read.unwrap_err();
        let fits = match error {
            Error::Corrupt { field: "magic", .. } => length < 8,
            Error::Truncated { found, expected, .. } => {
                // The least that there is; what one slot wants; what the record's slot wants.
                let expected_now = [(8192, 8192), (first, first), (whole, whole)];
                let &(_, now) = expected_now.iter().find(|(end, _)| length < *end).unwrap();
                found == length as u64 && expected == now as u64
            }
            _ => false,
        };
        assert!(fits, "{what}: {error:?}");
        assert!(outcome.opened.is_ok(), "{what}: {:?}", outcome.opened);
    }
    // Files that are whole, but belong to another header, or are an older one of the same header.
    let swap = |_: &mut Vec<u8>, data: &mut Vec<u8>| *data = other.data.clone();
    let sealed = |at: usize, word: u64| {
        move |_: &mut Vec<u8>, data: &mut Vec<u8>| {
            set(data, at, word);
            seal_identity(data);
        }
    };
    let regions = |first: u64, second: u64| u64::from_ne_bytes(bytemuck::cast([first as u32, second as u32]));
    for (what, field, damage) in [
        ("another header's", "header id", &swap as &dyn Fn(&mut Vec<u8>, &mut Vec<u8>)),
        ("another header id", "header id", &sealed(24, 5)),
        ("the other half of it", "header id", &sealed(32, 5)),
        ("no capacity", "slot capacity", &sealed(64, 0)),
        ("an odd capacity", "slot capacity", &sealed(64, 4095)),
        ("a vast capacity", "slot capacity", &sealed(64, 1 << 62)),
        ("all the capacity", "slot capacity", &sealed(64, u64::MAX << 12)),
        ("no slots", "slot limit", &sealed(LIMIT, 0)),
        ("more slots than there may be", "slot limit", &sealed(LIMIT, 257)),
        ("slots without end", "slot limit", &sealed(LIMIT, u64::MAX)),
        ("pins for more slots than it says", "region 0", &sealed(LIMIT, 9)),
        ("no regions", "region 0", &sealed(80, 0)),
        ("a region 0 of two pages", "region 0", &sealed(80, regions(8192, 4096))),
        ("a region 1 without end", "region 0", &sealed(80, regions(4096, u64::from(u32::MAX)))),
        ("a region that cannot be", "page size", &sealed(16, 4097)),
    ] {
        let outcome = try_all(&dir, &tag, what, damage);
        let error = outcome.read.unwrap_err();
        assert!(matches!(&error, Error::Corrupt { field: f, .. } if *f == field), "{what}: {error:?}");
        assert!(outcome.opened.is_ok(), "{what}: {:?}", outcome.opened);
    }
    // A capacity that the file does not have.
    let error = try_all(&dir, &tag, "too large", &sealed(64, 8192)).read.unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error:?}");
}

/// Something else has the data file's name. The reader says what it is, and a writer leaves it and makes a new file.
#[test]
fn foreign_files_under_the_data_files_name() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for (what, found) in [
        ("nothing", "is gone"),
        ("FIFO", "a FIFO"),
        ("directory", "a directory"),
        ("symlink", "a symbolic link"),
        ("socket", "a socket"),
        ("sparse", "starts with \"\\x00"),
    ] {
        println!("{what}");
        let place = tag.put(&dir, &|_, _| {});
        let path = place.0.join(&tag.name);
        std::fs::rename(&path, place.0.join("moved")).unwrap();
        match what {
            "FIFO" => rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap(),
            "directory" => std::fs::create_dir(&path).unwrap(),
            "symlink" => std::os::unix::fs::symlink("moved", &path).unwrap(),
            "socket" => drop(std::os::unix::net::UnixListener::bind(&path).unwrap()),
            "sparse" => std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap(),
            _ => {}
        }
        let store = Store::open(&place.0).unwrap();
        let before = picture(&place.0);
        let error = fails(store.reader("a").unwrap().latest(), path.to_str().unwrap());
        let fits = matches!(error, Error::Corrupt { .. } | Error::DataMissing { .. });
        assert!(fits && error.to_string().contains(found), "{what}: {error:?}");
        let stat = fails(store.stat("a"), path.to_str().unwrap());
        assert!(stat.to_string().contains(found), "{what}: {stat:?}");
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
        assert_eq!(picture(&place.0), before);
        store.writer("a").unwrap().write_slice(&NEXT, &[5]).unwrap();
        assert_eq!(read_live(&store).unwrap(), NEXT);
        store.writer_options("a").takeover(true).open().unwrap();
        assert_eq!(read_live(&store).unwrap(), NEXT);
        store.remove("a").unwrap();
        let mut left: Vec<_> = before.keys().filter(|name| *name != "a").cloned().collect();
        left.sort();
        assert_eq!(files(&place.0), left, "{what}");
        assert_eq!(picture(&place.0)["moved"].3, tag.data);
    }
}

/// A data file that cannot be adopted is replaced by the next write, and removed.
#[test]
fn a_damaged_data_file_goes_with_the_next_value() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let data = dir.join(writer.data_file().unwrap());
    drop(writer);
    let file = std::fs::File::options().write(true).open(&data).unwrap();
    // All but the magic, which says that the file is one of ours.
    file.write_all_at(&[0xff; 56], 8).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert_eq!(files(dir), ["a".to_owned(), writer.data_file().unwrap()]);
}

/// Somebody removes the data file by hand while the next value goes to a slot that the reader has not mapped yet.
#[test]
fn a_missing_data_file_is_said_to_be_missing_when_it_grows() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let reader = store.reader("a").unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [1]);
    std::fs::remove_file(dir.join(writer.data_file().unwrap())).unwrap();
    // Within the second in which the writer does not look again.
    writer.write_slice(&[2_u8], &[1]).unwrap();
    match reader.latest() {
        Err(Error::DataMissing { .. }) => {}
        // The second was over.
        Ok(value) => assert_eq!(value.bytes(), [2]),
        Err(error) => panic!("{error}"),
    }
}
