//! A thousand tags, hundreds of readers, dozens of threads, and writers and readers opened again and again: everything
//! works, and no descriptor, mapping, thread, file or pin is leaked.
//!
//! A binary of its own: its tests start processes, which those of `api` must not.

use std::path::Path;
use std::time::{Duration, Instant};

use ndsharray::{Reader, Store, Writer, wait_any};

#[path = "../common/mod.rs"]
mod common;
use common::process::{Process, Watchdog, place, role, say, stopping};
use common::random::Random;
use common::sandbox::{files, store};
use common::values::{FIXED, check_snapshot, check_view, write_next};
use common::{soak, test_name};

/// Starts one of the roles below.
fn start(role: &str, store: &Store) -> Process {
    Process::start(test_name!(child), role, store.directory())
}

/// The same, and waits until it is ready.
fn ready(role: &str, store: &Store) -> Process {
    Process::ready(test_name!(child), role, store.directory())
}

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    let words: Vec<&str> = role.split(' ').collect();
    match words[..] {
        ["write", ref tags @ ..] => write(&store, tags),
        ["crowd", tag, threads] => crowd(&store, tag, threads.parse().unwrap()),
        ["tags"] => many_tags(&store),
        ["threads", tag] => many_threads(&store, tag),
        ["open-close"] => open_and_close(&store),
        _ => panic!("{words:?}"),
    }
}

/// Role: writes to its tags in turn until it is told to end.
fn write(store: &Store, tags: &[&str]) {
    let mut writers: Vec<Writer> = tags.iter().map(|tag| store.writer(tag).unwrap()).collect();
    let mut round = || writers.iter_mut().for_each(|writer| assert!(write_next(writer).unwrap() > 0));
    round();
    say("ready");
    while !stopping() {
        round();
    }
}

/// Role: so many threads, each with a reader of its own, until it is told to end and each has seen some values.
fn crowd(store: &Store, tag: &str, threads: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| read_some(store.reader(tag).unwrap(), tag, stopping));
        }
        say("ready");
    });
    say("done");
}

/// Reads in every way until it is the end and 30 values were seen.
fn read_some(mut reader: Reader, tag: &str, end: impl Fn() -> bool) {
    let (mut last, mut seen) = (0, 0);
    while seen < 30 || !end() {
        let snapshot = reader.wait(None).unwrap().unwrap();
        assert!(snapshot.version() > last);
        last = snapshot.version();
        let view = reader.view().unwrap();
        assert!(view.version() >= last);
        check_view(tag, &view);
        check_snapshot(tag, &snapshot);
        seen += 1;
    }
}

/// The resources that a process has.
#[derive(Debug, PartialEq)]
struct Held {
    descriptors: usize,
    mappings_of_the_store: usize,
    threads: usize,
}

impl Held {
    /// Counts them once there are at most so many threads: those that were told to end need a moment.
    fn now(store: &Store, threads: usize) -> Held {
        let count = |path: &str| Path::new(path).read_dir().unwrap().count();
        while count("/proc/self/task") > threads {
            std::thread::sleep(Duration::from_millis(1));
        }
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let directory = store.directory().to_str().unwrap();
        Held {
            descriptors: count("/proc/self/fd"),
            mappings_of_the_store: maps.lines().filter(|line| line.contains(directory)).count(),
            threads: count("/proc/self/task"),
        }
    }

    fn before(store: &Store) -> Held {
        Held::now(store, usize::MAX)
    }

    /// Waits for the threads; more descriptors or mappings than before are a leak.
    #[track_caller]
    fn check(&self, store: &Store) {
        assert_eq!(Held { threads: self.threads, ..Held::now(store, self.threads) }, *self);
    }
}

/// Runs a role that counts its resources, in a process of its own, as this one also has those of other tests.
fn alone(test: &'static str, role: &str) {
    let watchdog = Watchdog::new(test);
    let (_directory, store) = store();
    let mut process = start(role, &store);
    while process.line() != "done" {
        watchdog.feed();
    }
    assert_eq!(process.end(), [""; 0]);
}

#[test]
fn a_thousand_tags_in_one_store() {
    alone(test_name!(), "tags");
}

