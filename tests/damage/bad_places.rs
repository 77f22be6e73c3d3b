//! Directories, filesystems and foreign files that a store cannot use: each gives its own error, which says what it is
//! about, what was found and what was expected; nothing hangs, and what is not ours is left as it was.

use std::path::Path;

use ndsharray::{Error, Store};

use crate::common::process::{place, role};
use crate::common::sandbox::{
    OTHER, as_user, check_says, fails, files, finish, in_child, is_root, picture, run, set_mode, skip, store,
    text, with_mounts,
};
use crate::common::test_name;

#[test]
fn directories_that_are_none() {
    let (dir, _) = store();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    std::os::unix::fs::symlink(dir.path().join("nowhere"), dir.path().join("dangling")).unwrap();
    for (name, word) in [
        ("missing", "nothing"),
        ("missing/below", "nothing"),
        ("dangling", "nothing"),
        ("file", "not a directory"),
        ("file/below", "not a directory"),
    ] {
        let path = dir.path().join(name);
        let error = fails(Store::open(&path), text(&path));
        assert!(matches!(&error, Error::NoDirectory { path: p, .. } if *p == path), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    for (path, found) in [("", "an empty path"), ("a\0b", "a path with a NUL")] {
        let error = fails(Store::open(path), found);
        assert!(matches!(&error, Error::NoDirectory { .. }), "{error:?}");
    }
    std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
    assert!(matches!(fails(Store::open(dir.path().join("loop")), "loop"), Error::Io { .. }));
    // One that goes while the store is open.
    let path = dir.path().join("short");
    std::fs::create_dir(&path).unwrap();
    let store = Store::open(&path).unwrap();
    std::fs::remove_dir(&path).unwrap();
    assert!(matches!(fails(store.writer("a"), text(&path)), Error::NoDirectory { .. }));
    assert!(matches!(fails(store.reader("a"), text(&path)), Error::NotFound { .. }));
    assert!(matches!(fails(store.tags(), text(&path)), Error::Io { .. }));
    assert!(matches!(fails(store.gc(), text(&path)), Error::Io { .. }));
}

/// In a store that has "a" and that this process may not write to, reading works, and the rest is `NotWritable`.
fn look_only(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let before = picture(dir);
    for (outcome, path) in [
        (store.writer("new"), dir.to_owned()),
        (store.writer_options("new").takeover(true).open(), dir.to_owned()),
        (store.writer("a"), dir.join("a")),
        (store.writer_options("a").takeover(true).open(), dir.join("a")),
    ] {
        let error = fails(outcome, text(&path));
        assert!(matches!(&error, Error::NotWritable { path: p, .. } if *p == path), "{error:?}");
    }
    let error = fails(store.remove("a"), text(&dir.join("a")));
    assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    assert_eq!(store.tags().unwrap(), ["a"]);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1, 2, 3]);
    assert!(!store.stat("a").unwrap().writer_alive);
    assert_eq!(picture(dir), before);
}

#[test]
fn a_read_only_mount() {
    let Some(dir) = with_mounts(test_name!(), "mount -t tmpfs none \"$1\"") else { return };
    Store::open(&dir).unwrap().writer("a").unwrap().write_slice(&[1_u8, 2, 3], &[3]).unwrap();
    if run("mount", &[&"-o", &"remount,ro", &dir]) {
        look_only(&dir);
        assert!(run("mount", &[&"-o", &"remount,rw", &dir]));
    } else {
        skip(test_name!(), "the whole filesystem read-only: needs root outside a user namespace");
    }
    assert!(run("mount", &[&"--bind", &dir, &dir]) && run("mount", &[&"-o", &"remount,bind,ro", &dir]));
    look_only(&dir);
}

#[test]
fn a_directory_without_permission() {
    let test = test_name!();
    if role().is_some() {
        // The tag is this user's own, but the directory cannot be written to.
        let store = Store::open(place()).unwrap();
        let error = fails(store.writer("new"), text(&place()));
        assert!(matches!(&error, Error::NotWritable { path, .. } if *path == place()), "{error:?}");
        let error = fails(store.remove("a"), text(&place()));
        assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
        let error = fails(store.writer_options("a").takeover(true).ephemeral(true).open(), text(&place()));
        assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1, 2, 3]);
        // What needs no new name works.
        assert_eq!(store.writer("a").unwrap().write_slice(&[1_u8, 2, 3], &[3]).unwrap(), 2);
        let error = fails(store.writer("a").unwrap().write_slice(&[1_u8; 10_000], &[10_000]), text(&place()));
        assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
        let error = fails(store.writer("a").unwrap().write_slice(&[1_u8; 10], &[10]), text(&place()));
        assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1, 2, 3]);
        return;
    }
    if !is_root() {
        return skip(test, "needs root, to run a child as another user");
    }
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8, 2, 3], &[3]).unwrap();
    for name in files(dir.path()) {
        std::os::unix::fs::chown(dir.path().join(name), Some(OTHER), Some(OTHER)).unwrap();
    }
    set_mode(dir.path(), 0o755);
    let before = files(dir.path());
    finish(as_user(OTHER, OTHER, test, "", dir.path()));
    assert_eq!(files(dir.path()), before);
}

