//! Files of others under names that look like ours: what a sweep takes has our suffix, and is empty or begins as our files do.

use std::time::Duration;

use ndsharray::Store;

use crate::common::sandbox::{files, in_child, picture};
use crate::common::test_name;

const ZEROS: &[u8] = &[0; 100];

#[test]
fn files_of_others_with_temporary_names_stay() {
    let Some(dir) = in_child(test_name!()) else { return };
    let names = [
        // Found by review: a download tool's, which begins with zeros, had the name that ours had.
        (".weights_9f86d081884c7d65.tmp", ZEROS),
        (".weights_9f86d081884c7d65.tmp.part", b""),
        // Our old suffix, with what our own files begin with.
        (".a_0123456789abcdef.tmp", b""),
        (".a_0123456789abcdeF.tmp", b"NDSHDATA"),
        (".a_0123456789abcdEF.tmp", b"NDSHHEAD"),
        // Our suffix, but not our file.
        (".a_0123456789abcdef.ndsharray-tmp", ZEROS),
        (".a_0123456789abcdEf.ndsharray-tmp", b"some text"),
        (".a_0123456789abcDef.ndsharray-tmp", b"NDSHDAT"),
        // Nearly our names.
        (".a_0123456789abcdef0.ndsharray-tmp", b""),
        (".a_0123456789abcde.ndsharray-tmp", b""),
        (".a_0123456789abcde-.ndsharray-tmp", b""),
        (".0123456789abcdef.ndsharray-tmp", b""),
        ("._0123456789abcdef.ndsharray-tmp", b""),
        (".a_0123456789abcdef.ndsharray-tmp~", b""),
        ("a_0123456789abcdef.ndsharray-tmp", b""),
        (".a_0123456789abcdef.NDSHARRAY-TMP", b""),
    ];
    for (name, contents) in names {
        std::fs::write(dir.join(name), contents).unwrap();
    }
    let before = picture(&dir);
    let store = Store::open(&dir).unwrap();
    let sweeps = |what: &str| {
        assert_eq!(store.gc_dry_run().unwrap().removed, [""; 0], "{what}");
        assert_eq!(store.gc().unwrap().removed, [""; 0], "{what}");
        assert_eq!(picture(&dir), before, "{what}");
    };
    sweeps("nothing of ours");
    for tag in ["a", "weights"] {
        for round in 0..3 {
            let mut writer = store.writer_options(tag).ephemeral(round == 1).open().unwrap();
            writer.write_slice(&[round; 5000], &[5000]).unwrap();
            let mut next = store.writer_options(tag).takeover(true).open().unwrap();
            next.write_slice(&[round; 9000], &[9000]).unwrap();
            let value = store.reader(tag).unwrap().wait(Duration::ZERO).unwrap().unwrap();
            assert_eq!(value.bytes(), [round; 9000]);
            drop((value, writer, next));
            store.remove(tag).unwrap();
            sweeps(tag);
        }
    }
}

#[test]
fn what_a_killed_writer_left_under_a_temporary_name_goes() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    // Just created; with its magic; with its storage; complete.
    let mut writer = store.writer("b").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let [header, data] =
        ["b".to_owned(), writer.data_file().unwrap()].map(|name| std::fs::read(dir.join(name)).unwrap());
    drop(writer);
    store.remove("b").unwrap();
    let stages = [
        &[],
        &header[..8],
        &data[..8],
        &[&header[..8], ZEROS].concat(),
        &[&data[..8], ZEROS].concat(),
        &header[..],
        &data[..],
    ];
    for by_gc in [true, false] {
        let mut left: Vec<String> = Vec::new();
        for (i, bytes) in stages.into_iter().enumerate() {
            left.push(format!(".a_{i:016}.ndsharray-tmp"));
            std::fs::write(dir.join(&left[i]), bytes).unwrap();
        }
        if by_gc {
            assert_eq!(store.gc().unwrap().removed, left);
        } else {
            drop(store.writer("a").unwrap());
            store.remove("a").unwrap();
        }
        assert_eq!(files(&dir), [""; 0]);
    }
}
