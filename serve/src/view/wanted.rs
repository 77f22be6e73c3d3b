//! What a client wants to see of a value.

use ndsharray::DType;
use serde::Deserialize;

use crate::refusal::Refusal;

/// What a client wants to see of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Wanted {
    /// Which element of each of the first axes. One that is too large is the last: a layout may have changed.
    pub index: Vec<usize>,
    /// Whether the last axis is colours; else it is told by its length.
    pub colour: Option<bool>,
    /// The part of the last one or two axes: `[x, y, width, height]`, or `[x, width]` of one axis. All of them without it.
    pub region: Vec<usize>,
    /// The width and height of the screen in pixels, to which the view is reduced; not reduced without it.
    pub room: Option<[usize; 2]>,
    /// What is shown of complex numbers.
    pub part: Part,
}

/// What is shown of complex numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    #[default]
    Magnitude,
    Phase,
    Real,
    Imaginary,
}

impl Wanted {
    /// The index in each of the first axes. Those that the client does not name, before the last two or three, are 0.
    pub fn leading(&self, shape: &[usize]) -> Result<Vec<usize>, Refusal> {
        let kept = match self.colour {
            Some(true) => 3,
            Some(false) => 2,
            None => 2 + usize::from(is_colour(shape)),
        };
        let count = self.index.len().max(shape.len().saturating_sub(kept)).min(shape.len());
        let index =
            |axis: usize| self.index.get(axis).copied().unwrap_or(0).min(shape[axis].saturating_sub(1));
        Ok((0..count).map(index).collect())
    }

    /// Whether the last of these axes is colours.
    pub fn channels(&self, dtype: &DType, inner: &[usize]) -> bool {
        let usual = || inner.len() == 3 && is_colour(inner) && dtype.scalar().is_some();
        self.colour.unwrap_or_else(usual) && inner.len() == 3 && (1..=4).contains(&inner[2])
    }

    /// The wanted part of an axis of that length, of at most so many elements: its start and length.
    pub fn span(&self, length: usize, most: usize) -> (usize, usize) {
        match *self.region {
            [from, count] => (from.min(length), count.min(length - from.min(length)).min(most)),
            _ => (0, length.min(most)),
        }
    }

    /// The wanted part of two axes: x, y, width and height.
    pub fn rectangle(&self, height: usize, width: usize) -> [usize; 4] {
        let [x, y, wide, high] = *self.region else { return [0, 0, width, height] };
        let (x, y) = (x.min(width), y.min(height));
        [x, y, wide.min(width - x), high.min(height - y)]
    }

    #[cold]
    pub fn too_many_axes(&self, inner: &[usize]) -> Refusal {
        Refusal::bad(format!(
            "{inner:?} has too many axes to show at once: give an index for the first of them"
        ))
    }
}

/// Whether the last axis of a shape is as long as pixels have channels, and the two before it are as long as images are.
fn is_colour(shape: &[usize]) -> bool {
    matches!(*shape, [.., height, width, 3 | 4] if height.min(width) >= 8)
}
