//! Publishing: a slot is reserved, filled by the caller, and made the value that readers see.

use std::sync::Arc;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::identity::Kind;
use crate::format::layout::Layout;
use crate::format::record::{Record, Stamp};
use crate::format::segment::Line;
use crate::shm::futex;
use crate::shm::header::{Access, Header};
use crate::shm::segment::Segment;
use crate::sys;
use crate::sys::clock::{Clock, now};
use crate::sys::lock::Lock;
use crate::sys::name::{unlink, unlink_same};
use crate::sys::owner::Rights;
use crate::writer::data_file::{DataFile, StagedDataFile};
use crate::writer::ownership::{Ownership, Standing};
use crate::writer::settings::Settings;

/// A layout that takes less than a quarter of a slot for so many writes gets a data file of its own size.
const SMALL_WRITES: u32 = 16;

/// A claimed slot, and what is to happen to it. Rare parts are boxed, since every write moves this about.
pub(crate) struct Reservation {
    /// The data file that the value is going to move to; otherwise the current one.
    fresh: Option<Box<StagedDataFile>>,
    slot: usize,
    /// Set if it is not the current layout.
    layout: Option<Box<Layout>>,
    nbytes: usize,
}

impl Reservation {
    /// The length of the value in bytes.
    pub fn nbytes(&self) -> usize {
        self.nbytes
    }
}

/// A value that is published as somebody else wrote it.
pub(crate) struct Earlier {
    pub version: u64,
    pub line: Line,
}

/// What became of a commit.
pub(crate) enum Committed {
    /// The value is published, with this version.
    Version(u64),
    /// The header has lost its name; the reservation is as it was, and the name lock is held.
    NameGone,
}

/// The value in use.
struct Current {
    layout: Layout,
    number: u64,
    slot: usize,
}

/// The one that may write to a header.
pub(crate) struct Publisher {
    // Dropped first: a successor that has the header's lock finds that of the data file free.
    data: Option<DataFile>,
    ownership: Ownership,
    settings: Settings,
    /// Owner and permissions of new files.
    rights: Rights,
    current: Option<Current>,
    /// The version of the last value, this writer's or an earlier one's; 0 before the first.
    version: u64,
    /// The number of a data file that the header names and that could not be adopted.
    stale: Option<u64>,
    small_writes: u32,
    page_size: usize,
    clock: Clock,
}

impl Publisher {
    pub fn new(ownership: Ownership, settings: Settings, rights: Rights) -> Self {
        Publisher {
            data: None,
            ownership,
            settings,
            rights,
            current: None,
            version: 0,
            stale: None,
            small_writes: 0,
            page_size: sys::page_size(),
            clock: Clock::here(),
        }
    }

    /// A publisher for a new header, which has no name yet: that of the staged file. `origin`: that of the header
    /// whose versions it goes on with.
    pub fn staged(
        tag: &TagPath,
        settings: Settings,
        rights: Rights,
        origin: Option<u64>,
    ) -> Result<(Self, StagedFile)> {
        let identity = HeaderIdentity::new(settings.ephemeral, origin);
        let staged = StagedFile::new(tag, Kind::Header, identity.file_size(), rights)?;
        identity.write(staged.file())?;
        let header = Header::map(staged.file(), Access::Writing)?;
        Ok((Self::new(Ownership::new(tag, header, None), settings, rights), staged))
    }

    /// The same tag with a new header, which has no name yet and goes on with this one's versions.
    pub fn staged_anew(&self) -> Result<(Self, StagedFile)> {
        let origin = Some(self.ownership.header().identity().origin);
        Self::staged(self.tag(), self.settings, self.rights, origin)
    }

    /// Goes on from a record. `stale`: its data file could not be adopted.
    pub fn go_on(&mut self, record: &Record, data: Option<(DataFile, Layout)>, stale: bool) {
        self.version = record.stamp.version;
        self.stale = Some(record.number).filter(|_| stale);
        if let Some((data, layout)) = data {
            self.current = Some(Current { layout, number: record.number, slot: record.slot as usize });
            self.data = Some(data);
        }
    }

