//! Headers: the small file under the tag's name, mapped.
//!
//! Region 0 (identity, latch, state) is read-only for readers; region 1 (the waiting flag) is read-write for readers
//! that have the permission. Offsets are those of the byte table in docs/design.md.

#![allow(unsafe_code)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64 as PrivateU64, Ordering as PrivateOrdering};

use crate::error::{Error, Result};
use crate::format::identity::{self, Identity, Kind, LEAST_REGION};
use crate::format::record::{COLD, Cold, HOT, Hot, halves};
use crate::shm::futex;
use crate::shm::mapping::Mapping;
use crate::sync::event_count::Bell;
use crate::sync::seq_latch::{EPOCH_SHIFT, Latch, Record};
use crate::sync::{AtomicU32, Ordering};
use crate::sys::file::{self, FileId};

// Byte offsets in region 0, each derived from the one before.
const CONTROL: usize = identity::BYTES + 64;
pub(crate) const SEQ: usize = CONTROL;
pub(crate) const STATE: usize = SEQ + 8;
/// The hot words of both records.
pub(crate) const HOT_WORDS: usize = STATE + 8;
/// The rest of the records.
pub(crate) const RECORDS: usize = HOT_WORDS + 2 * HOT * 8;
pub(crate) const OPENED: usize = 0;
pub(crate) const CLOSED: usize = OPENED + 8;
pub(crate) const COLD_WORDS: usize = CLOSED + 8;
/// Bytes of that rest: whole cache lines.
pub(crate) const RECORD: usize = (COLD_WORDS + COLD * 8).next_multiple_of(64);
pub(crate) const END: usize = RECORDS + 2 * RECORD;
// What every publish writes and every read looks at is one cache line.
const _: () = assert!(END <= LEAST_REGION && SEQ % 64 == 0 && RECORDS == SEQ + 64);
/// Byte offset in region 1.
pub(crate) const WAITING: usize = 0;

/// A header in use.
pub(crate) const LIVE: u32 = 1;
/// A header that was taken over or removed: readers look for the tag's file again.
pub(crate) const GONE: u32 = 2;

/// What a header's identity block says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderIdentity {
    pub region: usize,
    pub id: u128,
    /// Who made it, as seen in the maker's own namespace; for information.
    pub pid: u32,
    pub uid: u32,
    /// Whether the tag goes when its writer goes.
    pub ephemeral: bool,
    /// Where the count of versions began: that of the header that this one continues, else a part of its own id.
    /// Versions of one origin are in one order; a tag that was removed and made again has another origin.
    pub origin: u64,
}

impl HeaderIdentity {
    /// A new header, which goes on with the versions of `origin` if that is given.
    pub fn new(ephemeral: bool, origin: Option<u64>) -> Self {
        let owner = u64::from(file::uid()) | u64::from(file::pid()) << 32;
        let mut identity = Identity::new(Kind::Header, [owner, u64::from(ephemeral), 0, 0]);
        identity.fields[2] = origin.unwrap_or(halves(identity.id).0);
        Self::from(identity)
    }

    fn from(identity: Identity) -> Self {
        let [owner, flags, origin, _] = identity.fields;
        HeaderIdentity {
            region: identity.region,
            id: identity.id,
            pid: (owner >> 32) as u32,
            uid: owner as u32,
            ephemeral: flags & 1 != 0,
            origin,
        }
    }

    /// Writes a new header, live and empty, into a file that has the storage.
    pub fn write(&self, file: &File, path: &Path) -> Result<()> {
        let identity = Identity {
            kind: Kind::Header,
            region: self.region,
            id: self.id,
            fields: [
                u64::from(self.uid) | u64::from(self.pid) << 32,
                u64::from(self.ephemeral),
                self.origin,
                0,
            ],
        };
        file::write_at(file, path, STATE as u64, &LIVE.to_ne_bytes())?;
        file::write_at(file, path, 0, &identity.to_bytes())
    }

    /// Bytes of a header's file.
    pub fn file_size(&self) -> u64 {
        2 * self.region as u64
    }
}

/// Reads and validates the identity block of an open header, without a mapping.
pub(crate) fn identify(file: &File, path: &Path) -> Result<HeaderIdentity> {
    let size = file::status_of(file, path)?.size;
    let mut block = [0; identity::BYTES];
    let length = block.len().min(usize::try_from(size).unwrap_or(usize::MAX));
    file::read_at(file, path, 0, &mut block[..length])?;
    Identity::from_bytes(Kind::Header, &block[..length], size, path).map(HeaderIdentity::from)
}

static NEXT_SERIAL: PrivateU64 = PrivateU64::new(1);

/// A mapped header.
pub(crate) struct Header {
    identity: HeaderIdentity,
    file: FileId,
    path: PathBuf,
    front: Mapping,
    back: Mapping,
    /// Whether region 1 is writable, so that this process can announce that it sleeps.
    announces: bool,
    serial: u64,
}

impl Header {
    /// Validates and maps an open header. `writable`: the descriptor allows writing; `writer`: region 0 will be written.
    pub fn map(file: &File, path: &Path, writable: bool, writer: bool) -> Result<Self> {
        let identity = identify(file, path)?;
        let id = file::status_of(file, path)?.id;
        let region = identity.region;
        let front = Mapping::new(file, path, 0, region, writer)?;
        let back = Mapping::new(file, path, region as u64, region, writable)?;
        let serial = NEXT_SERIAL.fetch_add(1, PrivateOrdering::Relaxed);
        Ok(Header { identity, file: id, path: path.to_owned(), front, back, announces: writable, serial })
    }

