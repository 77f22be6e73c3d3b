//! The names of data files as a machine. A name follows from the header and a number, so whoever gives one must be sure that
//! nobody gave it before, and whoever removes one that nobody needs it. One step is one system call or one store.
//!
//! All files are those of one header: the id in their names keeps those of others apart.

mod others;
mod writer;

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
