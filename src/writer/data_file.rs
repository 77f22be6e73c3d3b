//! The writer's side of a data file: adopting one, growing, filling its slots, leaving it.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::tag::TagPath;
use crate::format::entry::{self, Entry};
use crate::format::header::HeaderIdentity;
use crate::format::identity::Identity;
use crate::format::layout::Layout;
use crate::format::record::Record;
use crate::format::segment::{LEAST_PUNCHED, Line, SegmentIdentity, slot_limit};
use crate::shm::held::Holds;
use crate::shm::segment::{Access, Segment};
use crate::sync::{Ordering, pin};
use crate::sys::file::{FileId, PathFile, is_exhausted};
use crate::sys::lock::Lock;
use crate::sys::name::{link, stands_at, unlink, unlink_same};
use crate::sys::owner::{Rights, set_rights};
use crate::writer::slots::{Slots, try_claim};

/// A data file that this process may write: its lock is held.
pub(crate) struct DataFile {
    /// The only `Arc` of a mapping of its own, so that `claimed` is exclusive.
    segment: Arc<Segment>,
    /// A descriptor without the lock.
    file: PathFile,
    _lock: Lock,
    /// The number that the name is derived from.
    number: u64,
    slots: Slots,
}

impl DataFile {
    /// A new data file, which has got its name.
    pub fn new(segment: Arc<Segment>, file: PathFile, lock: Lock, number: u64, history: usize) -> Self {
        let slots = Slots::new(segment.identity().limit, history);
        DataFile { segment, file, _lock: lock, number, slots }
    }

    /// Adopts the data file that a header's record names, with the layout of its value; `None` if it is missing, busy or not
    /// what the record says. What was sealed and never published in it is cleared.
    pub fn adopt(
        tag: &TagPath,
        header: &HeaderIdentity,
        record: &Record,
        history: usize,
        rights: Rights,
    ) -> Result<Option<(Self, Layout)>> {
        let path = tag.data_file(header.data_file(record.number));
        let file = match PathFile::open_writable(&path) {
            Ok(file) => file,
            Err(error) if is_exhausted(&error) => return Err(Error::io(&path, "open it", error)),
            Err(_) => return Ok(None),
        };
        let status = file.status()?;
        if !status.is_file() {
            return Ok(None);
        }
        let Some(lock) = Lock::open_same(&path, status.id)? else { return Ok(None) };
        if !lock.exclusive()? || !stands_at(status.id, &path)? {
            return Ok(None);
        }
        let Ok(identity) = SegmentIdentity::read(&file) else { return Ok(None) };
        Identity::check_writable(identity.read_compatible, &path)?;
        let slot = record.slot as usize;
        if identity.header != header.id || slot >= identity.slots_in(status.size) {
            return Ok(None);
        }
        match set_rights(&file, rights) {
            // Another user's file, which this one may write, but not set the permissions of: not to go on with.
            Err(Error::NotWritable { .. }) => return Ok(None),
            set => set?,
        }
        file.fill_holes(0, identity.slot_offset(0) as u64)?;
        let segment = Segment::map(&file, Access::Writing, Arc::new(Holds::default()));
        let segment = match segment {
            Ok(segment) => segment,
            // As of address space, which says nothing of the file.
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(_) => return Ok(None),
        };
        // Slots at the end that hold nothing may have no storage.
        let is_used = |&slot: &usize| {
            let empty = segment.content(slot).load(Ordering::Relaxed) == 0;
            !empty || slot == record.slot as usize || pin::pinned(&segment.pin_counts(slot))
        };
        let slots = (0..identity.slots_in(status.size)).rev().find(is_used).map_or(0, |last| last + 1);
        file.fill_holes(0, identity.file_size(slots).unwrap_or(0))?;
        for slot in 0..slots {
            segment.map_slot(&file, slot)?;
        }
        let Some(entry) = read_entry(&segment, slot, &path)
            .filter(|entry| entry.number == record.number && entry.layout.nbytes() <= identity.capacity)
        else {
            return Ok(None);
        };
        // Acquire: as a reader; the bytes of that version are visible.
        if segment.content(slot).load(Ordering::Acquire) != record.stamp.version {
            return Ok(None);
        }
        pin::clear_phantoms(segment.contents(), record.stamp.version);
        let slots = Slots::adopted(&segment, slot, slots, identity.slots_in(status.size), history);
        let number = record.number;
        Ok(Some((DataFile { segment: Arc::new(segment), file, _lock: lock, number, slots }, entry.layout)))
    }

