//! A storm: which writers are started and killed, and what is checked while a tag has none.

use std::time::Duration;

use ndsharray::Error;

use crate::Figures;
use crate::common::board::Place;
use crate::common::data_words::DataWords;
use crate::common::process::Process;
use crate::common::random::Random;
use crate::common::sandbox::files;
use crate::common::test_name;
use crate::log::Log;
use crate::roles::*;
use crate::values::{check, write};

/// The readers: of which tag, and whether one holds values, or must copy. Those that a tag has pin seven slots at most,
/// together with a new one, and a data file has eight slots more than the history.
const READERS: [(usize, &str); 8] = [
    (0, "holds"),
    (0, "lets-go"),
    (0, "copies"),
    (1, "holds"),
    (1, "lets-go"),
    (1, "copies"),
    (2, "holds"),
    (2, "lets-go"),
];

struct Player {
    process: Process,
    takes_over: bool,
    /// It has not yet said that it wrote.
    silent: bool,
}

/// A store, writers that come and are killed, and readers that stay.
pub struct Storm<'a> {
    random: Random,
    /// Those of each tag: one, or the one that is there and the one that takes over.
    writers: [Vec<Player>; TAGS.len()],
    readers: Vec<Process>,
    authors: u64,
    figures: &'a mut Figures,
    log: Log,
    /// Dropped behind the processes in it.
    place: Place,
}

impl<'a> Storm<'a> {
    pub fn new(random: Random, figures: &'a mut Figures) -> Self {
        let place = Place::new();
        let log = Log::new(&place.store);
        let start = |(index, (tag, way)): (usize, (usize, &str))| {
            Process::start(
                test_name!(crate::child),
                &format!("read {tag} {way} {index}"),
                place.store.directory(),
            )
        };
        let readers = READERS.into_iter().enumerate().map(start).collect();
        Storm { place, log, random, writers: Default::default(), readers, authors: 0, figures }
    }

