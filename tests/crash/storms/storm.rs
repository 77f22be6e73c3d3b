//! A storm: which processes are started, which are killed at which instant, and what is checked then.

use std::time::Duration;

use ndsharray::{Error, Writer};

use crate::Figures;
use crate::common::board::Place;
use crate::common::process::Process;
use crate::common::random::Random;
use crate::common::sandbox::files;
use crate::common::test_name;
use crate::common::values::{check_snapshot, write_next};
use crate::memory;
use crate::roles::{DONE, FAILED, FORKED, LAST, READ, TAGS, TAKEN_OVER, WRITTEN};

const MOST_READERS: usize = 4;

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Writer,
    Reader(usize),
    Sweeper,
}

struct Player {
    process: Process,
    part: Part,
    tag: usize,
    /// It has not yet said that it wrote, or that it was superseded.
    silent: bool,
}

/// A store, and processes that come and are killed.
pub struct Storm<'a> {
    pub place: Place,
    random: Random,
    players: Vec<Player>,
    /// Groups of killed processes whose forked children live on.
    orphans: Vec<libc::pid_t>,
    /// Writers that were killed since the last one that tidied up, of each tag.
    dead_writers: [u64; TAGS.len()],
    /// Whether each word for a reader is in use.
    indices: [bool; 64],
    figures: &'a mut Figures,
}

impl<'a> Storm<'a> {
    pub fn new(random: Random, figures: &'a mut Figures) -> Self {
        Storm {
            place: Place::new(),
            random,
            players: Vec::new(),
            orphans: Vec::new(),
            dead_writers: [0; TAGS.len()],
            indices: [false; 64],
            figures,
        }
    }

