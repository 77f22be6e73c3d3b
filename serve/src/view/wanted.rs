//! What a client wants to see of a value.

use ndsharray::DType;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::view::pixel;

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
    /// A part of a plane whose numbers are to be described: `[x, y, width, height]`.
    pub figures: Option<[usize; 4]>,
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
    /// Whether the last axis of an array is colours: as the client says, else as the encoding or the shape does.
    pub fn colour(&self, dtype: &DType, shape: &[usize], encoding: Option<&str>) -> bool {
        let usual = || is_colour(shape) && dtype.scalar().is_some();
        shape.len() >= 3
            && matches!(shape.last(), Some(1 | 3 | 4))
            && self.colour.or_else(|| pixel::colour(encoding, dtype, shape)).unwrap_or_else(usual)
    }

    /// The index in each of the first axes. Those that the client does not name, before the last two or three, are 0.
    pub fn leading(&self, shape: &[usize], colour: bool) -> Vec<usize> {
        let kept = if colour { 3 } else { 2 };
        let count = self.index.len().max(shape.len().saturating_sub(kept)).min(shape.len());
        let index =
            |axis: usize| self.index.get(axis).copied().unwrap_or(0).min(shape[axis].saturating_sub(1));
        (0..count).map(index).collect()
    }

    /// How long the view of a value of so many bytes may be at most.
    pub fn most_bytes(&self, nbytes: usize, itemsize: usize) -> usize {
        let of_room = |[across, down]: [usize; 2]| across.saturating_mul(down).saturating_mul(4 * itemsize);
        self.room.map_or(nbytes, |room| of_room(room).min(nbytes))
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
        inside([x, y, wide, high], height, width)
    }

    #[cold]
    pub fn too_many_axes(&self, inner: &[usize]) -> Refusal {
        Refusal::bad(format!(
            "{inner:?} has too many axes to show at once: give an index for the first of them"
        ))
    }
}

/// What a plane has of a rectangle: x, y, width and height.
pub(super) fn inside([x, y, wide, high]: [usize; 4], height: usize, width: usize) -> [usize; 4] {
    let (x, y) = (x.min(width), y.min(height));
    [x, y, wide.min(width - x), high.min(height - y)]
}

/// Whether the last axis of a shape is as long as pixels have channels, and the two before it are as long as images are.
fn is_colour(shape: &[usize]) -> bool {
    matches!(*shape, [.., height, width, 1 | 3 | 4] if height.min(width) >= 8)
}
