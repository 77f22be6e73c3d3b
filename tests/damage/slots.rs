//! What damaged words of a slot do to those who read it: in place, as copies (where the store is mounted read-only), and to who
//! takes over from a living writer.

use std::os::unix::fs::FileExt;
use std::path::Path;

use ndsharray::{DType, Error, Meta, Store};

use crate::common::damage::{
    ENTRY_CHECKSUM, NEXT, PINS, Tag, USER_LENGTH, VALUE, line, read_live, seal_entry, set, slot,
};
use crate::common::sandbox::with_mounts;
use crate::common::test_name;

/// The directory, and the same one read-only.
const MOUNTS: &str = "mount -t tmpfs -o size=64m none \"$1\" && mkdir \"$1/rw\" \"$1/ro\" &&
    mount --bind \"$1/rw\" \"$1/ro\" && mount -o remount,bind,ro \"$1/ro\"";

/// What reading gives: the user data's length, or the error.
type Expected = Result<usize, fn(&Error) -> bool>;

#[track_caller]
fn check(store: &Store, expected: &Expected, copied: Option<bool>, what: &str) {
    let reader = store.reader("a").unwrap();
    for _ in 0..2 {
        match (reader.latest(), expected) {
            (Ok(value), Ok(user_data)) => {
                assert_eq!(value.as_slice::<f32>().unwrap(), VALUE, "{what}");
                assert_eq!(value.user_data().len(), *user_data, "{what}");
                assert!(copied.is_none_or(|copied| value.is_copy() == copied), "{what}");
                let view = reader.view().unwrap();
                assert_eq!((view.bytes(), view.user_data()), (value.bytes(), value.user_data()), "{what}");
            }
            (Err(error), Err(fits)) => assert!(fits(&error), "{what}: {error:?}"),
            (found, _) => panic!("{what}: {found:?}"),
        }
    }
}

fn stored(dir: &Path, copy: &Path) -> [Store; 2] {
    [dir, copy].map(|dir| Store::open(dir.join("store")).unwrap())
}

