//! What becomes of a writer whose files lost their names, or whose tag was taken over or removed.

use crate::error::{Error, Result};
use crate::header::Header;
use crate::publish::{Fill, Publisher, Stamp};
use crate::{os, process, remove};

impl Publisher {
    /// Copies a filled slot to a new segment, whose slot 0 it becomes.
    pub(crate) fn relocate(&mut self, fill: &mut Fill) -> Result<()> {
        let mut fresh = self.segment_for(fill.nbytes)?;
        let from = self.bytes(fill)?;
        fresh.segment().claimed_bytes(0, from.len()).copy_from_slice(from);
        self.abandon(fill);
        (fill.fresh, fill.slot) = (Some(fresh), 0);
        Ok(())
    }

    /// Whether this writer may still write: not in a forked child, not taken over, not removed.
    #[inline]
    pub(crate) fn check_in(&mut self) -> Result<()> {
        if self.generation != process::generation() {
            return Err(Error::Forked { tag: self.tag.clone() });
        }
        if self.ended.is_some() || self.header.is_gone() {
            return Err(self.end());
        }
        if self.header.is_live() { Ok(()) } else { Err(self.leaving()) }
    }

    /// Looks whether the files still have their names; true if the header has none, and the tag must be born again.
    pub(crate) fn look(&mut self, fill: &mut Fill) -> Result<bool> {
        match os::status_at(&self.path())? {
            Some(status) if status.id == self.header.file() => {}
            Some(_) if self.buries()? => return Ok(true),
            Some(_) => return Err(self.end()),
            None if self.header.is_gone() => return Err(self.end()),
            None if !self.header.is_live() => return Err(self.leaving()),
            None => return Ok(true),
        }
        let current = self.slots.as_ref().filter(|_| fill.fresh.is_none());
        let path_and_file = current.map(|slots| (slots.path(&self.directory, &self.tag), slots.file()));
        if let Some((path, file)) = path_and_file {
            if !os::stands_at(file, &path)? {
                self.relocate(fill)?;
            }
        }
        Ok(false)
    }

    /// Whether what stands at the path is a retired header, which came back with its mount or directory. It is removed.
    fn buries(&self) -> Result<bool> {
        let path = self.path();
        let opened = if self.header.is_live() { remove::open_own(&path) } else { Ok(None) };
        let Ok(Some((file, _))) = opened else { return Ok(false) };
        match Header::map(&file, &path, true, true) {
            Ok(other) if other.is_gone() => remove::retire(&self.directory, &self.tag, &other),
            _ => Ok(false),
        }
    }

    /// Somebody removed the header by hand (`rm`, RemoveIPC, a new mount): a new header with a new segment.
    pub(crate) fn publish_anew(&mut self, mut fill: Fill, user_data: &[u8]) -> Result<u64> {
        let (mut new, newborn) = Self::unborn(&self.directory, &self.tag, self.settings, self.rights)?;
        let layout = fill.layout.clone().or_else(|| self.layout.clone());
        let Some(layout) = layout else { return Err(self.end()) };
        let mut copy = new.begin(layout.dtype(), layout.shape())?;
        new.bytes(&mut copy)?.copy_from_slice(self.bytes(&mut fill)?);
        self.abandon(&fill);
        let version = self.version + 1;
        new.finish(copy, user_data, Some(Stamp { version, written_at: os::now() }))?;
        let path = self.path();
        // Removed since it was looked at (the name goes first, GONE comes after): the tag is not to come back.
        let named = if !self.header.is_live() { None } else { Some(newborn.name(&path)) };
        match named {
            Some(Ok(Ok((_, lock)))) => new.lock = Some(lock),
            // What was made goes again.
            Some(Err(error)) => {
                new.discard();
                return Err(error);
            }
            // Somebody else was faster.
            None | Some(Ok(Err(_))) => {
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

    /// Whether the header has a name, which is not the tag's: that of a takeover that may copy the value still. The
    /// data files are its to remove then.
    fn is_displaced(&self) -> bool {
        let path = self.path();
        let status = self.lock.as_ref().and_then(|lock| os::status_of(lock.file(), &path).ok());
        status.is_some_and(|status| status.named)
    }

    /// The error of a writer that is being taken over at this moment. It keeps its files and locks: should the takeover
    /// fail, it goes on.
    pub(crate) fn leaving(&self) -> Error {
        Error::Superseded { tag: self.tag.clone() }
    }

    /// The error of a writer that was taken over or removed; it gives up what it has.
    pub(crate) fn end(&mut self) -> Error {
        let superseded = *self.ended.get_or_insert_with(|| {
            let other = os::status_at(&self.directory.join(&self.tag)).ok().flatten();
            other.is_some_and(|status| status.id != self.header.file())
        });
        if superseded && self.is_displaced() {
            self.slots = None;
        }
        self.discard();
        self.ended = Some(superseded);
        let tag = self.tag.clone();
        if superseded { Error::Superseded { tag } } else { Error::Removed { tag } }
    }
}
