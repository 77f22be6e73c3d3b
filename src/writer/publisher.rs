//! Publishing: a slot is reserved, filled by the caller, and made the value that readers see.

use std::sync::Arc;

use crate::dtype::DType;
use crate::dtype::element::Element;
use crate::error::Result;
use crate::files::gc;
use crate::files::tag::TagPath;
use crate::format::layout::Layout;
use crate::format::record::{Record, Stamp};
use crate::format::segment::Line;
use crate::shm::segment::Segment;
use crate::sys::clock::{Clock, now};
use crate::sys::file::FileId;
use crate::sys::lock::Lock;
use crate::sys::owner::Rights;
use crate::writer::memory::Memory;
use crate::writer::meta::Meta;
use crate::writer::ownership::{Ownership, Standing};
use crate::writer::reservation::{Committed, Earlier, Reservation, new_layout};
use crate::writer::settings::Settings;

/// The value in use.
struct Current {
    layout: Layout,
    number: u64,
    slot: usize,
}

/// The one that may write to a header.
pub(crate) struct Publisher {
    // Dropped first: a successor that has the header's lock finds that of the data file free.
    memory: Memory,
    ownership: Ownership,
    current: Option<Current>,
    /// The version of the last value, this writer's or an earlier one's; 0 before the first.
    version: u64,
    clock: Clock,
}

impl Publisher {
    pub fn new(ownership: Ownership, settings: Settings, rights: Rights) -> Self {
        let memory = Memory::new(settings, rights);
        Publisher { memory, ownership, current: None, version: 0, clock: Clock::here() }
    }

    pub fn settings(&self) -> (Settings, Rights) {
        (self.memory.settings(), self.memory.rights())
    }

    /// Goes on from the record of the header, in its data file if that can be adopted.
    pub fn adopt(&mut self) -> Result<()> {
        let (record, identity) = (self.ownership.header().record(), *self.ownership.header().identity());
        self.version = record.stamp.version;
        if record.stamp.version != 0 {
            let layout = self.memory.adopt(self.ownership.tag(), &identity, &record)?;
            let (number, slot) = (record.number, record.slot as usize);
            self.current = layout.map(|layout| Current { layout, number, slot });
        }
        Ok(())
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
    pub fn data_file(&self) -> Option<(u128, FileId)> {
        let (number, id) = self.memory.data_file()?;
        Some((self.ownership.header().identity().data_file(number), id))
    }

    /// Removes what earlier writers of the tag left.
    pub fn sweep(&self) {
        gc::sweep(self.tag(), self.data_file().map(|(uuid, id)| (id, uuid)));
    }

    #[inline(always)]
    fn current_slot(&self) -> Option<usize> {
        self.current.as_ref().map(|current| current.slot)
    }

    /// Claims a slot for a value of that layout. `given`: how many bytes the caller has, which must fill it; if they do not,
    /// nothing happens.
    #[inline(always)]
    pub fn reserve(&mut self, dtype: &DType, shape: &[usize], given: Option<usize>) -> Result<Reservation> {
        let (layout, nbytes) = match &self.current {
            Some(current) if current.layout.is(dtype, shape) => {
                given.map_or(Ok(()), |given| current.layout.check_length(given))?;
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
        match self.memory.claim(nbytes)? {
            Some(place) => Ok(Reservation { place, layout, nbytes }),
            None => self.reserve_elsewhere(layout, nbytes),
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
                self.memory.leave(self.current_slot());
                Err(error)
            }
        }
    }

    /// In another data file: the one that was busy when this writer opened may be free by now; else in a new one.
    #[cold]
    #[inline(never)]
    fn reserve_elsewhere(&mut self, layout: Option<Box<Layout>>, nbytes: usize) -> Result<Reservation> {
        if self.memory.has_stale() {
            self.adopt()?;
            // Whoever had it may have been killed between two names of it.
            self.sweep();
            if let Some(place) = self.memory.claim(nbytes)? {
                let current = self.current.as_ref();
                let layout = layout.filter(|layout| current.is_none_or(|current| current.layout != **layout));
                return Ok(Reservation { place, layout, nbytes });
            }
        }
        let place = self.memory.claim_in_new_file(&self.ownership, nbytes)?;
        Ok(Reservation { place, layout, nbytes })
    }

    /// The memory of the claimed slot, as `count` elements that it may not hold yet.
    #[inline]
    pub fn memory<'a, T: Element>(
        &'a mut self,
        reservation: &'a mut Reservation,
        count: usize,
    ) -> Result<&'a mut [std::mem::MaybeUninit<T>]> {
        let slot = reservation.place.slot();
        Ok(self.segment(reservation)?.claimed(slot, count))
    }

    /// The memory of the claimed slot, for the length of the value in bytes.
    #[inline]
    pub fn bytes<'a>(&'a mut self, reservation: &'a mut Reservation) -> Result<&'a mut [u8]> {
        let (slot, nbytes) = (reservation.place.slot(), reservation.nbytes);
        Ok(self.segment(reservation)?.claimed_bytes(slot, nbytes))
    }

