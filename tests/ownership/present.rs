//! Who has a tag at present, as errors and `stat` say it; and files that are not the writer's own any more.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use ndsharray::{Error, Store};

use crate::common::process::{Process, Watchdog, hear, place, role, say, wait_for_end};
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::common::values::{check_snapshot, write_next};

/// Whom the error of a second opening names.
#[track_caller]
fn named(store: &Store) -> Option<u32> {
    match store.writer("a") {
        Err(Error::WriterExists { pid, .. }) => pid,
        other => panic!("{other:?}"),
    }
}

/// `WriterExists` and `stat` name the process that has the tag now: its first writer, an adopter, or whoever took it over; and
/// nobody once that has left or was killed.
#[test]
fn the_one_who_has_the_tag_is_named() {
    let test = test_name!();
    if let Some(role) = role() {
        let store = Store::open(place()).unwrap();
        let mut writer = store.writer_options("a").takeover(role == "takes over").open().unwrap();
        write_next(&mut writer).unwrap();
        say("ready");
        return wait_for_end();
    }
    let _watchdog = Watchdog::new(test);
    let (directory, store) = store();
    let start = |role| Process::ready(test, role, directory.path());
    let pid = |process: &Process| Some(process.pid() as u32);
    let nobody = || {
        let stat = store.stat("a").unwrap();
        assert_eq!((stat.pid, stat.writer_alive), (None, false));
    };
    let somebody = |pid: Option<u32>| {
        let stat = store.stat("a").unwrap();
        assert_eq!((stat.pid, stat.writer_alive, named(&store)), (pid, true, pid));
        let text = store.writer("a").unwrap_err().to_string();
        assert!(text.contains(&pid.unwrap().to_string()) && text.contains("take over"), "{text}");
    };
    let first = start("opens");
    somebody(pid(&first));
    first.end();
    nobody();
    let adopter = start("opens");
    somebody(pid(&adopter));
    adopter.kill();
    nobody();
    let writer = store.writer("a").unwrap();
    somebody(Some(std::process::id()));
    let taker = start("takes over");
    somebody(pid(&taker));
    drop(writer);
    somebody(pid(&taker));
    taker.end();
    nobody();
}

/// The files of a tag with their inodes.
fn inodes(directory: &Path) -> Vec<(String, u64)> {
    files(directory)
        .into_iter()
        .map(|name| (name.clone(), directory.join(name).metadata().unwrap().ino()))
        .collect()
}

/// A backup of both files is put back under a living writer, by renaming. The writer notices, and at its end removes nothing
/// that is not its own.
#[test]
fn a_backup_that_is_restored_under_a_writer_stays() {
    let _watchdog = Watchdog::new(test_name!());
    for ends in ["told", "dropped", "killed by a new layout"] {
        let (directory, store) = store();
        let at = |name: &str| directory.path().join(name);
        let mut writer = store.writer("a").unwrap();
        let version = write_next(&mut writer).unwrap();
        let data = writer.data_file().unwrap();
        std::fs::create_dir(at("backup")).unwrap();
        for name in ["a", &data] {
            std::fs::copy(at(name), at("backup").join(name)).unwrap();
        }
        writer.write_slice(&[7_u8], &[1]).unwrap();
        writer.write_slice(&[8_u8], &[1]).unwrap();
        for name in [&data[..], "a"] {
            std::fs::rename(at("backup").join(name), at(name)).unwrap();
        }
        std::fs::remove_dir(at("backup")).unwrap();
        let own = writer.data_file().unwrap();
        assert_ne!(own, data, "another layout has another name");
        let restored = ["a".to_owned(), data];
        let before: Vec<_> =
            inodes(directory.path()).into_iter().filter(|(name, _)| restored.contains(name)).collect();
        if ends != "dropped" {
            std::thread::sleep(Duration::from_millis(1050));
            let length = if ends == "told" { 1 } else { 100_000 };
            let error = writer.write_slice(&vec![9_u8; length], &[length]).unwrap_err();
            assert!(matches!(error, Error::Superseded { .. }), "{error}");
        }
        drop(writer);
        let after = inodes(directory.path());
        assert!(before.iter().all(|file| after.contains(file)), "{ends}: {before:?}, now {after:?}");
        let value = store.reader("a").unwrap().latest().unwrap();
        assert_eq!(value.version(), version, "that of the backup");
        check_snapshot("a", &value);
        // What the writer left goes with the next one.
        let next = store.writer("a").unwrap();
        assert_eq!(inodes(directory.path()), before, "{ends}");
        assert_eq!(next.version(), version);
    }
}

/// A header that was put back counts the names of data files from where it was then. A name that was given since is not given
/// to another file: here it is that of a writer that has not noticed yet.
#[test]
fn a_restored_header_gives_no_name_twice() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let at = |name: &str| directory.path().join(name);
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    std::fs::copy(at("a"), at("backup")).unwrap();
    let data = writer.data_file().unwrap();
    std::fs::copy(at(&data), at("data")).unwrap();
    writer.write_slice(&[2_u16], &[1]).unwrap();
    let own = writer.data_file().unwrap();
    std::fs::rename(at("data"), at(&data)).unwrap();
    std::fs::rename(at("backup"), at("a")).unwrap();
    let inode = at(&own).metadata().unwrap().ino();
    let mut next = store.writer("a").unwrap();
    next.write_slice(&[3_u32], &[1]).unwrap();
    assert_ne!(next.data_file().unwrap(), own);
    assert_eq!(at(&own).metadata().unwrap().ino(), inode, "the writer that was there has it still");
    assert_eq!(store.reader("a").unwrap().latest().unwrap().as_slice::<u32>().unwrap(), [3]);
    drop(writer);
    next.write_slice(&[0_u8; 100_000], &[100_000]).unwrap();
    drop(next);
    let last = store.writer("a").unwrap();
    assert_eq!(files(directory.path()), ["a".to_owned(), last.data_file().unwrap()]);
}

