//! Rows of pixels, cut out of an array and reduced: each pixel is the mean of a square of elements.

use axum::http::StatusCode;

use crate::refusal::Refusal;
use crate::view::sample::{Sample, Samples, with_samples};
use crate::view::wanted::Wanted;
use crate::view::{Kind, MOST_BYTES, View};

/// The wanted part of an array of height, width and channels.
pub(super) fn of(samples: &Samples<'_>, shape: [usize; 3], wanted: &Wanted) -> Result<View, Refusal> {
    with_samples!(samples, elements => plane(elements, shape, wanted))
}

fn plane<T: Sample>(
    elements: &[T],
    [height, width, channels]: [usize; 3],
    wanted: &Wanted,
) -> Result<View, Refusal> {
    let [x, y, wide, high] = wanted.rectangle(height, width);
    let step = wanted
        .room
        .map_or(1, |[across, down]| wide.div_ceil(across.max(1)).max(high.div_ceil(down.max(1))))
        .max(1);
    let (columns, rows) = (wide.div_ceil(step), high.div_ceil(step));
    if columns.min(rows) == 0 {
        // However long the other side of the array is, there is nothing to go through.
        return Ok(finished::<T>([rows, columns, channels], step, [x, y, wide, high], &[]));
    }
    let nbytes = columns.checked_mul(rows).and_then(|count| count.checked_mul(channels * size_of::<T>()));
    if nbytes.is_none_or(|nbytes| nbytes > MOST_BYTES) {
        let text = format!(
            "{wide} x {high} elements are too many for one view: ask for a smaller region or less room"
        );
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let mut body: Vec<T> = Vec::with_capacity(columns * rows * channels);
    let row = |line: usize| &elements[(line * width + x) * channels..(line * width + x + wide) * channels];
    if step == 1 {
        (y..y + high).for_each(|line| body.extend_from_slice(row(line)));
    } else {
        let mut sums = vec![T::Sum::default(); columns * channels];
        for first in (y..y + high).step_by(step) {
            let lines = first..(first + step).min(y + high);
            sums.fill(T::Sum::default());
            for line in lines.clone() {
                add(row(line), &mut sums, step, channels);
            }
            for (at, &sum) in sums.iter().enumerate() {
                let across = step.min(wide - at / channels * step);
                body.push(T::mean(sum, across * lines.len()));
            }
        }
    }
    Ok(finished([rows, columns, channels], step, [x, y, wide, high], &body))
}

fn finished<T: Sample>(
    [rows, columns, channels]: [usize; 3],
    step: usize,
    region: [usize; 4],
    body: &[T],
) -> View {
    View {
        dtype: T::NAME.to_owned(),
        shape: if channels == 1 { vec![rows, columns] } else { vec![rows, columns, channels] },
        kind: Kind::Plane,
        step,
        region: region.to_vec(),
        leading: 0,
        element: None,
        body: bytemuck::cast_slice(body).to_vec(),
    }
}

/// Adds the elements of a row to the sums of the pixels that they fall on.
fn add<T: Sample>(row: &[T], sums: &mut [T::Sum], step: usize, channels: usize) {
    for (squares, sums) in row.chunks(step * channels).zip(sums.chunks_exact_mut(channels)) {
        for pixel in squares.chunks_exact(channels) {
            for (&element, sum) in pixel.iter().zip(sums.iter_mut()) {
                *sum += element.widen();
            }
        }
    }
}
