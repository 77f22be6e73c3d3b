//! A store in a directory with 20,000 files of others, with names of every kind: everything works, `tags` and `gc` see
//! our tags and nothing else, and the other files stay.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use ndsharray::Store;

use crate::common::sandbox::in_child;
use crate::common::test_name;

const FILES: usize = 20_000;

/// The name of the n-th foreign file.
fn name(n: usize) -> OsString {
    let hex = format!("{n:032x}");
    let bytes = match n % 20 {
        0 => format!("file {n}").into_bytes(),
        1 => [b"\xff\xfe\x80 ", n.to_string().as_bytes()].concat(),
        2 => format!("line\nbreak\n{n}").into_bytes(),
        3 => format!("{n}{}", "x".repeat(255 - n.to_string().len())).into_bytes(),
        4 => format!("a_{hex}").into_bytes(),
        5 => format!("nobody_{hex}").into_bytes(),
        6 => format!(".a_{n:016}.tmp").into_bytes(),
        7 => format!(".nobody_{n:016}.ndsharray-tmp").into_bytes(),
        8 => format!(".hidden{n}").into_bytes(),
        9 => format!("  {n} ").into_bytes(),
        10 => format!("-rf {n}").into_bytes(),
        11 => format!("%s%n{n}$(true)`true`\"'\\*?").into_bytes(),
        12 => format!("Kamera Süd {n} \u{202e}\u{0301}\u{1f4f7}").into_bytes(),
        13 => format!("_{hex}").into_bytes(),
        14 => [&[1 + (n % 31) as u8, 0x1b, b'[', b'm'][..], n.to_string().as_bytes()].concat(),
        15 => format!("a_{}", hex.replace('0', "F")).into_bytes(),
        16 => format!("a_{hex}_").into_bytes(),
        17 => format!("a_{hex}_{hex}").into_bytes(),
        // A tag's length, and one byte too many.
        18 => format!("{n:0200}").into_bytes(),
        _ => [b"a_\xe9_", hex.as_bytes()].concat(),
    };
    OsStr::from_bytes(&bytes).to_owned()
}

/// The contents of the n-th foreign file: some begin as our own files do, some are empty.
fn contents(n: usize) -> &'static [u8] {
    let temporary = n % 20 == 7;
    match n / 20 % 4 {
        0 => b"not yours\n",
        // Under a temporary name these may be what a killed writer left.
        _ if temporary => b"not yours, either\n",
        1 => b"",
        2 => b"NDSHHEAD",
        _ => b"NDSHDATA and more\n",
    }
}

fn names(dir: &Path) -> BTreeSet<OsString> {
    dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn twenty_thousand_files_of_others() {
    let Some(dir) = in_child(test_name!()) else { return };
    let mut foreign = BTreeSet::new();
    for n in 0..FILES {
        let name = name(n);
        match n / 80 % 100 {
            0 => std::os::unix::fs::symlink("a", dir.join(&name)).unwrap(),
            1 => std::fs::create_dir(dir.join(&name)).unwrap(),
            2 => rustix::fs::mkfifoat(rustix::fs::CWD, dir.join(&name), rustix::fs::Mode::RWXU).unwrap(),
            _ => std::fs::write(dir.join(&name), contents(n)).unwrap(),
        }
        assert!(foreign.insert(name));
    }
    let store = Store::open(&dir).unwrap();
    let longest = "ü".repeat(100);
    let tags = ["a", "nobody", "Kamera Süd 1", &longest];
    let mut expected: Vec<&str> = tags.to_vec();
    expected.sort_unstable();
    for (i, tag) in tags.into_iter().enumerate() {
        // What a killed writer leaves is swept away among all that.
        let left = format!(".{tag}_AAAAAAAAAAAAAAAA.ndsharray-tmp");
        std::fs::write(dir.join(&left), [&b""[..], b"NDSHHEAD", b"NDSHDATA and storage"][i % 3]).unwrap();
        let mut writer = store.writer_options(tag).ephemeral(i == 1).open().unwrap();
        assert!(!dir.join(&left).exists(), "{left}");
        let mut reader = store.reader(tag).unwrap();
        for round in 1..4_u8 {
            let length = usize::from(round) * 5000;
            writer.write_slice(&vec![round; length], &[length]).unwrap();
            let value = reader.wait(Duration::ZERO).unwrap().unwrap();
            assert_eq!(value.bytes(), vec![round; length]);
        }
        let mut next = store.writer_options(tag).takeover(true).open().unwrap();
        drop(writer);
        assert_eq!(next.write_slice(&[9_u8], &[1]).unwrap(), 4);
        assert_eq!(store.reader(tag).unwrap().latest().unwrap().bytes(), [9]);
        assert_eq!(store.stat(tag).unwrap().value.unwrap().version, 4);
    }
    assert_eq!(store.tags().unwrap(), expected);
    std::fs::write(dir.join(".b_AAAAAAAAAAAAAAAA.ndsharray-tmp"), "NDSHDATA").unwrap();
    assert_eq!(store.gc().unwrap().removed, [".b_AAAAAAAAAAAAAAAA.ndsharray-tmp"]);
    for tag in tags {
        store.remove(tag).unwrap();
    }
    assert_eq!(store.tags().unwrap(), [""; 0]);
    assert!(names(&dir) == foreign, "names changed");
    for n in 0..FILES {
        let path = dir.join(name(n));
        if path.symlink_metadata().unwrap().is_file() {
            assert_eq!(std::fs::read(&path).unwrap(), contents(n), "{path:?}");
        }
    }
}