    #[inline]
    fn segment<'a>(&'a mut self, reservation: &'a mut Reservation) -> Result<&'a mut Arc<Segment>> {
        // The memory is shared with the parent, which fills or has published the slot.
        if !self.ownership.is_here() {
            return Err(self.ownership.forked());
        }
        self.memory.segment(&mut reservation.place).ok_or_else(|| self.ownership.removed())
    }

    /// The layout that the value is going to have.
    pub fn layout_of<'a>(&'a self, reservation: &'a Reservation) -> Option<&'a Layout> {
        reservation.layout.as_deref().or(self.current.as_ref().map(|current| &current.layout))
    }

    /// What keeps the memory of the claimed slot mapped.
    pub fn keeper(&mut self, reservation: &mut Reservation) -> Result<Arc<dyn std::any::Any + Send + Sync>> {
        Ok(self.segment(reservation)?.clone())
    }

    /// Publishes a filled slot. The reservation is used up, unless the header has lost its name; it is taken by reference, since
    /// a copy of words that were just stored waits for them.
    #[inline]
    pub fn commit(
        &mut self,
        reservation: &mut Reservation,
        meta: &Meta,
        earlier: Option<Earlier>,
    ) -> Result<Committed> {
        if !self.ownership.may_write() {
            self.check_standing()?;
        }
        let now = now();
        if self.ownership.is_look_due(now) && self.look(now, reservation)? {
            return Ok(Committed::NameGone);
        }
        let (version, line) = match earlier {
            Some(Earlier { version, line }) => (version, line),
            None => (self.version + 1, meta.line(now, self.clock)),
        };
        let user_data = &meta.user_data[..];
        if reservation.place.moves() || reservation.layout.is_some() {
            return self.commit_relayout(reservation, version, line, user_data).map(Committed::Version);
        }
        let (Some(data), Some(current)) = (self.memory.data(), &mut self.current) else {
            return Err(self.ownership.removed());
        };
        let (slot, number) = (reservation.place.slot(), current.number);
        data.seal(slot, number, &current.layout, version, line, user_data);
        let record =
            Record { stamp: Stamp { version, written_at: line.written_at }, number, slot: slot as u64 };
        if !self.ownership.header().latch().publish(&record.to_words()) {
            if let Err(standing) = self.refuse(&record) {
                return self.act_on(standing).map(|()| Committed::Version(version));
            }
        }
        if let (Some(data), Some(current)) = (self.memory.data(), &mut self.current) {
            data.published(slot);
            current.slot = slot;
        }
        self.version = version;
        self.ownership.header().notify();
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
        if let Some(data) = self.memory.data().filter(|_| !reservation.place.moves()) {
            data.touch();
            if !data.is_named()? {
                self.memory.relocate(&self.ownership, &mut reservation.place, reservation.nbytes)?;
            }
        }
        Ok(false)
    }

    /// A publish was refused, because the header is frozen. It is tried again if whoever froze it was killed.
    #[cold]
    #[inline(never)]
    fn refuse(&mut self, record: &Record) -> Result<(), Standing> {
        loop {
            let standing = self.ownership.refused();
            if !matches!(standing, Standing::Ours) {
                // What was sealed is not published, and must never be taken for a value.
                if let Some(data) = self.memory.data().filter(|_| self.ownership.is_here()) {
                    data.refuse(record.slot as usize);
                }
                return Err(standing);
            }
            if self.ownership.header().latch().publish(&record.to_words()) {
                return Ok(());
            }
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
            (None, None) => return Err(self.ownership.removed()),
        };
        let (number, moved) =
            self.memory.renumber(&self.ownership, &mut reservation.place, reservation.nbytes)?;
        let slot = reservation.place.slot();
        if let Some(data) = self.memory.data() {
            data.seal(slot, number, &layout, version, line, user_data);
        }
        let record =
            Record { stamp: Stamp { version, written_at: line.written_at }, number, slot: slot as u64 };
        if !self.ownership.header().latch().publish(&record.to_words()) {
            if let Err(standing) = self.refuse(&record) {
                self.memory.take_back(&self.ownership, moved);
                return self.act_on(standing).map(|()| version);
            }
        }
        if let Some(data) = self.memory.data() {
            data.published(slot);
        }
        self.current = Some(Current { layout, number, slot });
        self.version = version;
        self.ownership.header().notify();
        self.memory.published(&self.ownership, moved);
        Ok(version)
    }

    /// The header has its name now, and this is its lock.
    pub fn named(&mut self, lock: Lock) {
        self.ownership.named(lock);
    }

    /// Gives everything up that was made for a header which got no name.
    pub fn discard(&mut self) {
        self.memory.discard();
        self.ownership.discard();
    }

    /// Gives up everything of a header that was replaced by this writer's own new one.
    pub fn leave(&mut self) {
        self.ownership.header().retire();
        self.memory.leave(self.current_slot());
        self.ownership.discard();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.ownership.is_here() && !self.ownership.has_ended() && self.ownership.retire_ephemeral() {
            self.memory.end();
        }
    }
}