/// The same, of the data file alone, and with the very name that the writer's own has.
#[test]
fn a_restored_data_file_is_not_the_writers_own() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    write_next(&mut writer).unwrap();
    let data = directory.path().join(writer.data_file().unwrap());
    let backup = directory.path().join("backup");
    std::fs::copy(&data, &backup).unwrap();
    std::fs::rename(&backup, &data).unwrap();
    let restored = data.metadata().unwrap().ino();
    // The writer leaves its file for a larger one.
    writer.write_slice(&[0_u8; 300_000], &[300_000]).unwrap();
    assert_eq!(data.metadata().unwrap().ino(), restored, "it removed a file that is not its own");
    drop(writer);
    let next = store.writer("a").unwrap();
    assert_eq!(files(directory.path()), ["a".to_owned(), next.data_file().unwrap()], "nobody names it");
}

/// Role: keeps the lock of the data file for a moment, as a writer that leaves or was just killed may.
fn keep_lock(directory: &Path) {
    let data = files(directory).into_iter().find(|name| name.starts_with("a_")).unwrap();
    let file = std::fs::File::open(directory.join(data)).unwrap();
    fs2::FileExt::try_lock_exclusive(&file).unwrap();
    say("locked");
    assert_eq!(hear(), "unlock");
    drop(file);
    say("unlocked");
    wait_for_end();
}

/// An adopter that finds the lock of the data file taken for a moment takes that file at its first write.
#[test]
fn a_data_file_that_was_busy_is_adopted_at_the_first_write() {
    let test = test_name!();
    if role().is_some() {
        return keep_lock(&place());
    }
    let _watchdog = Watchdog::new(test);
    for same_layout in [true, false] {
        let (directory, store) = store();
        let mut writer = store.writer("a").unwrap();
        writer.write_slice(&[1_u8; 100], &[100]).unwrap();
        drop(writer);
        let before = inodes(directory.path());
        let mut busy = Process::start(test, "locks", directory.path());
        busy.expect("locked");
        let mut writer = store.writer("a").unwrap();
        assert_eq!(writer.version(), 1);
        assert_eq!(inodes(directory.path()), before, "it is left as it is until then");
        assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [1; 100]);
        busy.tell("unlock");
        busy.expect("unlocked");
        let shape: &[usize] = if same_layout { &[100] } else { &[10, 10] };
        assert_eq!(writer.write_slice(&[2_u8; 100], shape).unwrap(), 2);
        let after = inodes(directory.path());
        assert_eq!(after[1].1, before[1].1, "the same file");
        assert_eq!(after == before, same_layout, "a change of layout gives it another name");
        let value = store.reader("a").unwrap().latest().unwrap();
        assert_eq!((value.bytes(), value.shape()), (&[2_u8; 100][..], shape));
        busy.end();
    }
}

/// One that is busy for longer is left behind, and goes.
#[test]
fn a_data_file_that_stays_busy_is_left_behind() {
    let test = test_name!();
    if role().is_some() {
        return keep_lock(&place());
    }
    let _watchdog = Watchdog::new(test);
    let (directory, store) = store();
    store.writer("a").unwrap().write_slice(&[1_u8; 100], &[100]).unwrap();
    let before = inodes(directory.path());
    let mut busy = Process::start(test, "locks", directory.path());
    busy.expect("locked");
    let mut writer = store.writer("a").unwrap();
    assert_eq!(writer.write_slice(&[2_u8; 100], &[100]).unwrap(), 2);
    let after = inodes(directory.path());
    assert!(after.len() == 2 && after[1] != before[1], "{after:?}");
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), [2; 100]);
    busy.tell("unlock");
    busy.expect("unlocked");
    busy.end();
}

/// A takeover that has no address space for the value ends, and loses nothing: the writer that was there goes on.
#[test]
fn a_takeover_without_address_space_loses_nothing() {
    const SIZE: usize = 96 << 20;
    let test = test_name!();
    if role().is_some() {
        let store = Store::open(place()).unwrap();
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let size =
            pages.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64;
        let resource = rustix::process::Resource::As;
        let limit = Some(size + SIZE as u64 / 3);
        let limits = rustix::process::Rlimit { current: limit, ..rustix::process::getrlimit(resource) };
        rustix::process::setrlimit(resource, limits).unwrap();
        say("ready");
        let error = store.writer_options("a").takeover(true).open().unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        return;
    }
    let _watchdog = Watchdog::new(test);
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&vec![7_u8; SIZE], &[SIZE]).unwrap();
    Process::ready(test, "takes over", directory.path()).end();
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes()[SIZE - 1], 7);
    assert_eq!(writer.write_slice(&[8_u8], &[1]).unwrap(), 2);
    assert_eq!(files(directory.path()), ["a".to_owned(), writer.data_file().unwrap()]);
}
