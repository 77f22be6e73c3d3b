//! Processes that are stopped in the middle of what they do, and go on later: no value is torn or lost, and no sleeper
//! sleeps for ever. And the age of a value is never negative.

use std::time::Duration;

use ndsharray::{Error, Reader, Store, UnixTime, wait_any};

use crate::common::board::{Board, Place};
use crate::common::data_words::DataWords;
use crate::common::header::HeaderFile;
use crate::common::process::{Process, Watchdog, place, role, say, stopping};
use crate::common::random::{Random, Seeded, seed};
use crate::common::reading::give_up_permission;
use crate::common::sandbox::files;
use crate::common::values::{FIXED, check_snapshot, check_view, write_next};
use crate::common::{soak, test_name};

// Words of the board: the last version whose write returned; whether a reader is inside a call; how many returned.
const DONE: usize = 0;
const INSIDE: usize = 1;
const RETURNED: usize = 2;

/// Starts one of the roles below.
pub fn start(role: &str, store: &Store) -> Process {
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
        ["write", tag] => write(&store, tag),
        ["wait", tag] => wait(&store, tag),
        ["wait-any", tag] => wait_for_any(&store, tag),
        ["copy", tag] => copy(&store, tag),
        _ => panic!("{words:?}"),
    }
}

/// Role: writes at full speed until it is told to end or taken over, and counts each write that returned.
fn write(store: &Store, tag: &str) {
    let board = Board::of(store);
    let mut writer = store.writer(tag).unwrap();
    say("ready");
    while !stopping() {
        match write_next(&mut writer) {
            Ok(version) => board.raise(DONE, version),
            Err(Error::Superseded { .. }) => return say("superseded"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Role: waits for values without a timeout, and acknowledges each.
fn wait(store: &Store, tag: &str) {
    let mut reader = store.reader(tag).unwrap();
    loop {
        let snapshot = reader.wait(None).unwrap().unwrap();
        check_snapshot(tag, &snapshot);
        check_time(snapshot.written_at());
        say(snapshot.version());
    }
}

/// Role: the same through `wait_any`, which sleeps in another system call.
fn wait_for_any(store: &Store, tag: &str) {
    let mut readers = [store.reader(tag).unwrap(), store.reader("other").unwrap()];
    loop {
        let [first, second] = &mut readers;
        assert_eq!(wait_any(&mut [first, second], None).unwrap(), Some(0));
        let snapshot = readers[0].read().unwrap().unwrap();
        check_snapshot(tag, &snapshot);
        say(snapshot.version());
    }
}

/// Role: takes the latest value all the time, by copying it.
fn copy(store: &Store, tag: &str) {
    let board = Board::of(store);
    if let Err(reason) = give_up_permission(store, "uid") {
        return say(format!("skip {reason}"));
    }
    let reader = store.reader(tag).unwrap();
    say("ready");
    loop {
        board.set(INSIDE, 1);
        let snapshot = reader.latest().unwrap();
        board.set(INSIDE, 0);
        assert!(snapshot.is_copy());
        check_snapshot(tag, &snapshot);
        board.set(DONE, snapshot.version());
        board.add(RETURNED, 1);
    }
}

/// A value was not written later than now.
#[track_caller]
fn check_time(written_at: UnixTime) {
    // The two clocks run apart by less than this between two looks of a writer.
    let now = UnixTime::from(std::time::SystemTime::now() + Duration::from_millis(50));
    assert!(written_at <= now, "written at {written_at:?}, which is after {now:?}");
}

pub fn stop(process: &Process) {
    // SAFETY: plain system calls, on a child that was not waited for.
    unsafe {
        assert_eq!(libc::kill(process.pid(), libc::SIGSTOP), 0);
        let mut status = 0;
        assert_eq!(libc::waitpid(process.pid(), &mut status, libc::WUNTRACED), process.pid());
        assert!(libc::WIFSTOPPED(status), "wait status {status}");
    }
}

pub fn go_on(process: &Process) {
    // SAFETY: plain system call, on a child that was not waited for.
    assert_eq!(unsafe { libc::kill(process.pid(), libc::SIGCONT) }, 0);
}

pub fn nap(random: &mut Random) {
    let scale = [20, 300, 2000][random.below(3) as usize];
    std::thread::sleep(Duration::from_micros(random.below(scale)));
}

#[test]
fn writers_are_stopped_anywhere_and_go_on() {
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (mut stops, mut filling, mut sealed, mut taken_over) = (0, 0, 0, 0);
    // Until some were stopped while they filled a slot, and between sealing it and publishing it.
    while stops < if soak() { 3000 } else { 400 } || filling < 3 || sealed < 3 {
        let _watchdog = Watchdog::new(test_name!());
        let place = Place::new();
        let (store, board) = (&place.store, &place.board);
        let tag = [FIXED, "a"][random.below(2) as usize];
        let mut writer = ready(&format!("write {tag}"), store);
        let mut reader = store.reader(tag).unwrap();
        let look = |reader: &mut Reader| {
            let snapshot = reader.latest().unwrap();
            check_snapshot(tag, &snapshot);
            check_time(snapshot.written_at());
            let (version, done) = (snapshot.version(), board.get(DONE));
            assert!(version == done || version == done + 1, "version {version} when {done} were written");
            version
        };
        while board.get(DONE) == 0 {
            std::thread::yield_now();
        }
        for _ in 0..40 {
            nap(&mut random);
            stop(&writer);
            let done = board.get(DONE);
            stops += 1;
            let version = look(&mut reader);
            let data = DataWords::of(store, tag);
            let slots = store.stat(tag).unwrap().value.unwrap().slots.allocated as u64;
            let contents: Vec<_> = (0..slots).map(|slot| data.content(slot)).collect();
            filling += u64::from(slots > 1 && contents.contains(&0));
            sealed += u64::from(contents.contains(&(version + 1)));
            assert_eq!(look(&mut store.reader(tag).unwrap()), version, "a new reader sees the same");
            if random.below(50) == 0 {
                assert!(matches!(store.writer(tag), Err(Error::WriterExists { .. })), "it is not dead");
            }
            go_on(&writer);
            while board.get(DONE) == done {
                writer.check_lives();
                std::thread::yield_now();
            }
        }
        // A stopped writer is taken over. It notices when it goes on.
        nap(&mut random);
        stop(&writer);
        let version = look(&mut reader);
        let mut next = store.writer_options(tag).takeover(true).open().unwrap();
        assert_eq!(next.version(), version, "the last value is taken over");
        write_next(&mut next).unwrap();
        go_on(&writer);
        assert_eq!(writer.line(), "superseded");
        assert_eq!(writer.end(), [""; 0]);
        assert_eq!(reader.wait(None).unwrap().unwrap().version(), version + 1);
        write_next(&mut next).unwrap();
        assert_eq!(files(store.directory()).len(), 2, "{:?}", files(store.directory()));
        taken_over += 1;
    }
    println!(
        "figures: stopped writers: {stops} stops, {filling} filling a slot, {sealed} with a value that was not published yet, {taken_over} taken over stopped"
    );
}

#[test]
fn readers_are_stopped_amid_copies_and_go_on() {
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (mut stops, mut inside) = (0, 0);
    while stops < if soak() { 2000 } else { 200 } || inside < 20 {
        let _watchdog = Watchdog::new(test_name!());
        let place = Place::new();
        let (store, board) = (&place.store, &place.board);
        let mut writer = store.writer_options("a").mode(0o644).open().unwrap();
        write_next(&mut writer).unwrap();
        let mut reader = start("copy a", store);
        if let Some(reason) = reader.line().strip_prefix("skip ") {
            println!("skipped: readers_are_stopped_amid_copies_and_go_on: {reason}");
            return;
        }
        for _ in 0..50 {
            nap(&mut random);
            stop(&reader);
            stops += 1;
            inside += board.get(INSIDE);
            let returned = board.get(RETURNED);
            // Whatever it was copying is overwritten, or is in a file that has no name any more.
            for _ in 0..1 + random.below(30) {
                write_next(&mut writer).unwrap();
            }
            go_on(&reader);
            // Two calls must return: the second one began after the last write.
            while board.get(RETURNED) < returned + 2 {
                reader.check_lives();
                std::thread::yield_now();
            }
            assert_eq!(board.get(DONE), writer.version());
        }
        reader.kill();
    }
    println!("figures: stopped copying readers: {stops} stops, {inside} inside a read");
}

#[test]
fn sleepers_are_stopped_and_go_on() {
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (mut stops, mut values) = (0, 0);
    while stops < if soak() { 2000 } else { 200 } {
        let _watchdog = Watchdog::new(test_name!());
        let place = Place::new();
        let store = &place.store;
        let mut writer = store.writer("a").unwrap();
        write_next(&mut writer).unwrap();
        let header = HeaderFile::of(store, "a");
        let mut sleeper = start("wait a", store);
        assert_eq!(sleeper.line(), "1");
        for _ in 0..100 {
            while !header.waiting() {
                std::thread::yield_now();
            }
            nap(&mut random);
            stop(&sleeper);
            stops += 1;
            // Before it goes on, or after.
            let before = random.below(2) == 0;
            for _ in 0..if before { 1 + random.below(20) } else { 0 } {
                write_next(&mut writer).unwrap();
            }
            go_on(&sleeper);
            if !before {
                nap(&mut random);
                write_next(&mut writer).unwrap();
            }
            while sleeper.line() != writer.version().to_string() {}
            values += 1;
        }
        sleeper.kill();
    }
    println!("figures: stopped sleepers: {stops} stops, {values} of as many last values received");
}

#[test]
fn ages_are_never_negative() {
    let _watchdog = Watchdog::new(test_name!());
    let place = Place::new();
    let store = &place.store;
    let writer = ready("write a", store);
    let mut reader = store.reader("a").unwrap();
    let mut last = UnixTime::from(0);
    for _ in 0..if soak() { 2000 } else { 300 } {
        let snapshot = reader.wait(None).unwrap().unwrap();
        check_time(snapshot.written_at());
        assert!(snapshot.written_at() >= last, "written before the value before");
        last = snapshot.written_at();
    }
    writer.end();

    // A store that was kept over a reboot, or copied from another machine, may have write times in the future.
    let header = HeaderFile::of(store, "a");
    let [_, before, _] = header.record(header.current());
    let last = store.reader("a").unwrap().latest().unwrap().written_at();
    for ahead in [3_600_000_000_000, 1 << 60] {
        header.date(before + ahead);
        let fresh = store.reader("a").unwrap();
        let view = fresh.view().unwrap();
        check_view("a", &view);
        assert_eq!(view.written_at(), (last.as_nanos() + ahead).into(), "it was put there");
        let value = store.stat("a").unwrap().value.unwrap();
        assert_eq!([view.age(), fresh.latest().unwrap().age(), value.age], [Duration::ZERO; 3]);
    }
    header.date(u64::MAX);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().age(), Duration::ZERO, "no overflow");
    write_next(&mut store.writer("a").unwrap()).unwrap();
    let now = store.reader("a").unwrap().latest().unwrap();
    check_time(now.written_at());
}
