//! The takeover as a machine: its state, and the steps that each process may make from there. One step is one system
//! call or one atomic operation.

use super::walk::Machine;

/// Headers: 0 is the first writer's, 1 and 2 are made by the takers of those numbers.
const HEADERS: usize = 3;
/// Versions that the first writer writes, and each taker once it has the tag.
const WRITES: u8 = 2;

/// A rule that is taken out, to show that a check fails without it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Without {
    Nothing,
    /// A takeover waits for the name lock.
    NameLock,
    /// A publish checks in the same instant that the header is not frozen.
    Veto,
    /// The value that a takeover copies is read again after the freeze.
    Freeze,
    /// A refused writer goes on only if the name lock is free.
    Asking,
    /// A data file is not swept while the header at the tag names it.
    Naming,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Place {
    Nowhere,
    Tag,
    Aside,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Header {
    place: Place,
    version: u8,
    frozen: bool,
    retired: bool,
    /// The process that holds the name lock.
    name: Option<u8>,
    /// Whether its writer lives, and so holds its lock.
    locked: bool,
    /// Whether the data file of its record exists.
    data: bool,
}

/// The state of a writer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Writer {
    Idle,
    /// It saw that the header is not frozen, and publishes next.
    Ready,
    /// It saw that its header is frozen.
    Refused,
    /// It was refused, and has the name lock.
    Asked,
    Ended,
}

/// The state of a taker.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Taker {
    Start,
    /// It has header `of` open, and wants its name lock.
    Opened {
        of: u8,
    },
    Named {
        of: u8,
    },
    /// It has read the value, before the freeze.
    Copied {
        of: u8,
        version: u8,
    },
    Frozen {
        of: u8,
        version: u8,
    },
    Final {
        of: u8,
        version: u8,
    },
    Exchanged {
        of: u8,
    },
    Retired {
        of: u8,
    },
    Unlinked {
        of: u8,
    },
    Writes(Writer),
    Dead,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    headers: [Header; HEADERS],
    writer: Writer,
    writes: [u8; HEADERS],
    takers: [Taker; 2],
    alive: bool,
    /// The greatest version whose write returned.
    told: u8,
    /// The greatest version that a reader has seen.
    seen: u8,
    reads: u8,
    kills: u8,
}

impl World {
    pub fn new() -> World {
        let none = Header {
            place: Place::Nowhere,
            version: 0,
            frozen: false,
            retired: false,
            name: None,
            locked: false,
            data: false,
        };
        let first = Header { place: Place::Tag, version: 1, locked: true, data: true, ..none };
        World {
            headers: [first, none, none],
            writer: Writer::Idle,
            writes: [WRITES, 1, 1],
            takers: [Taker::Start; 2],
            alive: true,
            told: 1,
            seen: 0,
            reads: 0,
            kills: 2,
        }
    }

    fn at_tag(&self) -> Option<usize> {
        self.headers.iter().position(|header| header.place == Place::Tag)
    }

    /// One step of the writer of header `h`, or none.
    fn write(&self, h: usize, state: Writer, without: Without) -> Option<(World, Writer)> {
        let mut next = self.clone();
        let header = &mut next.headers[h];
        let state = match state {
            Writer::Idle if next.writes[h] == 0 => return None,
            Writer::Idle if header.retired => Writer::Ended,
            Writer::Idle if header.frozen => Writer::Refused,
            Writer::Idle => Writer::Ready,
            Writer::Ready if header.frozen && without != Without::Veto => {
                next.writes[h] -= 1;
                Writer::Refused
            }
            Writer::Ready => {
                header.version += 1;
                next.told = next.told.max(header.version);
                next.writes[h] -= 1;
                Writer::Idle
            }
            Writer::Refused if header.retired => Writer::Ended,
            Writer::Refused if header.name.is_some() && without != Without::Asking => return None,
            Writer::Refused => {
                header.name.get_or_insert(10 + h as u8);
                Writer::Asked
            }
            Writer::Asked => {
                if header.name == Some(10 + h as u8) {
                    header.name = None;
                }
                if header.place == Place::Tag {
                    header.frozen = false;
                    Writer::Idle
                } else {
                    (header.retired, header.data) = (true, false);
                    Writer::Ended
                }
            }
            Writer::Ended => {
                if !header.locked {
                    return None;
                }
                (header.locked, header.data) = (false, false);
                Writer::Ended
            }
        };
        Some((next, state))
    }

