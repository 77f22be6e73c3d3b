//! Writers and readers in processes of their own, at full speed, with values and layouts that change all the time, and
//! killed at any moment: every element of every value that anybody sees is checked, and what is held does not change.

use std::time::{Duration, Instant};

use ndsharray::{Error, Snapshot, Store, Writer};

use crate::common::process::{Process, Watchdog, place, role, say, stopping, wait_for_end};
use crate::common::random::Random;
use crate::common::reading::read;
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::common::values::{FIXED, check_snapshot, write_next};

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
        ["write", ref tags @ ..] => write(&store, tags, false),
        ["write-streamed", tag] => write_streamed(&store, tag),
        ["take-over", tag] => write(&store, &[tag], true),
        ["read", way, keep] => read(&store, way, keep.parse().unwrap()),
        ["hold", tag, count] => hold(&store, tag, count.parse().unwrap()),
        ["wait", tag] => wait(&store, tag),
        _ => panic!("{words:?}"),
    }
}

/// Role: writes to its tags until it is told to end or taken over.
fn write(store: &Store, tags: &[&str], takeover: bool) {
    let open = |tag: &&str| store.writer_options(tag).mode(0o644).takeover(takeover).open().unwrap();
    let mut writers: Vec<Writer> = tags.iter().map(open).collect();
    let mut first = true;
    while !stopping() {
        for writer in &mut writers {
            match write_next(writer) {
                Ok(_) => {}
                Err(Error::Superseded { .. }) => return say("superseded"),
                Err(error) => panic!("{error}"),
            }
        }
        if std::mem::take(&mut first) {
            say("ready");
        }
    }
}

/// So many words that a write copies them past the caches, and a few more, which fill no block.
const STREAMED: usize = (32 << 20) / 8 + 1001;

/// Role: writes such values; every word is the version.
fn write_streamed(store: &Store, tag: &str) {
    let mut writer = store.writer(tag).unwrap();
    let mut words = vec![0; STREAMED];
    let mut write = || {
        words.fill(writer.version() + 1);
        writer.write_slice(&words, &[STREAMED]).unwrap();
    };
    write();
    say("ready");
    loop {
        write();
    }
}

/// Role: holds so many values until it is killed.
fn hold(store: &Store, tag: &str, count: usize) {
    let mut reader = store.reader(tag).unwrap();
    let held: Vec<Snapshot> = (0..count).map(|_| reader.wait(None).unwrap().unwrap()).collect();
    say("ready");
    wait_for_end();
    drop(held);
}

/// Role: waits for values without a timeout, and says their versions.
fn wait(store: &Store, tag: &str) {
    let mut reader = store.reader(tag).unwrap();
    say("ready");
    loop {
        let snapshot = reader.wait(None).unwrap().unwrap();
        check_snapshot(tag, &snapshot);
        say(snapshot.version());
    }
}

/// Ends readers while the writer goes on, as they end only when they have seen some values.
fn stop(readers: Vec<Process>) {
    for reader in readers {
        println!("{}", reader.end().join("\n"));
    }
}

fn go_on_for(time: Duration) -> impl FnMut() -> bool {
    let start = Instant::now();
    move || {
        std::thread::sleep(Duration::from_millis(2));
        start.elapsed() < time
    }
}