    /// Tells this header, as it was mapped, from all others that this process maps. Its id does not: a copy has that too.
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

    /// The name changed; for errors.
    pub fn renamed(&mut self, path: &Path) {
        path.clone_into(&mut self.path);
    }

    pub fn announces(&self) -> bool {
        self.announces
    }

    /// The latch; whatever changes it only on a header mapped for a writer.
    #[inline]
    pub fn latch(&self) -> Latch<'_> {
        let record = |which: usize| {
            let offset = RECORDS + which * RECORD;
            // SAFETY: the offsets are multiples of 8 below END, inside region 0, which `map` found inside the file.
            unsafe {
                Record {
                    hot: self.front.words(HOT_WORDS + which * HOT * 8, HOT),
                    opened: self.front.word(offset + OPENED),
                    closed: self.front.word(offset + CLOSED),
                    cold: self.front.words(offset + COLD_WORDS, COLD),
                }
            }
        };
        // SAFETY: as above.
        let seq = unsafe { self.front.word(SEQ) };
        Latch { seq, records: [record(0), record(1)] }
    }

    /// The bell; `announce` only if [`announces`](Self::announces), `ring` only on a header mapped for a writer.
    #[inline]
    pub fn bell(&self) -> Bell<'_> {
        // SAFETY: a multiple of 8 inside region 0 and one of 4 inside region 1, which `map` found inside the file.
        unsafe { Bell { seq: self.front.word(SEQ), waiting: self.back.half(WAITING) } }
    }

    #[inline]
    fn state(&self) -> &AtomicU32 {
        // SAFETY: a multiple of 4 inside region 0.
        unsafe { self.front.half(STATE) }
    }

    /// Whether the header was taken over or removed.
    #[inline]
    pub fn is_gone(&self) -> bool {
        // Acquire: pairs with `retire`; the name changed before, and the record is final.
        self.state().load(Ordering::Acquire) == GONE
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

    /// Wakes everybody who waits for a value, whether they said so or not.
    pub fn wake_all(&self) {
        let bell = self.bell();
        bell.alarm();
        futex::wake_all(bell.seq);
    }

    /// Tells everybody that this header is at its end: its record is final from now on. Its name has been changed
    /// before, so that whoever looks for the tag again does not find this header.
    pub fn retire(&self) {
        self.latch().freeze();
        // Release: pairs with `is_gone`.
        self.state().store(GONE, Ordering::Release);
        self.wake_all();
    }
}

/// A record among all that this process reads: the header's serial, and the sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub header: u64,
    pub seq: u64,
}

/// What a header says, read without a mapping; for looking from outside.
#[derive(Debug)]
pub(crate) struct Peek {
    pub identity: HeaderIdentity,
    pub gone: bool,
    pub hot: Hot,
    /// `None` if nothing was published.
    pub cold: Option<Cold>,
}

/// Reads an open header without mapping it.
///
/// Hot and cold words are each of one piece: of the hot ones their check says so, of the cold ones their checksum.
pub(crate) fn peek(file: &File, path: &Path) -> Result<Peek> {
    let identity = identify(file, path)?;
    let mut problem = None;
    let word = |offset: usize| -> Result<u64> {
        let mut word = [0_u64; 1];
        file::read_at(file, path, offset as u64, bytemuck::cast_slice_mut(&mut word))?;
        Ok(word[0])
    };
    // More than a few rounds only while a layout changes, which takes a writer far longer than this.
    for _ in 0..1000 {
        // Within one read nobody says in which order the kernel copies the words, so what has an order is read alone.
        let before = word(SEQ)?;
        let mut words = [0_u64; LEAST_REGION / 8];
        file::read_at(file, path, 0, bytemuck::cast_slice_mut(&mut words))?;
        let which = (before & 1) as usize;
        let offset = RECORDS + RECORD * which;
        let opened = word(offset + OPENED)?;
        let after = word(SEQ)?;
        let [state, _]: [u32; 2] = bytemuck::cast(words[STATE / 8]);
        let record = &words[offset / 8..][..RECORD / 8];
        let hot = Hot::from_words(&std::array::from_fn(|i| words[HOT_WORDS / 8 + HOT * which + i]));
        let closed = record[CLOSED / 8];
        let cold: [u64; COLD] = std::array::from_fn(|i| record[COLD_WORDS / 8 + i]);
        let cold = hot.check(path).and_then(|()| match Cold::from_words(&cold, path) {
            _ if opened == 0 && closed == 0 && hot.version == 0 => Ok(None),
            Ok(cold) if opened == closed && closed == hot.layout_id && cold.layout_id == closed => {
                Ok(Some(cold))
            }
            Ok(_) => Err(Error::corrupt(path, "layout id", hot.layout_id, closed)),
            Err(error) => Err(error),
        });
        match cold {
            Ok(cold) if before >> EPOCH_SHIFT == after >> EPOCH_SHIFT => {
                return Ok(Peek { identity, gone: state == GONE, hot, cold });
            }
            Ok(_) => {}
            Err(error) => problem = Some(error),
        }
        // Nobody was writing: it is as it is.
        if before == after && words[SEQ / 8] == before && problem.is_some() {
            break;
        }
    }
    Err(problem.unwrap_or(Error::Contended { tag: path.display().to_string() }))
}
