//! Takeovers at full speed: processes that take a tag from each other all the time, are stopped and killed at any
//! moment, while others read and tidy up. Whatever write returned stays, no version is given twice, no reader goes
//! back, and every read that begins after a write has returned sees that value or a later one.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

use super::log::Log;
use crate::common::process::{Process, Watchdog, place, role, say, stopping};
use crate::common::random::Random;
use crate::common::sandbox::{self, files, store};
use crate::common::values::{check_snapshot, check_view, write_next};
use crate::common::{Stop, soak, test_name};

/// Starts one of the roles below, and waits until it is ready.
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
        ["take", log, seed] => take(&store, &Log::open(Path::new(log)), seed.parse().unwrap()),
        ["follow", log] => follow(&store, &Log::open(Path::new(log))),
        ["gc"] => gc(&store),
        _ => panic!("{words:?}"),
    }
}

/// Role: takes the tag over, writes some values, and again, until it is told to end.
fn take(store: &Store, log: &Log, seed: u64) {
    let mut random = Random(seed);
    say("ready");
    while !stopping() {
        let before = log.last.load(Ordering::SeqCst);
        let mut writer = store.writer_options("a").takeover(true).open().unwrap();
        assert!(writer.version() >= before, "version {before} was written, {} taken over", writer.version());
        log.opened.fetch_add(1, Ordering::SeqCst);
        for _ in 0..random.below(200) {
            match write_next(&mut writer) {
                Ok(version) => log.acknowledge(version),
                Err(Error::Superseded { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        if random.below(3) == 0 {
            // It stays alive for a moment, and writes nothing.
            std::thread::sleep(Duration::from_micros(random.below(3000)));
        }
    }
}

/// Role: reads in each way, until it is told to end.
fn follow(store: &Store, log: &Log) {
    let mut reader = store.reader("a").unwrap();
    let (mut last, mut first, mut returned) = (0, 0, 0);
    let mut see = |version: u64, written: u64| {
        assert!(version >= written, "version {written} was written before, {version} is read");
        assert!(version >= last, "version {version} after {last}");
        last = version;
    };
    say("ready");
    while !stopping() || returned < 3 {
        let written = log.last.load(Ordering::SeqCst);
        let value = reader.latest().unwrap();
        see(value.version(), written);
        check_snapshot("a", &value);
        let written = log.last.load(Ordering::SeqCst);
        let view = reader.view().unwrap();
        see(view.version(), written);
        check_view("a", &view);
        drop(view);
        let before = first + returned + reader.missed();
        if let Some(value) = reader.wait(Duration::from_millis(5)).unwrap() {
            see(value.version(), 0);
            check_snapshot("a", &value);
            if returned == 0 {
                first = value.version();
            } else {
                assert!(value.version() >= before, "version {} was returned before", value.version());
            }
            returned += 1;
            // Each version once: those that were not returned were missed.
            assert_eq!(first + returned - 1 + reader.missed(), value.version());
        }
    }
    say(format!("{returned} returned, {} missed", reader.missed()));
}

/// Role: tidies up and looks around, until it is told to end.
fn gc(store: &Store) {
    say("ready");
    while !stopping() {
        store.gc().unwrap();
        let stat = store.stat("a").unwrap();
        assert!(stat.value.is_some());
    }
}

fn signal(child: &Process, signal: libc::c_int) {
    // SAFETY: a process of ours that was not waited for yet.
    assert_eq!(unsafe { libc::kill(child.pid(), signal) }, 0);
}

#[test]
fn several_take_over_from_each_other_and_are_killed() {
    let (_directory, store) = store();
    let other = sandbox::directory();
    let path = other.path().join("log");
    let log = Log::make(&path);
    let role = |seed: u64| format!("take {} {seed}", path.display());
    write_next(&mut store.writer("a").unwrap()).map(|version| log.acknowledge(version)).unwrap();
    let (rounds, length) = if soak() { (60, 10) } else { (3, 4) };
    let (mut random, mut kills, mut stops) = (Random(0x7a6e_0b1d), 0, 0);
    for round in 0..rounds {
        let _watchdog = Watchdog::new(test_name!());
        let mut seed = || 1 + random.below(1 << 50);
        let mut takers: Vec<Process> = (0..3).map(|_| ready(&role(seed()), &store)).collect();
        let readers: Vec<Process> =
            (0..2).map(|_| ready(&format!("follow {}", path.display()), &store)).collect();
        let sweeper = ready("gc", &store);
        let end = Instant::now() + Duration::from_secs(length);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
            let which = random.below(3) as usize;
            if random.below(2) == 0 {
                signal(&takers[which], libc::SIGSTOP);
                std::thread::sleep(Duration::from_micros(random.below(10_000)));
                signal(&takers[which], libc::SIGCONT);
                stops += 1;
            } else {
                let next = ready(&role(1 + random.below(1 << 50)), &store);
                std::mem::replace(&mut takers[which], next).kill();
                kills += 1;
            }
        }
        takers.into_iter().for_each(|taker| drop(taker.end()));
        readers.into_iter().for_each(|reader| drop(reader.end()));
        sweeper.end();
        let last = log.last.load(Ordering::SeqCst);
        assert!(store.reader("a").unwrap().latest().unwrap().version() >= last, "round {round}");
        let mut writer = store.writer("a").unwrap();
        assert!(writer.version() >= last, "round {round}");
        assert_eq!(files(store.directory()), ["a".to_owned(), writer.data_file().unwrap()], "round {round}");
        log.acknowledge(write_next(&mut writer).unwrap());
        assert_eq!(files(store.directory()), ["a".to_owned(), writer.data_file().unwrap()], "round {round}");
    }
    let (opened, last) = (log.opened.load(Ordering::SeqCst), log.last.load(Ordering::SeqCst));
    println!("{rounds} rounds: {opened} takeovers, {kills} kills, {stops} stops, {last} values");
    assert!(opened > 100 && kills > 10 && stops > 10);
}

/// Takeovers, removals and sweeps at once: typed errors, whole values, and nothing left over.
#[test]
fn removals_and_takeovers_at_once() {
    let _watchdog = Watchdog::new(test_name!());
    let (_directory, store) = store();
    let store = &store;
    let stop = &AtomicBool::new(false);
    let [values, removed, read] = &[const { AtomicU64::new(0) }; 3];
    let taker = |seed| {
        let _stop = Stop(stop);
        let mut random = Random(seed);
        while !stop.load(Ordering::Relaxed) {
            let options = store.writer_options("a").takeover(true).ephemeral(random.below(3) == 0);
            let mut writer = options.open().unwrap();
            for _ in 0..random.below(100) {
                match write_next(&mut writer) {
                    Ok(_) => values.fetch_add(1, Ordering::Relaxed),
                    Err(Error::Superseded { .. } | Error::Removed { .. }) => break,
                    Err(error) => panic!("{error}"),
                };
            }
        }
    };
    let remover = || {
        let _stop = Stop(stop);
        while !stop.load(Ordering::Relaxed) {
            match store.force_remove("a") {
                Ok(()) => drop(removed.fetch_add(1, Ordering::Relaxed)),
                Err(Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            store.gc().unwrap();
        }
    };
    let reader = || {
        let _stop = Stop(stop);
        while !stop.load(Ordering::Relaxed) {
            match store.reader("a").and_then(|mut reader| reader.read()) {
                Ok(None) | Err(Error::NotFound { .. }) => {}
                Ok(Some(value)) => {
                    check_snapshot("a", &value);
                    read.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    std::thread::scope(|scope| {
        let _stop = Stop(stop);
        for seed in [1_u64 << 20, 77] {
            scope.spawn(move || taker(seed));
        }
        scope.spawn(remover);
        scope.spawn(reader);
        let end = Instant::now() + Duration::from_secs(if soak() { 120 } else { 2 });
        let few = |count: &AtomicU64, least| count.load(Ordering::Relaxed) < least;
        while Instant::now() < end || few(values, 100) || few(removed, 10) || few(read, 10) {
            // It is set before its time by a thread that fails.
            if stop.load(Ordering::Relaxed) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    println!("{values:?} values, {removed:?} removals, {read:?} read");
    let mut writer = store.writer("a").unwrap();
    write_next(&mut writer).unwrap();
    assert_eq!(files(store.directory()), ["a".to_owned(), writer.data_file().unwrap()]);
}
