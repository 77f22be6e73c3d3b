//! The role that watches: a reader of every value, which stalls now and then, for longer or shorter than the history.

use std::time::{Duration, Instant};

use ndsharray::{Error, Reader, Snapshot, Store};

use crate::common::board::Board;
use crate::common::process::{die_with_parent, stopping};
use crate::common::random::Random;
use crate::common::reading::give_up_permission;
use crate::log::Log;
use crate::roles::*;
use crate::values::check;

/// A stall lasts so long at most: perhaps nobody writes.
const LONGEST: Duration = Duration::from_millis(4);

/// Reads every value until it is told to end, and has come to the last one.
pub fn follow(store: &Store, tag: usize, way: &str, index: usize) {
    let (board, log) = (Board::of(store), Log::of(store));
    let copies = way == "copies" && give_up_permission(store, "uid").is_ok();
    // Another user's process does not keep that.
    die_with_parent();
    let reader = loop {
        match store.reader(TAGS[tag]) {
            Ok(reader) => break reader,
            Err(Error::NotFound { .. }) => std::thread::sleep(Duration::from_micros(200)),
            Err(error) => panic!("{error}"),
        }
    };
    let random = Random(u64::from(std::process::id()) << 20 | 1);
    let most_held = if way == "holds" { 3 } else { 0 };
    let mut follower = Follower {
        board,
        log,
        tag,
        index,
        reader,
        random,
        copies,
        first: 0,
        last: 0,
        returned: 0,
        held: Vec::new(),
        most_held,
    };
    while !follower.step() {}
}

struct Follower {
    board: Board,
    log: Log,
    tag: usize,
    index: usize,
    reader: Reader,
    random: Random,
    copies: bool,
    first: u64,
    last: u64,
    returned: u64,
    held: Vec<Snapshot>,
    most_held: usize,
}

impl Follower {
    /// Stalls perhaps, and reads one value; true at the end.
    fn step(&mut self) -> bool {
        let is_kept = self.stall();
        let missed = self.reader.missed();
        let next = match self.random.below(2) {
            0 => self.reader.read_next(),
            _ => self.reader.wait_next(Duration::from_millis(20)),
        };
        match next {
            Ok(Some(value)) => {
                self.returned(value);
                self.board.add(KEPT, u64::from(is_kept && self.reader.missed() == missed));
                false
            }
            Ok(None) => {
                let end = self.board.get(FINAL + self.tag);
                end != 0 && self.last >= end && stopping()
            }
            // The documented error of a reader whose copies the writer overtakes each time.
            Err(Error::Contended { .. }) if self.copies => {
                self.board.add(CONTENDED, 1);
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Stalls now and then, until so many values were written or some time has passed. True if these were some, and
    /// fewer than the history.
    fn stall(&mut self) -> bool {
        let history = HISTORIES[self.tag];
        let values = match self.random.below(30) {
            0 => 1 + self.random.below(history),
            1 => history + self.random.below(2 * history + 20),
            _ => return false,
        };
        let (start, tried) = (Instant::now(), |board: &Board| board.get(TRIED + self.tag));
        while tried(&self.board) < self.last + values && start.elapsed() < LONGEST {
            std::thread::yield_now();
        }
        self.held.iter().for_each(|value| _ = check(value));
        (self.last + 1..self.last + history).contains(&self.board.get(DONE + self.tag))
    }

    /// Checks what was returned, and what was not.
    fn returned(&mut self, value: Snapshot) {
        let version = value.version();
        assert!(version > self.last, "version {version} after {}", self.last);
        if self.returned == 0 {
            self.first = version;
        } else if version > self.last + 1 {
            self.check_gap(version);
        }
        self.log.saw(self.tag, version, check(&value));
        assert!(!value.is_copy() || self.copies || self.held.len() == 3, "held: {}", self.held.len());
        let before = self.board.get(LAST + self.index);
        assert_eq!(before, self.last);
        self.board.set(LAST + self.index, version);
        self.board.add(RETURNED, 1);
        self.board.add(COPIED, u64::from(value.is_copy()));
        (self.last, self.returned) = (version, self.returned + 1);
        let versions = self.last - self.first + 1;
        assert_eq!(self.returned + self.reader.missed(), versions, "returned {}", self.returned);
        self.hold(value);
    }

    /// The values before this one are missing. That must be for a reason: a later value took the slot, since it is more
    /// than the history behind them, or the history ended. (A reader that copies also passes values over, once its copies of
    /// older ones were overtaken.)
    fn check_gap(&self, version: u64) {
        let (board, tag) = (&self.board, self.tag);
        // In this order: `BEGINS` is set before a takeover counts as ended.
        let takeovers = board.get(TAKING + tag);
        let under_way = takeovers != board.get(TAKEN + tag);
        let (begins, tried) = (board.get(BEGINS + tag), board.get(TRIED + tag));
        let missing = version - 1;
        assert!(
            self.copies || under_way || missing < begins || tried > missing + HISTORIES[tag],
            "of {:?} version {version} came after {}; {tried} was tried, the history begins at {begins}",
            TAGS[tag],
            self.last
        );
        board.add(GAPS, 1);
        board.add(MISSED, version - 1 - self.last);
    }

    /// Holds some of the values, up to three, and lets go of them at random.
    fn hold(&mut self, value: Snapshot) {
        if self.random.below(10) == 0 && !self.held.is_empty() {
            let any = self.random.below(self.held.len() as u64) as usize;
            check(&self.held.swap_remove(any));
        }
        if self.held.len() < self.most_held {
            self.held.push(value);
        }
    }
}