/// Filesystems that lack what a store needs, and the errors that say so.
#[test]
fn filesystems_that_do_not_fit() {
    let Some(dir) = with_mounts(test_name!(), "") else { return };
    let mut tried = Vec::new();
    for kind in ["ramfs", "vfat", "mqueue", "hugetlbfs", "proc", "sysfs"] {
        let at = dir.join(kind);
        std::fs::create_dir(&at).unwrap();
        let mounted = match kind {
            "vfat" => {
                let image = dir.join("image");
                std::fs::File::create(&image).unwrap().set_len(8 << 20).unwrap();
                run("mkfs.vfat", &[&image]) && run("mount", &[&"-o", &"loop", &image, &at])
            }
            kind => run("mount", &[&"-t", &kind, &"none", &at]),
        };
        if mounted {
            let store = Store::open(&at).unwrap();
            let before = files(&at).len();
            let error = fails(store.writer("a"), text(&at));
            let fits = match kind {
                "ramfs" | "vfat" => matches!(&error, Error::Unsupported { found: "fallocate", .. }),
                "mqueue" => matches!(&error, Error::Unsupported { found: "writing to files", .. }),
                "proc" => matches!(&error, Error::Unsupported { .. } | Error::NotWritable { .. }),
                "sysfs" => matches!(&error, Error::NotWritable { .. }),
                // Without reserved huge pages there is no space. With them, a header is not as large as a huge page.
                _ => matches!(&error, Error::NoSpace { .. } | Error::Io { .. } | Error::Unsupported { .. }),
            };
            assert!(fits, "{kind}: {error:?}");
            assert!(matches!(store.reader("a"), Err(Error::NotFound { .. })));
            if !matches!(kind, "proc" | "sysfs") {
                assert_eq!(files(&at).len(), before, "{kind}");
            }
            assert!(run("umount", &[&at]));
            tried.push(kind);
        } else {
            skip(test_name!(), &format!("{kind}: not to be had here"));
        }
        std::fs::remove_dir(&at).unwrap();
        let _ = std::fs::remove_file(dir.join("image"));
    }
    assert!(tried.contains(&"ramfs"), "ramfs is in every kernel, got {tried:?}");
}

/// Puts something that is no header at the path; `false` if that cannot be made here.
fn plant(what: &str, path: &Path, valid: &Path) -> bool {
    match what {
        "FIFO" => rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).unwrap(),
        "directory" => std::fs::create_dir(path).unwrap(),
        "symlink to a header" => std::os::unix::fs::symlink(valid, path).unwrap(),
        "dangling symlink" => std::os::unix::fs::symlink("nowhere", path).unwrap(),
        "socket" => drop(std::os::unix::net::UnixListener::bind(path).unwrap()),
        "device" => {
            use rustix::fs::{FileType, Mode, makedev, mknodat};
            let null = makedev(1, 3);
            return mknodat(rustix::fs::CWD, path, FileType::CharacterDevice, Mode::RWXU, null).is_ok();
        }
        "text" => std::fs::write(path, "somewhat notes\n".repeat(1000)).unwrap(),
        "short text" => std::fs::write(path, "NDSH").unwrap(),
        "empty" => std::fs::write(path, "").unwrap(),
        "zeros" => std::fs::write(path, [0; 8192]).unwrap(),
        "sparse" => std::fs::File::create(path).unwrap().set_len(1 << 40).unwrap(),
        other => panic!("{other}?"),
    }
    true
}

const FOREIGN: [(&str, &str); 11] = [
    ("FIFO", "a FIFO"),
    ("directory", "a directory"),
    ("symlink to a header", "a symbolic link"),
    ("dangling symlink", "a symbolic link"),
    ("socket", "a socket"),
    ("device", "a character device"),
    ("text", "starts with \"somewhat\""),
    ("short text", "starts with \"NDSH\""),
    ("empty", "an empty file"),
    ("zeros", "starts with \"\\x00"),
    ("sparse", "starts with \"\\x00"),
];