    /// The steps that taker `t` (0 or 1) may make.
    fn take(&self, t: usize, without: Without) -> Option<World> {
        let mut next = self.clone();
        let (mine, me) = (t + 1, t as u8);
        let state = match self.takers[t] {
            Taker::Start => Taker::Opened { of: self.at_tag()? as u8 },
            Taker::Opened { of } => {
                let old = &mut next.headers[of as usize];
                match old.name {
                    Some(_) if without != Without::NameLock => return None,
                    _ => old.name = Some(me),
                }
                Taker::Named { of }
            }
            Taker::Named { of } if self.headers[of as usize].place != Place::Tag => {
                next.release(of, me);
                Taker::Start
            }
            Taker::Named { of } => Taker::Copied { of, version: self.headers[of as usize].version },
            Taker::Copied { of, version } => {
                if without != Without::Freeze {
                    next.headers[of as usize].frozen = true;
                }
                Taker::Frozen { of, version }
            }
            Taker::Frozen { of, version } => {
                let old = &self.headers[of as usize];
                assert!(old.data, "the value to be copied is gone");
                let version = if without == Without::Freeze { version } else { old.version };
                Taker::Final { of, version }
            }
            Taker::Final { of, version } => {
                let out = self.at_tag()?;
                next.headers[out].place = Place::Aside;
                next.headers[mine] = Header {
                    place: Place::Tag,
                    version,
                    frozen: false,
                    retired: false,
                    name: Some(me),
                    locked: true,
                    data: true,
                };
                Taker::Exchanged { of }
            }
            Taker::Exchanged { of } => {
                (next.headers[of as usize].frozen, next.headers[of as usize].retired) = (true, true);
                Taker::Retired { of }
            }
            Taker::Retired { of } => {
                next.headers[of as usize].data = false;
                Taker::Unlinked { of }
            }
            Taker::Unlinked { of } => {
                next.headers[of as usize].place = Place::Nowhere;
                next.release(of, me);
                next.release(mine as u8, me);
                Taker::Writes(Writer::Idle)
            }
            Taker::Writes(state) => {
                let (mut next, state) = self.write(mine, state, without)?;
                next.takers[t] = Taker::Writes(state);
                return Some(next);
            }
            Taker::Dead => return None,
        };
        next.takers[t] = state;
        Some(next)
    }

    fn release(&mut self, of: u8, who: u8) {
        let header = &mut self.headers[of as usize];
        header.name = header.name.filter(|&holder| holder != who);
    }

    /// One step of a sweep: removes what is left over of one header.
    fn sweep(&self, h: usize, without: Without) -> Option<World> {
        let mut next = self.clone();
        let header = &mut next.headers[h];
        if header.place == Place::Aside && header.name.is_none() && (header.frozen || !header.locked) {
            *header = Header { place: Place::Nowhere, frozen: true, retired: true, data: false, ..*header };
            return Some(next);
        }
        let named = header.place == Place::Tag && without != Without::Naming;
        if !header.data || header.locked || named {
            return None;
        }
        header.data = false;
        Some(next)
    }

    /// A reader that opens the tag now. (One that is on a displaced header sees no more than that header's last value.)
    fn read(&self) -> Option<World> {
        let header = &self.headers[self.at_tag()?];
        assert!(header.data, "the value at the tag has no data file");
        assert!(header.version >= self.seen, "went back from {} to {}", self.seen, header.version);
        assert!(header.version >= self.told, "{} was written, {} is read", self.told, header.version);
        let next = World { seen: header.version, reads: self.reads, ..self.clone() };
        (next.seen != self.seen).then_some(next)
    }

    /// The same of a reader that still has some header open, which may have been displaced.
    fn read_on(&self, h: usize) -> Option<World> {
        let header = &self.headers[h];
        let next = World { seen: self.seen.max(header.version), ..self.clone() };
        (next != *self).then_some(next)
    }

    /// Ends process `who`: the first writer, or a taker with the header that it made.
    fn kill(&self, who: usize) -> Option<World> {
        let dead = if who == 0 { !self.alive } else { self.takers[who - 1] == Taker::Dead };
        if self.kills == 0 || dead {
            return None;
        }
        let mut next = World { kills: self.kills - 1, ..self.clone() };
        if who == 0 {
            next.alive = false;
        } else {
            next.takers[who - 1] = Taker::Dead;
        }
        next.headers[who].locked = false;
        for header in &mut next.headers {
            let holds = |name| name == 10 + who as u8 || (who > 0 && name == who as u8 - 1);
            header.name = header.name.filter(|&name| !holds(name));
        }
        Some(next)
    }
}

impl Machine for World {
    type Rule = Without;

    fn nexts(&self, without: Without) -> Vec<World> {
        let mut nexts = Vec::new();
        if self.alive {
            nexts.extend(self.write(0, self.writer, without).map(|(next, writer)| World { writer, ..next }));
        }
        nexts.extend((0..2).filter_map(|t| self.take(t, without)));
        nexts.extend((0..HEADERS).filter_map(|h| self.sweep(h, without)));
        nexts.extend(self.read());
        nexts.extend((0..HEADERS).filter_map(|h| self.read_on(h)));
        nexts.extend((0..HEADERS).filter_map(|who| self.kill(who)));
        nexts
    }

    fn is_end(&self, nexts: &[World]) -> bool {
        nexts.iter().all(|next| next.kills < self.kills)
    }

    /// That readers find what they must is checked where they read.
    fn check(&self) {}

    /// At an end, where nobody has a step left: the last value is there, and nothing is left over.
    fn check_end(&self) {
        let tag = self.at_tag().expect("no header at the tag");
        for (h, header) in self.headers.iter().enumerate().filter(|&(h, _)| h != tag) {
            assert!(header.place == Place::Nowhere && !header.data, "header {h} is left over: {header:?}");
        }
        assert!(self.headers.iter().all(|header| header.name.is_none()), "a name lock is held: {self:?}");
        assert!(self.headers[tag].version >= self.told && self.headers[tag].data);
    }
}