/// Role: writers and readers of a thousand tags.
fn many_tags(store: &Store) {
    let held = Held::before(store);
    let tags: Vec<String> = (0..1000).map(|i| format!("tag{i:03}")).collect();
    let mut writers: Vec<Process> =
        tags.chunks(125).map(|some| start(&format!("write {}", some.join(" ")), store)).collect();
    writers.iter_mut().for_each(|writer| assert_eq!(writer.line(), "ready"));
    assert_eq!(store.tags().unwrap(), tags);
    let mut readers: Vec<Reader> = tags.iter().map(|tag| store.reader(tag).unwrap()).collect();
    for _ in 0..3 {
        for (reader, tag) in readers.iter_mut().zip(&tags) {
            check_snapshot(tag, &reader.wait(None).unwrap().unwrap());
        }
        // More readers than one system call can wait for.
        let mut all: Vec<&mut Reader> = readers.iter_mut().collect();
        let ready = wait_any(&mut all, None).unwrap().unwrap();
        check_snapshot(&tags[ready], &readers[ready].read().unwrap().unwrap());
        store.gc().unwrap();
    }
    // Half of the writers are killed, the others end.
    for writer in writers.split_off(4) {
        writer.kill();
    }
    writers.into_iter().for_each(|writer| assert_eq!(writer.end(), [""; 0]));
    store.gc().unwrap();
    assert_eq!(files(store.directory()).len(), 2 * tags.len(), "of each tag a header and a data file");
    for (reader, tag) in readers.iter_mut().zip(&tags) {
        let snapshot = reader.latest().unwrap();
        check_snapshot(tag, &snapshot);
        assert_eq!(store.stat(tag).unwrap().value.unwrap().version, snapshot.version());
        if tag.ends_with('7') {
            let next = write_next(&mut store.writer(tag).unwrap()).unwrap();
            assert_eq!(next, snapshot.version() + 1);
            assert_eq!(reader.wait(None).unwrap().unwrap().version(), next);
        }
        store.remove(tag).unwrap();
    }
    assert_eq!(files(store.directory()), [""; 0]);
    drop(readers);
    held.check(store);
    say("done");
}

#[test]
fn two_hundred_readers_on_one_tag() {
    let _watchdog = Watchdog::new(test_name!());
    for tag in [FIXED, "a"] {
        let (_directory, store) = store();
        let writer = ready(&format!("write {tag}"), &store);
        let (processes, threads) = if soak() { (200, 1) } else { (10, 20) };
        let mut readers: Vec<Process> =
            (0..processes).map(|_| start(&format!("crowd {tag} {threads}"), &store)).collect();
        readers.iter_mut().for_each(|reader| assert_eq!(reader.line(), "ready"));
        readers.into_iter().for_each(|reader| assert_eq!(reader.end(), ["done"]));
        writer.end();
        assert_eq!(files(store.directory()).len(), 2, "{:?}", files(store.directory()));
        assert_eq!(store.stat(tag).unwrap().value.unwrap().slots.pinned, 0, "pins are given back");
    }
}

#[test]
fn sixty_four_threads_on_clones_of_one_reader() {
    for tag in [FIXED, "a"] {
        alone(test_name!(), &format!("threads {tag}"));
    }
}

/// Role: threads that read on clones of one reader.
fn many_threads(store: &Store, tag: &str) {
    let held = Held::before(store);
    let writer = ready(&format!("write {tag}"), store);
    let start = Instant::now();
    let end = || start.elapsed() > Duration::from_millis(if soak() { 20_000 } else { 1000 });
    let mut reader = store.reader(tag).unwrap();
    check_snapshot(tag, &reader.wait(None).unwrap().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..64 {
            let clone = reader.clone();
            scope.spawn(|| read_some(clone, tag, end));
        }
    });
    writer.end();
    drop(reader);
    assert_eq!(store.stat(tag).unwrap().value.unwrap().slots.pinned, 0, "pins are given back");
    assert_eq!(files(store.directory()).len(), 2);
    held.check(store);
    say("done");
}

#[test]
fn opened_and_closed_again_and_again() {
    alone(test_name!(), "open-close");
    println!("figures: opened and closed {} times, nothing leaked", times());
}

fn times() -> u32 {
    if soak() { 100_000 } else { 1000 }
}