    /// Goes on counting from a version whose value could not be had.
    pub fn count_from(&mut self, version: u64) {
        self.version = version;
    }

    pub fn tag(&self) -> &TagPath {
        self.ownership.tag()
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    pub fn ownership(&mut self) -> &mut Ownership {
        &mut self.ownership
    }

    /// The uuid in the name of the data file, and which file it is.
    pub fn data_file(&self) -> Option<(u128, crate::sys::file::FileId)> {
        let data = self.data.as_ref()?;
        Some((self.ownership.header().identity().data_file(data.number()), data.id()))
    }

    /// Claims a slot for a value of that layout. `given`: how many bytes the caller has, which must fill it; if they do not,
    /// nothing happens.
    #[inline(always)]
    pub fn reserve(&mut self, dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Reservation> {
        let (layout, nbytes) = match &self.current {
            Some(current) if current.layout.is(dtype, shape) => {
                if let Some(given) = given {
                    current.layout.check_length(given)?;
                }
                (None, current.layout.nbytes())
            }
            _ => {
                let layout = new_layout(dtype, shape, given)?;
                let nbytes = layout.nbytes();
                (Some(layout), nbytes)
            }
        };
        if !self.ownership.may_write() {
            self.check_standing()?;
        }
        match self.claim(nbytes)? {
            Some(slot) => Ok(Reservation { fresh: None, slot, layout, nbytes }),
            None => self.reserve_in_new_file(layout, nbytes),
        }
    }

    /// `Ok` if this writer may write.
    #[cold]
    #[inline(never)]
    fn check_standing(&mut self) -> Result<()> {
        let standing = self.ownership.refused();
        self.act_on(standing)
    }

    /// Lets go of what a writer that is at its end has.
    fn act_on(&mut self, standing: Standing) -> Result<()> {
        match standing {
            Standing::Ours | Standing::NameGone => Ok(()),
            Standing::Suspended(error) => Err(error),
            Standing::Ended(error) => {
                self.leave_data();
                Err(error)
            }
        }
    }

    /// Leaves the data file, whose header names it no more, or for ever.
    fn leave_data(&mut self) {
        if let Some(mut data) = self.data.take() {
            data.leave(self.current.as_ref().map(|current| current.slot));
            data.unlink();
        }
    }

    /// In a new data file, if there is space for it.
    #[cold]
    #[inline(never)]
    fn reserve_in_new_file(&mut self, layout: Option<Box<Layout>>, nbytes: usize) -> Result<Reservation> {
        if let Some(slot) = self.adopt_again(nbytes)? {
            let current = self.current.as_ref();
            let layout = layout.filter(|layout| current.is_none_or(|current| current.layout != **layout));
            return Ok(Reservation { fresh: None, slot, layout, nbytes });
        }
        match self.new_file(nbytes) {
            Ok(fresh) => Ok(Reservation { fresh: Some(Box::new(fresh)), slot: 0, layout, nbytes }),
            // The present file was to be left for its size; it may have room all the same.
            Err(error @ Error::NoSpace { .. }) if self.fits(nbytes) => {
                self.small_writes = 0;
                let slot = self.claim_here()?.ok_or(error)?;
                Ok(Reservation { fresh: None, slot, layout, nbytes })
            }
            Err(error) => Err(error),
        }
    }

    /// The data file that was busy when this writer opened may be free by now: whoever had it was leaving.
    fn adopt_again(&mut self, nbytes: usize) -> Result<Option<usize>> {
        if self.stale.take_if(|_| self.data.is_none()).is_none() {
            return Ok(None);
        }
        let (record, identity) = (self.ownership.header().record(), *self.ownership.header().identity());
        match DataFile::adopt(self.ownership.tag(), &identity, &record, self.rights)? {
            Some((data, layout)) => {
                self.go_on(&record, Some((data, layout)), false);
                self.claim(nbytes)
            }
            None => {
                self.stale = Some(record.number);
                Ok(None)
            }
        }
    }

    /// A slot of the current file, unless that must be left.
    #[inline]
    fn claim(&mut self, nbytes: usize) -> Result<Option<usize>> {
        let Some(data) = &self.data else { return Ok(None) };
        let capacity = data.capacity();
        // Rounded as a new file would be, so that there is something to gain.
        let wanted = nbytes.max(self.settings.capacity).max(1);
        let wanted = wanted.saturating_add(self.page_size - 1) & !(self.page_size - 1);
        self.small_writes = if wanted < capacity / 4 { self.small_writes + 1 } else { 0 };
        if nbytes > capacity || self.small_writes > SMALL_WRITES {
            return Ok(None);
        }
        self.claim_here()
    }

    fn fits(&self, nbytes: usize) -> bool {
        self.data.as_ref().is_some_and(|data| nbytes <= data.capacity())
    }

    #[inline]
    fn claim_here(&mut self) -> Result<Option<usize>> {
        let Some(data) = &mut self.data else { return Ok(None) };
        let slot = data.claim(self.current.as_ref().map(|current| current.slot), self.settings.min_slots)?;
        if let Some(slot) = slot {
            data.warm(slot);
        }
        Ok(slot)
    }

    fn new_file(&self, nbytes: usize) -> Result<StagedDataFile> {
        let nbytes = nbytes.max(self.settings.capacity);
        let header = self.ownership.header().identity();
        StagedDataFile::new(self.ownership.tag(), header, nbytes, self.settings.min_slots, self.rights)
    }

    /// The memory of the claimed slot, as `count` elements that it may not hold yet.
    #[cfg(feature = "ndarray")]
    pub fn memory<'a, T: crate::dtype::Element>(
        &'a mut self,
        reservation: &'a mut Reservation,
        count: usize,
    ) -> Result<&'a mut [std::mem::MaybeUninit<T>]> {
        let slot = reservation.slot;
        Ok(self.segment(reservation)?.claimed(slot, count))
    }

