//! The role that is killed: a writer with history in full stream, also one that takes the tag over.

use std::time::Duration;

use ndsharray::{Store, Writer};

use crate::common::board::Board;
use crate::common::process::say;
use crate::common::random::Random;
use crate::log::Log;
use crate::roles::*;
use crate::values::{is_superseded, write};

/// Slots do not grow beyond that.
const LARGEST: usize = 8 * CAPACITY;
/// One of so many values needs larger slots than there are; one of so many has another layout.
const GROWS: u64 = 20_000;
const CHANGES: u64 = 16;

/// Writes values until the process is killed. Each writer has an author number of its own.
pub fn stream(store: &Store, tag: usize, takes_over: bool, author: u64) {
    say("opening");
    let mut stream = Stream::open(store, tag, takes_over, author);
    stream.write();
    say("ready");
    // Ends only if it was taken over.
    while stream.burst() {}
    say("superseded");
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}

struct Stream {
    board: Board,
    log: Log,
    tag: usize,
    author: u64,
    writer: Writer,
    random: Random,
    /// Room in a slot.
    capacity: usize,
    length: usize,
}

impl Stream {
    fn open(store: &Store, tag: usize, takes_over: bool, author: u64) -> Stream {
        let (board, log) = (Board::of(store), Log::of(store));
        if takes_over {
            board.add(TAKING + tag, 1);
        }
        let done = board.get(DONE + tag);
        let writer = options(store, tag).takeover(takes_over).open().unwrap();
        let version = writer.version();
        if takes_over {
            assert!(version >= done, "version {done} was written, and {version} was taken over");
            // The last value comes along, and nothing before it.
            board.raise(BEGINS + tag, version);
            board.add(TAKEN + tag, 1);
            board.add(TAKEN_OVER, 1);
        } else {
            assert_eq!(version, board.get(LEFT + tag), "the next writer goes on");
        }
        board.raise(DONE + tag, version);
        let value = store.stat(TAGS[tag]).unwrap().value;
        let capacity = value.map_or(CAPACITY, |value| value.slots.capacity);
        let random = Random(author << 20 | 1);
        Stream { board, log, tag, author, writer, random, capacity, length: 64 }
    }

    /// Some values at full speed, then a pause, in which readers come after it; false if it was taken over.
    fn burst(&mut self) -> bool {
        let most = [2, HISTORIES[self.tag], 3000][self.random.below(3) as usize];
        for _ in 0..self.random.below(most) {
            if !self.write() {
                return false;
            }
        }
        if self.random.below(2) == 0 {
            std::thread::sleep(Duration::from_micros(self.random.below(2000)));
        }
        true
    }

    /// One value; false if it was taken over.
    fn write(&mut self) -> bool {
        let (board, version) = (&self.board, self.writer.version() + 1);
        if self.random.below(CHANGES) == 0 {
            self.length = self.random.below(self.capacity as u64 / 2) as usize;
        }
        if self.capacity < LARGEST && self.random.below(GROWS) == 0 {
            self.capacity += CAPACITY;
            self.length = self.capacity;
            board.raise(BEGINS + self.tag, version);
            board.add(GROWN, 1);
        }
        board.raise(TRIED + self.tag, version);
        match write(&mut self.writer, self.author, self.length) {
            Ok(version) => {
                self.log.wrote(self.tag, version, self.author);
                self.board.raise(DONE + self.tag, version);
                self.board.add(WRITTEN, 1);
                true
            }
            Err(error) if is_superseded(&error) => false,
            Err(error) => panic!("{error}"),
        }
    }
}
