//! A sweep that is stopped after any of its calls about locks and names holds up nobody: whoever takes the tag over or opens it
//! meanwhile has it with its last value. The same of a writer that looks whether it still has its tag.

use std::fs::{hard_link, rename};
use std::path::Path;
use std::time::Duration;

use ndsharray::{Error, Store, Writer};

use crate::common::header::HeaderFile;
use crate::common::process::Watchdog;
use crate::common::sandbox::{self, files};
use crate::common::test_name;
use crate::traced::{Stop, Traced};

/// Where the half word is that says whether a header has stood at its tag.
const HAS_STOOD: u64 = 132;

/// A state of a tag that a sweep has something to do with.
struct Preparation {
    name: &'static str,
    /// Makes it in an empty store; with the writer that the tag has, or had.
    make: fn(&Store) -> Option<Writer>,
    /// Whether the tag has that writer still, so that it can be taken over only.
    has_writer: bool,
    /// The version that whoever opens the tag must find; 0 if it is to be a new one.
    version: u64,
    /// Whether its data file goes on under the next writer. Else the sweep may hold the lock of that.
    adopted: bool,
}

const fn prepared(
    name: &'static str,
    make: fn(&Store) -> Option<Writer>,
    has_writer: bool,
    version: u64,
    adopted: bool,
) -> Preparation {
    Preparation { name, make, has_writer, version, adopted }
}

const PREPARATIONS: [Preparation; 8] = [
    prepared("an ephemeral tag whose writer was killed", ephemeral, false, 0, false),
    prepared("a header put aside", |store| put_aside(store, false), false, 2, true),
    prepared("a header put aside under its writer", |store| put_aside(store, true), true, 2, true),
    prepared("a taker killed before the exchange", |store| staged(store, false), false, 2, true),
    prepared("the same under a writer", |store| staged(store, true), true, 2, true),
    prepared("a taker killed after the exchange", |store| exchanged(store, false), false, 2, true),
    prepared("the same, and its victim lives", |store| exchanged(store, true), false, 2, true),
    prepared("a second name of the data file", second_name, false, 2, false),
];

fn aside(store: &Store, number: u32) -> std::path::PathBuf {
    store.directory().join(format!(".a_000000000000000{number}.ndsharray-tmp"))
}

fn two_values(store: &Store) -> Writer {
    let mut writer = store.writer("a").unwrap();
    for value in [1_u8, 2] {
        writer.write_slice(&[value], &[1]).unwrap();
    }
    writer
}

fn ephemeral(store: &Store) -> Option<Writer> {
    let mut writer = store.writer_options("a").ephemeral(true).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    let read =
        |name: String| (store.directory().join(&name), std::fs::read(store.directory().join(name)).unwrap());
    let left: Vec<_> = files(store.directory()).into_iter().map(read).collect();
    drop(writer);
    left.iter().for_each(|(path, contents)| std::fs::write(path, contents).unwrap());
    None
}

fn put_aside(store: &Store, lives: bool) -> Option<Writer> {
    let writer = Some(two_values(store)).filter(|_| lives);
    rename(store.directory().join("a"), aside(store, 1)).unwrap();
    writer
}

/// The header that was to replace that of the tag, with its data file: made in another store.
fn staged(store: &Store, lives: bool) -> Option<Writer> {
    let writer = Some(two_values(store)).filter(|_| lives);
    let (directory, other) = sandbox::store();
    let data = two_values(&other).data_file().unwrap();
    rename(directory.path().join(&data), store.directory().join(&data)).unwrap();
    HeaderFile::of(&other, "a").put(HAS_STOOD, &[0; 4]);
    rename(directory.path().join("a"), aside(store, 2)).unwrap();
    HeaderFile::of(store, "a").freeze();
    writer
}

fn exchanged(store: &Store, lives: bool) -> Option<Writer> {
    let old = two_values(store);
    HeaderFile::of(store, "a").freeze();
    rename(store.directory().join("a"), aside(store, 1)).unwrap();
    let (directory, other) = sandbox::store();
    drop(two_values(&other));
    for name in files(directory.path()) {
        rename(directory.path().join(&name), store.directory().join(&name)).unwrap();
    }
    Some(old).filter(|_| lives)
}

/// A writer that is killed between link and unlink leaves it. Its number is one that no record names.
fn second_name(store: &Store) -> Option<Writer> {
    let data = two_values(store).data_file().unwrap();
    let (id, number) = data.split_at(data.len() - 10);
    let next = u64::from_str_radix(number, 16).unwrap() + 1;
    let second = format!("{id}{next:010x}");
    hard_link(store.directory().join(&data), store.directory().join(second)).unwrap();
    None
}

