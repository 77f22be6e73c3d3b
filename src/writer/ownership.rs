//! Whether a writer may still write: its header, its lock, and what others did to them.

use crate::error::{Error, Result};
use crate::files::gc;
use crate::files::open::open_own_header;
use crate::files::retire;
use crate::files::tag::TagPath;
use crate::format::header::SPENT;
use crate::format::record::NUMBERS;
use crate::shm::header::{Access, Header};
use crate::sys::clock::now;
use crate::sys::fork;
use crate::sys::lock::Lock;
use crate::sys::name::{stands_at, status_at};
use crate::sys::owner;

/// How often a writer looks whether its files still have their names, in nanoseconds.
const LOOK_EVERY: u64 = 1_000_000_000;

/// How a writer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Superseded,
    Removed,
}

/// What a writer may do.
pub(crate) enum Standing {
    /// It may write.
    Ours,
    /// The header's name is gone: it must be made anew. This writer holds the name lock.
    NameGone,
    /// It may not write now, but keeps what it has: somebody is at work on the header, or it is in a forked child.
    Suspended(Error),
    /// It never writes again.
    Ended(Error),
}

/// A header that this process may write to: its lock is held, or it has no name yet.
pub(crate) struct Ownership {
    tag: TagPath,
    header: Header,
    lock: Option<Lock>,
    generation: u64,
    looked_at: u64,
    /// Since when the tag has another header, while this one has another name.
    displaced_at: Option<u64>,
    end: Option<End>,
}

impl Ownership {
    /// `lock`: `None` for a header that has no name yet.
    pub fn new(tag: &TagPath, header: Header, lock: Option<Lock>) -> Self {
        let mut new = Ownership {
            tag: tag.clone(),
            header,
            lock: None,
            generation: fork::generation(),
            looked_at: now(),
            displaced_at: None,
            end: None,
        };
        if let Some(lock) = lock {
            new.take_lock(lock);
        }
        new.header.set_writer_pid(owner::pid());
        new
    }

    /// The header has its name now, and this is its lock.
    pub fn named(&mut self, lock: Lock) {
        self.header.renamed(self.tag.header());
        self.header.set_stood();
        self.take_lock(lock);
    }

    fn take_lock(&mut self, lock: Lock) {
        lock.show_writer();
        self.lock = Some(lock);
    }

    pub fn tag(&self) -> &TagPath {
        &self.tag
    }

    #[inline(always)]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Gives back the name lock that it was opened under.
    pub fn release_name(&self) {
        self.lock.iter().for_each(Lock::release_name);
    }

