//! Headers: the small file under the tag's name, mapped.
//!
//! Region 0 (identity, latch, state) is read-only for readers; region 1 (the waiting flag) is read-write for readers
//! that have the permission. Offsets are those of the byte table in docs/design.md.

#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64 as PrivateU64, Ordering as PrivateOrdering};

use crate::error::Result;
use crate::format::header::{
    CLOSED, COLD_WORDS, HeaderIdentity, OPENED, RETIRED, SEQ, STATE, WAITING, hot_words, rest,
};
use crate::format::record::{COLD, Cold, HOT, Hot};
use crate::shm::futex;
use crate::shm::mapping::Mapping;
use crate::sync::event_count::EventCount;
use crate::sync::seq_latch::{Latch, Record};
use crate::sync::{AtomicU32, Ordering};
use crate::sys::file::{FileId, PathFile};

static NEXT_SERIAL: PrivateU64 = PrivateU64::new(1);

/// What this process does with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads it; without permission to write, the writer cannot be told of sleepers.
    Reading,
    /// Reads it, and announces that it sleeps.
    Announcing,
    Writing,
}

/// A mapped header.
pub(crate) struct Header {
    identity: HeaderIdentity,
    file: FileId,
    path: PathBuf,
    front: Mapping,
    back: Mapping,
    access: Access,
    serial: u64,
}

impl Header {
    /// Validates and maps an open header; the descriptor must allow writing unless `access` is reading.
    pub fn map(file: &PathFile, access: Access) -> Result<Self> {
        let identity = HeaderIdentity::read(file)?;
        let id = file.status()?.id;
        let region = identity.region;
        let front = Mapping::new(file, 0, region, access == Access::Writing)?;
        let back = Mapping::new(file, region as u64, region, access != Access::Reading)?;
        let serial = NEXT_SERIAL.fetch_add(1, PrivateOrdering::Relaxed);
        Ok(Header { identity, file: id, path: file.path().to_owned(), front, back, access, serial })
    }

    /// A number that tells this mapped header from all others of this process. Its id does not: a copy of the file has the
    /// same id.
    #[inline]
    pub fn serial(&self) -> u64 {
        self.serial
    }

    pub fn identity(&self) -> &HeaderIdentity {
        &self.identity
    }

    /// Which file it is.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The header has another name now.
    pub fn renamed(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
    }

    /// Whether region 1 is writable, so that this process can announce that it sleeps.
    pub fn announces(&self) -> bool {
        self.access != Access::Reading
    }

    /// The latch. Only a writer may change it.
    #[inline]
    pub fn latch(&self) -> Latch<'_> {
        let record = |which: usize| {
            let (hot, rest) = (hot_words(which), rest(which));
            // SAFETY: the offsets are multiples of 8 below END, inside region 0, which `map` found inside the file.
            unsafe {
                Record {
                    hot: self.front.words(hot, HOT),
                    opened: self.front.word(rest + OPENED.offset),
                    closed: self.front.word(rest + CLOSED.offset),
                    cold: self.front.words(rest + COLD_WORDS.offset, COLD),
                }
            }
        };
        // SAFETY: as above.
        let seq = unsafe { self.front.word(SEQ.offset) };
        Latch { seq, records: [record(0), record(1)] }
    }

    /// The event count. `announce` only if [`announces`](Self::announces); `notify` only as a writer.
    #[inline]
    pub fn event_count(&self) -> EventCount<'_> {
        // SAFETY: a multiple of 8 inside region 0 and one of 4 inside region 1, which `map` found inside the file.
        unsafe { EventCount { seq: self.front.word(SEQ.offset), waiting: self.back.half(WAITING.offset) } }
    }

    #[inline]
    fn state(&self) -> &AtomicU32 {
        // SAFETY: a multiple of 4 inside region 0.
        unsafe { self.front.half(STATE.offset) }
    }

    /// Whether the header was taken over or removed.
    #[inline]
    pub fn is_retired(&self) -> bool {
        // Acquire: pairs with `retire`; the name changed before, and the record is final.
        self.state().load(Ordering::Acquire) == RETIRED
    }

    /// The current hot words, with what is needed to read the cold words of the same record.
    #[inline]
    pub fn read(&self) -> (u64, Record<'_>, Hot) {
        let mut words = [0; HOT];
        let (seq, record) = self.latch().read(&mut words);
        (seq, record, Hot::from_words(&words))
    }

    /// The cold words that belong to `read`'s answer; `None` if a new layout came meanwhile.
    pub fn read_cold(&self, seq: u64, record: &Record<'_>, layout_id: u64) -> Result<Option<Cold>> {
        let mut words = [0; COLD];
        if !self.latch().read_cold(seq, record, layout_id, &mut words) {
            return Ok(None);
        }
        Cold::from_words(&words, &self.path).map(Some)
    }

    /// Wakes everybody who waits for a value, announced or not.
    pub fn wake_all(&self) {
        let event_count = self.event_count();
        event_count.advance();
        futex::wake_all(event_count.seq);
    }

    /// Tells everybody that this header is at its end: its record is final from now on. Its name has been changed
    /// before, so that whoever looks for the tag again does not find this header.
    pub fn retire(&self) {
        self.latch().freeze();
        // Release: pairs with `is_retired`.
        self.state().store(RETIRED, Ordering::Release);
        self.wake_all();
    }
}

/// A record among all that this process reads: the header's serial, and the sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordId {
    pub header: u64,
    pub seq: u64,
}
