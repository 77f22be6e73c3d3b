//! One writer after the other: adoption, takeover, removal, and what readers of the tag see of it.

use std::time::Duration;

use ndsharray::Error;

use super::slots::slots;
use crate::common::sandbox::{files, store};

#[test]
fn adoption_goes_on_with_the_version() {
    let (dir, store) = store();
    for i in 1..10_u64 {
        let mut writer = store.writer("a").unwrap();
        assert_eq!(writer.write_slice(&[i], &[1]).unwrap(), i);
        assert_eq!(files(dir.path()).len(), 2);
    }
    assert_eq!(slots(&store), 2);
}

#[test]
fn takeover_and_removal() {
    let (dir, store) = store();
    let mut one = store.writer("a").unwrap();
    one.write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [1]);
    assert!(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
    let mut two = store.writer_options("a").takeover(true).open().unwrap();
    assert_eq!(reader.latest().unwrap().bytes(), [1], "the value is kept");
    assert!(matches!(one.write_slice(&[9_u8], &[1]), Err(Error::Superseded { .. })));
    assert_eq!(two.write_slice(&[2_u8], &[1]).unwrap(), 2);
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [2]);
    assert_eq!(files(dir.path()).len(), 2);
    assert!(matches!(store.remove("a"), Err(Error::WriterExists { .. })));
    store.force_remove("a").unwrap();
    assert!(matches!(two.write_slice(&[3_u8], &[1]), Err(Error::Removed { .. })));
    assert!(files(dir.path()).is_empty());
    assert!(reader.read().unwrap().is_none());
    store.writer("a").unwrap().write_slice(&[4_u8], &[1]).unwrap();
    assert_eq!(reader.wait(Duration::from_secs(5)).unwrap().unwrap().bytes(), [4]);
    let mut short = store.writer_options("b").ephemeral(true).open().unwrap();
    short.write_slice(&[4_u8], &[1]).unwrap();
    assert_eq!(store.tags().unwrap(), ["a", "b"]);
    drop(short);
    assert_eq!(store.tags().unwrap(), ["a"]);
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
}

/// Versions begin at 1 when a tag is removed and made again, and go on over a takeover.
#[test]
fn missed_counts_over_removals_and_takeovers() {
    let (_dir, store) = store();
    let write = |writer: &mut ndsharray::Writer, count: u8| {
        for value in 0..count {
            writer.write_slice(&[value], &[1]).unwrap();
        }
    };
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 3);
    let mut reader = store.reader("a").unwrap();
    assert_eq!(reader.read().unwrap().unwrap().version(), 3);
    write(&mut writer, 2);
    store.force_remove("a").unwrap();
    let mut writer = store.writer("a").unwrap();
    write(&mut writer, 4);
    assert_eq!(reader.read().unwrap().unwrap().version(), 4);
    // The fourth and the fifth value, and three of the new ones.
    assert_eq!(reader.missed(), 5);
    let mut next = store.writer_options("a").takeover(true).open().unwrap();
    assert!(reader.read().unwrap().is_none(), "the same value under a new header is nothing new");
    write(&mut next, 2);
    assert!(writer.write_slice(&[9_u8], &[1]).is_err());
    assert_eq!(reader.clone().read().unwrap().unwrap().version(), 6);
    assert_eq!(reader.read().unwrap().unwrap().version(), 6);
    assert_eq!(reader.missed(), 6);
}

#[test]
fn a_tag_that_was_removed_with_an_unread_value_has_nothing_new() {
    let (_dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    store.remove("a").unwrap();
    assert!(reader.read().unwrap().is_none(), "removed");
    assert_eq!(ndsharray::wait_any(&mut [&mut reader], Duration::from_millis(1)).unwrap(), None, "still");
    let mut writer = store.writer("a").unwrap();
    assert!(reader.read().unwrap().is_none(), "written anew, but nothing yet");
    writer.write_slice(&[2_u8], &[1]).unwrap();
    assert_eq!(reader.read().unwrap().unwrap().bytes(), [2]);
}

/// `read` and `wait` say the same as when the value was read before, and the reader follows when the tag is written
/// again.
#[test]
fn an_ephemeral_tag_that_ended_with_an_unread_value_has_nothing_new() {
    let (_dir, store) = store();
    let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
    let mut reader = store.reader("a").unwrap();
    writer.write_slice(&[1_u8; 3], &[3]).unwrap();
    drop(writer);

    assert!(reader.read().unwrap().is_none());
    assert!(reader.wait(Duration::from_millis(1)).unwrap().is_none());
    assert_eq!(ndsharray::wait_any(&mut [&mut reader], Duration::from_millis(1)).unwrap(), None);
    assert!(matches!(reader.latest(), Err(Error::NotFound { .. })), "there is no value to give");

    store.writer("a").unwrap().write_slice(&[2_u8; 3], &[3]).unwrap();
    let value = reader.wait(Duration::from_secs(10)).unwrap().unwrap();
    assert_eq!((value.version(), value.bytes()), (1, &[2; 3][..]));
}

#[test]
fn removed_by_hand_is_published_anew() {
    let (dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    reader.read().unwrap();
    for what in ["header", "data", "both"] {
        for name in files(dir.path()) {
            if what == "both" || (name == "a") == (what == "header") {
                std::fs::remove_file(dir.path().join(name)).unwrap();
            }
        }
        let mut i = 0_u64;
        let start = std::time::Instant::now();
        while start.elapsed() < Duration::from_millis(1300) {
            i += 1;
            writer.write_slice(&[i], &[1]).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(files(dir.path()).len(), 2, "{what}");
        assert_eq!(reader.wait(None).unwrap().unwrap().as_slice::<u64>().unwrap(), [i], "{what}");
        assert_eq!(store.reader("a").unwrap().latest().unwrap().as_slice::<u64>().unwrap(), [i], "{what}");
    }
}