    /// Whether this is the process that opened it, and not a child that was forked since.
    #[inline(always)]
    pub fn is_here(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Whether this writer has come to its end.
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub fn forked(&self) -> Error {
        Error::Forked { tag: self.tag.tag().to_owned() }
    }

    /// The number for the next layout or data file. It is spent before a file is named by it, so that no other writer ever
    /// gives it to another file, whatever becomes of this one.
    pub fn next_number(&self, last: u64) -> Result<u64> {
        let number = self.header.spent().max(last).saturating_add(1);
        if number >= NUMBERS {
            return Err(Error::corrupt(self.header.path(), SPENT.name, number - 1, "less than 2^40"));
        }
        self.header.spend(number);
        Ok(number)
    }

    /// Whether this writer may write, as far as its header says. If not, [`refused`](Self::refused) says why.
    #[inline(always)]
    pub fn may_write(&self) -> bool {
        self.is_here() && self.end.is_none() && !self.header.latch().is_frozen()
    }

    /// What this writer may do, by what its header's name leads to. Also says that the header is in use.
    pub fn look(&mut self, now: u64) -> Result<Standing> {
        // Without the lock the header has no name yet.
        if self.lock.is_none() {
            return Ok(Standing::Ours);
        }
        self.looked_at = now;
        match status_at(self.tag.header())? {
            Some(status) if status.id == self.header.file() => {
                self.lock.iter().for_each(|lock| lock.file().touch());
                self.displaced_at = None;
                Ok(Standing::Ours)
            }
            _ if self.header.latch().is_frozen() => Ok(self.refused()),
            Some(_) if !self.remove_retired()? => {
                let since = *self.displaced_at.get_or_insert(now);
                if self.is_named() && now.saturating_sub(since) < LOOK_EVERY {
                    // The header has another name: for an instant, while somebody puts it back that he did not mean to
                    // replace, or because it was renamed by hand. Each write looks again until it is clear which.
                    self.looked_at = 0;
                    return Ok(Standing::Suspended(self.superseded()));
                }
                // Its readers follow to the one that the tag has now.
                self.header.retire();
                Ok(self.end())
            }
            _ => match &self.lock {
                Some(lock) if lock.try_name()? => Ok(Standing::NameGone),
                _ => Ok(Standing::Suspended(self.superseded())),
            },
        }
    }

    /// Whether it is time for the next look.
    #[inline(always)]
    pub fn is_look_due(&self, now: u64) -> bool {
        now.saturating_sub(self.looked_at) >= LOOK_EVERY
    }

    /// What becomes of a writer that may not publish. `Ours` if it may go on: whoever was about to replace it was killed before
    /// it did.
    #[cold]
    #[inline(never)]
    pub fn refused(&mut self) -> Standing {
        if !self.is_here() {
            return Standing::Suspended(self.forked());
        }
        if self.end.is_some() || self.header.is_retired() {
            return self.end();
        }
        match self.ask() {
            Ok(standing) => standing,
            Err(error) => Standing::Suspended(error),
        }
    }

    /// Asks for the name lock, whether somebody is at work.
    fn ask(&mut self) -> Result<Standing> {
        let Some(lock) = &self.lock else { return Ok(self.end()) };
        if !lock.try_name()? {
            // Somebody is at work. If that fails, this writer goes on.
            return Ok(Standing::Suspended(self.superseded()));
        }
        let stands = stands_at(self.header.file(), self.tag.header());
        if matches!(stands, Ok(true)) && !self.header.is_retired() {
            // Whoever was at work was killed or failed, or somebody put the header back by hand.
            self.header.latch().thaw();
            lock.release_name();
            return Ok(Standing::Ours);
        }
        if let Err(error) = stands {
            lock.release_name();
            return Err(error);
        }
        // Replaced or removed, perhaps by somebody who was killed before it could say so.
        self.header.retire();
        let end = self.end();
        gc::sweep(&self.tag, None);
        Ok(end)
    }

    /// Removes what stands at the path if it is a retired header, which came back with its mount or directory.
    fn remove_retired(&self) -> Result<bool> {
        let Ok(Some((file, status))) = open_own_header(self.tag.header()) else { return Ok(false) };
        // Asked first: nobody has to wait for this process where another header is in use.
        let Ok(other) = Header::map(&file, Access::Writing) else { return Ok(false) };
        if !other.is_retired() {
            return Ok(false);
        }
        let Ok(Some(lock)) = Lock::open_same(self.tag.header(), status.id) else { return Ok(false) };
        Ok(lock.try_name()? && retire::retire(&self.tag, &other, || true)?)
    }

    /// Whether the header stands at the tag.
    pub fn has_its_name(&self) -> Result<bool> {
        stands_at(self.header.file(), self.tag.header())
    }

    /// Whether the header has a name, if only another one.
    fn is_named(&self) -> bool {
        let status = self.lock.as_ref().and_then(|lock| lock.file().status().ok());
        status.is_some_and(|status| status.named)
    }

    /// The error of a writer that is being replaced at this moment.
    fn superseded(&self) -> Error {
        Error::Superseded { tag: self.tag.tag().to_owned() }
    }

    /// The error of a writer whose tag was removed.
    pub fn removed(&self) -> Error {
        Error::Removed { tag: self.tag.tag().to_owned() }
    }

    /// This writer was taken over or removed.
    pub fn end(&mut self) -> Standing {
        let end = *self.end.get_or_insert_with(|| {
            let other = status_at(self.tag.header()).ok().flatten();
            match other.is_some_and(|status| status.id != self.header.file()) {
                true => End::Superseded,
                false => End::Removed,
            }
        });
        self.let_go();
        Standing::Ended(match end {
            End::Superseded => self.superseded(),
            End::Removed => self.removed(),
        })
    }

    /// Gives the lock back, and says that nobody has the tag. The header stays as it is.
    fn let_go(&mut self) {
        if self.is_here() && self.lock.is_some() {
            self.header.set_writer_pid(0);
        }
        self.lock = None;
    }

    /// Gives everything up without a word to anybody: what was made has no name, or another's.
    pub fn discard(&mut self) {
        self.end.get_or_insert(End::Superseded);
        self.lock = None;
    }

    /// Removes an ephemeral tag at the end of its writer; true if it is gone.
    pub fn retire_ephemeral(&self) -> bool {
        let Some(lock) = self.lock.as_ref().filter(|_| self.header.identity().ephemeral) else {
            return false;
        };
        // Whoever is taking it over wants the value, and holds the name lock.
        if !lock.try_name().unwrap_or(false) || self.header.is_retired() {
            return false;
        }
        // A sweep that finds it without its name must not put it back.
        self.header.latch().freeze();
        // A failure leaves an ephemeral header with a free lock, which the next writer or `gc` removes.
        retire::retire(&self.tag, &self.header, || true).unwrap_or(false)
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.let_go();
    }
}