    #[inline(always)]
    pub fn segment(&mut self) -> &mut Arc<Segment> {
        &mut self.segment
    }

    /// Bytes that a slot has room for.
    #[inline(always)]
    pub fn capacity(&self) -> usize {
        self.segment.identity().capacity
    }

    pub fn id(&self) -> FileId {
        self.segment.file()
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    /// Says that the file is in use.
    pub fn touch(&self) {
        self.file.touch();
    }

    /// Whether there is room for so much history.
    #[inline(always)]
    pub fn has_room_for(&self, history: usize) -> bool {
        history == 0 || self.segment.identity().limit >= slot_limit(history)
    }

    /// Takes a slot for filling, or adds one; `None` if all that there may be are held.
    #[inline]
    pub fn claim(&mut self) -> Result<Option<usize>> {
        if self.slots.is_look_due() {
            self.give_back();
        }
        match self.slots.claim(&self.segment) {
            Some(slot) => Ok(Some(slot)),
            None => self.claim_more(),
        }
    }

    /// A slot more; if there may be none, or no storage is left for it, that of the oldest value of the history.
    #[cold]
    #[inline(never)]
    fn claim_more(&mut self) -> Result<Option<usize>> {
        if !self.slots.may_grow() {
            if let Some(oldest) = self.slots.claim_oldest(&self.segment) {
                return Ok(Some(oldest));
            }
        }
        match self.add_slot() {
            Ok(Some(slot)) => Ok(Some(slot)),
            Ok(None) => Ok(self.slots.claim_oldest(&self.segment)),
            Err(error) => {
                self.slots.found_no_space();
                self.slots.claim_oldest(&self.segment).map(Some).ok_or(error)
            }
        }
    }

    fn add_slot(&mut self) -> Result<Option<usize>> {
        let (slot, identity) = (self.slots.count(), *self.segment.identity());
        if slot == identity.limit {
            return Ok(None);
        }
        // Storage first: whoever finds the slot inside the file may touch it.
        let (start, length) = (identity.slot_offset(slot) as u64, identity.slot_size() as u64);
        let size = self.file.status()?.size;
        if start + length <= size {
            self.file.allocate(start, length)?;
        } else {
            // From the slot on, not from the end: somebody who was killed amid this may have left a part of it.
            self.file.extend(start, length)?;
        }
        self.segment.map_slot(&self.file, slot)?;
        Ok(Some(self.slots.add()))
    }

    /// Gives the storage of slots at the end back that were not needed for long: a burst of readers made them. The file stays
    /// as long as it is, since somebody may copy from it.
    #[cold]
    #[inline(never)]
    fn give_back(&mut self) {
        let keep = self.slots.kept();
        while self.slots.count() > keep && self.slots.remove_last(&self.segment) {
            self.punch(self.slots.count());
        }
        for slot in self.slots.left_over(keep) {
            if try_claim(&self.segment, slot) {
                self.punch(slot);
            }
        }
    }

    fn punch(&mut self, slot: usize) {
        let identity = self.segment.identity();
        // The keeper of a loan has the mapping: whoever still looks there would bring storage back, and be killed on a full store.
        let kept = Arc::strong_count(&self.segment) > 1;
        if identity.slot_size() >= LEAST_PUNCHED && !kept {
            self.file.punch(identity.slot_offset(slot) as u64, identity.slot_size() as u64);
        }
        self.segment.cool(slot);
        self.slots.forget(slot);
    }

    /// Punches out what nobody holds, since readers that only have the file mapped would keep its memory. For a file that no
    /// record in use names any more; `spare` is the slot of a record that is final, which readers go on taking.
    pub fn leave(&mut self, spare: Option<usize>) {
        for slot in 0..self.slots.count() {
            if Some(slot) != spare && try_claim(&self.segment, slot) {
                self.punch(slot);
            }
        }
    }

    /// Punches out the slots that have no value of the history, and that nobody holds.
    pub fn punch_unused(&mut self) {
        for slot in 0..self.slots.count() {
            if self.slots.is_free(slot) && try_claim(&self.segment, slot) {
                self.punch(slot);
            }
        }
    }

    /// Sets up the page tables of a claimed slot.
    #[inline(always)]
    pub fn warm(&self, slot: usize) {
        self.segment.warm(slot);
    }

    /// What was sealed is not published: no reader may take it for a value later.
    pub fn refuse(&self, slot: usize) {
        pin::seal(self.segment.content(slot), 0);
    }

    /// What was sealed is published.
    #[inline(always)]
    pub fn published(&mut self, slot: usize) {
        self.slots.published(slot);
    }

    /// Ends the filling of a claimed slot, which has `layout` under this number.
    #[inline(always)]
    pub fn seal(
        &mut self,
        slot: usize,
        number: u64,
        layout: &Layout,
        version: u64,
        line: Line,
        user_data: &[u8],
    ) {
        if !self.slots.knows(slot, number) {
            self.write_entry(slot, number, layout);
        }
        if !user_data.is_empty() {
            self.write_user_data(slot, user_data);
        }
        self.segment.set_line(slot, line);
        pin::seal(self.segment.content(slot), version);
    }

    #[cold]
    #[inline(never)]
    fn write_entry(&mut self, slot: usize, number: u64, layout: &Layout) {
        let Some((words, _)) = self.segment.entry(slot) else { return };
        for (word, value) in words.iter().zip(entry::to_words(number, layout)) {
            word.store(value, Ordering::Relaxed);
        }
        self.slots.wrote_entry(slot, number);
    }

    #[inline(never)]
    fn write_user_data(&self, slot: usize, user_data: &[u8]) {
        let Some((_, words)) = self.segment.entry(slot) else { return };
        for (word, chunk) in words.iter().zip(user_data.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
        }
    }

    /// Gives the file the name of another number beside the present one; `None` if that name is taken, `Some(false)` if the
    /// present name is gone or the filesystem has no links.
    pub fn link(&self, tag: &TagPath, header: &HeaderIdentity, number: u64) -> Result<Option<bool>> {
        let new = tag.data_file(header.data_file(number));
        let linked = link(self.file.path(), &new)?;
        if linked == Some(true) && !stands_at(self.id(), &new)? {
            // Something else had the present name, such as a backup that was restored: it has got a second name, which goes.
            unlink(&new)?;
            return Ok(Some(false));
        }
        Ok(linked)
    }

    /// The name of that number is the file's now; the one before goes.
    pub fn renumber(&mut self, tag: &TagPath, header: &HeaderIdentity, number: u64) {
        let before = self.file.path().to_owned();
        self.file.renamed(&tag.data_file(header.data_file(number)));
        self.number = number;
        self.unlink_name(&before);
    }

    /// Removes a name of this file.
    pub fn unlink_name(&self, path: &std::path::Path) {
        // One that cannot be removed now is unreferenced, and goes with the next writer or `gc`.
        let _ = unlink_same(path, self.id());
    }

    /// Removes the present name, if it still leads to this file.
    pub fn unlink(&self) {
        self.unlink_name(self.file.path());
    }

    /// Whether the present name still leads to this file.
    pub fn is_named(&self) -> Result<bool> {
        stands_at(self.id(), self.file.path())
    }
}

/// The entry of a slot of a file that nobody writes to; `None` if it is damaged.
fn read_entry(segment: &Segment, slot: usize, path: &std::path::Path) -> Option<Entry> {
    let (words, _) = segment.entry(slot)?;
    let words = std::array::from_fn(|i| words[i].load(Ordering::Relaxed));
    Entry::from_words(&words, path).ok()
}
