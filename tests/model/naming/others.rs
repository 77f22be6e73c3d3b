//! The steps of all others: a takeover, a sweep, a reader; and what happens to them.

use super::{
    FIRST, NONE, NUMBERS, Place, Reader, SECOND, SWEEPER, Step, Sweeper, TAKER, Taker, Without, World,
};

impl World {
    /// The steps of a takeover, which may fail before the exchange.
    pub(super) fn take(&self) -> Vec<World> {
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
    pub(super) fn sweep(&self, without: Without) -> Vec<World> {
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
    pub(super) fn read(&self) -> Option<World> {
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

    pub(super) fn kill(&self, who: u8) -> Option<World> {
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
    pub(super) fn remove_by_hand(&self) -> Vec<World> {
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
