//! Publishes that change more than the value: its layout, and with it the name of the data file, or the data file itself.

use crate::error::{Error, Result};
use crate::files::retire::unlink_data;
use crate::format::layout::Layout;
use crate::writer::publisher::{Publisher, Reservation};
use crate::writer::slots::Slots;

/// What is to change with a publish, beside the value.
pub(crate) struct Relayout {
    /// Set if it is not the current layout.
    pub layout: Option<Layout>,
    pub layout_id: u64,
    /// The new uuid of the same data file.
    pub recycled: Option<u128>,
    /// Whether the value moved to another segment.
    moved: bool,
    /// The segment before, if there was one.
    before: Option<Box<Slots>>,
}

impl Publisher {
    /// Gives a value of another layout, or in another segment, its data file.
    #[cold]
    #[inline(never)]
    pub(crate) fn relayout(&mut self, reservation: &mut Reservation) -> Result<Box<Relayout>> {
        let recycled = if reservation.fresh.is_none() && reservation.layout.is_some() {
            self.link(reservation)?
        } else {
            None
        };
        let moved = reservation.fresh.is_some();
        let before = self.move_in(reservation)?;
        let layout_id = self.layout_id + u64::from(moved || recycled.is_some());
        let layout = reservation.layout.take().map(|layout| *layout);
        Ok(Box::new(Relayout { layout, layout_id, recycled, moved, before }))
    }

    /// What follows when a new layout was published.
    #[cold]
    #[inline(never)]
    pub(crate) fn relaid(&mut self, change: Relayout) {
        self.layout_id = change.layout_id;
        if let Some(layout) = change.layout {
            self.layout = Some(layout);
        }
        let old_name = if change.moved {
            self.must_leave = false;
            // Until here its lock was held.
            change.before.map(|slots| slots.uuid).or(self.stale.take())
        } else {
            let slots = self.slots.as_mut();
            slots.and_then(|slots| change.recycled.map(|uuid| std::mem::replace(&mut slots.uuid, uuid)))
        };
        // The old name goes after the record names the new one, so that at every instant the named file exists.
        old_name.into_iter().for_each(|uuid| unlink_data(&self.tag, uuid));
    }

    /// Takes back what was not published because the header is frozen.
    #[cold]
    #[inline(never)]
    pub(crate) fn turned_back(&mut self, slot: usize, change: Option<Box<Relayout>>) -> Error {
        let moved = change.as_ref().is_some_and(|change| change.moved);
        if let (Some(slots), false) = (&mut self.slots, moved) {
            slots.abort(slot);
        }
        if let Some(change) = change {
            if change.layout_id != self.layout_id {
                // This id and the one before stand in the two records. Neither may come next, since an id stands for the
                // same words for ever.
                self.layout_id = change.layout_id + 1;
            }
            if moved {
                let refused = std::mem::replace(&mut self.slots, change.before.map(|before| *before));
                refused.into_iter().for_each(|slots| unlink_data(&self.tag, slots.uuid));
            }
            change.recycled.into_iter().for_each(|uuid| unlink_data(&self.tag, uuid));
        }
        self.refused().err().unwrap_or_else(|| self.superseded())
    }

    /// A second name for the recycled file; if it cannot have one, the value moves to a new segment.
    fn link(&mut self, reservation: &mut Reservation) -> Result<Option<u128>> {
        let uuid = uuid::Uuid::new_v4().as_u128();
        let Some(slots) = &self.slots else { return Err(self.end()) };
        if slots.link(&self.tag, uuid)? {
            return Ok(Some(uuid));
        }
        self.relocate(reservation)?;
        Ok(None)
    }

    /// Makes the fresh segment the current one, and returns the one before.
    fn move_in(&mut self, reservation: &mut Reservation) -> Result<Option<Box<Slots>>> {
        let Some(fresh) = reservation.fresh.take() else { return Ok(None) };
        let slots = fresh.persist(&self.tag)?;
        self.small_writes = 0;
        Ok(self.slots.replace(slots).map(Box::new))
    }
}
