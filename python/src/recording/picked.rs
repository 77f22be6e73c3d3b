//! Which values of a tag a sequence has: all of them, or those of a slice.

/// Every `step`th value from `first` on.
#[derive(Clone, Copy, Debug)]
pub struct Picked {
    first: isize,
    step: isize,
    len: usize,
}

impl Picked {
    pub fn all(len: usize) -> Self {
        Picked { first: 0, step: 1, len }
    }

    /// Whether these are all `len` values of a tag, in their order.
    pub fn is_all(self, len: usize) -> bool {
        (self.first, self.step, self.len) == (0, 1, len)
    }

    pub fn len(self) -> usize {
        self.len
    }

    /// Of these a part: `start`, `step` and `len` of a slice that was adjusted to the length.
    pub fn slice(self, start: isize, step: isize, len: usize) -> Self {
        if len == 0 {
            return Picked { first: 0, step: 1, len: 0 };
        }
        // The first value is one of these. A step that leads beyond them is never taken.
        Picked { first: self.first + start * self.step, step: self.step.saturating_mul(step), len }
    }

    /// The index from 0 on for one of Python's, which counts from the end if it is negative; None if there are not so many.
    pub fn index(self, index: isize) -> Option<usize> {
        let len = isize::try_from(self.len).ok()?;
        let index = if index < 0 { index.checked_add(len)? } else { index };
        usize::try_from(index).ok().filter(|index| *index < self.len)
    }

    /// Which value of the tag the value number `index` is.
    pub fn nth(self, index: usize) -> usize {
        // Both stay within the values of the tag, as `slice` and `index` see to.
        (self.first + index as isize * self.step) as usize
    }
}
