//! `force_remove` removes a header that is too damaged to be used, with its data files; never what is not known to be ours.

use ndsharray::{Error, Store};

use crate::common::sandbox::{files, store};

/// Makes the tag `a`, and damages its header by hand.
fn damaged(store: &Store, damage: impl FnOnce(&mut Vec<u8>)) {
    store.writer("a").unwrap().write_slice(&[1_u8; 9000], &[9000]).unwrap();
    let path = store.directory().join("a");
    let mut bytes = std::fs::read(&path).unwrap();
    damage(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_header_goes_with_its_data_file() {
    let (_dir, store) = store();
    store.writer("other").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let others = files(store.directory());
    for length in [8, 9, 127, 128, 4096, 8191] {
        damaged(&store, |header| header.truncate(length));
        assert!(matches!(store.remove("a"), Err(Error::Truncated { .. })), "{length}");
        store.force_remove("a").unwrap();
        assert_eq!(files(store.directory()), others, "{length}");
    }
    for at in 16..128 {
        damaged(&store, |header| header[at] ^= 0x41);
        assert!(matches!(store.remove("a"), Err(Error::Checksum { .. })), "{at}");
        store.force_remove("a").unwrap();
        assert_eq!(files(store.directory()), others, "{at}");
    }
}

#[test]
fn what_may_be_of_somebody_else_stays() {
    let (_dir, store) = store();
    for damage in [
        (|header| header.truncate(7)) as fn(&mut Vec<u8>),
        |header| header[0] ^= 1,
        |header| header[8] ^= 2,
        |header| header[12..16].reverse(),
    ] {
        damaged(&store, damage);
        let before = files(store.directory());
        store.force_remove("a").unwrap_err();
        assert_eq!(files(store.directory()), before);
        std::fs::remove_file(store.directory().join("a")).unwrap();
        store.gc().unwrap();
    }
}

/// The writer goes on, as after a plain `rm` of its header.
#[test]
fn a_writer_whose_header_was_damaged_goes_on() {
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let path = store.directory().join("a");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 0xff;
    std::fs::write(&path, bytes).unwrap();
    store.force_remove("a").unwrap();
    assert!(matches!(store.reader("a"), Err(Error::NotFound { .. })));
    let start = std::time::Instant::now();
    while store.reader("a").and_then(|reader| reader.latest()).is_err() {
        writer.write_slice(&[2_u8], &[1]).unwrap();
        assert!(start.elapsed() < std::time::Duration::from_secs(60), "its tag does not come back");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [2]);
}
