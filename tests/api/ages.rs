//! The age of values in a store on disk that is read after a restart of the machine. The restart is made by hand: another clock,
//! which began at another time.

use std::path::Path;
use std::time::{Duration, Instant};

use ndsharray::{Store, UnixTime};

use crate::common::data_words::{CLOCK_DOMAIN, CLOCK_OFFSET, DataWords, WRITTEN_AT};
use crate::common::header::HeaderFile;

/// What may lie between two looks at clocks.
const SLACK: Duration = Duration::from_secs(1000);
const DAY: i64 = 86_400_000_000_000;

/// The machine starts again: the clock by which the values were written is an earlier one, on which they have times that are less
/// by `by`, and which was behind Unix time by so much more.
fn restart(store: &Store, by: i64) {
    shift(store, |written_at, offset, domain| {
        (written_at.checked_add_signed(-by).unwrap(), offset.wrapping_add_signed(by), domain.wrapping_add(1))
    });
}

/// Gives every value another time, offset and domain of the clock.
fn shift(store: &Store, to: impl Fn(u64, u64, u64) -> (u64, u64, u64)) {
    let words = DataWords::of(store, "a");
    let latest = store.stat("a").unwrap().value.unwrap().version;
    for slot in (0..words.limit()).filter(|&slot| words.content(slot) != 0) {
        let [before, offset, domain] =
            [WRITTEN_AT, CLOCK_OFFSET, CLOCK_DOMAIN].map(|word| words.line(slot, word));
        let (written_at, offset, domain) = to(before, offset, domain);
        words.set_line(slot, WRITTEN_AT, written_at);
        words.set_line(slot, CLOCK_OFFSET, offset);
        words.set_line(slot, CLOCK_DOMAIN, domain);
        if words.content(slot) == latest {
            HeaderFile::of(store, "a").date(written_at);
        }
    }
}

/// Checks the values from the one of that version on, each written at its time and so long ago at least.
#[track_caller]
fn check(store: &Store, first: u64, written: &[(UnixTime, Instant)]) {
    let mut reader = store.reader("a").unwrap();
    let mut said = Vec::new();
    while let Some(value) = reader.read_next().unwrap() {
        assert_eq!(value.version(), first + said.len() as u64);
        let nearest = reader.nearest(value.written_at(), None).unwrap().unwrap();
        assert_eq!(nearest.written_at(), value.written_at());
        said.push((value.age(), value.written_at()));
    }
    assert_eq!(said.len(), written.len(), "{said:?}");
    let (latest, last) = (reader.latest().unwrap(), written.last().unwrap());
    let stat = store.stat("a").unwrap().value.unwrap();
    let more = [(latest.age(), latest.written_at()), (stat.age, stat.written_at)];
    for ((age, written_at), (at, done)) in
        said.into_iter().zip(written).chain(more.into_iter().zip([last, last]))
    {
        let least = done.elapsed().saturating_sub(Duration::from_millis(20));
        assert!(age >= least && age < least + SLACK, "{age:?}, not {least:?}");
        assert!(written_at.abs_diff(*at) < SLACK, "{written_at}, not {at}");
    }
}

#[test]
fn ages_after_a_restart_are_by_unix_time() {
    let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let short = (uptime.tv_sec * 1_000_000_000) / 2;
    // The machine had run for a month when the values were written; or for half as long as it runs now.
    for by in [-30 * DAY, short] {
        let disk = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
        let store = Store::open(disk.path()).unwrap();
        let open = || store.writer_options("a").history(4).open().unwrap();
        let write = |writer: &mut ndsharray::Writer| {
            writer.write_slice(&[1_u8], &[1]).unwrap();
            let written = (UnixTime::now(), Instant::now());
            std::thread::sleep(Duration::from_millis(30));
            written
        };
        let mut writer = open();
        let mut written: Vec<_> = (0..3).map(|_| write(&mut writer)).collect();
        drop(writer);
        check(&store, 1, &written);
        restart(&store, by);
        check(&store, 1, &written);

        // The next writer goes on, by the clock that there is now.
        let mut writer = open();
        written.push(write(&mut writer));
        check(&store, 1, &written);
        drop(writer);

        // Its value goes over to the next one with its times, after one more restart.
        restart(&store, by / 2);
        let taken = store.writer_options("a").history(4).ephemeral(true).takeover(true).open().unwrap();
        check(&store, 4, &written[3..]);
        drop(taken);
    }
}

/// The Unix clock was set back between: what seems to come from the future has the age 0.
#[test]
fn ages_are_never_negative() {
    let disk = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let store = Store::open(disk.path()).unwrap();
    store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    let of = |store: &Store| {
        let mut reader = store.reader("a").unwrap();
        let ages = [reader.latest().unwrap().age(), reader.view().unwrap().age()];
        let more = [reader.read_next().unwrap().unwrap().age(), store.stat("a").unwrap().value.unwrap().age];
        [ages, more].concat()
    };
    shift(&store, |written_at, offset, domain| (written_at, offset.wrapping_add_signed(DAY), domain ^ 1));
    assert_eq!(of(&store), [Duration::ZERO; 4]);
    // And by the clock that both have: of another processor, or of a virtual machine that was put back.
    let day = DAY as u64;
    shift(&store, |written_at, offset, domain| {
        (written_at + day, offset.wrapping_add_signed(-2 * DAY), domain ^ 1)
    });
    assert_eq!(of(&store), [Duration::ZERO; 4]);
    // A clock that nobody knows, at the ends of all numbers.
    for (written_at, offset) in [(u64::MAX, i64::MAX), (0, i64::MAX), (u64::MAX, 0)] {
        shift(&store, |_, _, _| (written_at, offset as u64, 0));
        assert_eq!(of(&store), [Duration::ZERO; 4], "{written_at} {offset}");
    }
    shift(&store, |_, _, _| (0, i64::MIN as u64, 0));
    assert!(of(&store).iter().all(|age| age.as_secs() > 1_700_000_000), "since 1970");
}
