//! The names of data files as a machine. A name follows from the header and a number, so whoever gives one must be sure that
//! nobody gave it before, and whoever removes one that nobody needs it. One step is one system call or one store.
//!
//! All files are those of one header: the id in their names keeps those of others apart.

use super::walk::Machine;

/// Numbers that can be given: 1 is in use at the start.
const NUMBERS: usize = 6;
const FILES: usize = 4;
const NONE: u8 = u8::MAX;

// Who holds a lock.
const FIRST: u8 = 0;
const SECOND: u8 = 1;
const TAKER: u8 = 2;
const SWEEPER: u8 = 3;

/// A rule that is taken out, to show that a check fails without it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Without {
    Nothing,
    /// The header keeps the highest number that was ever given, and each writer goes on from that.
    Spent,
    /// It is stored before the file is named.
    SpentFirst,
    /// The old name goes after the publish.
    OldNameLast,
    /// A name that was given for a value that was refused goes again.
    TakingBack,
    /// The next writer removes second names of the file that it adopts.
    SecondNames,
    /// A sweep holds the lock of the file that it removes.
    SweepLock,
    /// A sweep looks under that lock whether the header names the file.
    SweepLook,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place {
    Tag,
    /// Under a temporary name, as somebody replaced it.
    Aside,
    Gone,
}

