//! Headers: the small file under the tag's name, mapped.
//!
//! Region 0 (identity, latch) is read-only for readers; region 1 (the waiting flag) is read-write for readers that have the
//! permission.

#![allow(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64 as PrivateU64, Ordering as PrivateOrdering};

use crate::error::Result;
use crate::format::header::{
    HAS_STOOD, HeaderIdentity, SEQ, SOURCE, SOURCE_BYTES, SOURCE_LENGTH, SPENT, WAITING, WRITER_PID, record,
};
use crate::format::record::{Record, WORDS};
use crate::format::words::put_text;
use crate::shm::futex;
use crate::shm::mapping::Mapping;
use crate::sync::event_count::EventCount;
use crate::sync::seq_latch::SeqLatch;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
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
        let page = identity.page;
        let front = Mapping::new(file, 0, page, access == Access::Writing)?;
        let back = Mapping::new(file, page as u64, page, access != Access::Reading)?;
        let serial = NEXT_SERIAL.fetch_add(1, PrivateOrdering::Relaxed);
        Ok(Header { identity, file: id, path: file.path().to_owned(), front, back, access, serial })
    }

    /// A number that tells this mapped header from all others of this process. Its id does not: a copy of the file has the
    /// same id.
    #[inline(always)]
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

    /// The latch. Only who mapped the header for writing may change it.
    #[inline(always)]
    pub fn latch(&self) -> SeqLatch<'_> {
        // SAFETY: multiples of 8 inside region 0, which `map` found inside the file.
        unsafe {
            let record = |which| self.front.words(record(which), WORDS);
            SeqLatch { seq: self.front.word(SEQ.offset), records: [record(0), record(1)] }
        }
    }

    /// The event count. `announce` only if [`announces`](Self::announces); `notify` only as a writer.
    #[inline(always)]
    pub fn event_count(&self) -> EventCount<'_> {
        // SAFETY: a multiple of 8 inside region 0 and one of 4 inside region 1, which `map` found inside the file.
        unsafe { EventCount { seq: self.front.word(SEQ.offset), waiting: self.back.half(WAITING.offset) } }
    }

    fn writer_pid(&self) -> &AtomicU32 {
        // SAFETY: a multiple of 4 inside region 0.
        unsafe { self.front.half(WRITER_PID.offset) }
    }

    fn stood_word(&self) -> &AtomicU32 {
        // SAFETY: a multiple of 4 inside region 0.
        unsafe { self.front.half(HAS_STOOD.offset) }
    }

    /// Says that the header has stood under its tag's name. Writer only.
    pub fn set_stood(&self) {
        self.stood_word().store(1, Ordering::Relaxed);
    }

    /// Whether the header has stood under its tag's name, so that it must be put back if it is found under another.
    pub fn has_stood(&self) -> bool {
        self.stood_word().load(Ordering::Relaxed) != 0
    }

    fn spent_word(&self) -> &AtomicU64 {
        // SAFETY: a multiple of 8 inside region 0.
        unsafe { self.front.word(SPENT.offset) }
    }

    /// Says which process has the tag, for information; 0: none. Writer only.
    pub fn set_writer_pid(&self, pid: u32) {
        self.writer_pid().store(pid, Ordering::Relaxed);
    }

    /// Says where the values come from, in at most 128 bytes; empty: from a writer of this machine. Writer only.
    pub fn set_source(&self, source: &str) {
        // SAFETY: multiples of 8 inside region 0, which `map` found inside the file.
        let (length, text) = unsafe {
            (self.front.word(SOURCE_LENGTH.offset), self.front.words(SOURCE.offset, SOURCE_BYTES / 8))
        };
        let mut words = [0; SOURCE_BYTES / 8];
        put_text(&mut words, source);
        // Who looks meanwhile, or after a kill, finds none. (Release: the text in between is seen after the first and before
        // the last of these.)
        length.store(0, Ordering::Release);
        text.iter().zip(words).for_each(|(word, value)| word.store(value, Ordering::Release));
        length.store(source.len() as u64, Ordering::Release);
    }

    /// The pid that the writer said, in its own PID namespace.
    pub fn stated_writer_pid(&self) -> Option<u32> {
        Some(self.writer_pid().load(Ordering::Relaxed)).filter(|&pid| pid != 0)
    }

    /// The highest number that was ever given to a file.
    pub fn spent(&self) -> u64 {
        self.spent_word().load(Ordering::Relaxed)
    }

    /// Spends a number, before a file is named by it. Writer only.
    pub fn spend(&self, number: u64) {
        // Release: whoever is the next writer, after whatever kill, goes on from it.
        self.spent_word().store(number, Ordering::Release);
    }

    /// Whether the header was taken over or removed.
    #[inline]
    pub fn is_retired(&self) -> bool {
        self.latch().is_retired()
    }

    /// The current record, with its sequence number.
    #[inline]
    pub fn read(&self) -> (u64, Record) {
        let mut words = [0; WORDS];
        let seq = self.latch().read(&mut words);
        (seq, Record::from_words(&words))
    }

    /// The current record.
    pub fn record(&self) -> Record {
        self.read().1
    }

    /// Wakes everybody who waits for a value, announced or not.
    pub fn wake_all(&self) {
        let event_count = self.event_count();
        event_count.advance();
        futex::wake_all(event_count.seq);
    }

    /// Wakes whoever waits, after a publish.
    #[inline(always)]
    pub fn notify(&self) {
        let event_count = self.event_count();
        if event_count.notify() {
            futex::wake_all(event_count.seq);
        }
    }

    /// Tells everybody that this header is at its end: its record is final from now on. Its name has been changed
    /// before, so that whoever looks for the tag again does not find this header.
    pub fn retire(&self) {
        self.latch().retire();
        self.wake_all();
    }
}
