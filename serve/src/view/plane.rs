//! Rows of pixels, cut out of an array and reduced: each pixel is the mean of a square of elements.

use axum::http::StatusCode;

use crate::refusal::Refusal;
use crate::view::sample::{Sample, Samples, with_samples};
use crate::view::wanted::Wanted;
use crate::view::{Kind, MOST_BYTES, View};

/// So many elements of a row are added up at once, or one square of them: their sums stay in the cache.
const BLOCK: usize = 4096;

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
        return Ok(finished::<T>([rows, columns, channels], step, [x, y, wide, high], Vec::new()));
    }
    let nbytes = columns.checked_mul(rows).and_then(|count| count.checked_mul(channels * size_of::<T>()));
    let across = (BLOCK / step / channels).max(1) * step;
    let nbytes_of_sums = across.min(wide) * channels * size_of::<T::Sum>();
    if nbytes.is_none_or(|nbytes| nbytes.max(nbytes_of_sums) > MOST_BYTES) {
        let text = format!(
            "{wide} x {high} elements are too many for one view of {columns} x {rows} pixels: ask for a part of them, or for fewer pixels"
        );
        return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let mut body = Vec::with_capacity(columns * rows * channels * size_of::<T>());
    let part = |line: usize, from: usize, to: usize| {
        &elements[(line * width + from) * channels..(line * width + to) * channels]
    };
    if step == 1 {
        let row = |line: usize| bytemuck::cast_slice(part(line, x, x + wide));
        (y..y + high).for_each(|line| body.extend_from_slice(row(line)));
    } else {
        let mut sums = Vec::new();
        for first in (y..y + high).step_by(step) {
            let lines = first..(first + step).min(y + high);
            for from in (x..x + wide).step_by(across) {
                let to = (from + across).min(x + wide);
                sums.clear();
                sums.resize((to - from) * channels, T::Sum::default());
                // Rows are added to each other before their neighbours are: that is fast, however small the squares are.
                for line in lines.clone() {
                    for (sum, &element) in sums.iter_mut().zip(part(line, from, to)) {
                        *sum += element.widen();
                    }
                }
                for square in sums.chunks(step * channels) {
                    let count = square.len() / channels * lines.len();
                    for channel in 0..channels {
                        let (mut sum, mut at) = (T::Sum::default(), channel);
                        while at < square.len() {
                            sum += square[at];
                            at += channels;
                        }
                        body.extend_from_slice(bytemuck::bytes_of(&T::mean(sum, count)));
                    }
                }
            }
        }
    }
    Ok(finished::<T>([rows, columns, channels], step, [x, y, wide, high], body))
}

fn finished<T: Sample>(
    [rows, columns, channels]: [usize; 3],
    step: usize,
    region: [usize; 4],
    body: Vec<u8>,
) -> View {
    View {
        dtype: T::NAME.to_owned(),
        shape: if channels == 1 { vec![rows, columns] } else { vec![rows, columns, channels] },
        kind: Kind::Plane,
        step,
        region: region.to_vec(),
        leading: 0,
        element: None,
        figures: None,
        is_bytes: false,
        body,
    }
}