    /// The memory of the claimed slot, for the length of the value in bytes.
    #[inline]
    pub fn bytes<'a>(&'a mut self, reservation: &'a mut Reservation) -> Result<&'a mut [u8]> {
        let (slot, nbytes) = (reservation.slot, reservation.nbytes);
        Ok(self.segment(reservation)?.claimed_bytes(slot, nbytes))
    }

    #[inline]
    fn segment<'a>(&'a mut self, reservation: &'a mut Reservation) -> Result<&'a mut Arc<Segment>> {
        // The memory is shared with the parent, which fills or has published the slot.
        if !self.ownership.is_here() {
            return Err(self.ownership.forked());
        }
        match (&mut reservation.fresh, &mut self.data) {
            (Some(fresh), _) => Ok(fresh.segment()),
            (None, Some(data)) => Ok(data.segment()),
            // The writer came to its end after the slot was claimed.
            (None, None) => Err(Error::Removed { tag: self.ownership.tag().tag().to_owned() }),
        }
    }

    /// The layout that the value is going to have.
    pub fn layout_of<'a>(&'a self, reservation: &'a Reservation) -> Option<&'a Layout> {
        reservation.layout.as_deref().or(self.current.as_ref().map(|current| &current.layout))
    }

    /// What keeps the memory of the claimed slot mapped.
    pub fn keeper(&mut self, reservation: &mut Reservation) -> Result<Arc<dyn std::any::Any + Send + Sync>> {
        Ok(self.segment(reservation)?.clone())
    }

    /// Gives a claimed slot back: nothing happened.
    pub fn abort(&mut self, reservation: &Reservation) {
        if reservation.fresh.is_some() || !self.ownership.is_here() {
            return;
        }
        if let Some(data) = &mut self.data {
            data.abort(reservation.slot);
        }
    }

