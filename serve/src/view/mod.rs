//! The part of a value that a page shows: cut out, and reduced to what a screen has room for.

pub(crate) mod cache;
mod jpeg;
mod line;
pub(crate) mod picture;
mod plane;
mod sample;
pub(crate) mod wanted;

use ndsharray::{DType, Snapshot};
use serde::Serialize;

use crate::refusal::Refusal;
use crate::view::sample::Samples;
use crate::view::wanted::Wanted;

/// So many bytes a view has at most.
const MOST_BYTES: usize = 64 << 20;

/// A part of a value: a plane of pixels, a line of numbers, or elements as they are.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    /// Of the elements of the body.
    dtype: String,
    /// Of the body.
    shape: Vec<usize>,
    kind: Kind,
    /// How many elements of the array, along each of the last two axes of a plane or the last of a line, became one.
    step: usize,
    /// Where the view begins in the last one or two axes, and how far it goes: `[x, y, width, height]` or `[x, width]`.
    region: Vec<usize>,
    #[serde(skip)]
    pub body: Vec<u8>,
}

/// What the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Rows of pixels, of one or more channels.
    Plane,
    /// Numbers along one axis.
    Line,
    /// The least and the greatest of each `step` numbers along one axis.
    Envelope,
    /// Elements that are no numbers, as they lie in the array.
    Elements,
}

impl View {
    /// The part of a value that is wanted.
    pub fn of(value: &Snapshot, wanted: &Wanted) -> Result<View, Refusal> {
        let (dtype, shape) = (value.dtype(), value.shape());
        let leading = wanted.leading(shape)?;
        // The part that the first axes leave.
        let inner = &shape[leading.len()..];
        let size: usize = inner.iter().product();
        let at = leading.iter().zip(shape).fold(0, |at, (index, length)| at * length + index);
        let range = at * size * dtype.itemsize()..(at + 1) * size * dtype.itemsize();
        let bytes = value.bytes().get(range).unwrap_or_default();
        match Samples::of(dtype, bytes, wanted.part) {
            Some(samples) => match (inner, wanted.channels(dtype, inner)) {
                ([height, width, channels], true) => {
                    plane::of(&samples, [*height, *width, *channels], wanted)
                }
                ([height, width], _) => plane::of(&samples, [*height, *width, 1], wanted),
                ([length], _) => line::of(&samples, *length, wanted),
                ([], _) => line::of(&samples, 1, wanted),
                _ => Err(wanted.too_many_axes(inner)),
            },
            None => elements(dtype, inner, bytes, wanted),
        }
    }
}

/// The first elements of what is left, flat: as many as are wanted.
fn elements(dtype: &DType, inner: &[usize], bytes: &[u8], wanted: &Wanted) -> Result<View, Refusal> {
    let length: usize = inner.iter().product();
    let (from, count) = wanted.span(length, MOST_BYTES / dtype.itemsize().max(1));
    let body = bytes[from * dtype.itemsize()..(from + count) * dtype.itemsize()].to_vec();
    let region = vec![from, count];
    Ok(View {
        dtype: dtype.name().to_owned(),
        shape: vec![count],
        kind: Kind::Elements,
        step: 1,
        region,
        body,
    })
}