/// A name that a value is going to be published under.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Given {
    number: u8,
    file: u8,
    /// Whether the file is a new one, or the present one by a second name.
    new: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Step {
    /// The second writer, while the first one has the tag.
    Waits,
    /// Has the writer's lock, and wants the name lock.
    Opens,
    /// Has both.
    Adopts,
    /// Looks for second names of its file, from this number on.
    Tidies(u8),
    Idle,
    /// Its next number.
    Numbered(u8),
    Named(Given),
    /// The header is frozen. With the name that it was going to publish under, if it has one.
    Asks(Option<Given>),
    TakesBack(Given, bool),
    /// Published: the old name, and the file that it was of.
    Published {
        old: u8,
        of: u8,
    },
    /// The lock of that file.
    Releases(u8),
    /// At its end: its name, its file's lock, the header's.
    Leaves(u8),
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Writer {
    step: Step,
    file: u8,
    number: u8,
    /// The number of a file that it found busy.
    stale: u8,
    /// What it may do still.
    changes: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Taker {
    Start,
    Named,
    Frozen,
    Failed,
    Exchanged,
    Retired,
    Unlinked,
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Sweeper {
    Idle,
    /// It has the name lock of a displaced header.
    Displaced(u8),
    Found(u8),
    Opened(u8, u8),
    Locked(u8, u8),
    Looked(u8, u8),
    Removes(u8, u8),
    Releases(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Reader {
    Idle,
    Opens(u8),
    Missing(u8),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    /// The file that each number's name leads to, and the one that was published under it.
    names: [u8; NUMBERS],
    published: [u8; NUMBERS],
    /// Who holds the lock of each file.
    locks: [u8; FILES],
    made: u8,
    // The header.
    record: u8,
    spent: u8,
    frozen: bool,
    retired: bool,
    place: Place,
    flock: u8,
    name_lock: u8,
    // The others.
    writers: [Writer; 2],
    taker: Taker,
    sweeper: Sweeper,
    reader: Reader,
    sweeps: u8,
    reads: u8,
    kills: u8,
    /// Names that may be removed by hand.
    hand: u8,
}

impl World {
    pub fn new() -> World {
        let writer = Writer { step: Step::Idle, file: 0, number: 1, stale: 0, changes: 1 };
        let second = Writer { step: Step::Waits, file: NONE, number: 0, stale: 0, changes: 1 };
        let mut world = World {
            names: [NONE; NUMBERS],
            published: [NONE; NUMBERS],
            locks: [NONE; FILES],
            made: 1,
            record: 1,
            spent: 1,
            frozen: false,
            retired: false,
            place: Place::Tag,
            flock: FIRST,
            name_lock: NONE,
            writers: [writer, second],
            taker: Taker::Start,
            sweeper: Sweeper::Idle,
            reader: Reader::Idle,
            sweeps: 1,
            reads: 1,
            kills: 1,
            hand: 1,
        };
        (world.names[1], world.published[1], world.locks[0]) = (0, 0, FIRST);
        world
    }

    fn name(&mut self, number: u8) -> &mut u8 {
        &mut self.names[number as usize]
    }

    fn file_at(&self, number: u8) -> u8 {
        self.names[number as usize]
    }

    /// Removes a name if it leads to that file.
    fn unlink_same(&mut self, number: u8, file: u8) {
        let name = self.name(number);
        if file != NONE && *name == file {
            *name = NONE;
        }
    }

    fn release(&mut self, file: u8, who: u8) {
        if file != NONE && self.locks[file as usize] == who {
            self.locks[file as usize] = NONE;
        }
    }

    fn release_name(&mut self, who: u8) {
        if self.name_lock == who {
            self.name_lock = NONE;
        }
    }

    /// Whether the header at the tag names that number.
    fn is_named(&self, number: u8) -> bool {
        self.place == Place::Tag && self.record == number
    }

    /// The steps that a writer may make.
    fn write(&self, who: u8, without: Without) -> Vec<World> {
        let writer = self.writers[who as usize];
        let mut next = self.clone();
        let step = match writer.step {
            Step::Waits if self.flock == NONE && self.place == Place::Tag => {
                next.flock = who;
                Step::Opens
            }
            Step::Opens if self.name_lock == NONE && self.place != Place::Tag => {
                next.flock = NONE;
                Step::Ended
            }
            Step::Opens if self.name_lock == NONE => {
                (next.name_lock, next.frozen) = (who, false);
                Step::Adopts
            }
            Step::Adopts => {
                next.adopt(who);
                next.release_name(who);
                Step::Tidies(1)
            }
            Step::Tidies(number) if (number as usize) < NUMBERS => {
                if number != next.writers[who as usize].number && without != Without::SecondNames {
                    next.unlink_same(number, writer.file);
                }
                Step::Tidies(number + 1)
            }
            Step::Tidies(_) => Step::Idle,
            Step::Idle if self.retired => Step::Leaves(0),
            Step::Idle if self.frozen => Step::Asks(None),
            Step::Idle if writer.changes == 0 => return Vec::new(),
            Step::Idle => return self.number(who, without),
            Step::Numbered(number) => return self.give_name(who, number, without),
            Step::Named(given) if self.frozen || self.retired => Step::Asks(Some(given)),
            Step::Named(given) => {
                let before = self.published[given.number as usize];
                assert!(before == NONE, "number {} was published twice", given.number);
                next.published[given.number as usize] = given.file;
                (next.record, next.spent) = (given.number, next.spent.max(given.number));
                let mine = &mut next.writers[who as usize];
                (mine.file, mine.number) = (given.file, given.number);
                Step::Published { old: writer.number, of: writer.file }
            }
            Step::Asks(given) if self.retired => end(given),
            // Somebody is at work: the write fails, and this writer may try again.
            Step::Asks(given) if self.name_lock != NONE => match given {
                Some(given) => Step::TakesBack(given, false),
                None => return Vec::new(),
            },
            // Nobody is: whoever froze the header was killed. (It holds the name lock meanwhile.)
            Step::Asks(given) if self.place == Place::Tag => {
                next.frozen = false;
                given.map_or(Step::Idle, Step::Named)
            }
            Step::Asks(given) => {
                (next.frozen, next.retired) = (true, true);
                end(given)
            }
            Step::TakesBack(given, ends) => {
                if without != Without::TakingBack {
                    next.unlink_same(given.number, given.file);
                }
                if given.new {
                    next.release(given.file, who);
                }
                if ends { Step::Leaves(0) } else { Step::Idle }
            }
            Step::Published { old, of } => {
                next.unlink_same(old, of);
                // That of a file which it could not adopt goes by its name.
                if writer.stale != 0 {
                    *next.name(writer.stale) = NONE;
                    next.writers[who as usize].stale = 0;
                }
                if of == writer.file { Step::Idle } else { Step::Releases(of) }
            }
            Step::Releases(file) => {
                next.release(file, who);
                Step::Idle
            }
            Step::Leaves(0) => {
                next.unlink_same(writer.number, writer.file);
                Step::Leaves(1)
            }
            Step::Leaves(1) => {
                next.release(writer.file, who);
                Step::Leaves(2)
            }
            Step::Leaves(_) => {
                if next.flock == who {
                    next.flock = NONE;
                }
                Step::Ended
            }
            Step::Waits | Step::Opens | Step::Ended => return Vec::new(),
        };
        next.writers[who as usize].step = step;
        vec![next]
    }

    /// Takes the data file that the record names, unless it is busy or gone.
    fn adopt(&mut self, who: u8) {
        let (number, file) = (self.record, self.file_at(self.record));
        let writer = &mut self.writers[who as usize];
        if file != NONE && self.locks[file as usize] == NONE {
            self.locks[file as usize] = who;
            (writer.file, writer.number, writer.stale) = (file, number, 0);
        } else if file != NONE {
            writer.stale = number;
        }
    }

    /// Takes the number for another layout or file, and stores that it is spent.
    fn number(&self, who: u8, without: Without) -> Vec<World> {
        let mut next = self.clone();
        // A file that was busy may be free by now. Then it tidies up once more.
        if self.writers[who as usize].file == NONE && self.writers[who as usize].stale != 0 {
            next.adopt(who);
            if next.writers[who as usize].file != NONE {
                next.writers[who as usize].step = Step::Tidies(1);
                return vec![next];
            }
        }
        let writer = &mut next.writers[who as usize];
        let known = writer.number.max(writer.stale).max(self.record);
        let number = 1 + if without == Without::Spent { known } else { known.max(self.spent) };
        if number as usize >= NUMBERS {
            return Vec::new();
        }
        writer.step = Step::Numbered(number);
        writer.changes -= 1;
        if without != Without::SpentFirst {
            next.spent = next.spent.max(number);
        }
        vec![next]
    }

    /// Gives the present file a second name, or a new file its first.
    fn give_name(&self, who: u8, number: u8, without: Without) -> Vec<World> {
        let writer = self.writers[who as usize];
        if self.file_at(number) != NONE {
            // The number is spent; it takes the next one. (While the rules are kept that happens only under a header that was
            // put back from a backup, which is no part of this.)
            let mut next = self.clone();
            next.writers[who as usize].step = Step::Idle;
            next.writers[who as usize].changes += 1;
            return vec![next];
        }
        let give = |file, new| {
            let mut next = self.clone();
            *next.name(number) = file;
            if new {
                (next.made, next.locks[file as usize]) = (next.made + 1, who);
            }
            if without == Without::OldNameLast {
                next.unlink_same(writer.number, writer.file);
            }
            next.writers[who as usize].step = Step::Named(Given { number, file, new });
            next
        };
        let mut nexts = Vec::new();
        // The value fits the file, which needs the old name to get another one; or it does not.
        if writer.file != NONE && self.file_at(writer.number) == writer.file {
            nexts.push(give(writer.file, false));
        }
        if (self.made as usize) < FILES {
            nexts.push(give(self.made, true));
        }
        nexts
    }

    /// The steps of a takeover, which may fail before the exchange.
    fn take(&self) -> Vec<World> {
        let mut next = self.clone();
        next.taker = match self.taker {
            Taker::Start if self.name_lock == NONE && self.place == Place::Tag && self.flock != NONE => {
                next.name_lock = TAKER;
                Taker::Named
            }
            Taker::Named => {
                next.frozen = true;
                Taker::Frozen
            }
            Taker::Frozen => {
                let failed = World { frozen: false, taker: Taker::Failed, ..self.clone() };
                (next.place, next.taker) = (Place::Aside, Taker::Exchanged);
                return vec![failed, next];
            }
            Taker::Failed => {
                next.release_name(TAKER);
                Taker::Ended
            }
            Taker::Exchanged => {
                next.retired = true;
                Taker::Retired
            }
            Taker::Retired => {
                *next.name(self.record) = NONE;
                Taker::Unlinked
            }
            Taker::Unlinked => {
                next.place = Place::Gone;
                next.release_name(TAKER);
                Taker::Ended
            }
            Taker::Start | Taker::Ended => return Vec::new(),
        };
        vec![next]
    }

    /// The steps of a sweep, of any name that it found.
    fn sweep(&self, without: Without) -> Vec<World> {
        let mut next = self.clone();
        next.sweeper = match self.sweeper {
            Sweeper::Idle if self.sweeps > 0 => {
                next.sweeps -= 1;
                let found = |sweeper| World { sweeper, ..next.clone() };
                let names = (1..NUMBERS as u8).filter(|&number| self.file_at(number) != NONE);
                let mut nexts: Vec<_> = names.map(|number| found(Sweeper::Found(number))).collect();
                if self.place == Place::Aside && self.name_lock == NONE {
                    nexts.push(World { name_lock: SWEEPER, ..found(Sweeper::Displaced(0)) });
                }
                return nexts;
            }
            Sweeper::Idle => return Vec::new(),
            Sweeper::Displaced(0) => {
                (next.frozen, next.retired) = (true, true);
                Sweeper::Displaced(1)
            }
            Sweeper::Displaced(1) => {
                *next.name(self.record) = NONE;
                Sweeper::Displaced(2)
            }
            Sweeper::Displaced(_) => {
                next.place = Place::Gone;
                next.release_name(SWEEPER);
                Sweeper::Idle
            }
            Sweeper::Found(number) => match self.file_at(number) {
                NONE => Sweeper::Idle,
                _ if self.is_named(number) => Sweeper::Idle,
                file => Sweeper::Opened(number, file),
            },
            Sweeper::Opened(number, file) if without == Without::SweepLock => Sweeper::Locked(number, file),
            Sweeper::Opened(number, file) => match self.locks[file as usize] {
                NONE => {
                    next.locks[file as usize] = SWEEPER;
                    Sweeper::Locked(number, file)
                }
                _ => Sweeper::Idle,
            },
            Sweeper::Locked(number, file) => {
                if self.is_named(number) && without != Without::SweepLook {
                    Sweeper::Releases(file)
                } else {
                    Sweeper::Looked(number, file)
                }
            }
            // Whether the name still leads to the file, and then the removal of the name: two calls.
            Sweeper::Looked(number, file) if self.file_at(number) == file => Sweeper::Removes(number, file),
            Sweeper::Looked(_, file) => Sweeper::Releases(file),
            Sweeper::Removes(number, file) => {
                *next.name(number) = NONE;
                Sweeper::Releases(file)
            }
            Sweeper::Releases(file) => {
                next.release(file, SWEEPER);
                Sweeper::Idle
            }
        };
        vec![next]
    }

    /// A reader that opens the file which the record names.
    fn read(&self) -> Option<World> {
        let mut next = self.clone();
        next.reader = match self.reader {
            Reader::Idle if self.reads > 0 && self.place == Place::Tag => {
                next.reads -= 1;
                Reader::Opens(self.record)
            }
            Reader::Idle => return None,
            Reader::Opens(number) => match self.file_at(number) {
                NONE => Reader::Missing(number),
                file => {
                    let right = self.published[number as usize] == file;
                    assert!(right, "a reader finds another file by number {number}");
                    Reader::Idle
                }
            },
            Reader::Missing(number) => {
                assert!(!self.is_named(number), "a reader misses the file that the record names");
                Reader::Idle
            }
        };
        Some(next)
    }

    fn kill(&self, who: u8) -> Option<World> {
        let ended = match who {
            FIRST | SECOND => {
                matches!(self.writers[who as usize].step, Step::Ended | Step::Waits)
            }
            TAKER => matches!(self.taker, Taker::Start | Taker::Ended),
            _ => self.sweeper == Sweeper::Idle,
        };
        if self.kills == 0 || ended {
            return None;
        }
        let mut next = World { kills: self.kills - 1, ..self.clone() };
        match who {
            FIRST | SECOND => next.writers[who as usize].step = Step::Ended,
            TAKER => next.taker = Taker::Ended,
            _ => next.sweeper = Sweeper::Idle,
        }
        for lock in next.locks.iter_mut().chain([&mut next.flock, &mut next.name_lock]) {
            if *lock == who {
                *lock = NONE;
            }
        }
        Some(next)
    }

    /// `rm` of a name that no living writer uses.
    fn remove_by_hand(&self) -> Vec<World> {
        let unused = |&number: &u8| {
            let file = self.file_at(number);
            let used = file == NONE || matches!(self.locks[file as usize], FIRST | SECOND);
            self.hand > 0 && !used && !self.is_named(number)
        };
        let remove = |number| {
            let mut next = World { hand: self.hand - 1, ..self.clone() };
            *next.name(number) = NONE;
            next
        };
        (1..NUMBERS as u8).filter(unused).map(remove).collect()
    }
}

/// The end of a writer that was replaced in the middle of a write.
fn end(given: Option<Given>) -> Step {
    given.map_or(Step::Leaves(0), |given| Step::TakesBack(given, true))
}

impl Machine for World {
    type Rule = Without;

    fn nexts(&self, without: Without) -> Vec<World> {
        let mut nexts = self.write(FIRST, without);
        nexts.extend(self.write(SECOND, without));
        nexts.extend(self.take());
        nexts.extend(self.sweep(without));
        nexts.extend(self.read());
        nexts.extend((FIRST..=SWEEPER).filter_map(|who| self.kill(who)));
        nexts.extend(self.remove_by_hand());
        nexts
    }

    fn is_end(&self, nexts: &[World]) -> bool {
        nexts.iter().all(|next| next.kills < self.kills || next.hand < self.hand)
    }

    fn check(&self) {
        if self.place == Place::Tag {
            let (found, published) = (self.file_at(self.record), self.published[self.record as usize]);
            assert!(found == published, "the name in the record leads to {found}, not to {published}");
        }
    }

    /// One more sweep leaves the file that the tag's header names, and nothing else.
    fn check_end(&self) {
        let mut world = self.clone();
        if world.place == Place::Aside && world.name_lock == NONE {
            world.place = Place::Gone;
            *world.name(self.record) = NONE;
        }
        for number in 1..NUMBERS as u8 {
            let file = world.file_at(number);
            let free = file != NONE && world.locks[file as usize] == NONE;
            if free && !world.is_named(number) {
                *world.name(number) = NONE;
            }
            let left = world.file_at(number) != NONE && !world.is_named(number);
            assert!(!left, "name {number} is left over");
        }
    }
}
