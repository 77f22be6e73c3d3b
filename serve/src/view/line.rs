//! Numbers along one axis, reduced: of each few, the least and the greatest, so that no peak is lost.

use crate::view::sample::{Sample, Samples, with_samples};
use crate::view::wanted::Wanted;
use crate::view::{Kind, MOST_BYTES, View};

/// The wanted part of so many numbers.
pub(super) fn of(samples: &Samples<'_>, length: usize, wanted: &Wanted) -> View {
    with_samples!(samples, elements => line(elements, length, wanted))
}

fn line<T: Sample>(elements: &[T], length: usize, wanted: &Wanted) -> View {
    let (from, count) = wanted.span(length, length);
    let elements = &elements[from..from + count];
    // Two numbers for a pixel, so that an envelope is no larger.
    let most = wanted
        .room
        .map_or(usize::MAX, |[across, _]| across.max(1).saturating_mul(2))
        .min(MOST_BYTES / size_of::<T>());
    let step = if count > most { 2 * count.div_ceil(most) } else { 1 };
    let (kind, shape, body) = if step == 1 {
        (Kind::Line, vec![count], elements.to_vec())
    } else {
        let pairs: Vec<T> = elements.chunks(step).flat_map(bounds).collect();
        (Kind::Envelope, vec![pairs.len() / 2, 2], pairs)
    };
    let body = bytemuck::cast_slice(&body).to_vec();
    View {
        dtype: T::NAME.to_owned(),
        shape,
        kind,
        step,
        region: vec![from, count],
        leading: 0,
        element: None,
        figures: None,
        is_bytes: false,
        body,
    }
}

/// The least and the greatest number; NaN if there are no others.
fn bounds<T: Sample>(elements: &[T]) -> [T; 2] {
    let mut bounds = [elements[0]; 2];
    for &element in elements.iter().filter(|element| element.is_number()) {
        if !bounds[0].is_number() {
            bounds = [element; 2];
        }
        if element < bounds[0] {
            bounds[0] = element;
        }
        if element > bounds[1] {
            bounds[1] = element;
        }
    }
    bounds
}
