//! Special files, hard links and vast sparse files under a tag's name and its data file's. Only regular files are
//! opened, nothing hangs or dies, files of others stay as they are, and looking at a store does not fill it.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::Duration;

use ndsharray::{Error, Store};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{CWD, FileType, Mode, makedev, mkfifoat, mknodat};

use crate::common::damage::{NEXT, Tag, VALUE, read, read_live, says, seal_identity, set, slot};
use crate::common::sandbox::{files, skip, with_mounts};
use crate::common::test_name;

/// A memory filesystem of 64 MB, on which devices are devices.
const MOUNT: &str = "mount -t tmpfs -o size=64m,dev none \"$1\"";
const TERABYTE: u64 = 1 << 40;

const LOOKING: [&str; 5] = ["read", "wait", "stat", "list", "collect"];
const CHANGING: [&str; 5] = ["write", "write for a while", "take over", "remove", "remove by force"];

/// Does one operation on the tag. If a writer opens, what it writes is read.
fn operate(store: &Store, what: &str) -> Result<(), Error> {
    let options = store.writer_options("a");
    match what {
        "read" => {
            let reader = store.reader("a")?;
            reader.view().map(drop)?;
            reader.latest().map(drop)
        }
        "wait" => store.reader("a")?.wait(Duration::ZERO).map(drop),
        "stat" => store.stat("a").map(drop),
        "list" => store.tags().map(drop),
        "collect" => store.gc().map(|report| assert_eq!(report.removed, [""; 0])),
        "remove" => store.remove("a"),
        "remove by force" => store.force_remove("a"),
        _ => {
            let options = match what {
                "write" => options,
                "write for a while" => options.takeover(true).ephemeral(true),
                "take over" => options.takeover(true),
                other => panic!("{other}?"),
            };
            let mut writer = options.open()?;
            writer.write_slice(&NEXT, &[5])?;
            assert_eq!(read_live(store).unwrap(), NEXT, "{what}");
            Ok(())
        }
    }
}

/// Everything about a file that changes if anybody does something to it.
fn stamp(path: &Path) -> [u64; 9] {
    let status = path.symlink_metadata().unwrap();
    let times = [status.mtime(), status.mtime_nsec(), status.ctime(), status.ctime_nsec()].map(|t| t as u64);
    let [a, b, c, d] = times;
    let (owner, links) = (u64::from(status.uid()) << 32 | u64::from(status.gid()), status.nlink());
    [status.ino(), u64::from(status.mode()), status.rdev(), status.size(), owner | links << 48, a, b, c, d]
}

/// Puts a special file there; `false` if that cannot be made here.
fn plant(what: &str, path: &Path) -> bool {
    let device = |kind, major, minor| mknodat(CWD, path, kind, Mode::RWXU, makedev(major, minor)).is_ok();
    match what {
        "null device" => device(FileType::CharacterDevice, 1, 3),
        "zero device" => device(FileType::CharacterDevice, 1, 5),
        "terminal" => device(FileType::CharacterDevice, 5, 0),
        "device that is not there" => device(FileType::CharacterDevice, 240, 77),
        "disk" => device(FileType::BlockDevice, 7, 0),
        "disk that is not there" => device(FileType::BlockDevice, 240, 77),
        "FIFO" => mkfifoat(CWD, path, Mode::RWXU).is_ok(),
        "socket" => std::os::unix::net::UnixListener::bind(path).is_ok(),
        "directory" => std::fs::create_dir(path).is_ok(),
        other => panic!("{other}?"),
    }
}

const SPECIAL: [&str; 9] = [
    "null device",
    "zero device",
    "terminal",
    "device that is not there",
    "disk",
    "disk that is not there",
    "FIFO",
    "socket",
    "directory",
];

