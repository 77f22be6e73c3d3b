//! What `rm`, log-out and mounts do to a store in use: header, data file, both or the directory are removed, moved
//! away, covered or unmounted. The writer makes new files, readers follow, held values stay, nothing hangs.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ndsharray::{Error, Reader, Store};

use crate::common::process::{Process, command, hear, place, role, say};
use crate::common::sandbox::{OTHER, as_user, directory, files, is_root, run, set_mode, skip, with_mounts};
use crate::common::{Stop, soak, test_name};

/// Elements of a value, all of which are its number.
const LENGTH: usize = 1000;
const MINUTE: Duration = Duration::from_secs(60);

fn number(value: &ndsharray::Snapshot) -> u64 {
    let all = value.as_slice::<u64>().unwrap();
    assert!(all.len() == LENGTH && all.iter().all(|&e| e == all[0]), "torn");
    all[0]
}

/// Child: streams numbers until it is told to end. While the store is not there, the error says so.
fn stream(store: &Store) {
    let stop = std::thread::spawn(hear);
    let mut writer = store.writer("a").unwrap();
    let (mut number, mut errors) = (0_u64, 0);
    while !stop.is_finished() {
        number += 1;
        match writer.write_slice(&[number; LENGTH], &[LENGTH]) {
            Ok(_) => {}
            Err(Error::NoDirectory { .. }) => errors += 1,
            Err(error) => panic!("{error:?}"),
        }
        if number == 10 {
            say("streaming");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    assert_eq!(stop.join().unwrap(), "end");
    println!("\nfigures: {number} values written, {errors} times no directory");
}

/// Child: the second reader, in a process of its own. It waits for numbers, which never go back.
fn follow(store: &Store) {
    let stop = std::thread::spawn(hear);
    let mut reader = store.reader("a").unwrap();
    say("following");
    let (mut last, mut held) = (0, Vec::new());
    while !stop.is_finished() {
        match reader.wait(MINUTE) {
            Ok(value) => {
                let value = value.expect("a value within a minute");
                assert!(number(&value) > last, "{} after {last}", number(&value));
                last = number(&value);
                if held.len() < 3 {
                    held.push((last, value));
                }
            }
            Err(Error::DataMissing { .. }) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(held.iter().all(|(expected, value)| number(value) == *expected));
    say(last);
    assert!(stop.join().unwrap() == "end");
}

/// A stream with three readers: one in a process of its own, one that waits and one that polls here.
struct World {
    dir: PathBuf,
    writer: Process,
    other: Process,
    waits: Reader,
    polls: Reader,
    held: Vec<(u64, ndsharray::Snapshot)>,
    slowest: Duration,
    times: u32,
}

impl World {
    fn new(test: &str, dir: &Path, other_user: bool) -> World {
        let start = |role| match other_user {
            true => Process::run(as_user(OTHER, OTHER, test, role, dir)),
            false => Process::run(command(test, role, dir)),
        };
        let mut writer = start("stream");
        writer.expect("streaming");
        let store = Store::open(dir).unwrap();
        let reader = || store.reader("a").unwrap();
        let (waits, polls) = (reader(), reader());
        let mut other = start("follow");
        other.expect("following");
        let held = Vec::new();
        World { dir: dir.to_owned(), writer, other, waits, polls, held, slowest: Duration::ZERO, times: 0 }
    }

    /// Lets something happen to the files, and checks that all go on with new ones.
    fn after(mut self, what: &str, happens: impl FnOnce(&Path)) -> World {
        let which = |dir: &Path| dir.join("a").metadata().map(|status| (status.dev(), status.ino())).unwrap();
        let before = which(&self.dir);
        let value = self.polls.latest().unwrap();
        let last = number(&value);
        self.held.push((last, value));
        self.held.truncate(3);
        let start = Instant::now();
        happens(&self.dir);
        let fresh = loop {
            // Both names are there, and the value is one that was published since.
            match Store::open(&self.dir).and_then(|store| store.reader("a")?.latest()) {
                Ok(value) if number(&value) > last => break number(&value),
                Ok(_) | Err(Error::NoDirectory { .. } | Error::NotFound { .. }) => {}
                Err(Error::DataMissing { .. } | Error::Empty { .. }) => {}
                Err(error) => panic!("{what}: {error:?}"),
            }
            if start.elapsed() > MINUTE {
                self.writer.tell("end");
                panic!("{what}: nothing was published anew: {:?}", self.writer.end());
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let anew = start.elapsed();
        let mut ways = [false, false];
        while ways != [true, true] {
            match self.waits.wait(MINUTE) {
                Ok(value) => ways[0] |= number(&value.expect("a value within a minute")) > fresh,
                Err(Error::DataMissing { .. } | Error::NotFound { .. }) => {}
                Err(error) => panic!("{what}: waiting: {error:?}"),
            }
            match self.polls.latest() {
                Ok(value) => ways[1] |= number(&value) > fresh,
                Err(Error::DataMissing { .. } | Error::NotFound { .. }) => {}
                Err(error) => panic!("{what}: polling: {error:?}"),
            }
            assert!(start.elapsed() < MINUTE, "{what}: readers did not follow: {ways:?}");
        }
        for (number, value) in &self.held {
            assert_eq!(self::number(value), *number, "{what}: a held value");
        }
        println!("\nfigures: {what}: published anew after {anew:?}, all follow after {:?}", start.elapsed());
        self.slowest = self.slowest.max(anew);
        self.times += 1;
        let same = which(&self.dir) == before;
        assert_eq!(same, what == "data file", "{what}: whether the header is the same");
        self
    }

    fn end(self) {
        for mut peer in [self.other, self.writer] {
            peer.tell("end");
            peer.end();
        }
        println!("\nfigures: {} times, published anew after at most {:?}", self.times, self.slowest);
        assert_eq!(files(&self.dir).len(), 2, "nothing is left over: {:?}", files(&self.dir));
        Store::open(&self.dir).unwrap().remove("a").unwrap();
    }
}

/// Plays the role of this process, if it has one.
fn child() -> bool {
    match role().as_deref() {
        None | Some("inside") => return false,
        Some("stream") => stream(&Store::open(place()).unwrap()),
        Some("follow") => follow(&Store::open(place()).unwrap()),
        Some(other) => panic!("{other}?"),
    }
    true
}

fn remove(dir: &Path, header: bool, data: bool) {
    for name in files(dir) {
        if if name == "a" { header } else { data } {
            // A data file that the writer renames meanwhile is gone anyway.
            let _ = std::fs::remove_file(dir.join(name));
        }
    }
}

#[test]
fn header_and_data_file() {
    if child() {
        return;
    }
    let dir = directory();
    let mut world = World::new(test_name!(), dir.path(), false);
    for _ in 0..if soak() { 20 } else { 2 } {
        world = world.after("header", |dir| remove(dir, true, false));
        world = world.after("data file", |dir| remove(dir, false, true));
        world = world.after("both", |dir| remove(dir, true, true));
    }
    world.end();
}

/// The directory is removed with all that is in it, or moved, and made again, at once or later.
#[test]
fn the_directory() {
    if child() {
        return;
    }
    let outer = directory();
    let dir = outer.path().join("store");
    std::fs::create_dir(&dir).unwrap();
    let mut world = World::new(test_name!(), &dir, false);
    for _ in 0..if soak() { 20 } else { 1 } {
        world = world.after("directory removed and made anew", |dir| {
            std::fs::remove_dir_all(dir).unwrap();
            std::fs::create_dir(dir).unwrap();
        });
        world = world.after("directory removed, and made anew later", |dir| {
            std::fs::remove_dir_all(dir).unwrap();
            std::thread::sleep(Duration::from_millis(2100));
            std::fs::create_dir(dir).unwrap();
        });
        world = world.after("directory moved away, another one in its place", |dir| {
            let aside = dir.with_file_name("aside");
            std::fs::rename(dir, &aside).unwrap();
            std::fs::create_dir(dir).unwrap();
        });
        world = world.after("the first one moved back", |dir| {
            std::fs::rename(dir, dir.with_file_name("second")).unwrap();
            std::fs::rename(dir.with_file_name("aside"), dir).unwrap();
        });
        std::fs::remove_dir_all(dir.with_file_name("second")).unwrap();
    }
    world.end();
}

/// In a mount namespace of its own: the filesystem is unmounted (lazily, as it is in use), or another one covers it.
#[test]
fn mounts() {
    let test = test_name!();
    if child() {
        return;
    }
    let Some(dir) = with_mounts(test, "mount -t tmpfs -o size=8m none \"$1\"") else { return };
    let mut world = World::new(test, &dir, false);
    let tmpfs = |dir: &Path| assert!(run("mount", &[&"-t", &"tmpfs", &"-o", &"size=8m", &"none", &dir]));
    for _ in 0..if soak() { 20 } else { 1 } {
        world = world.after("another filesystem mounted over it", tmpfs);
        // The files that the writer has left are here again. It has retired their header.
        world = world.after("uncovered again", |dir| assert!(run("umount", &[&"--lazy", &dir])));
        world = world.after("covered again", tmpfs);
        world = world.after("unmounted, another one mounted", |dir| {
            assert!(run("umount", &[&"--lazy", &dir]) && run("umount", &[&"--lazy", &dir]));
            tmpfs(dir);
        });
        world = world.after("unmounted; the directory below takes its place", |dir| {
            assert!(run("umount", &[&"--lazy", &dir]));
        });
        world = world.after("mounted over what is below", tmpfs);
        for name in files(&dir) {
            assert!(name.starts_with('a'), "{name}");
        }
    }
    world.end();
    // The outer process looks at what is below.
    while run("umount", &[&dir]) {}
    remove(&dir, true, true);
}

/// What systemd-logind does to /dev/shm when the last session of a user ends: it removes all files of that user.
fn remove_ipc(dir: &Path, uid: u32) {
    for entry in dir.read_dir().unwrap().map(Result::unwrap) {
        let theirs = entry.path().symlink_metadata().is_ok_and(|status| status.uid() == uid);
        if theirs && !entry.path().is_dir() {
            // The writer may have been faster.
            let _ = std::fs::remove_file(entry.path());
        } else if entry.path().is_dir() {
            remove_ipc(&entry.path(), uid);
            if theirs {
                std::fs::remove_dir(entry.path()).unwrap();
            }
        }
    }
}

#[test]
fn remove_ipc_of_a_user() {
    if child() {
        return;
    }
    let dir = directory();
    let uid = if is_root() { OTHER } else { rustix::process::geteuid().as_raw() };
    let store = Store::open(dir.path()).unwrap();
    if is_root() {
        set_mode(dir.path(), 0o1777);
    }
    let mut world = World::new(test_name!(), dir.path(), is_root());
    if is_root() {
        let mut writer = store.writer("another user's").unwrap();
        writer.write_slice(&[1_u8], &[1]).unwrap();
        for _ in 0..if soak() { 20 } else { 2 } {
            world = world.after("RemoveIPC", |dir| remove_ipc(dir, uid));
        }
        writer.write_slice(&[2_u8], &[1]).unwrap();
        drop(writer);
        assert_eq!(store.reader("another user's").unwrap().latest().unwrap().bytes(), [2]);
        store.remove("another user's").unwrap();
    } else {
        skip(test_name!(), "with a second user: needs root");
        world = world.after("RemoveIPC", |dir| remove_ipc(dir, uid));
    }
    world.end();
}

/// Somebody removes whatever there is, all the time, while the layout changes with each write.
#[test]
fn removed_all_the_time() {
    let dir = directory();
    let store = Store::open(dir.path()).unwrap();
    let mut writer = store.writer("a").unwrap();
    let end = Instant::now() + Duration::from_secs(if soak() { 60 } else { 4 });
    let (mut written, mut failed) = (0_u64, 0);
    let (stop, removed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let remover = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for name in files(dir.path()) {
                    if std::fs::remove_file(dir.path().join(name)).is_ok() {
                        removed.fetch_add(1, Ordering::Relaxed);
                    }
                }
                std::thread::sleep(Duration::from_micros(removed.load(Ordering::Relaxed) % 7 * 300));
            }
        });
        let _stop = Stop(&stop);
        while Instant::now() < end || written < 100 || removed.load(Ordering::Relaxed) < 100 {
            assert!(!remover.is_finished());
            let length = [1, 100, 10_000][written as usize % 3];
            match writer.write_slice(&vec![written; length], &[length]) {
                Ok(_) => written += 1,
                // A staged file was removed: the next write makes another one.
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => failed += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    });
    println!(
        "\nfigures: {written} values written while {removed:?} files were removed; {failed} writes failed"
    );
    std::thread::sleep(Duration::from_millis(1050));
    writer.write_slice(&[7_u64], &[1]).unwrap();
    assert_eq!(store.reader("a").unwrap().latest().unwrap().as_slice::<u64>().unwrap(), [7]);
    drop(writer);
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
    assert_eq!(files(dir.path()).len(), 2, "{:?}", files(dir.path()));
}
