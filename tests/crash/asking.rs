//! Processes that are stopped while they ask about a tag, tidy up, or open it: who asks or tidies up is in nobody's way; what
//! is blocked by who has the name lock is shown, and goes on with him.

use std::time::{Duration, Instant};

use ndsharray::{Error, Store};

use crate::common::header::HeaderFile;
use crate::common::process::{Process, Watchdog, place, role, say, stopping};
use crate::common::random::{Random, Seeded, seed};
use crate::common::sandbox::{files, store};
use crate::common::values::{check_snapshot, write_next};
use crate::common::{soak, test_name};
use crate::stopped::{go_on, nap, stop};

/// Starts one of the roles below, and waits until it is ready.
fn ready(role: &str, store: &Store) -> Process {
    Process::ready(test_name!(child), role, store.directory())
}

#[test]
#[ignore = "the other processes of these tests; needs a role"]
fn child() {
    let Some(role) = role() else { return };
    let store = Store::open(place()).unwrap();
    match &role[..] {
        "ask" => ask(&store, 1),
        "ask-in-threads" => ask(&store, ASKING),
        "sweep" => sweep(&store),
        "take-over" => take_over(&store),
        _ => panic!("{role}"),
    }
}

/// How many threads of a process ask.
const ASKING: usize = 16;

/// Role: asks all the time who has the tag, in each way, in so many threads.
fn ask(store: &Store, threads: usize) {
    if threads > 1 {
        // There are more of them than processors, and the test is to go on.
        // SAFETY: changes nothing but this process's priority.
        unsafe { libc::nice(19) };
    }
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                while !stopping() {
                    store.stat("a").unwrap();
                }
            });
        }
        let reader = store.reader("a").unwrap();
        say("ready");
        while !stopping() {
            store.stat("a").unwrap();
            let _ = reader.writer_alive().unwrap();
            assert!(store.entries().unwrap().iter().any(|entry| entry.tag == "a"));
        }
    });
}

/// 64 that ask all the time, and one that is stopped in the middle of it, refuse nobody an opening, a write, a takeover or a
/// removal.
#[test]
fn askers_are_in_nobodys_way() {
    let _watchdog = Watchdog::new(test_name!());
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (_directory, store) = store();
    write_next(&mut store.writer("a").unwrap()).unwrap();
    let asker = ready("ask", &store);
    let mut askers: Vec<Process> = (0..64 / ASKING).map(|_| ready("ask-in-threads", &store)).collect();
    let stops = if soak() { 3000 } else { 100 };
    for round in 0..stops {
        nap(&mut random);
        stop(&asker);
        let mut writer = store.writer("a").unwrap_or_else(|error| panic!("stop {round}: {error}"));
        write_next(&mut writer).unwrap();
        if random.below(3) == 0 {
            let mut next = store.writer_options("a").takeover(true).open().unwrap();
            write_next(&mut next).unwrap();
            assert!(matches!(write_next(&mut writer), Err(Error::Superseded { .. })));
            writer = next;
        }
        drop(writer);
        go_on(&asker);
    }
    asker.end();
    askers.iter_mut().for_each(Process::check_lives);
    askers.into_iter().for_each(|asker| drop(asker.end()));
    store.remove("a").unwrap();
    assert_eq!(files(store.directory()), [""; 0]);
    println!("figures: stopped askers: {stops} stops, none was in the way of the next writer");
}

/// Role: removes what killed ephemeral writers left, in each way.
fn sweep(store: &Store) {
    let own = format!("sweeper-{}", std::process::id());
    say("ready");
    while !stopping() {
        store.gc().unwrap();
        drop(store.writer_options(&own).ephemeral(true).open().unwrap());
    }
}

/// A process is stopped while it removes an ephemeral tag whose writer was killed. Another one opens the tag meanwhile.
#[test]
fn a_stopped_sweep_keeps_nobody_from_opening() {
    let _watchdog = Watchdog::new(test_name!());
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (directory, store) = store();
    // The files of an ephemeral tag, as a writer leaves them that is killed.
    let mut ephemeral = store.writer_options("a").ephemeral(true).open().unwrap();
    write_next(&mut ephemeral).unwrap();
    let data = ephemeral.data_file().unwrap();
    let left = [&data[..], "a"].map(|name| (name, std::fs::read(directory.path().join(name)).unwrap()));
    drop(ephemeral);
    let sweeper = ready("sweep", &store);
    let stops = if soak() { 5000 } else { 300 };
    let mut amid = 0;
    for round in 0..stops {
        for (name, contents) in &left {
            // Until it is complete it has a name that is no tag.
            let path = directory.path().join(".in-the-making");
            std::fs::write(&path, contents).unwrap();
            std::fs::rename(path, directory.path().join(name)).unwrap();
        }
        let first = Instant::now();
        let wait = Duration::from_micros(random.below(400));
        while first.elapsed() < wait {
            std::hint::spin_loop();
        }
        stop(&sweeper);
        let names = files(directory.path());
        amid += u64::from(names.iter().any(|name| name.starts_with(".a_")));
        let mut writer = store.writer("a").unwrap_or_else(|error| panic!("stop {round}: {error}"));
        assert_eq!(write_next(&mut writer).unwrap(), 1, "a new tag");
        go_on(&sweeper);
        assert_eq!(write_next(&mut writer).unwrap(), 2);
        check_snapshot("a", &store.reader("a").unwrap().latest().unwrap());
        drop(writer);
        store.remove("a").unwrap();
    }
    sweeper.end();
    store.gc().unwrap();
    assert_eq!(files(directory.path()), [""; 0]);
    println!(
        "figures: stopped sweeps: {stops} stops, {amid} amid a removal, none kept the tag from being opened"
    );
}