    /// Publishes a filled slot. The reservation is used up, unless the header has lost its name; it is taken by reference, since
    /// a copy of words that were just stored waits for them.
    #[inline]
    pub fn commit(
        &mut self,
        reservation: &mut Reservation,
        user_data: &[u8],
        earlier: Option<Earlier>,
    ) -> Result<Committed> {
        if !self.ownership.may_write() {
            self.check_standing()?;
        }
        let now = now();
        if self.ownership.is_look_due(now) && self.look(now, reservation)? {
            return Ok(Committed::NameGone);
        }
        let (version, mut line) = match earlier {
            Some(Earlier { version, line }) => (version, line),
            None => {
                let line =
                    Line { written_at: now, clock: self.clock, acquired_at: 0, encoding: 0, user_length: 0 };
                (self.version + 1, line)
            }
        };
        line.user_length = user_data.len() as u32;
        if reservation.fresh.is_some() || reservation.layout.is_some() {
            return self.commit_relayout(reservation, version, line, user_data).map(Committed::Version);
        }
        let (Some(data), Some(current)) = (&mut self.data, &mut self.current) else {
            return Err(Error::Removed { tag: self.tag().tag().to_owned() });
        };
        let (slot, number) = (reservation.slot, current.number);
        data.seal(slot, number, &current.layout, version, line, user_data);
        let record =
            Record { stamp: Stamp { version, written_at: line.written_at }, number, slot: slot as u64 };
        if !self.ownership.header().latch().publish(&record.to_words()) {
            self.publish_again(&record)?;
        }
        if let Some(current) = &mut self.current {
            current.slot = slot;
        }
        self.version = version;
        self.notify();
        Ok(Committed::Version(version))
    }

    /// Once a second: whether the files still have their names. True if the header has none.
    #[cold]
    #[inline(never)]
    fn look(&mut self, now: u64, reservation: &mut Reservation) -> Result<bool> {
        self.clock = Clock::here();
        match self.ownership.look(now)? {
            Standing::NameGone => return Ok(true),
            standing => self.act_on(standing)?,
        }
        if let Some(data) = self.data.as_ref().filter(|_| reservation.fresh.is_none()) {
            data.touch();
            if !data.is_named()? {
                self.relocate(reservation)?;
            }
        }
        Ok(false)
    }

    /// Copies a filled slot to a new data file, whose slot 0 it becomes.
    pub fn relocate(&mut self, reservation: &mut Reservation) -> Result<()> {
        let mut fresh = self.new_file(reservation.nbytes)?;
        let from = self.bytes(reservation)?;
        fresh.segment().claimed_bytes(0, from.len()).copy_from_slice(from);
        self.abort(reservation);
        (reservation.fresh, reservation.slot) = (Some(Box::new(fresh)), 0);
        Ok(())
    }

    /// A publish was refused, because the header is frozen. It is tried again if whoever froze it was killed.
    #[cold]
    #[inline(never)]
    fn publish_again(&mut self, record: &Record) -> Result<()> {
        loop {
            let standing = self.ownership.refused();
            if let Standing::Ours = standing {
                if self.ownership.header().latch().publish(&record.to_words()) {
                    return Ok(());
                }
                continue;
            }
            // What was sealed is not published, and must never be taken for a value.
            if let Some(data) = self.data.as_mut().filter(|_| self.ownership.is_here()) {
                data.refuse(record.slot as usize);
            }
            return self.act_on(standing);
        }
    }

    /// Publishes a value with another layout, or in another data file.
    #[cold]
    #[inline(never)]
    fn commit_relayout(
        &mut self,
        reservation: &mut Reservation,
        version: u64,
        line: Line,
        user_data: &[u8],
    ) -> Result<u64> {
        let layout = match (reservation.layout.take(), &self.current) {
            (Some(layout), _) => *layout,
            (None, Some(current)) => current.layout.clone(),
            (None, None) => return Err(Error::Removed { tag: self.tag().tag().to_owned() }),
        };
        let identity = *self.ownership.header().identity();
        let linked = if reservation.fresh.is_none() { self.link(reservation, &identity)? } else { None };
        let (number, mut before) = match linked {
            Some(number) => (number, None),
            None => self.move_in(reservation, &identity)?,
        };
        let slot = reservation.slot;
        if let Some(data) = &mut self.data {
            data.seal(slot, number, &layout, version, line, user_data);
        }
        let record =
            Record { stamp: Stamp { version, written_at: line.written_at }, number, slot: slot as u64 };
        let published = self.ownership.header().latch().publish(&record.to_words());
        if !published {
            let id = self.data.as_ref().map(DataFile::id);
            if let Err(error) = self.publish_again(&record) {
                if let (Some(number), Some(id)) = (linked, id) {
                    let _ = unlink_same(&self.tag().data_file(identity.data_file(number)), id);
                } else {
                    self.move_back(before);
                }
                return Err(error);
            }
        }
        self.current = Some(Current { layout, number, slot });
        self.version = version;
        self.notify();
        // The old name goes after the record names the new one, so that at every instant the named file exists.
        match (&mut self.data, &mut before) {
            (Some(data), None) if linked.is_some() => data.renumber(self.ownership.tag(), &identity, number),
            (_, Some(before)) => {
                // Until here its lock was held.
                before.unlink();
                before.leave(None);
            }
            _ => {}
        }
        if let Some(stale) = self.stale.take().filter(|_| linked.is_none()) {
            self.unlink_stale(stale);
        }
        Ok(version)
    }

