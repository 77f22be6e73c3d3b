//! Frames: the latest values in the form in which they are sent. Each is made once, for all receivers that ask for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use ndsharray::{Snapshot, ValueId};

use crate::offer::lanes::SMALL;
use crate::offer::memory::{Counted, Memory};
use crate::wire::value;

/// The frames of all tags. A frame is kept as long as it is on its way to some receiver.
#[derive(Debug)]
pub(super) struct Frames {
    of: Mutex<HashMap<String, Arc<Mutex<Kept>>>>,
    memory: Memory,
}

/// The last frame of a tag.
type Kept = Option<(ValueId, Weak<Counted>)>;

/// A reference to a frame, in the form that [`Bytes`] takes.
struct Share(Arc<Counted>);

impl AsRef<[u8]> for Share {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl Frames {
    pub fn new(memory: Memory) -> Self {
        Frames { of: Mutex::default(), memory }
    }

    /// The frame of a value of this tag; `None` if the value is not small, and the values on their way use too much memory. A frame is a copy:
    /// otherwise a slow receiver would keep the value's slot from the writer.
    pub fn of(&self, tag: &str, value: &Snapshot) -> Option<Bytes> {
        let of_tag =
            self.of.lock().unwrap_or_else(PoisonError::into_inner).entry(tag.to_owned()).or_default().clone();
        // Others that ask for this tag wait here until the copy is made, instead of making one each.
        let mut kept = of_tag.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.as_ref().filter(|(id, _)| *id == value.id()).and_then(|(_, frame)| frame.upgrade());
        if found.is_none() && value.bytes().len() > SMALL && self.memory.is_full() {
            return None;
        }
        let frame = found.unwrap_or_else(|| {
            let mut bytes = Vec::new();
            value::append(value, &mut bytes);
            let frame = Arc::new(self.memory.count(bytes));
            *kept = Some((value.id(), Arc::downgrade(&frame)));
            frame
        });
        Some(Bytes::from_owner(Share(frame)))
    }

    /// Forgets tags whose last frame is on its way to nobody.
    pub fn expire(&self) {
        let mut tags = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        tags.retain(|_, kept| {
            let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.as_ref().is_some_and(|(_, frame)| frame.strong_count() > 0)
        });
    }
}