/// An ephemeral tag that is just being opened has a writer from the instant at which it has a name: no sweep takes it for one
/// whose writer was killed.
#[test]
fn a_sweep_leaves_a_writer_alone_that_is_just_opening() {
    let _watchdog = Watchdog::new(test_name!());
    let (directory, store) = store();
    let sweepers = [(); 2].map(|()| ready("sweep", &store));
    for opening in 1..=if soak() { 100_000 } else { 1000 } {
        let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
        for version in 1..=2 {
            let written = write_next(&mut writer);
            assert_eq!(written.unwrap_or_else(|error| panic!("opening {opening}: {error}")), version);
        }
        let value = store.reader("a").and_then(|reader| reader.latest());
        check_snapshot("a", &value.unwrap_or_else(|error| panic!("opening {opening}: {error}")));
    }
    sweepers.into_iter().for_each(|sweeper| drop(sweeper.end()));
    assert_eq!(files(directory.path()), [""; 0]);
}

/// Role: takes the tag over, again and again.
fn take_over(store: &Store) {
    let mut last = None;
    say("ready");
    while !stopping() {
        let mut writer = store.writer_options("a").takeover(true).open().unwrap();
        match write_next(&mut writer) {
            Ok(_) | Err(Error::Superseded { .. }) => last = Some(writer),
            Err(error) => panic!("{error}"),
        }
    }
    drop(last);
}

/// Who is stopped while he has the name lock blocks who opens, takes over or removes, and perhaps writes; readers go on. All
/// is well again when he goes on, or is killed.
#[test]
fn who_is_stopped_with_the_name_lock_blocks_openings_only() {
    let _watchdog = Watchdog::new(test_name!());
    let seed = seed();
    let _seeded = Seeded(seed);
    let mut random = Random(seed);
    let (_directory, store) = store();
    let mut writer = store.writer("a").unwrap();
    write_next(&mut writer).unwrap();
    let reader = store.reader("a").unwrap();
    let (mut stops, mut found, mut refused) = (0, 0, 0);
    let mut taker = ready("take-over", &store);
    while found < 5 {
        nap(&mut random);
        stop(&taker);
        stops += 1;
        if !HeaderFile::of(&store, "a").name_is_locked() {
            go_on(&taker);
            continue;
        }
        found += 1;
        check_snapshot("a", &reader.latest().unwrap());
        check_snapshot("a", &store.reader("a").unwrap().latest().unwrap());
        assert!(store.stat("a").unwrap().value.is_some());
        refused += u64::from(matches!(store.writer("a"), Err(Error::WriterExists { .. })));
        std::thread::scope(|scope| {
            let start = Instant::now();
            let store = &store;
            let next = scope.spawn(move || {
                let next = store.writer_options("a").takeover(true).open();
                (next, start.elapsed())
            });
            let whole = soak() && found == 1;
            std::thread::sleep(Duration::from_millis(if whole { 40_000 } else { 50 }));
            if !whole {
                assert!(!next.is_finished(), "a takeover waits");
            }
            // Every second time he is killed.
            if found % 2 == 0 {
                std::mem::replace(&mut taker, ready("take-over", store)).kill();
            } else {
                go_on(&taker);
            }
            let (next, took) = next.join().unwrap();
            match next {
                Ok(_) => assert!(!whole),
                Err(error) => assert!(whole && matches!(error, Error::WriterExists { .. }), "{error}"),
            }
            if whole {
                println!("figures: a takeover is refused after {took:?} behind a stopped one");
            }
        });
    }
    taker.end();
    println!(
        "figures: stopped takeovers: {stops} stops, {found} with the name lock; {refused} openings without takeover were \
         refused, takeovers waited, and readers went on"
    );
    drop(store.writer("a").unwrap());
    store.gc().unwrap();
    assert_eq!(files(store.directory()).len(), 2);
}
