//! Time namespaces, as containers that were checkpointed have: CLOCK_MONOTONIC is another one on each side, and the age of a value
//! is right on both.

use std::time::{Duration, Instant};

use ndsharray::{Store, UnixTime};

use crate::common::process::{Process, Watchdog, hear, place, role, say};
use crate::common::sandbox::{store, under};
use crate::common::{test_name, time_namespace};

/// What may lie between two looks at clocks. What hangs is killed before.
const SLACK: Duration = Duration::from_secs(1000);

/// When a value was written: by Unix time, and by the clock of this process.
struct Written {
    at: UnixTime,
    done: Instant,
}

fn write(store: &Store, tag: &str) -> Written {
    let mut writer = store.writer_options(tag).history(2).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    Written { at: UnixTime::now(), done: Instant::now() }
}

/// Checks age and time of a value that was written then, and at least so long ago.
#[track_caller]
fn check(store: &Store, tag: &str, at: UnixTime, least: Duration) {
    let mut reader = store.reader(tag).unwrap();
    let stat = store.stat(tag).unwrap().value.unwrap();
    let values = [reader.latest().unwrap(), reader.read_next().unwrap().unwrap()];
    let said = values.iter().map(|value| (value.age(), value.written_at()));
    for (age, written_at) in said.chain([(stat.age, stat.written_at)]) {
        // A clock of another side is as exact as Unix time.
        assert!(age + Duration::from_millis(20) >= least && age < least + SLACK, "{age:?}, not {least:?}");
        assert!(written_at.abs_diff(at) < SLACK, "{written_at}, not {at}");
    }
    let nearest = reader.nearest(at, SLACK).unwrap();
    assert!(nearest.is_some(), "{tag:?} has a value of that time");
}

/// The other side: reads what this side wrote at the time that it hears of, and writes.
fn elsewhere(store: &Store) {
    let start = Instant::now();
    let at = UnixTime::from(hear().parse::<u64>().unwrap());
    check(store, "here", at, start.elapsed());
    let written = write(store, "elsewhere");
    check(store, "elsewhere", written.at, Duration::ZERO);
    say(written.at.as_nanos());
    // It takes the tag over, and the value with its times.
    assert_eq!(hear(), "take over");
    let taken = store.writer_options("here").takeover(true).open().unwrap();
    check(store, "here", at, start.elapsed());
    drop(taken);
    say("taken over");
}

#[test]
fn ages_are_right_across_time_namespaces() {
    if role().is_some() {
        return elsewhere(&Store::open(place()).unwrap());
    }
    let _watchdog = Watchdog::new(test_name!());
    let Some(permission) = time_namespace::permission(test_name!()) else { return };
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_sec;
    // No clock is set to a time before 0.
    for ahead in [1_000_000, -3000].into_iter().filter(|ahead| uptime + ahead > 0) {
        let (_directory, store) = store();
        let here = write(&store, "here");
        let seconds = ahead.to_string();
        let mut options = permission.to_vec();
        options.extend(["--time", "--fork", "--kill-child", "--monotonic", &seconds, "--boottime", &seconds]);
        let mut other = Process::run(under(&options, "", test_name!(), "elsewhere", store.directory()));
        other.tell(&here.at.as_nanos().to_string());
        let at = UnixTime::from(other.line().parse::<u64>().unwrap());
        let heard = Instant::now();
        std::thread::sleep(Duration::from_millis(50));
        check(&store, "elsewhere", at, heard.elapsed());
        other.tell("take over");
        other.expect("taken over");
        check(&store, "here", here.at, here.done.elapsed());
        other.end();
    }
}
