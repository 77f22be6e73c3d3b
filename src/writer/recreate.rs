//! What becomes of a writer whose files lost their names, or whose tag was taken over or removed.

use crate::error::{Error, Result};
use crate::files::open::open_own_header;
use crate::files::{gc, retire};
use crate::format::record::Stamp;
use crate::shm::header::{Access, Header};
use crate::sys::clock::now;
use crate::sys::fork;
use crate::sys::lock::Lock;
use crate::sys::name::{stands_at, status_at};
use crate::writer::ownership::thaw_abandoned;
use crate::writer::publisher::{Publisher, Reservation};

impl Publisher {
    /// Copies a filled slot to a new segment, whose slot 0 it becomes.
    pub(crate) fn relocate(&mut self, reservation: &mut Reservation) -> Result<()> {
        let mut fresh = self.segment_for(reservation.nbytes)?;
        let from = self.bytes(reservation)?;
        fresh.segment().claimed_bytes(0, from.len()).copy_from_slice(from);
        self.abort(reservation);
        (reservation.fresh, reservation.slot) = (Some(Box::new(fresh)), 0);
        Ok(())
    }

    /// Whether this writer may still write: not in a forked child, not taken over, not removed.
    #[inline]
    pub(crate) fn check_in(&mut self) -> Result<()> {
        if self.generation != fork::generation() {
            return Err(Error::Forked { tag: self.tag.tag().to_owned() });
        }
        if self.ended.is_none() && !self.header.latch().is_frozen() { Ok(()) } else { self.refused() }
    }

    /// What becomes of a writer that may not publish. `Ok` if it may go on: whoever was about to replace it was killed before
    /// it did.
    #[cold]
    pub(crate) fn refused(&mut self) -> Result<()> {
        if self.ended.is_some() || self.header.is_retired() {
            return Err(self.end());
        }
        if thaw_abandoned(&self.header, self.lock.as_ref())? {
            return Ok(());
        }
        let Some(lock) = &self.lock else { return Err(self.end()) };
        if !lock.try_name()? {
            // Somebody is at work. If that fails, this writer goes on.
            return Err(self.superseded());
        }
        match stands_at(self.header.file(), self.tag.header()) {
            // Whoever was at work has failed since, or somebody put it back by hand.
            Ok(true) if !self.header.is_retired() => {
                self.header.latch().thaw();
                lock.release_name();
                Ok(())
            }
            // Replaced or removed, perhaps by somebody who was killed before it could say so.
            Ok(_) => {
                self.header.retire();
                let error = self.end();
                gc::sweep(&self.tag, None);
                Err(error)
            }
            Err(error) => {
                lock.release_name();
                Err(error)
            }
        }
    }

    /// Looks whether the files still have their names; true if the header has none and must be recreated. This writer then
    /// holds the name lock, so nobody is removing the header at this moment.
    pub(crate) fn look(&mut self, reservation: &mut Reservation) -> Result<bool> {
        match status_at(self.tag.header())? {
            Some(status) if status.id == self.header.file() => {}
            _ if self.header.latch().is_frozen() => self.refused()?,
            Some(_) if !self.remove_retired()? => {
                if self.is_named() {
                    // The header has another name: for an instant, while somebody puts it back that he did not mean to
                    // replace, or because it was renamed by hand. Each write looks again until it is clear which.
                    self.looked_at = 0;
                    return Err(self.superseded());
                }
                return Err(self.end());
            }
            _ => match &self.lock {
                Some(lock) if lock.try_name()? => return Ok(true),
                _ => return Err(self.superseded()),
            },
        }
        let current = self.slots.as_ref().filter(|_| reservation.fresh.is_none());
        let path_and_file = current.map(|slots| (self.tag.data_file(slots.uuid), slots.file_id()));
        if let Some((path, file)) = path_and_file {
            if !stands_at(file, &path)? {
                self.relocate(reservation)?;
            }
        }
        Ok(false)
    }

    /// Removes what stands at the path if it is a retired header, which came back with its mount or directory.
    fn remove_retired(&self) -> Result<bool> {
        let Ok(Some((file, status))) = open_own_header(self.tag.header()) else { return Ok(false) };
        let Ok(Some(lock)) = Lock::open_same(self.tag.header(), status.id) else { return Ok(false) };
        if !lock.try_name()? {
            return Ok(false);
        }
        match Header::map(&file, Access::Writing) {
            Ok(other) if other.is_retired() => retire::retire(&self.tag, &other),
            _ => Ok(false),
        }
    }

    /// Somebody removed the header by hand (`rm`, RemoveIPC, a new mount): a new header with a new segment.
    pub(crate) fn recreate(&mut self, reservation: &mut Reservation, user_data: &[u8]) -> Result<u64> {
        let outcome = self.recreate_header(reservation, user_data);
        self.lock.iter().for_each(Lock::release_name);
        outcome
    }

    fn recreate_header(&mut self, reservation: &mut Reservation, user_data: &[u8]) -> Result<u64> {
        let origin = Some(self.header.identity().origin);
        let (mut new, staged) = Self::staged(&self.tag, self.settings, self.rights, origin)?;
        let layout = self.layout_of(reservation).cloned();
        let Some(layout) = layout else { return Err(self.end()) };
        let mut copy = new.reserve(layout.dtype(), layout.shape(), None)?;
        new.bytes(&mut copy)?.copy_from_slice(self.bytes(reservation)?);
        self.abort(reservation);
        let version = self.version + 1;
        new.commit(&mut copy, user_data, Some(Stamp { version, written_at: now() }))?;
        match staged.persist(self.tag.header()) {
            Ok(Ok((_, lock))) => new.lock = Some(lock),
            // What was made is removed again.
            Err(error) => {
                new.discard();
                return Err(error);
            }
            // Somebody else was faster.
            Ok(Err(_)) => {
                new.discard();
                return Err(self.end());
            }
        }
        new.header.renamed(self.tag.header());
        let mut old = std::mem::replace(self, new);
        old.header.retire();
        old.discard();
        Ok(version)
    }

    /// Gives up everything, without touching the tag's header.
    pub fn discard(&mut self) {
        if let Some(slots) = self.slots.take() {
            retire::unlink_data(&self.tag, slots.uuid);
        }
        self.lock = None;
        self.ended = Some(true);
    }

    /// Whether the header has a name, if only another one.
    fn is_named(&self) -> bool {
        let status = self.lock.as_ref().and_then(|lock| lock.file().status().ok());
        status.is_some_and(|status| status.named)
    }

    /// The error of a writer that is being replaced at this moment, but keeps what it has.
    pub(crate) fn superseded(&self) -> Error {
        Error::Superseded { tag: self.tag.tag().to_owned() }
    }

    /// The error of a writer that was taken over or removed; it gives up what it has.
    pub(crate) fn end(&mut self) -> Error {
        let superseded = *self.ended.get_or_insert_with(|| {
            let other = status_at(self.tag.header()).ok().flatten();
            other.is_some_and(|status| status.id != self.header.file())
        });
        self.discard();
        self.ended = Some(superseded);
        let tag = self.tag.tag().to_owned();
        if superseded { Error::Superseded { tag } } else { Error::Removed { tag } }
    }
}
