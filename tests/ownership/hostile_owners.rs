//! A tag's files have other owners and wrong modes, and a user who is not root works with them. Errors name the file,
//! files of others do not change, and a writer replaces a data file that it may not use.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::time::Duration;

use ndsharray::{Error, Store};

use crate::common::damage::{NEXT, Tag, VALUE, read, read_live, says};
use crate::common::process::{Watchdog, place, role};
use crate::common::sandbox::{OTHER, as_user, directory, finish, is_root, set_mode, skip};
use crate::common::test_name;

const MODES: [u32; 12] =
    [0o000, 0o100, 0o200, 0o400, 0o600, 0o222, 0o444, 0o644, 0o666, 0o111, 0o1600, 0o7777];

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

/// As a user who is nobody in particular: everything that can be done to a tag. Returns what reading and opening gave.
fn everything(store: &Store, what: &str) -> (Result<(), Error>, Result<(), Error>) {
    println!("{what}");
    let looked = read(store, &VALUE);
    if let Ok(mut reader) = store.reader("a") {
        let _ = reader.wait(Duration::ZERO).inspect_err(|error| says(store, error));
    }
    let _ = store.stat("a").inspect_err(|error| says(store, error));
    assert_eq!(store.tags().unwrap().is_empty(), store.reader("a").is_err(), "{what}");
    assert_eq!(store.gc().unwrap().removed, [""; 0], "{what}");
    let write = |takeover| {
        let mut writer = store.writer_options("a").takeover(takeover).open()?;
        writer.write_slice(&NEXT, &[5])?;
        drop(writer);
        assert_eq!(read_live(store).unwrap(), NEXT, "{what}");
        Ok(())
    };
    let wrote = write(false).inspect_err(|error| says(store, error));
    let _ = write(true).inspect_err(|error| says(store, error));
    (looked, wrote)
}

#[test]
fn other_owners_and_wrong_modes() {
    let test = test_name!();
    if role().is_some() {
        return as_a_user();
    }
    let _watchdog = Watchdog::new(test);
    if !is_root() {
        return skip(test, "needs root, to give files away and to run a child as another user");
    }
    let dir = directory();
    let tag = Tag::make(dir.path());
    for (header_owner, data_owner) in [(OTHER, OTHER), (OTHER, 0), (0, OTHER), (0, 0)] {
        for header_mode in MODES {
            // The data file's modes matter only to who may read the header.
            let may_read = header_owner == OTHER && header_mode & 0o400 != 0 || header_mode & 0o004 != 0;
            for data_mode in if may_read { &MODES[..] } else { &[0o600] } {
                let place = tag.put(dir.path(), &|_, _| {});
                for (name, owner, mode) in
                    [("a", header_owner, header_mode), (&*tag.name, data_owner, *data_mode)]
                {
                    let path = place.0.join(name);
                    chown(&path, Some(owner), Some(owner)).unwrap();
                    set_mode(&path, mode);
                }
                // As in /dev/shm: everybody makes files, nobody removes another's.
                set_mode(&place.0, 0o1777);
                let keep = dir
                    .path()
                    .join("all")
                    .join(format!("{header_owner}-{data_owner}-{header_mode:o}-{data_mode:o}"));
                std::fs::create_dir_all(keep.parent().unwrap()).unwrap();
                std::fs::rename(&place.0, keep).unwrap();
            }
        }
    }
    set_mode(dir.path(), 0o755);
    set_mode(&dir.path().join("all"), 0o755);
    std::fs::write(dir.path().join("all/name"), &tag.name).unwrap();
    let before = foreign(dir.path());
    assert!(before.len() > 100, "{}", before.len());
    finish(as_user(OTHER, OTHER, test, "user", dir.path()));
    for (path, stamp, contents) in before {
        assert_eq!((stamp_of(&path), std::fs::read(&path).unwrap()), (stamp, contents), "{path:?}");
    }
}

/// Root's files. A user may pin in those that it may write to, and must not change anything else.
fn foreign(dir: &Path) -> Vec<(std::path::PathBuf, [u64; 5], Vec<u8>)> {
    let stores =
        dir.join("all").read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let files = stores.flat_map(|store| store.read_dir().unwrap().map(|entry| entry.unwrap().path()));
    let owned = files.filter(|path| path.metadata().unwrap().uid() == 0);
    owned.map(|path| (path.clone(), stamp_of(&path), std::fs::read(&path).unwrap())).collect()
}

fn stamp_of(path: &Path) -> [u64; 5] {
    let status = path.symlink_metadata().unwrap();
    let owner = u64::from(status.uid()) << 32 | u64::from(status.gid());
    // Without the times, as pins change them.
    [status.ino(), u64::from(status.mode()), status.size(), owner, status.nlink()]
}

/// The child's part.
fn as_a_user() {
    let all = place().join("all");
    let data = std::fs::read_to_string(all.join("name")).unwrap();
    let (mut readable, mut writable, mut neither) = (0, 0, 0);
    for entry in all.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let store = Store::open(&entry).unwrap();
        let what = entry.file_name().unwrap().to_str().unwrap();
        let (header, data) = (entry.join("a"), entry.join(&data));
        let may = |path: &Path, bit: u32| {
            let mine = path.metadata().unwrap().uid() == OTHER;
            mode(path) & if mine { bit << 6 } else { bit } != 0
        };
        let (may_read, may_write) = (may(&header, 4), may(&header, 4) && may(&header, 2));
        let may_have = may_read && may(&data, 4);
        let mine = header.metadata().unwrap().uid() == OTHER;
        let (looked, wrote) = everything(&store, what);
        assert_eq!(looked.is_ok(), may_have, "{what}: {looked:?}");
        assert_eq!(wrote.is_ok(), mine && may_write, "{what}: {wrote:?}");
        match wrote {
            // The old data file may be somebody else's and stay; what is new has no more than the header had.
            Ok(()) => {
                for path in entry.read_dir().unwrap().map(|entry| entry.unwrap().path()) {
                    assert!(path == data || mode(&path) & !0o666 == 0, "{what}: {path:?} {:o}", mode(&path));
                }
                store.remove("a").unwrap();
                writable += 1;
            }
            Err(error) => {
                let fits = match error {
                    Error::NotOwner { found, expected, .. } => !mine && (found, expected) == (0, OTHER),
                    Error::NotWritable { .. } => mine && may_read,
                    Error::Io { .. } => mine && !may_read,
                    _ => false,
                };
                assert!(fits, "{what}: {error:?}");
                let error = store.remove("a").unwrap_err();
                says(&store, &error);
                assert!(header.exists());
                neither += 1;
            }
        }
        readable += u32::from(may_have);
    }
    println!("{readable} readable, {writable} writable, {neither} not");
    assert!(readable > 20 && writable > 20 && neither > 20);
}