#[test]
fn every_way_of_reading_at_full_speed() {
    let _watchdog = Watchdog::new(test_name!());
    for ways in [&["read 3", "latest 2", "view 0"][..], &["wait 40", "wait_any 2", "read 30"]] {
        let (_directory, store) = store();
        let writer = ready("write a b", &store);
        let readers: Vec<_> = ways.iter().map(|way| ready(&format!("read {way}"), &store)).collect();
        // Until the data file was seen to grow, to shrink, and to get a new name with the same memory.
        let (mut grew, mut shrank, mut recycled) = (0, 0, 0);
        let mut before = (String::new(), 0);
        let mut go_on = go_on_for(Duration::from_millis(2500));
        while go_on() || grew < 3 || shrank < 3 || recycled < 3 {
            let value = store.stat("a").unwrap().value.unwrap();
            let slots = value.slots;
            grew += u32::from(slots.capacity > before.1);
            shrank += u32::from(slots.capacity < before.1);
            recycled += u32::from(slots.capacity == before.1 && value.data_file != before.0);
            before = (value.data_file, slots.capacity);
        }
        stop(readers);
        writer.end();
        assert_eq!(files(store.directory()).len(), 4, "two of each tag: {:?}", files(store.directory()));
        let slots = store.stat("a").unwrap().value.unwrap().slots;
        assert_eq!(slots.pinned, 0, "pins are given back");
    }
}

#[test]
fn readers_without_permission_to_write() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let writer = ready("write a", &store);
    let mut readers = Vec::new();
    for way in ["uid 3", "mount 40"] {
        let mut reader = start(&format!("read {way}"), &store);
        match reader.line().strip_prefix("skip ") {
            Some(reason) => println!("skipped: readers_without_permission_to_write: {reason}"),
            None => readers.push(reader),
        }
    }
    let mut go_on = go_on_for(Duration::from_secs(2));
    while go_on() {}
    stop(readers);
    writer.end();
    assert_eq!(files(store.directory()).len(), 2);
}

#[test]
fn writers_are_killed_at_any_instant() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    ready("write a", &store).end();
    let ways = ["read 3", "view 0", "wait 30"];
    let readers: Vec<_> = ways.iter().map(|way| ready(&format!("read {way}"), &store)).collect();
    let mut random = Random(0x0bad_cafe);
    let version = || store.stat("a").unwrap().value.unwrap().version;
    for i in 0..30 {
        let before = version();
        // Every third one may be killed while it opens.
        let writer = if i % 3 == 0 { start("write a", &store) } else { ready("write a", &store) };
        std::thread::sleep(Duration::from_micros(random.below(40_000)));
        writer.kill();
        assert!(version() >= before + u64::from(i % 3 != 0), "the version goes on from {before}");
    }
    let mut last = store.writer("a").unwrap();
    let start = last.version();
    for _ in 0..100 {
        write_next(&mut last).unwrap();
    }
    assert_eq!(version(), start + 100);
    assert_eq!(
        files(store.directory()).len(),
        2,
        "nothing is left of the dead: {:?}",
        files(store.directory())
    );
    drop(last);
    let writer = ready("write a", &store);
    stop(readers);
    writer.end();
    assert_eq!(files(store.directory()).len(), 2);
    assert_eq!(store.gc().unwrap().removed, [""; 0]);
}

#[test]
fn values_that_are_streamed_past_the_caches() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let check = |value: &Snapshot| {
        let page = [value.version(); 4096];
        let words: &[u64] = value.as_slice().unwrap();
        assert_eq!(words.len(), STREAMED);
        assert!(words.chunks(page.len()).all(|words| words == &page[..words.len()]), "a torn value");
    };
    let mut writer = ready("write-streamed a", &store);
    let mut reader = store.reader("a").unwrap();
    let mut held: Option<Snapshot> = None;
    for _ in 0..4 {
        for _ in 0..5 {
            let value = reader.wait(None).unwrap().unwrap();
            check(&value);
            // The one before was held while others were written.
            held.replace(value).iter().for_each(check);
        }
        // Most of its time goes to copying.
        writer.kill();
        writer = ready("write-streamed a", &store);
    }
    writer.kill();
    drop(store.writer("a").unwrap());
    assert_eq!(
        files(store.directory()).len(),
        2,
        "nothing is left of the dead: {:?}",
        files(store.directory())
    );
}