#[test]
fn special_files_are_not_opened() {
    let test = test_name!();
    let Some(dir) = with_mounts(test, MOUNT) else { return };
    let tag = Tag::make(&dir);
    let mut tried = 0;
    for what in SPECIAL {
        for under in ["a", &tag.name] {
            for operation in LOOKING.into_iter().chain(CHANGING) {
                // If this hangs or ends in a signal, the parent shows the last line.
                println!("{what} under {under}: {operation}");
                let place = tag.put(&dir, &|_, _| {});
                let path = place.0.join(under);
                std::fs::remove_file(&path).unwrap();
                if !plant(what, &path) {
                    skip(test, &format!("{what}: needs root outside a user namespace"));
                    continue;
                }
                let (store, before) = (Store::open(&place.0).unwrap(), stamp(&path));
                let eye = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
                inotify::add_watch(&eye, &path, WatchFlags::OPEN | WatchFlags::DONT_FOLLOW).unwrap();
                match operate(&store, operation) {
                    Err(error) => {
                        says(&store, &error);
                        let fits = match under {
                            "a" => matches!(error, Error::NotAHeader { .. }),
                            _ => matches!(error, Error::Corrupt { field: "file type", .. }),
                        };
                        assert!(fits, "{what} under {under}: {operation}: {error:?}");
                        assert!(under == "a" || matches!(operation, "read" | "wait" | "stat"), "{error:?}");
                    }
                    Ok(()) if under == "a" => assert!(matches!(operation, "list" | "collect"), "{operation}"),
                    Ok(()) => assert!(!matches!(operation, "read" | "wait" | "stat")),
                }
                let opened = rustix::io::read(&eye, &mut [0_u8; 4096][..]);
                assert_eq!(opened.unwrap_err(), rustix::io::Errno::AGAIN, "{operation} opened a {what}");
                assert_eq!(stamp(&path), before, "{operation} changed a {what}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 3 * 2 * 10, "FIFO, socket and directory need no root: {tried}");
}

/// A hard link under a tag's name to something else, and the other way round.
#[test]
fn hard_links() {
    let Some(dir) = with_mounts(test_name!(), MOUNT) else { return };
    let tag = Tag::make(&dir);
    for operation in LOOKING.into_iter().chain(CHANGING) {
        println!("{operation}");
        // Somebody's text under both names.
        for (under, changes) in [("a", false), (&tag.name, true)] {
            let place = tag.put(&dir, &|_, _| {});
            let (text, path) = (place.0.join("text"), place.0.join(under));
            std::fs::write(&text, "mine\n".repeat(3000)).unwrap();
            std::fs::remove_file(&path).unwrap();
            std::fs::hard_link(&text, &path).unwrap();
            let (store, before) = (Store::open(&place.0).unwrap(), stamp(&text));
            let outcome = operate(&store, operation);
            let _ = outcome.as_ref().inspect_err(|error| says(&store, error));
            assert_eq!(outcome.is_ok(), outcome_of(operation, changes), "{under}: {outcome:?}");
            assert_eq!(stamp(&text), before, "{operation} with a link under {under}");
        }
        // The tag's own header under its data file's name, and the other way round.
        for (from, under, changes) in [("a", &*tag.name, true), (&*tag.name, "a", false)] {
            let place = tag.put(&dir, &|_, _| {});
            let (from, path) = (place.0.join(from), place.0.join(under));
            std::fs::remove_file(&path).unwrap();
            std::fs::hard_link(&from, &path).unwrap();
            let store = Store::open(&place.0).unwrap();
            let outcome = operate(&store, operation);
            let _ = outcome.as_ref().inspect_err(|error| says(&store, error));
            assert_eq!(outcome.is_ok(), outcome_of(operation, changes), "{under}: {outcome:?}");
            assert!(path.exists() || operation.starts_with("remove") && under == "a");
        }
        // A second name of the header is another tag, which has no data file. A second name of the data file is of no
        // use.
        let place = tag.put(&dir, &|_, _| {});
        std::fs::hard_link(place.0.join("a"), place.0.join("b")).unwrap();
        std::fs::hard_link(place.0.join(&tag.name), place.0.join("data")).unwrap();
        let store = Store::open(&place.0).unwrap();
        assert!(matches!(store.reader("b").unwrap().latest(), Err(Error::DataMissing { .. })));
        read(&store, &VALUE).unwrap();
        let writer = store.writer("a").unwrap();
        assert!(matches!(store.writer("b"), Err(Error::WriterExists { .. })), "one header, one lock");
        drop(writer);
        operate(&store, operation).unwrap();
        assert!(place.0.join("b").exists() && place.0.join("data").exists());
        assert_eq!(place.0.join("data").metadata().unwrap().len(), tag.data.len() as u64);
    }
}

/// Whether an operation works if the data file's name (`changes`), or the tag's name, has something else.
fn outcome_of(operation: &str, changes: bool) -> bool {
    match operation {
        "list" | "collect" => true,
        "read" | "wait" | "stat" => false,
        _ => changes,
    }
}

fn free(dir: &Path) -> u64 {
    let status = rustix::fs::statvfs(dir).unwrap();
    status.f_bfree * status.f_bsize
}

fn extend(path: &Path, length: u64) {
    std::fs::File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn sparse_files_of_terabytes() {
    let Some(dir) = with_mounts(test_name!(), MOUNT) else { return };
    let tag = Tag::make(&dir);
    let (nothing, whole) = (|_: &mut Vec<u8>, _: &mut Vec<u8>| {}, 8 * TERABYTE);
    // The file's own words say, under a right checksum, that a slot has a terabyte. The value is a hole, behind its entry.
    let vast = |_: &mut Vec<u8>, data: &mut Vec<u8>| {
        set(data, 64, TERABYTE);
        seal_identity(data);
    };
    let empty = |header: &mut Vec<u8>, data: &mut Vec<u8>| (header.clear(), data.clear()).0;
    let zero = [0.0; 5];
    type Damage<'a> = &'a dyn Fn(&mut Vec<u8>, &mut Vec<u8>);
    for (what, under, damage, value) in [
        ("header with a long tail", "a", &nothing as Damage, Some(&VALUE)),
        ("data file with a long tail", &tag.name, &nothing, Some(&VALUE)),
        ("data file with vast slots", &tag.name, &vast, Some(&zero)),
        ("nothing but a hole, for a header", "a", &empty, None),
        ("nothing but a hole, for a data file", &tag.name, &|_, data: &mut Vec<u8>| data.clear(), None),
    ] {
        for operation in LOOKING.into_iter().chain(CHANGING) {
            println!("{what}: {operation}");
            let place = tag.put(&dir, damage);
            extend(&place.0.join(under), whole + 8192);
            if what.contains("vast") {
                let file = std::fs::File::options().write(true).open(place.0.join(under)).unwrap();
                let entry = &tag.data[slot(1)..slot(1) + 4096];
                file.write_all_at(entry, slot(0) as u64 + 4096 + TERABYTE).unwrap();
            }
            let (store, before) = (Store::open(&place.0).unwrap(), free(&dir));
            if let Some(value) = value {
                read(&store, value).unwrap();
            }
            let outcome = operate(&store, operation);
            let _ = outcome.as_ref().inspect_err(|error| says(&store, error));
            let left = free(&dir);
            assert!(left + (256 << 10) > before, "{what}: {operation} took {before} - {left}");
            let fits = match (&outcome, operation) {
                // There is no room for the storage that the file says it has. A new tag needs none of it.
                (outcome, "write" | "take over") if what.contains("vast") => {
                    matches!(outcome, Err(Error::NoSpace { .. }))
                }
                (outcome, _) if value.is_some() => outcome.is_ok(),
                (outcome, _) => outcome.is_ok() == outcome_of(operation, under != "a"),
            };
            assert!(fits, "{what}: {operation}: {outcome:?}");
        }
    }
    assert_eq!(files(&dir), [""; 0]);
}

/// Copies with holes, as `cp` makes them of zeros, on a full store: touching a hole there would be a SIGBUS.
#[test]
fn readers_of_a_copy_with_holes_on_a_full_store() {
    let Some(dir) = with_mounts(test_name!(), MOUNT) else { return };
    let tag = Tag::make(&dir);
    let page = 4096;
    let mut failed = 0;
    // Holes: the header's waiting flag; the pins; the value.
    for holes in
        [vec![("a", 1)], vec![(&*tag.name, 1)], vec![(&*tag.name, 5)], vec![("a", 1), (&*tag.name, 1)]]
    {
        for operation in ["read", "wait", "stat", "list", "remove", "take over", "write"] {
            println!("{holes:?}: {operation}");
            let place = tag.put(&dir, &|_, _| {});
            let store = Store::open(&place.0).unwrap();
            let living = (operation == "take over").then(|| store.writer("a").unwrap());
            for (name, at) in &holes {
                let file = std::fs::File::options().write(true).open(place.0.join(name)).unwrap();
                let flags = rustix::fs::FallocateFlags::PUNCH_HOLE | rustix::fs::FallocateFlags::KEEP_SIZE;
                rustix::fs::fallocate(&file, flags, at * page, page).unwrap();
            }
            let ballast = place.0.join("ballast");
            let file = std::fs::File::create(&ballast).unwrap();
            // Two pages for a header, so that a takeover comes as far as the value.
            let keep = if operation == "take over" { 2 * page } else { 0 };
            file.write_all_at(&vec![1; (free(&dir) - keep) as usize], 0).unwrap();
            let outcome = operate(&store, operation);
            match &outcome {
                Err(error) => {
                    assert!(matches!(error, Error::NoSpace { .. }), "{error:?}");
                    says(&store, error);
                    failed += 1;
                }
                Ok(()) => assert!(!matches!(operation, "write" | "take over"), "{holes:?}"),
            }
            drop(living);
            let data_is_whole = holes[..] == [("a", 1)];
            assert!(outcome.is_ok() || !data_is_whole || operation == "write" || operation == "take over");
            drop(file);
            std::fs::remove_file(&ballast).unwrap();
            if operation != "remove" {
                let expected: &[f32] = if holes[0].1 == 5 { &[0.0; 5] } else { &VALUE };
                assert_eq!(read_live(&store).unwrap(), expected, "{operation}");
            }
        }
    }
    assert!(failed > 10, "{failed}");
}
