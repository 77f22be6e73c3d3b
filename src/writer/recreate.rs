//! What becomes of a writer whose files lost their names, or whose tag was taken over or removed.

use std::path::Path;

use crate::error::{Error, Result};
use crate::files::gc;
use crate::files::retire;
use crate::shm::header::Header;
use crate::shm::registry::{self, Lock};
use crate::sys::file;
use crate::writer::publisher::{Fill, Publisher, Stamp};

/// Thaws the header of a writer that was refused, if whoever froze it was killed or failed before it replaced or removed
/// it; false if somebody is at work, or was to the end. `lock`: the writer's own.
#[cold]
pub(crate) fn thaw_abandoned(header: &Header, lock: Option<&Lock>, path: &Path) -> Result<bool> {
    let Some(lock) = lock.filter(|_| !header.is_gone()) else { return Ok(false) };
    // Whoever is at work has it.
    if !lock.try_name(path)? {
        return Ok(false);
    }
    let stands = file::stands_at(header.file(), path);
    if matches!(stands, Ok(true)) {
        header.latch().thaw();
    }
    lock.release_name();
    stands
}

impl Publisher {
    /// Copies a filled slot to a new segment, whose slot 0 it becomes.
    pub(crate) fn relocate(&mut self, fill: &mut Fill) -> Result<()> {
        let mut fresh = self.segment_for(fill.nbytes)?;
        let from = self.bytes(fill)?;
        fresh.segment().claimed_bytes(0, from.len()).copy_from_slice(from);
        self.abandon(fill);
        (fill.fresh, fill.slot) = (Some(Box::new(fresh)), 0);
        Ok(())
    }

    /// Whether this writer may still write: not in a forked child, not taken over, not removed.
    #[inline]
    pub(crate) fn check_in(&mut self) -> Result<()> {
        if self.generation != registry::generation() {
            return Err(Error::Forked { tag: self.tag.clone() });
        }
        if self.ended.is_none() && !self.header.latch().is_frozen() { Ok(()) } else { self.refused() }
    }

    /// What becomes of a writer that may not publish; `Ok` if it may go on, because whoever was about to replace it
    /// was killed before it did.
    #[cold]
    pub(crate) fn refused(&mut self) -> Result<()> {
        let path = self.path();
        if self.ended.is_some() || self.header.is_gone() {
            return Err(self.end());
        }
        if thaw_abandoned(&self.header, self.lock.as_ref(), &path)? {
            return Ok(());
        }
        let Some(lock) = &self.lock else { return Err(self.end()) };
        if !lock.try_name(&path)? {
            // Somebody is at work. Should it fail, this writer goes on.
            return Err(self.superseded());
        }
        match file::stands_at(self.header.file(), &path) {
            // Whoever was at work has failed since, or somebody put it back by hand.
            Ok(true) if !self.header.is_gone() => {
                self.header.latch().thaw();
                lock.release_name();
                Ok(())
            }
            // Replaced or removed, perhaps by somebody who was killed before it could say so.
            Ok(_) => {
                self.header.retire();
                let error = self.end();
                gc::tag(&self.directory, &self.tag, None);
                Err(error)
            }
            Err(error) => {
                lock.release_name();
                Err(error)
            }
        }
    }

    /// Looks whether the files still have their names; true if the header has none, and the tag must be born again.
    /// This writer holds the name lock then, so that nobody is removing it just now.
    pub(crate) fn look(&mut self, fill: &mut Fill) -> Result<bool> {
        let path = self.path();
        match file::status_at(&path)? {
            Some(status) if status.id == self.header.file() => {}
            _ if self.header.latch().is_frozen() => self.refused()?,
            Some(_) if !self.buries()? => {
                if self.is_named() {
                    // For an instant, while somebody finds out that it was not this header that it meant to replace; or
                    // renamed by hand. To be looked at by each write until it is one or the other.
                    self.looked_at = 0;
                    return Err(self.superseded());
                }
                return Err(self.end());
            }
            _ => match &self.lock {
                Some(lock) if lock.try_name(&path)? => return Ok(true),
                _ => return Err(self.superseded()),
            },
        }
        let current = self.slots.as_ref().filter(|_| fill.fresh.is_none());
        let path_and_file = current.map(|slots| (slots.path(&self.directory, &self.tag), slots.file()));
        if let Some((path, file)) = path_and_file {
            if !file::stands_at(file, &path)? {
                self.relocate(fill)?;
            }
        }
        Ok(false)
    }

    /// Removes what stands at the path if it is a retired header, which came back with its mount or directory.
    fn buries(&self) -> Result<bool> {
        let path = self.path();
        let Ok(Some((file, status))) = retire::open_own(&path) else { return Ok(false) };
        let Ok(lock) = Lock::open(&path, true) else { return Ok(false) };
        if file::status_of(lock.file(), &path)?.id != status.id || !lock.try_name(&path)? {
            return Ok(false);
        }
        match Header::map(&file, &path, true, true) {
            Ok(other) if other.is_gone() => retire::retire(&self.directory, &self.tag, &other),
            _ => Ok(false),
        }
    }

    /// Somebody removed the header by hand (`rm`, RemoveIPC, a new mount): a new header with a new segment.
    pub(crate) fn publish_anew(&mut self, fill: &mut Fill, user_data: &[u8]) -> Result<u64> {
        let outcome = self.rebirth(fill, user_data);
        self.lock.iter().for_each(Lock::release_name);
        outcome
    }

    fn rebirth(&mut self, fill: &mut Fill, user_data: &[u8]) -> Result<u64> {
        let origin = Some(self.header.identity().origin);
        let (mut new, newborn) =
            Self::unborn(&self.directory, &self.tag, self.settings, self.rights, origin)?;
        let layout = self.layout_of(fill).cloned();
        let Some(layout) = layout else { return Err(self.end()) };
        let mut copy = new.begin(layout.dtype(), layout.shape(), None)?;
        new.bytes(&mut copy)?.copy_from_slice(self.bytes(fill)?);
        self.abandon(fill);
        let version = self.version + 1;
        new.finish(&mut copy, user_data, Some(Stamp { version, written_at: file::now() }))?;
        let path = self.path();
        match newborn.name(&path) {
            Ok(Ok((_, lock))) => new.lock = Some(lock),
            // What was made goes again.
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
        new.header.renamed(&path);
        let mut old = std::mem::replace(self, new);
        old.header.retire();
        old.discard();
        Ok(version)
    }

    /// Gives up everything, without touching the tag's header.
    pub fn discard(&mut self) {
        if let Some(slots) = self.slots.take() {
            self.unlink_data(slots.uuid);
        }
        self.lock = None;
        self.ended = Some(true);
    }

    /// Whether the header has a name, if only another one.
    fn is_named(&self) -> bool {
        let path = self.path();
        let status = self.lock.as_ref().and_then(|lock| file::status_of(lock.file(), &path).ok());
        status.is_some_and(|status| status.named)
    }

    /// The error of a writer that is being replaced at this moment, but keeps what it has.
    pub(crate) fn superseded(&self) -> Error {
        Error::Superseded { tag: self.tag.clone() }
    }

    /// The error of a writer that was taken over or removed; it gives up what it has.
    pub(crate) fn end(&mut self) -> Error {
        let superseded = *self.ended.get_or_insert_with(|| {
            let other = file::status_at(&self.directory.join(&self.tag)).ok().flatten();
            other.is_some_and(|status| status.id != self.header.file())
        });
        self.discard();
        self.ended = Some(superseded);
        let tag = self.tag.clone();
        if superseded { Error::Superseded { tag } } else { Error::Removed { tag } }
    }
}
