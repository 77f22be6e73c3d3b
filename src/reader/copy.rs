//! Copying a value out of a data file: for readers that may not pin, and for processes that hold many slots already.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::entry::{self, Entry, USER_DATA};
use crate::format::layout::Layout;
use crate::format::segment::{LEAST_PUNCHED, Line};
use crate::shm::segment::Segment;
use crate::sync::Ordering;
use crate::sync::pin::copy_unpinned;
use crate::sys::file::PathFile;

/// A value in this process's own memory.
pub(crate) struct Copied {
    pub layout: Arc<Layout>,
    /// The bytes, in whole words.
    words: Vec<u64>,
    user_data: Vec<u8>,
    pub line: Line,
}

impl Copied {
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.words);
        bytes.get(..self.layout.nbytes()).unwrap_or(bytes)
    }

    pub fn user_data(&self) -> &[u8] {
        &self.user_data
    }
}

/// Copies a value from its mapped slot, which is pinned.
pub(crate) fn pinned(segment: &Segment, slot: usize, layout: &Arc<Layout>) -> Option<Copied> {
    let load =
        |words: &[crate::sync::AtomicU64]| words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    let words = load(segment.words(slot, layout.nbytes())?);
    let line = segment.read_line(slot);
    let user: Vec<u64> = load(segment.entry(slot)?.1);
    Some(Copied { layout: layout.clone(), words, user_data: user_data(&user, &line), line })
}

fn user_data(words: &[u64], line: &Line) -> Vec<u8> {
    let length = (line.user_length as usize).min(USER_DATA);
    bytemuck::cast_slice::<u64, u8>(words)[..length].to_vec()
}

/// The entry of a slot that held `version` all the while; `None` if it did not.
pub(crate) fn entry(segment: &Segment, file: &PathFile, slot: usize, version: u64) -> Result<Option<Entry>> {
    let mut words = [0; entry::WORDS];
    let mut outcome = Ok(());
    let whole = copy_unpinned(segment.content(slot), version, || {
        outcome = read(segment, file, slot, 0, &mut words);
    });
    if !whole {
        return Ok(None);
    }
    outcome?;
    Entry::from_words(&words, file.path()).map(Some)
}

/// Copies a value of that layout without a pin; `None` unless the slot held `version` all the while.
pub(crate) fn unpinned(
    segment: &Segment,
    file: &PathFile,
    slot: usize,
    version: u64,
    layout: &Arc<Layout>,
) -> Result<Option<Copied>> {
    let identity = segment.identity();
    let mut words = vec![0; layout.nbytes().div_ceil(8)];
    let mut user = vec![0; USER_DATA / 8];
    let mut line = segment.read_line(slot);
    let mut outcome = Ok(());
    let whole = copy_unpinned(segment.content(slot), version, || {
        outcome = read(segment, file, slot, identity.page, &mut words);
        line = segment.read_line(slot);
        if outcome.is_ok() && line.user_length != 0 {
            outcome = read(segment, file, slot, entry::USER.offset, &mut user);
        }
    });
    if !whole {
        return Ok(None);
    }
    outcome?;
    let user_data = user_data(&user, &line);
    Ok(Some(Copied { layout: layout.clone(), words, user_data, line }))
}

/// Copies a part of a slot, from the mapping if the slot is small: a copy of 64 bytes by a system call is seldom whole under a
/// writer at full speed. Larger slots may be punched out under this reader, or lie in a copied file with holes: to touch them
/// would want storage, and on a full store be a SIGBUS, so these are read.
fn read(segment: &Segment, file: &PathFile, slot: usize, offset: usize, words: &mut [u64]) -> Result<()> {
    let identity = segment.identity();
    if identity.slot_size() < LEAST_PUNCHED && !segment.has_holes() {
        segment.map_slot(file, slot)?;
        if let Some(shared) = segment.slot_words(slot, offset, words.len()) {
            for (to, from) in words.iter_mut().zip(shared) {
                *to = from.load(Ordering::Relaxed);
            }
            return Ok(());
        }
    }
    let start = (identity.slot_offset(slot) + offset) as u64;
    let expected = start + 8 * words.len() as u64;
    if !file.read_at(start, bytemuck::cast_slice_mut(words))? {
        let found = file.status()?.size;
        return Err(Error::Truncated { path: file.path().to_owned(), found, expected });
    }
    Ok(())
}
