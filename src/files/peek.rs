//! Reading what headers and data files say without mapping them, and asking whether a writer lives.

use crate::error::{Error, Result};
use crate::files::open::open_header;
use crate::files::tag::TagPath;
use crate::format::header::{
    CLOSED, COLD_WORDS, HeaderIdentity, OPENED, RECORD, RETIRED, SEQ, STATE, hot_words, rest,
};
use crate::format::identity::LEAST_REGION;
use crate::format::record::{COLD, Cold, Hot};
use crate::format::segment::{ALLOCATED, PIN, SHARDS, SLOTS, SegmentIdentity};
use crate::sync::seq_latch::EPOCH_SHIFT;
use crate::sys::file::{FileId, PathFile, Status};
use crate::sys::lock::Lock;
use crate::sys::name::stands_at;

/// What a header says.
#[derive(Debug)]
pub(crate) struct Peek {
    pub identity: HeaderIdentity,
    pub retired: bool,
    pub hot: Hot,
    /// `None` if nothing was published.
    pub cold: Option<Cold>,
}

/// What the header of a tag says.
pub(crate) fn tag(tag: &TagPath) -> Result<(Peek, Status)> {
    let (file, status) = open_header(tag.header())?.ok_or_else(|| tag.not_found())?;
    Ok((header(&file)?, status))
}

/// What an open header says.
///
/// Hot and cold words are each of one piece: of the hot ones their check says so, of the cold ones their checksum.
pub(crate) fn header(file: &PathFile) -> Result<Peek> {
    let identity = HeaderIdentity::read(file)?;
    let mut problem = None;
    let word = |offset: usize| -> Result<u64> {
        let mut word = [0_u64; 1];
        file.read_at(offset as u64, bytemuck::cast_slice_mut(&mut word))?;
        Ok(word[0])
    };
    // More than a few rounds only while a layout changes, which takes a writer far longer than this.
    for _ in 0..1000 {
        // Within one read nobody says in which order the kernel copies the words, so what has an order is read alone.
        let before = word(SEQ.offset)?;
        let mut words = [0_u64; LEAST_REGION / 8];
        file.read_at(0, bytemuck::cast_slice_mut(&mut words))?;
        let record = (before & 1) as usize;
        let opened = word(rest(record) + OPENED.offset)?;
        let after = word(SEQ.offset)?;
        let [state, _]: [u32; 2] = bytemuck::cast(words[STATE.word()]);
        let hot = Hot::from_words(&std::array::from_fn(|i| words[hot_words(record) / 8 + i]));
        let rest = &words[rest(record) / 8..][..RECORD / 8];
        let closed = rest[CLOSED.word()];
        let cold: [u64; COLD] = std::array::from_fn(|i| rest[COLD_WORDS.word() + i]);
        let cold = hot.check(file.path()).and_then(|()| match Cold::from_words(&cold, file.path()) {
            _ if opened == 0 && closed == 0 && hot.stamp.version == 0 => Ok(None),
            Ok(cold) if opened == closed && closed == hot.layout_id && cold.layout_id == closed => {
                Ok(Some(cold))
            }
            Ok(_) => Err(Error::corrupt(file.path(), "layout id", hot.layout_id, closed)),
            Err(error) => Err(error),
        });
        match cold {
            Ok(cold) if before >> EPOCH_SHIFT == after >> EPOCH_SHIFT => {
                return Ok(Peek { identity, retired: state == RETIRED, hot, cold });
            }
            Ok(_) => {}
            Err(error) => problem = Some(error),
        }
        // Nobody was writing: it is as it is.
        if before == after && words[SEQ.word()] == before && problem.is_some() {
            break;
        }
    }
    Err(problem.unwrap_or(Error::Contended { tag: file.path().display().to_string() }))
}

/// Whether somebody holds the lock of a tag's header, if it still is the file `id`.
pub(crate) fn writer_alive(tag: &TagPath, id: FileId) -> Result<bool> {
    if !stands_at(id, tag.header())? {
        return Ok(false);
    }
    let Ok(Some(lock)) = Lock::open_same_for_reading(tag.header(), id) else { return Ok(false) };
    Ok(!lock.try_shared()?)
}

/// What a data file says of its slots.
pub(crate) struct SlotsPeek {
    pub allocated: usize,
    pub pinned: usize,
    pub capacity: usize,
}

/// What an open data file says of its slots.
pub(crate) fn slots(file: &PathFile) -> Result<SlotsPeek> {
    let SegmentIdentity { region, capacity, .. } = SegmentIdentity::read(file)?;
    let mut allocated = [0; 8];
    file.read_at(ALLOCATED.offset as u64, &mut allocated)?;
    let allocated = (u64::from_ne_bytes(allocated) as usize).min(SLOTS);
    let mut counts = [0; SLOTS * SHARDS * PIN];
    file.read_at(region as u64, &mut counts)?;
    let slots = counts.chunks(SHARDS * PIN).take(allocated);
    let pinned = slots.filter(|slot| slot.chunks(PIN).any(|pin| pin[..4] != [0; 4])).count();
    Ok(SlotsPeek { allocated, pinned, capacity })
}