/// Opens the tag beside somebody who is stopped; the writer, which wrote something.
#[track_caller]
fn open(store: &Store, takeover: bool, version: u64, adopted: bool, context: &str) -> Writer {
    let opened = store.writer_options("a").takeover(takeover).open();
    let mut writer = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(writer.version(), version, "{context}");
    if adopted {
        assert!(writer.data_file().is_some(), "{context}: it has the data file");
    }
    if version != 0 {
        let latest = store.reader("a").unwrap().latest();
        let latest = latest.unwrap_or_else(|error| panic!("{context}: {error}"));
        assert_eq!((latest.version(), latest.bytes()), (version, &[version as u8][..]), "{context}");
    }
    let written = writer.write_slice(&[7_u8], &[1]).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(written, version + 1, "{context}");
    writer
}

/// Whoever was stopped has gone on: the writer goes on, too, and nothing is left but its files.
#[track_caller]
fn check_after(store: &Store, mut writer: Writer, context: &str) {
    let version = writer.write_slice(&[8_u8], &[1]).unwrap_or_else(|error| panic!("{context}: {error}"));
    let latest = store.reader("a").unwrap().latest().unwrap();
    assert_eq!((latest.version(), latest.bytes()), (version, &[8][..]), "{context}");
    drop(writer);
    store.gc().unwrap();
    assert_eq!(store.writer("a").unwrap().version(), version, "{context}");
    let data = store.stat("a").unwrap().value.unwrap().data_file;
    assert_eq!(files(store.directory()), ["a", &data], "{context}");
}

fn gc(directory: &Path) {
    Store::open(directory).unwrap().gc().unwrap();
}

/// Each way to open, at each stop; how many stops there were. `None` if nothing can be traced here.
fn stop_everywhere(preparation: &Preparation) -> Option<usize> {
    let Preparation { name, make, has_writer, version, adopted } = preparation;
    let mut stops = 0;
    for takeover in [true, false].into_iter().filter(|takeover| *takeover || !has_writer) {
        for number in 0.. {
            let (directory, store) = sandbox::store();
            let made = make(&store);
            let mut traced = Traced::start(test_name!(stop_everywhere), || (), |()| gc(directory.path()))?;
            if !traced.run_to(number, Stop::is_after_lock_or_name) {
                assert!(number > 0, "{name}: a sweep has something to do");
                break;
            }
            stops += 1;
            let context = format!("{name}, takeover: {takeover}, stop {number}");
            let writer = open(&store, takeover, *version, *adopted, &context);
            traced.go_on();
            if let Some(mut old) = made {
                let refused = old.write_slice(&[9_u8], &[1]);
                assert!(matches!(refused, Err(Error::Superseded { .. })), "{context}: {refused:?}");
            }
            check_after(&store, writer, &context);
        }
    }
    Some(stops)
}

#[test]
fn a_sweep_that_is_stopped_after_any_call_holds_up_nobody() {
    let _watchdog = Watchdog::new(test_name!());
    for preparation in &PREPARATIONS {
        let Some(stops) = stop_everywhere(preparation) else { return };
        println!("figures: {}: {stops} stops", preparation.name);
    }
}

/// A writer that looks whether it has its tag still, while the tag has another living header; stopped before that write.
fn looking(test: &str) -> Option<(tempfile::TempDir, Store, Writer, Traced)> {
    let (directory, store) = sandbox::store();
    let path = directory.path().to_owned();
    let prepare = || {
        let mut writer = Store::open(path).unwrap().writer("a").unwrap();
        writer.write_slice(&[1_u8], &[1]).unwrap();
        writer
    };
    let write = |mut writer: Writer| {
        let refused = writer.write_slice(&[9_u8], &[1]);
        assert!(matches!(refused, Err(Error::Superseded { .. })), "{refused:?}");
    };
    let traced = Traced::start(test, prepare, write)?;
    std::fs::remove_file(directory.path().join("a")).unwrap();
    let writer = two_values(&store);
    Some((directory, store, writer, traced))
}

#[test]
fn a_writer_that_is_stopped_while_it_looks_holds_up_nobody() {
    let _watchdog = Watchdog::new(test_name!());
    // A writer looks at most once a second.
    let pause = || std::thread::sleep(Duration::from_millis(1100));
    let Some((_directory, store, writer, mut traced)) = looking(test_name!()) else { return };
    pause();
    let mut stops = 0;
    while let Some(stop) = traced.next() {
        stops += usize::from(stop.is_after_lock_or_name());
    }
    check_after(&store, writer, "nobody is stopped");
    assert!(stops > 0);
    let all: Vec<_> = (0..2 * stops).map(|_| looking(test_name!()).unwrap()).collect();
    pause();
    for (i, (_directory, store, writer, mut traced)) in all.into_iter().enumerate() {
        let (number, takeover) = (i / 2, i % 2 == 0);
        assert!(traced.run_to(number, Stop::is_after_lock_or_name));
        let old = Some(writer).filter(|_| takeover);
        let context = format!("takeover: {takeover}, stop {number}");
        let writer = open(&store, takeover, 2, true, &context);
        drop(old);
        traced.go_on();
        check_after(&store, writer, &context);
    }
    println!("figures: a writer that looks: {stops} stops");
}
