//! The steps of a writer: of the first one, and of the one that comes next.

use super::{FILES, Given, NONE, NUMBERS, Place, Step, Without, World};

impl World {
    /// The steps that a writer may make.
    pub(super) fn write(&self, who: u8, without: Without) -> Vec<World> {
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
}

/// The end of a writer that was replaced in the middle of a write.
fn end(given: Option<Given>) -> Step {
    given.map_or(Step::Leaves(0), |given| Step::TakesBack(given, true))
}