#[test]
fn foreign_files_under_the_tags_name() {
    // In a child, which can be killed if it blocks in `open`.
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    store.writer("good").unwrap().write_slice(&[1_u8, 2], &[2]).unwrap();
    for (what, found) in FOREIGN {
        let path = dir.join("a");
        if !plant(what, &path, &dir.join("good")) {
            skip(test_name!(), &format!("{what}: needs root"));
            continue;
        }
        let before = picture(&dir);
        for error in [
            fails(store.writer("a"), text(&path)),
            fails(store.writer_options("a").takeover(true).open(), text(&path)),
            fails(store.writer_options("a").ephemeral(true).open(), text(&path)),
            fails(store.reader("a"), text(&path)),
            fails(store.stat("a"), text(&path)),
            fails(store.remove("a"), text(&path)),
            fails(store.force_remove("a"), text(&path)),
        ] {
            assert!(matches!(&error, Error::NotAHeader { path: p, .. } if *p == path), "{what}: {error:?}");
            assert!(error.to_string().contains(found), "{what}: {error}");
        }
        assert_eq!(store.tags().unwrap(), ["good"]);
        assert_eq!(store.gc().unwrap().removed, [""; 0]);
        assert_eq!(picture(&dir), before, "{what}");
        assert_eq!(store.reader("good").unwrap().latest().unwrap().bytes(), [1, 2]);
        if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir(&path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
    }
}

/// A foreign file takes the header's name while a writer and a reader have the tag open.
#[test]
fn a_foreign_file_in_the_place_of_a_live_tag() {
    let Some(dir) = in_child(test_name!()) else { return };
    let mut live = Vec::new();
    for (what, _) in FOREIGN {
        let dir = dir.join(what);
        std::fs::create_dir(&dir).unwrap();
        let store = Store::open(&dir).unwrap();
        let mut writer = store.writer("a").unwrap();
        writer.write_slice(&[1_u8, 2], &[2]).unwrap();
        let mut reader = store.reader("a").unwrap();
        let held = reader.read().unwrap().unwrap();
        std::fs::rename(dir.join("a"), dir.join("b")).unwrap();
        if plant(what, &dir.join("a"), &dir.join("b")) {
            let before = picture(&dir)["a"].clone();
            live.push((what, dir, writer, reader, held, before));
        }
    }
    // A writer looks at its path once a second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    for (what, dir, mut writer, mut reader, held, before) in live {
        let error = fails(writer.write_slice(&[3_u8, 4], &[2]), "\"a\"");
        assert!(matches!(error, Error::Superseded { .. }), "{what}: {error:?}");
        drop(writer);
        assert_eq!(held.bytes(), [1, 2]);
        // The reader stays with the header that it has.
        assert!(reader.wait(std::time::Duration::from_millis(1)).unwrap().is_none(), "{what}");
        assert_eq!(reader.latest().unwrap().bytes(), [1, 2]);
        assert!(!reader.writer_alive().unwrap());
        assert_eq!(picture(&dir)["a"], before, "{what}");
    }
}

/// Without a free descriptor every operation fails with an error that says so, and works again when there are some.
#[test]
fn out_of_descriptors() {
    let Some(dir) = in_child(test_name!()) else { return };
    let store = Store::open(&dir).unwrap();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    store.writer("b").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let (before, reader) = (files(&dir), store.reader("a").unwrap());
    assert_eq!(reader.latest().unwrap().bytes(), [1]);
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = Some(64);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    // With none, one, two … left, each operation fails at another place inside.
    let mut failed = Vec::new();
    for left in 0..10_usize {
        let length = 10_000 * (left + 1);
        let outcomes = [
            store.writer("new").map(drop),
            store.writer_options("new").ephemeral(true).open().map(drop),
            store.writer_options("b").takeover(true).open().map(drop),
            store.reader("a").map(drop),
            store.tags().map(drop),
            writer.write_slice(&vec![1_u8; length], &[length]).map(drop),
        ];
        failed.push(outcomes.iter().filter(|outcome| outcome.is_err()).count());
        for error in outcomes.into_iter().filter_map(Result::err) {
            check_says(&error, text(&dir));
            assert!(error.to_string().contains("Too many open files"), "{left} left: {error}");
        }
        let value = reader.latest();
        if left == 0 {
            assert_eq!(value.unwrap().bytes(), [1], "what is mapped needs no descriptor");
        }
        hoard.pop();
    }
    assert_eq!((failed[0], failed[9]), (6, 0), "{failed:?}");
    drop(hoard);
    assert_eq!(files(&dir).len(), before.len(), "{:?}", files(&dir));
    assert_eq!(store.reader("b").unwrap().latest().unwrap().bytes(), [1]);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 100_000]);
}