#[test]
fn damaged_slots() {
    let Some(dir) = with_mounts(test_name!(), MOUNTS) else { return };
    let (rw, ro) = (dir.join("rw"), dir.join("ro"));
    let tag = Tag::make(&rw);
    let entry = slot(1);
    let user_length = |length: u32| {
        move |data: &mut Vec<u8>| {
            let at = line(1) + USER_LENGTH;
            data[at..at + 4].copy_from_slice(&length.to_ne_bytes());
        }
    };
    let pins = |count: u32| {
        move |data: &mut Vec<u8>| {
            for at in (PINS..PINS + 8 * 512).step_by(128) {
                data[at..at + 4].copy_from_slice(&count.to_ne_bytes());
            }
        }
    };
    let sealed = |at: usize, word: u64| {
        move |data: &mut Vec<u8>| {
            set(data, entry + at, word);
            seal_entry(data, entry);
        }
    };
    type Damage<'a> = &'a dyn Fn(&mut Vec<u8>);
    // Readers in place, too, copy what they cannot pin.
    let cases: [(&str, Damage, Expected, Option<bool>); 20] = [
        ("nothing", &|_| {}, Ok(9), Some(false)),
        ("no user data", &user_length(0), Ok(0), Some(false)),
        ("all the user data", &user_length(2048), Ok(2048), Some(false)),
        ("too many user data", &user_length(2049), Ok(2048), Some(false)),
        ("user data without end", &user_length(u32::MAX), Ok(2048), Some(false)),
        ("many pins", &pins((1 << 30) - 10), Ok(9), Some(false)),
        ("too many pins to be true", &pins(1 << 30), Ok(9), None),
        // Found by fuzzing: the first pin of an attempt was the last one that there may be.
        ("one pin less than there can be", &pins((1 << 31) - 1), Ok(9), None),
        ("more pins than there can be", &pins(1 << 31), Ok(9), Some(true)),
        ("as many as a word holds", &pins(u32::MAX), Ok(9), Some(true)),
        (
            "no content",
            &|data| set(data, line(1), 0),
            Err(|error| matches!(error, Error::Contended { .. })),
            Some(false),
        ),
        ("a phantom", &|data| set(data, line(0), 3), Ok(9), Some(false)),
        ("another encoding", &|data| set(data, line(1) + 40, u64::MAX), Ok(2048), Some(false)),
        (
            "no checksum",
            &|data| set(data, entry + ENTRY_CHECKSUM, 0),
            Err(|error| matches!(error, Error::Checksum { .. })),
            Some(false),
        ),
        (
            "an empty entry",
            &|data| data[entry..entry + 2048].fill(0),
            Err(|error| matches!(error, Error::Checksum { .. })),
            Some(false),
        ),
        (
            "another number",
            &sealed(0, 2),
            Err(|error| matches!(error, Error::Corrupt { field: "number", .. })),
            Some(false),
        ),
        (
            "no number",
            &sealed(0, 0),
            Err(|error| matches!(error, Error::Corrupt { field: "number", .. })),
            Some(false),
        ),
        (
            "65 axes",
            &sealed(72, 65),
            Err(|error| matches!(error, Error::Corrupt { field: "ndim", .. })),
            Some(false),
        ),
        (
            "no such dtype",
            &sealed(8, 77),
            Err(|error| matches!(error, Error::Corrupt { field: "dtype", .. })),
            Some(false),
        ),
        (
            "a length of its own",
            &sealed(592, 24),
            Err(|error| matches!(error, Error::Corrupt { field: "length", .. })),
            Some(false),
        ),
    ];
    for (what, damage, expected, copied) in cases {
        println!("{what}");
        for take_over in [false, true] {
            let place = tag.put(&rw, &|_, data| damage(data));
            let [store, copying] = stored(&rw, &ro);
            check(&store, &expected, copied, what);
            check(&copying, &expected, Some(true), what);
            let mut writer = store.writer("a").unwrap();
            assert_eq!(writer.version(), 2);
            let unpinnable =
                ["one pin less than there can be", "more pins than there can be", "as many as a word holds"];
            if take_over && unpinnable.contains(&what) {
                // A value that cannot be pinned is not lost.
                let error = store.writer_options("a").takeover(true).open().unwrap_err();
                assert!(matches!(error, Error::Corrupt { field: "pins", .. }), "{error}");
            } else if take_over {
                let living =
                    std::mem::replace(&mut writer, store.writer_options("a").takeover(true).open().unwrap());
                drop(living);
                assert_eq!(writer.version(), 2, "the count goes on, with or without the value");
            }
            if expected.is_ok() && copied == Some(false) {
                assert_eq!(read_live(&store).unwrap(), VALUE, "{what}: {take_over}");
            }
            assert_eq!(
                writer
                    .write_bytes_with(
                        &DType::Float32,
                        &[5],
                        bytemuck::cast_slice(&NEXT),
                        &Meta::new().user_data(b"x").unwrap()
                    )
                    .unwrap(),
                3
            );
            assert_eq!(read_live(&store).unwrap(), NEXT);
            drop(place);
        }
    }
}

/// A data file that ends in the middle of its value: an error, and never zeros for what is missing.
#[test]
fn a_value_that_is_cut_off() {
    let Some(dir) = with_mounts(test_name!(), MOUNTS) else { return };
    let (rw, ro) = (dir.join("rw"), dir.join("ro"));
    for length in [100_usize, 20_000, 200_000] {
        std::fs::create_dir(rw.join("store")).unwrap();
        let [store, copying] = stored(&rw, &ro);
        let mut writer = store.writer("a").unwrap();
        for value in 1..3_u8 {
            writer.write_slice(&vec![value; length], &[length]).unwrap();
        }
        let path = store.directory().join(writer.data_file().unwrap());
        drop(writer);
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        let whole = file.metadata().unwrap().len();
        let mut bytes = vec![0; whole as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(copying.reader("a").unwrap().latest().unwrap().bytes(), vec![2_u8; length]);
        let capacity = length.next_multiple_of(4096) as u64;
        for cut in [1, 4096, capacity, capacity + 1, capacity + 4096] {
            println!("{length}: {cut} bytes short");
            file.set_len(whole - cut).unwrap();
            for (store, copies) in [(&store, false), (&copying, true)] {
                match store.reader("a").unwrap().latest() {
                    Err(error) => assert!(matches!(error, Error::Truncated { .. }), "{error:?}"),
                    // Who copies needs no more than the value, which may end before its slot does.
                    Ok(value) => {
                        assert_eq!(value.bytes(), vec![2_u8; length]);
                        assert!(copies && cut <= capacity - length as u64);
                    }
                }
            }
            file.write_all_at(&bytes, 0).unwrap();
        }
        store.remove("a").unwrap();
        std::fs::remove_dir(rw.join("store")).unwrap();
    }
}