/// Role: opens and closes writers and readers, in one order and another.
fn open_and_close(store: &Store) {
    let mut random = Random(0x0be1_c105);
    // Not from the start: the first rounds make what is made once.
    let mut held = None;
    for i in 0..times() {
        if i == 10 {
            held = Some(Held::before(store));
        }
        open_once(store, &mut random);
        if i % 1000 == 0 {
            say("going on");
        }
    }
    held.unwrap().check(store);
    let left = files(store.directory());
    assert!([0, 2].contains(&left.len()), "{left:?}");
    let held = Held::before(store);
    assert_eq!(held.mappings_of_the_store, 0);
    say("done");
}

fn open_once(store: &Store, random: &mut Random) {
    let mut writer = store.writer("a").unwrap();
    write_next(&mut writer).unwrap();
    let mut reader = store.reader("a").unwrap();
    let clone = reader.clone();
    let snapshot = reader.read().unwrap().unwrap();
    let version = snapshot.version();
    if random.below(20) == 0 {
        let mut next = store.writer_options("a").takeover(true).open().unwrap();
        assert_eq!(write_next(&mut next).unwrap(), version + 1);
        assert_eq!(reader.wait(None).unwrap().unwrap().version(), version + 1);
    }
    if random.below(2) == 0 {
        drop(writer);
        drop(reader);
        check_snapshot("a", &clone.latest().unwrap());
    } else {
        drop(clone);
        drop(reader);
        drop(writer);
    }
    if random.below(20) == 0 {
        store.remove("a").unwrap();
    }
    check_snapshot("a", &snapshot);
}

/// Copies of one tag under other names, without the pages that are zero.
fn copies(store: &Store, from: &str, tags: std::ops::Range<usize>) {
    let data_file = store.stat(from).unwrap().value.unwrap().data_file;
    let [header, data] = [from, &data_file].map(|name| std::fs::read(store.directory().join(name)).unwrap());
    let put = |name: String, bytes: &[u8]| {
        use std::os::unix::fs::{FileExt, OpenOptionsExt};
        let options = std::fs::File::options().write(true).create_new(true).mode(0o600).clone();
        let file = options.open(store.directory().join(name)).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        file.write_all_at(&bytes[..4096], 0).unwrap();
    };
    for tag in tags {
        put(format!("tag{tag}"), &header);
        put(format!("tag{tag}{}", &data_file[from.len()..]), &data);
    }
}

#[test]
fn listing_and_sweeping_many_tags() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    store.writer("template").unwrap().write_slice(&[0_u8; 100], &[100]).unwrap();
    let mut made = 0;
    for tags in [100, 1000, 10_000] {
        // Three pages of each, with what the filesystem itself needs.
        let wanted = 4 * 4096 * (tags - made) as u64;
        if fs2::available_space(directory.path()).unwrap() < wanted {
            println!("skipped: listing_and_sweeping_many_tags: {tags} tags want {wanted} bytes");
            break;
        }
        copies(&store, "template", made..tags);
        made = tags;
        let timed = |what: &mut dyn FnMut()| {
            let start = Instant::now();
            what();
            start.elapsed().as_secs_f64() * 1e6
        };
        let per_tag = |time: f64| time / tags as f64;
        let listing = timed(&mut || assert_eq!(store.tags().unwrap().len(), tags + 1));
        let idle = timed(&mut || assert_eq!(store.gc().unwrap().removed, [""; 0]));
        // A data file that no header names, of each tenth tag.
        let data_file = data_file(&store, "template");
        let data = std::fs::read(directory.path().join(&data_file)).unwrap();
        // Named by a number that no header has: the last ten digits.
        let name = data_file["template".len()..data_file.len() - 10].to_owned() + "00000000ff";
        for tag in (0..tags).step_by(10) {
            let name = format!("tag{tag}{name}");
            std::fs::write(directory.path().join(name), &data).unwrap();
        }
        let busy = timed(&mut || assert_eq!(store.gc().unwrap().removed.len(), tags / 10));
        let writing = timed(&mut || assert!(store.writer("template").unwrap().version() > 0));
        let reading = timed(&mut || assert!(store.reader("template").unwrap().latest().is_ok()));
        println!(
            "figures: {tags} tags: tags() {:.2} us, gc() {:.2} us with nothing to do and {:.2} us with a tenth left \
             over, for each tag; in all, a writer opened in {writing:.0} us, a reader in {reading:.0} us",
            per_tag(listing),
            per_tag(idle),
            per_tag(busy),
        );
    }
}

fn data_file(store: &Store, tag: &str) -> String {
    store.stat(tag).unwrap().value.unwrap().data_file
}