    fn coin(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    fn start(&mut self, role: &str, part: Part, tag: usize) {
        let process = Process::start(test_name!(crate::child), role, self.place.store.directory());
        self.players.push(Player { process, part, tag, silent: part == Part::Writer });
    }

    fn count(&self, tag: usize, part: impl Fn(Part) -> bool) -> usize {
        self.players.iter().filter(|player| player.tag == tag && part(player.part)).count()
    }

    fn writers(&self, tag: usize) -> usize {
        self.count(tag, |part| part == Part::Writer)
    }

    /// Starts what is missing: a writer of each tag, or one that takes over; readers; a sweeper now and then.
    fn cast(&mut self) {
        for tag in 0..TAGS.len() {
            let forks = if self.coin(2) { "forks" } else { "-" };
            if self.writers(tag) == 0 {
                self.start(&format!("stream {tag} plain {forks}"), Part::Writer, tag);
            }
            if self.coin(2) {
                // Two takeovers at once would count one value twice; the earlier one is done.
                self.listen(tag);
                self.start(&format!("stream {tag} takeover {forks}"), Part::Writer, tag);
            }
            let most = self.random.below(MOST_READERS as u64) as usize;
            while self.count(tag, |part| matches!(part, Part::Reader(_))) < most {
                let way = ["wait", "wait", "view"][self.random.below(3) as usize];
                let keep = [0, 1, 3, 6][self.random.below(4) as usize];
                let forks = if self.coin(3) { "forks" } else { "-" };
                let index = self.indices.iter().position(|used| !used).unwrap();
                self.indices[index] = true;
                self.place.board.set(LAST + index, 0);
                self.start(&format!("read {tag} {way} {keep} {index} {forks}"), Part::Reader(index), tag);
            }
        }
        if self.coin(3) {
            self.start("sweep", Part::Sweeper, usize::MAX);
        }
        // The writers are in full stream, or in the middle of opening.
        for tag in 0..TAGS.len() {
            if !self.coin(3) {
                self.listen(tag);
            }
        }
    }

    /// Waits until the writers of a tag have written once.
    fn listen(&mut self, tag: usize) {
        for player in self.players.iter_mut().filter(|player| player.tag == tag && player.silent) {
            let line = player.process.line();
            assert!(["ready", "superseded"].contains(&&line[..]), "{line}");
            player.silent = false;
        }
    }

    /// Waits for a random time, and kills some: one after the other or all at once, with their children or without.
    fn strike(&mut self) {
        let scale = [50, 1000, 20_000][self.random.below(3) as usize];
        std::thread::sleep(Duration::from_micros(self.random.below(scale)));
        let all_writers = [!self.coin(3), !self.coin(3)];
        let mut victims = Vec::new();
        let mut index = 0;
        while index < self.players.len() {
            let dies = match self.players[index].part {
                Part::Writer => all_writers[self.players[index].tag] || self.coin(2),
                Part::Reader(_) => self.coin(2),
                Part::Sweeper => true,
            };
            if dies {
                let at = self.random.below(victims.len() as u64 + 1) as usize;
                victims.insert(at, self.players.swap_remove(index));
            } else {
                index += 1;
            }
        }
        let at_once = self.coin(2);
        for victim in &victims {
            let pid = victim.process.pid();
            // SAFETY: plain system call, on a process (or the group) that this one started and has not reaped.
            assert_eq!(unsafe { libc::kill(if self.coin(2) { -pid } else { pid }, libc::SIGKILL) }, 0);
            if !at_once {
                std::thread::sleep(Duration::from_micros(self.random.below(500)));
            }
        }
        for victim in victims {
            self.orphans.push(victim.process.pid());
            match victim.part {
                Part::Writer => {
                    self.figures.writers += 1;
                    self.dead_writers[victim.tag] += 1;
                }
                Part::Reader(index) => {
                    self.figures.readers += 1;
                    self.indices[index] = false;
                }
                Part::Sweeper => self.figures.sweepers += 1,
            }
            victim.process.kill();
        }
        if self.coin(2) {
            self.strike_orphans();
        }
    }

    /// Kills the forked children that outlived their parents. This process is their parent now.
    fn strike_orphans(&mut self) {
        for group in std::mem::take(&mut self.orphans) {
            // SAFETY: plain system calls; the group is killed only if a child of this process is in it.
            unsafe {
                let mut status = 0;
                loop {
                    match libc::waitpid(-group, &mut status, libc::WNOHANG) {
                        0 => {
                            libc::kill(-group, libc::SIGKILL);
                            std::thread::yield_now();
                        }
                        -1 => break,
                        _ => {
                            assert_eq!(status, libc::SIGKILL, "wait status of a forked child");
                            self.figures.children += 1;
                        }
                    }
                }
            }
        }
    }

    /// What readers see now: the last value whose write returned, or the one that was under way.
    fn check_value(&mut self, tag: usize) -> u64 {
        let (store, board) = (&self.place.store, &self.place.board);
        let before = board.get(DONE + tag);
        let version = match store.reader(TAGS[tag]).and_then(|reader| reader.latest()) {
            Ok(snapshot) => {
                check_snapshot(TAGS[tag], &snapshot);
                snapshot.version()
            }
            Err(Error::NotFound { .. } | Error::Empty { .. }) => 0,
            Err(error) => panic!("{error}"),
        };
        let after = board.get(DONE + tag);
        assert!(version >= before, "version {before} of {:?} was written, and {version} is there", TAGS[tag]);
        assert!(version <= after + 1, "version {version} of {:?} after {after}", TAGS[tag]);
        self.figures.under_way += u64::from(version > after);
        version
    }

    /// The next writer of a tag goes on with that version, and tidies up.
    fn next_writer(&mut self, tag: usize, version: u64) {
        let bytes = memory::check_before(&self.place.store, TAGS[tag], self.dead_writers[tag]);
        self.figures.most_bytes = self.figures.most_bytes.max(bytes);
        self.figures.untidy += u64::from(!memory::is_tidy(&self.place.store, TAGS[tag]));
        let mut writer = self.open(tag);
        assert_eq!(writer.version(), version, "the next writer goes on");
        if !memory::is_tidy(&self.place.store, TAGS[tag]) && !self.orphans.is_empty() {
            // A child that was forked a moment ago has the locks until it runs, as documented.
            self.strike_orphans();
            drop(writer);
            writer = self.open(tag);
        }
        for next in 1..=2 {
            assert_eq!(write_next(&mut writer).unwrap(), version + next);
            self.place.board.raise(DONE + tag, version + next);
        }
        drop(writer);
        memory::check_after(&self.place.store, TAGS[tag]);
        self.dead_writers[tag] = 0;
        self.figures.next_writers += 1;
    }

    fn open(&self, tag: usize) -> Writer {
        loop {
            match self.place.store.writer(TAGS[tag]) {
                Ok(writer) => return writer,
                Err(Error::WriterExists { .. }) if !self.orphans.is_empty() => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn round(&mut self) {
        self.cast();
        self.strike();
        for tag in 0..TAGS.len() {
            let version = self.check_value(tag);
            if self.writers(tag) == 0 && !self.coin(4) {
                self.next_writer(tag, version);
            }
            // Living readers come to see this version, also those that sleep without a timeout.
            let version = self.check_value(tag);
            for player in self.players.iter_mut().filter(|player| player.tag == tag) {
                let Part::Reader(index) = player.part else { continue };
                while self.place.board.get(LAST + index) < version {
                    player.process.check_lives();
                    std::thread::sleep(Duration::from_micros(200));
                }
            }
        }
        assert_eq!(self.place.board.get(FAILED), 0, "checks that failed in forked children");
    }

    /// Kills everybody, and checks what one more writer of each tag finds.
    pub fn end(&mut self) {
        for player in std::mem::take(&mut self.players) {
            self.orphans.push(player.process.pid());
            match player.part {
                Part::Writer => {
                    self.figures.writers += 1;
                    self.dead_writers[player.tag] += 1;
                }
                Part::Reader(_) => self.figures.readers += 1,
                Part::Sweeper => self.figures.sweepers += 1,
            }
            player.process.kill();
        }
        self.strike_orphans();
        for (tag, name) in TAGS.iter().enumerate() {
            let version = self.check_value(tag);
            self.next_writer(tag, version);
            // What the dead held stays in the data file, until a value does not fit it.
            let slots = || self.place.store.stat(name).unwrap().value.unwrap().slots;
            let large = vec![0_u8; 1 + slots().capacity];
            self.place.store.writer(name).unwrap().write_slice(&large, &[large.len()]).unwrap();
            assert_eq!((slots().allocated, slots().pinned), (1, 0), "the pins of the dead are left behind");
        }
        let left = files(self.place.store.directory());
        assert_eq!(left.len(), 2 * TAGS.len(), "{left:?}");
        assert_eq!(self.place.store.gc().unwrap().removed, [""; 0]);
        let board = &self.place.board;
        self.figures.storms += 1;
        self.figures.read += board.get(READ);
        self.figures.written += board.get(WRITTEN);
        self.figures.taken_over += board.get(TAKEN_OVER);
        self.figures.forked += board.get(FORKED);
    }
}

impl Drop for Storm<'_> {
    /// After a failure: nobody lives on.
    fn drop(&mut self) {
        self.orphans.extend(self.players.iter().map(|player| player.process.pid()));
        for group in &self.orphans {
            // SAFETY: plain system calls; the group is killed only if a living child of this process is in it.
            unsafe {
                if libc::waitpid(-group, std::ptr::null_mut(), libc::WNOHANG) == 0 {
                    libc::kill(-group, libc::SIGKILL);
                }
            }
        }
    }
}
