//! Where the values of a writer go: its data file, and when that is to be left for another.

use std::sync::Arc;

use crate::error::Result;
use crate::files::open::is_data_file_of;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::layout::Layout;
use crate::format::record::Record;
use crate::shm::segment::Segment;
use crate::sys;
use crate::sys::file::FileId;
use crate::sys::name::{unlink, unlink_same};
use crate::sys::owner::Rights;
use crate::writer::data_file::DataFile;
use crate::writer::ownership::Ownership;
use crate::writer::settings::Settings;
use crate::writer::staged_data_file::StagedDataFile;

/// A layout that takes less than a quarter of a slot for so many writes gets a data file of its own size.
const SMALL_WRITES: u32 = 16;

/// A data file without room for the history is gone on with for so many claims, if there was no space for another one.
const LEAVE_AGAIN_AFTER: u32 = 64;

/// A claimed slot. Rare parts are boxed, since every write moves this about.
pub(crate) struct Place {
    /// The data file that the value is going to move to; otherwise the present one.
    fresh: Option<Box<StagedDataFile>>,
    slot: usize,
}

impl Place {
    /// Whether the value is going to move to another data file.
    #[inline(always)]
    pub fn moves(&self) -> bool {
        self.fresh.is_some()
    }

    #[inline(always)]
    pub fn slot(&self) -> usize {
        self.slot
    }
}

/// What was changed for a publish, and is taken back if that is refused.
pub(crate) enum Moved {
    /// The present file has a second name, for this number.
    Linked(u64),
    /// The value is in another file; this is the one before.
    Replaced(Option<Box<DataFile>>),
}

/// The data file of a header's values, if there is one.
pub(crate) struct Memory {
    data: Option<DataFile>,
    settings: Settings,
    /// Owner and permissions of new files.
    rights: Rights,
    /// The number of a data file that the header names and that could not be adopted.
    stale: Option<u64>,
    small_writes: u32,
    /// Claims that are left until a data file with room for the history is asked for again, for which there was no space.
    no_space_for: u32,
    page_size: usize,
}

impl Memory {
    pub fn new(settings: Settings, rights: Rights) -> Self {
        let page_size = sys::page_size();
        Memory { data: None, settings, rights, stale: None, small_writes: 0, no_space_for: 0, page_size }
    }

    pub fn settings(&self) -> Settings {
        self.settings.clone()
    }

    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// Adopts the data file of a record; its layout. `None` if it cannot be adopted: then it is tried again at each write
    /// until one is published, since whoever had it may have been leaving, and is removed then.
    pub fn adopt(
        &mut self,
        tag: &TagPath,
        header: &HeaderIdentity,
        record: &Record,
    ) -> Result<Option<Layout>> {
        let adopted = DataFile::adopt(tag, header, record, self.settings.history, self.rights)?;
        self.stale = Some(record.number).filter(|_| adopted.is_none());
        Ok(adopted.map(|(data, layout)| {
            self.data = Some(data);
            layout
        }))
    }

    /// Whether there is a data file that could not be adopted yet.
    pub fn has_stale(&self) -> bool {
        self.data.is_none() && self.stale.is_some()
    }

    #[inline(always)]
    pub fn data(&mut self) -> Option<&mut DataFile> {
        self.data.as_mut()
    }

    /// The number in the name of the data file, and which file it is.
    pub fn data_file(&self) -> Option<(u64, FileId)> {
        self.data.as_ref().map(|data| (data.number(), data.id()))
    }

    /// A slot for a value; `None` if the value needs another data file.
    #[inline]
    pub fn claim(&mut self, nbytes: usize) -> Result<Option<Place>> {
        let Some(data) = &mut self.data else { return Ok(None) };
        let capacity = data.capacity();
        // Rounded as a new file would be, so that there is something to gain.
        let wanted = nbytes.max(self.settings.capacity).max(1);
        let wanted = wanted.saturating_add(self.page_size - 1) & !(self.page_size - 1);
        // A file with history is not left for its size alone, since the history would end.
        let small = wanted < capacity / 4 && self.settings.history == 0;
        self.small_writes = if small { self.small_writes + 1 } else { 0 };
        let has_room = data.has_room_for(self.settings.history);
        if nbytes > capacity || self.small_writes > SMALL_WRITES || !has_room && self.may_leave() {
            return Ok(None);
        }
        self.claim_here()
    }

    /// Whether a data file with room for the history is to be asked for, for which there was no space the last time.
    #[cold]
    #[inline(never)]
    fn may_leave(&mut self) -> bool {
        self.no_space_for = self.no_space_for.saturating_sub(1);
        self.no_space_for == 0
    }

    #[inline]
    fn claim_here(&mut self) -> Result<Option<Place>> {
        let Some(data) = &mut self.data else { return Ok(None) };
        let Some(slot) = data.claim()? else { return Ok(None) };
        data.warm(slot);
        Ok(Some(Place { fresh: None, slot }))
    }

