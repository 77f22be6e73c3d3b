//! Publishes that change more than the value: its layout, and with it the name of the data file, or the data file itself.

use crate::error::{Error, Result};
use crate::format::layout::Layout;
use crate::writer::publisher::{Fill, Publisher};
use crate::writer::slots::Slots;

/// What is to change with a publish, beside the value.
pub(crate) struct Change {
    /// Set if it is not the current layout.
    pub layout: Option<Layout>,
    pub layout_id: u64,
    /// The new uuid of the same data file.
    pub recycled: Option<u128>,
    /// Whether the value moved to another segment; before it was in this.
    moved: bool,
    before: Option<Box<Slots>>,
}

impl Publisher {
    /// Gives a value of another layout, or in another segment, its data file.
    #[cold]
    #[inline(never)]
    pub(crate) fn change(&mut self, fill: &mut Fill) -> Result<Box<Change>> {
        let recycled = if fill.fresh.is_none() && fill.layout.is_some() { self.link(fill)? } else { None };
        let moved = fill.fresh.is_some();
        let before = self.move_in(fill)?;
        let layout_id = self.layout_id + u64::from(moved || recycled.is_some());
        let layout = fill.layout.take().map(|layout| *layout);
        Ok(Box::new(Change { layout, layout_id, recycled, moved, before }))
    }

    /// What follows from the publish of a change.
    #[cold]
    #[inline(never)]
    pub(crate) fn changed(&mut self, change: Change) {
        self.layout_id = change.layout_id;
        if let Some(layout) = change.layout {
            self.layout = Some(layout);
        }
        let old_name = if change.moved {
            self.renew = false;
            // Until here its lock was held.
            change.before.map(|slots| slots.uuid).or(self.stale.take())
        } else {
            let slots = self.slots.as_mut();
            slots.and_then(|slots| change.recycled.map(|uuid| std::mem::replace(&mut slots.uuid, uuid)))
        };
        // The old name goes after the record names the new one, so that at every instant the named file exists.
        old_name.into_iter().for_each(|uuid| self.unlink_data(uuid));
    }

    /// Takes back what was not published, because the header is frozen.
    #[cold]
    #[inline(never)]
    pub(crate) fn turned_back(&mut self, slot: usize, change: Option<Box<Change>>) -> Error {
        let moved = change.as_ref().is_some_and(|change| change.moved);
        if let (Some(slots), false) = (&mut self.slots, moved) {
            slots.abandon(slot);
        }
        if let Some(change) = change {
            if change.layout_id != self.layout_id {
                // This id and the one before stand in the two records: it is neither of them that comes next, since an
                // id stands for the same words for ever.
                self.layout_id = change.layout_id + 1;
            }
            if moved {
                let refused = std::mem::replace(&mut self.slots, change.before.map(|before| *before));
                refused.into_iter().for_each(|slots| self.unlink_data(slots.uuid));
            }
            change.recycled.into_iter().for_each(|uuid| self.unlink_data(uuid));
        }
        self.refused().err().unwrap_or_else(|| self.superseded())
    }

    /// A second name for the recycled file; if it cannot have one, the value moves to a new segment.
    fn link(&mut self, fill: &mut Fill) -> Result<Option<u128>> {
        let uuid = uuid::Uuid::new_v4().as_u128();
        let Some(slots) = &self.slots else { return Err(self.end()) };
        if slots.link(&self.directory, &self.tag, uuid)? {
            return Ok(Some(uuid));
        }
        self.relocate(fill)?;
        Ok(None)
    }

    /// Makes the fresh segment the current one, and returns the one before.
    fn move_in(&mut self, fill: &mut Fill) -> Result<Option<Box<Slots>>> {
        let Some(fresh) = fill.fresh.take() else { return Ok(None) };
        let slots = fresh.name(&self.directory, &self.tag)?;
        self.small_writes = 0;
        Ok(self.slots.replace(slots).map(Box::new))
    }
}