    fn coin(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    /// Starts a writer, which is about to open.
    fn start(&mut self, tag: usize, how: &str) {
        self.authors += 1;
        let role = format!("write {tag} {how} {}", self.authors);
        let mut process = Process::start(test_name!(crate::child), &role, self.place.store.directory());
        process.expect("opening");
        self.writers[tag].push(Player { process, takes_over: how == "takeover", silent: true });
    }

    /// Waits until the writers of a tag have written once.
    fn listen(&mut self, tag: usize) {
        for player in self.writers[tag].iter_mut().filter(|player| player.silent) {
            player.process.expect("ready");
            player.silent = false;
        }
    }

    /// Starts what is missing, strikes, and checks what is left.
    pub fn round(&mut self) {
        for tag in 0..TAGS.len() {
            if self.writers[tag].is_empty() {
                self.start(tag, "plain");
            }
            if self.coin(5) {
                self.listen(tag);
                self.start(tag, "takeover");
            }
        }
        for tag in 0..TAGS.len() {
            // In full stream; or in the middle of opening.
            if !self.coin(4) {
                self.listen(tag);
            }
        }
        let scale = [500, 3000, 20_000][self.random.below(3) as usize];
        std::thread::sleep(Duration::from_micros(self.random.below(scale)));
        for tag in 0..TAGS.len() {
            if !self.coin(4) {
                self.strike(tag);
            }
        }
        self.readers.iter_mut().for_each(Process::check_lives);
    }

    /// Kills the writers of a tag, or the one that is being taken over.
    fn strike(&mut self, tag: usize) {
        let most = self.random.below(400);
        while let Some(last) = self.writers[tag].pop() {
            let victim = match self.writers[tag].pop() {
                Some(first) if self.coin(2) => {
                    self.writers[tag].push(last);
                    first
                }
                first => {
                    self.writers[tag].extend(first);
                    last
                }
            };
            victim.process.kill();
            self.figures.kills += 1;
            if victim.takes_over {
                self.figures.kills_in_takeovers += u64::from(victim.silent);
                self.taker_died(tag);
            } else if !self.writers[tag].is_empty() {
                // The one that takes over goes on.
                return;
            }
            std::thread::sleep(Duration::from_micros(most));
        }
        self.check_left(tag);
    }

    /// Perhaps in the middle of it: the history may have ended with the version that is there now.
    fn taker_died(&mut self, tag: usize) {
        let (store, board) = (&self.place.store, &self.place.board);
        if board.get(TAKEN + tag) != board.get(TAKING + tag) {
            let version = store.reader(TAGS[tag]).and_then(|reader| reader.latest()).unwrap().version();
            board.raise(BEGINS + tag, version);
            board.set(TAKEN + tag, board.get(TAKING + tag));
        }
    }

    /// All writers of a tag are dead. A new reader finds the history: the last value whose write returned, or the one
    /// that was under way, and all before it that must be there.
    fn check_left(&mut self, tag: usize) {
        let (store, board) = (&self.place.store, &self.place.board);
        let done = board.get(DONE + tag);
        let mut reader = match store.reader(TAGS[tag]) {
            Ok(reader) => reader,
            Err(Error::NotFound { .. }) if done == 0 => return,
            Err(error) => panic!("{error}"),
        };
        let mut versions = Vec::new();
        while let Some(value) = reader.read_next().unwrap() {
            self.log.saw(tag, value.version(), check(&value));
            versions.push(value.version());
        }
        let last = versions.last().copied().unwrap_or_default();
        assert!(last == done || last == done + 1, "{last}, and {done} was written to {:?}", TAGS[tag]);
        assert!(versions.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{:?}: {versions:?}", TAGS[tag]);
        let begins = board.get(BEGINS + tag).max(1);
        let kept = HISTORIES[tag].min((last + 1).saturating_sub(begins));
        assert!(versions.len() as u64 >= kept, "{kept} of {:?} since {begins}: {versions:?}", TAGS[tag]);
        self.figures.under_way += last - done;
        board.raise(DONE + tag, last);
        board.set(LEFT + tag, last);
        if last > 0 {
            self.check_slots(tag, last);
        }
    }

    /// A data file has not more slots than it may. Some have a phantom: what was sealed and never published. These are
    /// rare, so one more is made now and then, with the version that the next writer is going to publish, in a slot that
    /// the history does not need.
    fn check_slots(&mut self, tag: usize, last: u64) {
        let count = self.place.store.stat(TAGS[tag]).unwrap().value.unwrap().slots.allocated as u64;
        assert!(count <= HISTORIES[tag] + 8, "{count} slots of {:?}", TAGS[tag]);
        let data = DataWords::of(&self.place.store, TAGS[tag]);
        let phantoms = (0..count).filter(|&slot| data.content(slot) > last).count();
        self.figures.phantoms += phantoms as u64;
        let spare = (0..count).find(|&slot| data.content(slot) + HISTORIES[tag] <= last);
        if let Some(slot) = spare.filter(|_| self.coin(3)) {
            // As the writer that would have left it.
            self.place.board.raise(TRIED + tag, last + 1);
            data.set_content(slot, last + 1);
            self.figures.phantoms_made += 1;
        }
    }

    /// Kills everybody but the readers, which must come to what one more writer of each tag writes.
    pub fn end(&mut self) {
        for (tag, history) in HISTORIES.into_iter().enumerate() {
            self.strike(tag);
            // Perhaps the one that takes over is there still.
            self.listen(tag);
            self.strike(tag);
            self.authors += 1;
            let mut writer = options(&self.place.store, tag).open().unwrap();
            assert_eq!(writer.version(), self.place.board.get(LEFT + tag), "the last writer goes on");
            for _ in 0..history + 3 {
                self.place.board.raise(TRIED + tag, writer.version() + 1);
                let version = write(&mut writer, self.authors, 100).unwrap();
                self.log.wrote(tag, version, self.authors);
                self.place.board.raise(DONE + tag, version);
            }
            drop(writer);
            self.check_left(tag);
            self.place.board.set(FINAL + tag, self.place.board.get(DONE + tag));
        }
        let board = &self.place.board;
        for (index, (tag, _)) in READERS.into_iter().enumerate() {
            while board.get(LAST + index) < board.get(FINAL + tag) {
                self.readers[index].check_lives();
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        for reader in std::mem::take(&mut self.readers) {
            reader.end();
        }
        let left = files(self.place.store.directory());
        assert_eq!(left.len(), 2 * TAGS.len(), "{left:?}");
        assert_eq!(self.place.store.gc().unwrap().removed, [""; 0]);
        let figures = &mut self.figures;
        figures.storms += 1;
        for (sum, word) in [
            (&mut figures.written, WRITTEN),
            (&mut figures.growths, GROWN),
            (&mut figures.takeovers, TAKEN_OVER),
            (&mut figures.returned, RETURNED),
            (&mut figures.missed, MISSED),
            (&mut figures.short_stalls, KEPT),
            (&mut figures.gaps, GAPS),
            (&mut figures.copied, COPIED),
            (&mut figures.contended, CONTENDED),
        ] {
            *sum += board.get(word);
        }
    }
}
