//! Files with features that this library does not know, as a later version may make them. Of those that are incompatible
//! nothing is done; those that are read-compatible are read, pinned and waited for. Nobody else's file is changed or removed.

use std::path::Path;
use std::time::Duration;

use ndsharray::{EntryKind, Error, Store};

use crate::common::damage::{Tag, VALUE, before_of, seal_identity, set};
use crate::common::sandbox::{check_says, files, in_child, picture};
use crate::common::test_name;

/// Where the two words are in an identity block.
const INCOMPATIBLE: usize = 40;
const READ_COMPATIBLE: usize = 48;

/// Which file has the bit, and which bit.
const CASES: [(bool, usize, u64); 6] = [
    (true, INCOMPATIBLE, 1),
    (true, INCOMPATIBLE, 1 << 63),
    (true, READ_COMPATIBLE, 1),
    (false, INCOMPATIBLE, 1 << 17),
    (false, READ_COMPATIBLE, 1),
    (false, READ_COMPATIBLE, u64::MAX),
];

#[track_caller]
fn is_unknown<T: std::fmt::Debug>(outcome: ndsharray::Result<T>, found: u64, path: &Path) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, Error::UnknownFeatures { found: f, .. } if f == found), "{error:?}");
    check_says(&error, path.to_str().unwrap());
}

#[test]
fn what_is_not_known_is_left_alone() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for (in_header, word, bits) in CASES {
        for ephemeral in [false, true] {
            println!("in the header: {in_header}, word {word}, bits {bits:#x}, ephemeral: {ephemeral}");
            let place = tag.put(&dir, &|header, data| {
                set(header, 64, u64::from(ephemeral));
                seal_identity(header);
                let file = if in_header { header } else { data };
                set(file, word, bits);
                seal_identity(file);
            });
            let store = Store::open(&place.0).unwrap();
            let path = place.0.join(if in_header { "a" } else { &tag.name });
            let before = picture(&place.0);
            let options = || store.writer_options("a");
            is_unknown(store.writer("a"), bits, &path);
            is_unknown(options().takeover(true).open(), bits, &path);
            is_unknown(options().ephemeral(true).open(), bits, &path);
            is_unknown(options().ephemeral(true).takeover(true).open(), bits, &path);
            is_unknown(store.remove("a"), bits, &path);
            is_unknown(store.force_remove("a"), bits, &path);
            // An ephemeral writer sweeps ephemeral tags of others; `gc` everything.
            drop(store.writer_options("b").ephemeral(true).open().unwrap());
            assert_eq!(store.gc_dry_run().unwrap().removed, [""; 0]);
            assert_eq!(store.gc().unwrap().removed, [""; 0]);
            if word == READ_COMPATIBLE {
                let mut reader = store.reader("a").unwrap();
                let held = reader.wait(Duration::ZERO).unwrap().unwrap();
                assert_eq!((held.as_slice::<f32>().unwrap(), held.is_copy()), (&VALUE[..], false));
                assert_eq!(reader.view().unwrap().user_data(), b"user data");
                assert!(reader.wait(Duration::from_millis(1)).unwrap().is_none());
                assert_eq!(store.stat("a").unwrap().value.unwrap().slots.pinned, 1);
                assert!(!reader.has_changed(&held) && !reader.writer_alive().unwrap());
                assert!(store.inspect("a").unwrap().data_files[0].problem.is_none());
                assert_eq!(store.tags().unwrap(), ["a"]);
            } else {
                let read = store.reader("a").and_then(|reader| reader.latest());
                is_unknown(read, bits, &path);
                is_unknown(store.stat("a"), bits, &path);
                let entry = store.entries().unwrap().remove(0);
                match entry.kind {
                    EntryKind::Damaged(Error::UnknownFeatures { .. }) => assert!(in_header),
                    kind => assert!(!in_header && matches!(kind, EntryKind::Array), "{kind:?}"),
                }
                let found = store.inspect("a").unwrap();
                let problem = if in_header {
                    found.header.problem
                } else {
                    found.data_files.into_iter().next().unwrap().problem
                };
                assert!(matches!(problem, Some(Error::UnknownFeatures { .. })), "{problem:?}");
            }
            let mut after = picture(&place.0);
            // Who waits says so.
            after.entry("a".to_owned()).and_modify(|file| file.3[4096] = 0);
            assert_eq!(after, before);
        }
    }
}

/// Without its header, under a temporary name, or with the name of a number that is not in use.
#[test]
fn what_is_left_over_of_another_version_stays() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for version in [1_u32, 2] {
        for (word, bits) in [(INCOMPATIBLE, 1), (READ_COMPATIBLE, 1 << 40), (INCOMPATIBLE, 0)] {
            println!("version {version}, word {word}, bits {bits:#x}");
            let damage = |file: &mut Vec<u8>| {
                file[8..12].copy_from_slice(&version.to_ne_bytes());
                set(file, word, bits);
                seal_identity(file);
            };
            let place = tag.put(&dir, &|header, data| (damage(header), damage(data)).0);
            let temporary = |n: u32| place.0.join(format!(".a_{n:016}.ndsharray-tmp"));
            std::fs::rename(place.0.join("a"), temporary(1)).unwrap();
            std::fs::copy(place.0.join(&tag.name), temporary(2)).unwrap();
            let store = Store::open(&place.0).unwrap();
            let before = picture(&place.0);
            let ours = version == 1 && bits == 0;
            let removed = store.gc_dry_run().unwrap().removed;
            assert_eq!(removed.len(), usize::from(ours), "{removed:?}");
            // A writer of the tag sweeps, too: the header, which has a value, is put back.
            let writer = store.writer("a").unwrap();
            let mut left = files(&place.0);
            left.retain(|name| name != "a");
            assert_eq!(left.len(), if ours { 1 } else { 3 }, "{left:?}");
            drop(writer);
            store.remove("a").unwrap();
            if !ours {
                assert_eq!(store.gc().unwrap().removed, [""; 0]);
                assert_eq!(picture(&place.0), before);
            }
        }
    }
}

/// A writer that lives, in a data file with a feature that it knows and its successor does not.
#[test]
fn a_living_writer_of_another_version_is_not_taken_over() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    for (word, name) in [(INCOMPATIBLE, "a"), (READ_COMPATIBLE, "b")] {
        for in_header in [false, true] {
            let tag = format!("{name}{in_header}");
            let mut writer = store.writer(&tag).unwrap();
            writer.write_slice(&VALUE, &[5]).unwrap();
            let path = dir.join(if in_header { tag.clone() } else { writer.data_file().unwrap() });
            let mut bytes = std::fs::read(&path).unwrap();
            set(&mut bytes, word, 1);
            seal_identity(&mut bytes);
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &bytes[..128], 0).unwrap();
            let before = before_of(&picture(&dir), &dir);
            for ephemeral in [false, true] {
                is_unknown(store.writer_options(&tag).takeover(true).ephemeral(ephemeral).open(), 1, &path);
            }
            is_unknown(store.force_remove(&tag), 1, &path);
            assert_eq!(picture(&dir), before);
            assert_eq!(writer.write_slice(&VALUE, &[5]).unwrap(), 2, "it goes on");
        }
    }
}
