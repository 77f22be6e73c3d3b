//! What the numbers of a part of a plane are like. They are those of the array, also where the picture of it is reduced.

use serde::Serialize;

use crate::view::sample::{Sample, Samples, with_samples};

/// What the numbers of a part of a plane are like.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Figures {
    /// The part: `[x, y, width, height]`.
    region: [usize; 4],
    /// How many numbers are finite, NaN and infinite.
    count: usize,
    nan: usize,
    infinite: usize,
    /// The least and the greatest of those that are finite, as texts: whole numbers of 64 bits have more digits than numbers of a browser.
    least: Option<String>,
    greatest: Option<String>,
    /// The mean and the standard deviation of those that are finite.
    mean: Option<f64>,
    deviation: Option<f64>,
}

/// Those of a part of an array of height, width and channels. The part must lie inside the array. A fourth channel is left out.
pub(super) fn of(samples: &Samples<'_>, [_, width, channels]: [usize; 3], region: [usize; 4]) -> Figures {
    with_samples!(samples, elements => figures(elements, width, channels, region))
}

fn figures<T: Sample>(elements: &[T], width: usize, channels: usize, region: [usize; 4]) -> Figures {
    let [x, y, wide, high] = region;
    let (mut count, mut nan, mut infinite) = (0_usize, 0, 0);
    let mut ends: Option<[T; 2]> = None;
    // Sums of what is above the first number, so that no digits are lost to a large mean.
    let (mut first, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for line in y..y + high {
        let row = &elements[(line * width + x) * channels..(line * width + x + wide) * channels];
        let shown = row.chunks_exact(channels).flat_map(|pixel| &pixel[..channels.min(3)]);
        for &element in shown {
            let number = element.number();
            if !number.is_finite() {
                *(if number.is_nan() { &mut nan } else { &mut infinite }) += 1;
                continue;
            }
            let [least, greatest] = ends.get_or_insert_with(|| {
                first = number;
                [element; 2]
            });
            if element < *least {
                *least = element;
            }
            if element > *greatest {
                *greatest = element;
            }
            count += 1;
            sum += number - first;
            squares += (number - first) * (number - first);
        }
    }
    let mean = sum / count.max(1) as f64;
    let deviation = (squares / count.max(1) as f64 - mean * mean).max(0.0).sqrt();
    let found = |number: f64| (count > 0 && number.is_finite()).then_some(number);
    Figures {
        region,
        count,
        nan,
        infinite,
        least: ends.map(|[least, _]| least.to_string()),
        greatest: ends.map(|[_, greatest]| greatest.to_string()),
        mean: found(first + mean),
        deviation: found(deviation),
    }
}
