//! The processes that are killed: writers in full stream, readers that hold values and sleep, forked children of both,
//! sweepers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ndsharray::{Error, Reader, Store, Writer};

use crate::common::board::Board;
use crate::common::forking::fork;
use crate::common::process::say;
use crate::common::random::Random;
use crate::common::reading::Seen;
use crate::common::values::{FIXED, Held, check_snapshot, check_view, write_next};

/// The layout of the first one changes all the time.
pub const TAGS: [&str; 2] = ["a", FIXED];

// Words of the board. From DONE on, one for each tag: the last version whose write returned.
pub const DONE: usize = 0;
pub const FAILED: usize = 8;
pub const READ: usize = 9;
pub const WRITTEN: usize = 10;
pub const TAKEN_OVER: usize = 11;
pub const FORKED: usize = 12;
/// From here on, one for each reader: the last version that it returned.
pub const LAST: usize = 16;

/// At most so many children are forked by one process.
const CHILDREN: u64 = 3;

/// Does nothing until it is killed.
fn park() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

/// A child of a role, which looks at what it inherited, and stays until it is killed.
fn fork_child(board: &Board, body: impl FnOnce()) {
    board.add(FORKED, 1);
    fork(|| {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            board.add(FAILED, 1);
        }
        park();
    });
}

/// Role: writes at full speed, with pauses in which readers fall asleep, and counts each write that returned.
pub fn stream(store: &Store, tag: usize, takeover: bool, forks: bool) {
    let board = Board::of(store);
    let mut random = Random(u64::from(std::process::id()) << 20 | 1);
    let mut writer = loop {
        match store.writer_options(TAGS[tag]).takeover(takeover).open() {
            Ok(writer) => break writer,
            // Between a fork and its child's first step, the child has the lock of a dead writer.
            Err(Error::WriterExists { .. }) if !takeover => {}
            Err(error) => panic!("{error}"),
        }
    };
    if takeover {
        board.add(TAKEN_OVER, 1);
    }
    board.raise(DONE + tag, writer.version());
    let (mut first, mut children) = (true, 0);
    loop {
        match write_next(&mut writer) {
            Ok(version) => board.raise(DONE + tag, version),
            Err(Error::Superseded { .. }) => break,
            Err(error) => panic!("{error}"),
        }
        board.add(WRITTEN, 1);
        if std::mem::take(&mut first) {
            say("ready");
        }
        if random.below(100) == 0 {
            std::thread::sleep(Duration::from_micros(random.below(3000)));
        }
        if forks && children < CHILDREN && random.below(100) == 0 {
            children += 1;
            fork_child(&board, || inherited(&mut writer));
        }
    }
    if first {
        say("superseded");
    }
    // Its files and locks stay, or are given back while the other writer starts.
    if random.below(2) == 0 {
        drop(writer);
    }
    park();
}

fn inherited(writer: &mut Writer) {
    let outcome = writer.write_slice(&[1_u8], &[1]);
    assert!(matches!(outcome, Err(Error::Forked { .. })), "{outcome:?}");
}

/// Role: reads in one of the ways, holds so many values, and publishes the last version that it saw on the board.
pub fn read(store: &Store, tag: usize, way: &str, keep: usize, index: usize, forks: bool) {
    let board = Board::of(store);
    let mut random = Random(u64::from(std::process::id()) << 20 | 1);
    let mut reader = loop {
        match store.reader(TAGS[tag]) {
            Ok(reader) => break reader,
            Err(Error::NotFound { .. }) => std::thread::sleep(Duration::from_micros(100)),
            Err(error) => panic!("{error}"),
        }
    };
    let mut held = Held::new(TAGS[tag], keep);
    // Takeovers are killed, too, after which the value that was under way may be gone.
    let mut seen = Seen::default();
    let mut children = 0;
    loop {
        match way {
            "view" => match reader.view() {
                Ok(view) => {
                    check_view(TAGS[tag], &view);
                    seen.some(view.version());
                }
                Err(Error::Empty { .. }) => continue,
                Err(error) => panic!("{error}"),
            },
            _ => {
                let snapshot = reader.wait(None).unwrap().unwrap();
                seen.newer(snapshot.version());
                held.hold(snapshot);
            }
        }
        board.set(LAST + index, seen.last);
        board.add(READ, 1);
        if forks && children < CHILDREN && random.below(50) == 0 {
            children += 1;
            fork_child(&board, || read_in_child(&mut reader, &held, TAGS[tag]));
        }
    }
}

fn read_in_child(reader: &mut Reader, held: &Held, tag: &str) {
    for _ in 0..50 {
        held.check();
        if let Some(snapshot) = reader.wait(Duration::from_millis(1)).unwrap() {
            check_snapshot(tag, &snapshot);
        }
    }
}

/// Role: sweeps all the time.
pub fn sweep(store: &Store) {
    say("ready");
    loop {
        store.gc().unwrap();
        std::thread::sleep(Duration::from_micros(200));
    }
}