    /// A slot in a new data file, if there is space for it.
    #[cold]
    #[inline(never)]
    pub fn claim_in_new_file(&mut self, ownership: &Ownership, nbytes: usize) -> Result<Place> {
        match self.new_file(ownership, nbytes) {
            Ok(fresh) => Ok(Place { fresh: Some(Box::new(fresh)), slot: 0 }),
            // The present file was to be left, but not since the value does not fit: it may have room all the same.
            Err(error) => {
                if self.data.as_ref().is_none_or(|data| nbytes > data.capacity()) {
                    return Err(error);
                }
                self.small_writes = 0;
                self.no_space_for = LEAVE_AGAIN_AFTER;
                self.claim_here()?.ok_or(error)
            }
        }
    }

    fn new_file(&self, ownership: &Ownership, nbytes: usize) -> Result<StagedDataFile> {
        let (nbytes, header) = (nbytes.max(self.settings.capacity), ownership.header().identity());
        StagedDataFile::new(ownership.tag(), header, nbytes, self.settings.history, self.rights)
    }

    /// The segment that a claimed slot is in; `None` if the writer came to its end after the slot was claimed.
    #[inline(always)]
    pub fn segment<'a>(&'a mut self, place: &'a mut Place) -> Option<&'a mut Arc<Segment>> {
        match (&mut place.fresh, &mut self.data) {
            (Some(fresh), _) => Some(fresh.segment()),
            (None, Some(data)) => Some(data.segment()),
            (None, None) => None,
        }
    }

    /// Copies a filled slot to a new data file, whose slot 0 it becomes.
    pub fn relocate(&mut self, ownership: &Ownership, place: &mut Place, nbytes: usize) -> Result<()> {
        let mut fresh = self.new_file(ownership, nbytes)?;
        let slot = place.slot;
        let Some(from) = self.segment(place) else { return Ok(()) };
        let from = from.claimed_bytes(slot, nbytes);
        fresh.segment().claimed_bytes(0, nbytes).copy_from_slice(from);
        *place = Place { fresh: Some(Box::new(fresh)), slot: 0 };
        Ok(())
    }

    /// Gives a filled slot a number of its own, for a new layout or since it is in another data file. At its end the name that
    /// the number stands for leads to the file with the value.
    pub fn renumber(
        &mut self,
        ownership: &Ownership,
        place: &mut Place,
        nbytes: usize,
    ) -> Result<(u64, Moved)> {
        let header = ownership.header().identity();
        while let Some(data) = self.data.as_ref().filter(|_| !place.moves()) {
            let number = ownership.next_number(data.number())?;
            match data.link(ownership.tag(), header, number)? {
                Some(true) => return Ok((number, Moved::Linked(number))),
                // The present name is gone, or the filesystem has no links: the value moves to a new file.
                Some(false) => self.relocate(ownership, place, nbytes)?,
                // Something has the name: the number is spent.
                None => {}
            }
        }
        let last = self.data.as_ref().map_or(0, DataFile::number).max(self.stale.unwrap_or(0));
        let mut fresh = place.fresh.take().map(|fresh| *fresh);
        while let Some(staged) = fresh.take() {
            let number = ownership.next_number(last)?;
            match staged.persist(ownership.tag(), header, number)? {
                Ok(data) => {
                    self.small_writes = 0;
                    return Ok((number, Moved::Replaced(self.data.replace(data).map(Box::new))));
                }
                // Something has the name: the number is spent.
                Err(still_staged) => fresh = Some(still_staged),
            }
        }
        Err(ownership.removed())
    }

    /// The value is published: what the record does not name any more goes. Not before, so that at every instant the named file
    /// exists.
    pub fn published(&mut self, ownership: &Ownership, moved: Moved) {
        let header = ownership.header().identity();
        match (moved, &mut self.data) {
            (Moved::Linked(number), Some(data)) => data.renumber(ownership.tag(), header, number),
            (Moved::Replaced(Some(mut before)), _) => {
                before.unlink();
                before.leave(None);
            }
            _ => {}
        }
        if let Some(stale) = self.stale.take() {
            let path = ownership.tag().data_file(header.data_file(stale));
            if is_data_file_of(header.id, &path) {
                let _ = unlink(&path);
            }
        }
    }

    /// The value is not published, since the header is frozen: everything is as before.
    pub fn take_back(&mut self, ownership: &Ownership, moved: Moved) {
        match moved {
            Moved::Linked(number) => {
                let path = ownership.tag().data_file(ownership.header().identity().data_file(number));
                let _ = self.data.as_ref().map(|data| unlink_same(&path, data.id()));
            }
            Moved::Replaced(before) => {
                if let Some(refused) = std::mem::replace(&mut self.data, before.map(|before| *before)) {
                    refused.unlink();
                }
            }
        }
    }

    /// Leaves the data file, which its header does not name any more, or for ever. `last`: the slot of the header's record.
    pub fn leave(&mut self, last: Option<usize>) {
        if let Some(mut data) = self.data.take() {
            data.leave(last);
            data.unlink();
        }
    }

    /// The tag has gone, and its writer goes: readers that have the data file mapped may still read the history.
    pub fn end(&mut self) {
        if let Some(mut data) = self.data.take() {
            data.punch_unused();
            data.unlink();
        }
    }

    /// Removes a data file that was made for a header which got no name.
    pub fn discard(&mut self) {
        if let Some(data) = self.data.take() {
            data.unlink();
        }
    }
}
