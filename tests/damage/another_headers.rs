//! A data file of another header under the name that a tag's own data file would have: nobody takes a value from it, changes it
//! or removes it.

use std::path::Path;

use ndsharray::{Error, Store};

use crate::common::damage::{NEXT, Place, Tag, read_live, seal_identity, set};
use crate::common::header::HeaderFile;
use crate::common::record;
use crate::common::sandbox::{files, in_child, picture};
use crate::common::test_name;

/// A tag with another tag's data file in the place of its own.
fn swapped(dir: &Path, tag: &Tag, other: &Tag) -> Place {
    tag.put(dir, &|_, data| *data = other.data.clone())
}

#[test]
fn it_is_never_touched() {
    let Some(dir) = in_child(test_name!()) else { return };
    let (tag, other) = (Tag::make(&dir), Tag::make(&dir));
    for what in
        ["look", "write", "relayout", "take over", "take over a living one", "remove", "force", "header gone"]
    {
        println!("{what}");
        let place = swapped(&dir, &tag, &other);
        let store = Store::open(&place.0).unwrap();
        let before = picture(&place.0)[&tag.name].clone();
        let error = store.reader("a").unwrap().latest().unwrap_err();
        assert!(matches!(error, Error::Corrupt { field: "header id", .. }), "{error:?}");
        let error = store.stat("a").unwrap_err();
        assert!(matches!(error, Error::Corrupt { field: "header id", .. }), "{error:?}");
        let options = || store.writer_options("a");
        let check = |mut writer: ndsharray::Writer| {
            for length in [5, 3000] {
                let version = writer.version();
                assert_eq!(writer.write_slice(&vec![9.5_f32; length], &[length]).unwrap(), version + 1);
                assert_eq!(read_live(&store).unwrap(), vec![9.5; length]);
            }
            assert!(writer.version() >= 4, "the count goes on");
        };
        match what {
            "write" => check(store.writer("a").unwrap()),
            "relayout" => {
                let mut writer = store.writer("a").unwrap();
                writer.write_slice(&[1_u8], &[1]).unwrap();
                check(writer);
            }
            "take over" => check(options().takeover(true).open().unwrap()),
            "take over a living one" => {
                let living = store.writer("a").unwrap();
                check(options().takeover(true).open().unwrap());
                drop(living);
            }
            "remove" => store.remove("a").unwrap(),
            "force" => store.force_remove("a").unwrap(),
            "header gone" => std::fs::remove_file(place.0.join("a")).unwrap(),
            _ => {}
        }
        assert_eq!(store.gc().unwrap().removed, [""; 0], "{what}");
        assert_eq!(picture(&place.0).get(&tag.name), Some(&before), "{what}");
        // With or without a header, a new writer leaves it alone as well.
        store.writer("a").unwrap().write_slice(&NEXT, &[5]).unwrap();
        assert_eq!(read_live(&store).unwrap(), NEXT);
        assert_eq!(picture(&place.0).get(&tag.name), Some(&before), "{what}");
        assert_eq!(files(&place.0).len(), 3);
    }
}

/// The names of the next numbers are taken: by another header's file, by text, by a directory. These numbers are spent.
#[test]
fn a_name_that_is_taken_is_never_replaced() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    let other = Tag::make(&dir);
    for (what, length) in [("a second name", 2), ("a new file", 3000)] {
        let place = tag.put(&dir, &|_, _| {});
        let name = |number: u64| format!("{}{number:010x}", &tag.name[..tag.name.len() - 10]);
        assert_eq!(name(1), tag.name);
        let store = Store::open(&place.0).unwrap();
        let mut writer = store.writer("a").unwrap();
        std::fs::write(place.0.join(name(2)), &other.data).unwrap();
        std::fs::write(place.0.join(name(3)), "some text").unwrap();
        std::fs::create_dir(place.0.join(name(4))).unwrap();
        std::os::unix::fs::symlink("nowhere", place.0.join(name(5))).unwrap();
        let before = picture(&place.0);
        writer.write_slice(&vec![9.5_f32; length], &[length]).unwrap();
        assert_eq!(writer.data_file().unwrap(), name(6), "{what}");
        assert_eq!(HeaderFile::of(&store, "a").u64(136), 6, "spent");
        assert_eq!(read_live(&store).unwrap(), vec![9.5; length]);
        drop(writer);
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
        store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
        for number in 2..6 {
            assert_eq!(picture(&place.0)[&name(number)], before[&name(number)], "{what}: {number}");
        }
    }
}

/// A header that was copied beside itself, under another tag: the copy has the same id, and names files of its own tag only.
#[test]
fn a_copied_tag_is_a_tag_of_its_own() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    let place = tag.put(&dir, &|_, _| {});
    let copy = format!("b{}", &tag.name[1..]);
    std::fs::copy(place.0.join("a"), place.0.join("b")).unwrap();
    std::fs::copy(place.0.join(&tag.name), place.0.join(&copy)).unwrap();
    let store = Store::open(&place.0).unwrap();
    let before = picture(&place.0);
    let mut writer = store.writer("b").unwrap();
    for length in [5, 2, 3000] {
        writer.write_slice(&vec![1.5_f32; length], &[length]).unwrap();
        assert_eq!(
            store.reader("b").unwrap().latest().unwrap().as_slice::<f32>().unwrap(),
            vec![1.5; length]
        );
    }
    drop(writer);
    store.remove("b").unwrap();
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    assert_eq!(picture(&place.0), before.into_iter().filter(|(name, _)| !name.starts_with('b')).collect());
}

/// The header names a number whose file is one of the same header, made under that number, but does not hold the value.
#[test]
fn an_older_file_of_the_same_header_is_not_taken_for_the_value() {
    let Some(dir) = in_child(test_name!()) else { return };
    let tag = Tag::make(&dir);
    for (number, version, slot, field) in [(1, 3, 1, ""), (1, 2, 0, ""), (2, 2, 1, "number")] {
        let place = tag.put(&dir, &|header, data| {
            let words = record::words(version, 1, number, slot);
            words.into_iter().enumerate().for_each(|(i, word)| set(header, 200 + 8 * i, word));
            set(data, 56, number);
            seal_identity(data);
        });
        let name = format!("{}{number:010x}", &tag.name[..tag.name.len() - 10]);
        std::fs::rename(place.0.join(&tag.name), place.0.join(name)).unwrap();
        let store = Store::open(&place.0).unwrap();
        match store.reader("a").unwrap().latest().unwrap_err() {
            Error::Contended { .. } => assert_eq!(field, ""),
            Error::Corrupt { field: found, .. } => assert_eq!(found, field),
            error => panic!("{error:?}"),
        }
        let mut writer = store.writer("a").unwrap();
        assert_eq!(writer.write_slice(&NEXT, &[5]).unwrap(), version + 1);
        assert_eq!(read_live(&store).unwrap(), NEXT);
        assert_eq!(files(&place.0).len(), 2);
    }
}