#[test]
fn readers_are_killed_holding_values() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    for round in 0..3 {
        let mut writer = store.writer(FIXED).unwrap();
        write_next(&mut writer).unwrap();
        let mut holders: Vec<_> = (0..4).map(|_| start(&format!("hold {FIXED} 3"), &store)).collect();
        for holder in &mut holders {
            // The holders need values to read, until each is ready.
            std::thread::scope(|scope| {
                let ready = scope.spawn(|| assert_eq!(holder.line(), "ready"));
                while !ready.is_finished() {
                    write_next(&mut writer).unwrap();
                    std::thread::sleep(Duration::from_micros(100));
                }
            });
        }
        for holder in holders {
            holder.kill();
        }
        let stat = || store.stat(FIXED).unwrap().value.unwrap();
        let write = |writer: &mut Writer| (0..50).for_each(|_| _ = write_next(writer).unwrap());
        write(&mut writer);
        let (before, leaked) = (stat().data_file, stat().slots.pinned);
        drop(writer);
        // The next writer keeps the file: what the dead held costs it slots, and no more than the file can have.
        let mut next = store.writer(FIXED).unwrap();
        write(&mut next);
        let after = stat();
        assert_eq!((after.data_file, after.slots.pinned), (before.clone(), leaked));
        assert!(after.slots.allocated <= 8, "round {round}: {:?}", after.slots);
        // Until the file is replaced, as by a value that does not fit it.
        next.write_slice(&vec![0_u8; 1 << 20], &[1 << 20]).unwrap();
        let after = stat();
        assert_ne!(after.data_file, before);
        assert_eq!(
            (after.slots.allocated, after.slots.pinned),
            (1, 0),
            "round {round}, {leaked} were leaked"
        );
        drop(next);
        store.remove(FIXED).unwrap();
        assert_eq!(files(store.directory()), [""; 0]);
    }
}

#[test]
fn takeover_at_full_speed() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let mut writer = ready("write a", &store);
    let ways = ["read 3", "view 0", "wait 10"];
    let readers: Vec<_> = ways.iter().map(|way| ready(&format!("read {way}"), &store)).collect();
    for _ in 0..10 {
        let next = ready("take-over a", &store);
        assert_eq!(writer.line(), "superseded");
        writer.end();
        writer = next;
        std::thread::sleep(Duration::from_millis(20));
    }
    stop(readers);
    writer.end();
    assert_eq!(files(store.directory()).len(), 2, "{:?}", files(store.directory()));
}

#[test]
fn whoever_waits_without_a_timeout_is_woken() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut waiter = ready("wait a", &store);
    let mut random = Random(0xa1a2_a3a4);
    // Time to spin, to fall asleep, and to sleep for more than one slice.
    let mut expect = |writer: &mut Writer| {
        std::thread::sleep(Duration::from_millis([0, 1, 10, 150][random.below(4) as usize]));
        let version = write_next(writer).unwrap();
        assert_eq!(waiter.line(), version.to_string());
    };
    for _ in 0..50 {
        expect(&mut writer);
    }
    for _ in 0..4 {
        let mut next = store.writer_options("a").takeover(true).open().unwrap();
        expect(&mut next);
        assert!(matches!(write_next(&mut writer), Err(Error::Superseded { .. })));
        writer = next;
        expect(&mut writer);
    }
    for _ in 0..4 {
        drop(writer);
        store.remove("a").unwrap();
        std::thread::sleep(Duration::from_millis(50));
        writer = store.writer("a").unwrap();
        expect(&mut writer);
        expect(&mut writer);
    }
    for _ in 0..2 {
        drop(writer);
        for name in files(store.directory()) {
            std::fs::remove_file(directory.path().join(name)).unwrap();
        }
        writer = store.writer("a").unwrap();
        expect(&mut writer);
    }
    // Under a living writer, which notices within a second.
    std::fs::remove_file(directory.path().join("a")).unwrap();
    while !directory.path().join("a").exists() {
        std::thread::sleep(Duration::from_millis(20));
        expect(&mut writer);
    }
    expect(&mut writer);
    waiter.kill();
    assert_eq!(files(store.directory()).len(), 2);
}