    fn unlink_stale(&self, number: u64) {
        let path = self.tag().data_file(self.ownership.header().identity().data_file(number));
        if crate::files::open::is_data_file(&path) {
            let _ = unlink(&path);
        }
    }

    /// A second name for the present file, for a new number; `None` if it cannot have one, and then the value has moved to a
    /// new file.
    fn link(&mut self, reservation: &mut Reservation, identity: &HeaderIdentity) -> Result<Option<u64>> {
        loop {
            let Some(data) = &self.data else {
                return Err(Error::Removed { tag: self.tag().tag().to_owned() });
            };
            let number = self.ownership.next_number(data.number())?;
            match data.link(self.ownership.tag(), identity, number)? {
                Some(true) => return Ok(Some(number)),
                Some(false) => break,
                // Something has the name: the number is spent.
                None => {}
            }
        }
        self.relocate(reservation)?;
        Ok(None)
    }

    /// Names the new data file, and makes it the present one; returns its number, and the one before.
    fn move_in(
        &mut self,
        reservation: &mut Reservation,
        identity: &HeaderIdentity,
    ) -> Result<(u64, Option<DataFile>)> {
        let gone = || Error::Removed { tag: self.ownership.tag().tag().to_owned() };
        let mut fresh = *reservation.fresh.take().ok_or_else(gone)?;
        loop {
            let last = self.current.as_ref().map_or(0, |current| current.number);
            let number = self.ownership.next_number(last.max(self.stale.unwrap_or(0)))?;
            match fresh.persist(self.ownership.tag(), identity, number)? {
                Ok(data) => {
                    self.small_writes = 0;
                    return Ok((number, self.data.replace(data)));
                }
                // Something has the name: the number is spent.
                Err(still_staged) => fresh = still_staged,
            }
        }
    }

    /// Takes back a move to another file that was not published, because the header is frozen.
    fn move_back(&mut self, before: Option<DataFile>) {
        let ended = self.data.is_none();
        if let Some(refused) = std::mem::replace(&mut self.data, before) {
            refused.unlink();
        }
        if ended {
            self.leave_data();
        }
    }

    #[inline(always)]
    fn notify(&self) {
        let event_count = self.ownership.header().event_count();
        if event_count.notify() {
            futex::wake_all(event_count.seq);
        }
    }

    /// The header has its name now, and this is its lock.
    pub fn named(&mut self, lock: Lock) {
        self.ownership.named(lock);
    }

    /// Gives everything up that was made for a header which got no name.
    pub fn discard(&mut self) {
        if let Some(data) = self.data.take() {
            data.unlink();
        }
        self.ownership.discard();
    }

    /// Gives up everything of a header that was replaced by this writer's own new one.
    pub fn leave(&mut self) {
        self.ownership.header().retire();
        self.leave_data();
        self.ownership.discard();
    }
}

#[cold]
#[inline(never)]
fn new_layout(dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Box<Layout>> {
    let layout = Layout::new(dtype.clone(), shape)?;
    given.map_or(Ok(()), |given| layout.check_length(given))?;
    Ok(Box::new(layout))
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.ownership.is_here() && !self.ownership.has_ended() && self.ownership.retire_ephemeral() {
            self.leave_data();
        }
    }
}
