//! Least, greatest and mean element of an array, over a sample of bounded size.

use ndsharray::DType;

use crate::{element, units};

/// How many elements are looked at, at most.
pub const MOST: usize = 1 << 20;

/// Statistics of the elements that were looked at; of complex ones, of their magnitude.
#[derive(Debug, PartialEq)]
pub struct Statistics {
    /// One element in `step` was looked at.
    pub step: usize,
    /// How many elements were looked at.
    pub count: usize,
    /// How many of these are NaN; the range leaves them out.
    pub nan: usize,
    /// Least, greatest and mean number, if there is one.
    pub range: Option<Range>,
}

#[derive(Debug, PartialEq)]
pub struct Range {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Least and greatest with all their digits.
    pub texts: [String; 2],
}

/// Looks at an array in C order; `None` for a custom dtype.
pub fn of(dtype: &DType, shape: &[usize], bytes: &[u8]) -> Option<Statistics> {
    over(dtype, bytes, step(shape, MOST))
}

fn over(dtype: &DType, bytes: &[u8], step: usize) -> Option<Statistics> {
    let number = element::number(dtype)?;
    let (mut min, mut max) = ((f64::INFINITY, None), (f64::NEG_INFINITY, None));
    let (mut count, mut nan, mut sum) = (0, 0, 0.0);
    for element in bytes.chunks_exact(dtype.itemsize()).step_by(step) {
        let value = number(element);
        count += 1;
        if value.is_nan() {
            nan += 1;
            continue;
        }
        sum += value;
        if value < min.0 || min.1.is_none() {
            min = (value, Some(element));
        }
        if value > max.0 || max.1.is_none() {
            max = (value, Some(element));
        }
    }
    let text = |(value, element): (f64, Option<&[u8]>)| match (dtype, element) {
        (DType::Complex64 | DType::Complex128, _) | (_, None) => units::number(value),
        (_, Some(element)) => element::brief(dtype, element),
    };
    let range = (count > nan).then(|| Range {
        min: min.0,
        max: max.0,
        mean: sum / (count - nan) as f64,
        texts: [text(min), text(max)],
    });
    Some(Statistics { step, count, nan, range })
}

/// The least step that leaves at most `most` elements and has no factor in common with the axes after the first: with
/// one, a sample of an image could be a single column, or one of its colours.
fn step(shape: &[usize], most: usize) -> usize {
    let count: usize = shape.iter().product();
    let least = count.div_ceil(most).max(1);
    let shared = |step: usize| shape.iter().skip(1).any(|&axis| gcd(step, axis) > 1);
    (least..).find(|&step| !shared(step)).unwrap_or(least)
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_ne_bytes()).collect()
    }

    #[test]
    fn nan_is_counted_and_left_out() {
        let found = of(&DType::Float32, &[4], &bytes(&[1.0, f32::NAN, -3.0, 5.0])).unwrap();
        assert_eq!((found.step, found.count, found.nan), (1, 4, 1));
        let range = found.range.unwrap();
        assert_eq!((range.min, range.max, range.mean), (-3.0, 5.0, 1.0));
        assert_eq!(range.texts, ["-3", "5"]);
    }

    #[test]
    fn there_may_be_no_range() {
        let found = of(&DType::Float32, &[2], &bytes(&[f32::NAN; 2])).unwrap();
        assert_eq!((found.nan, found.range), (2, None));
        let found = of(&DType::Float32, &[0, 3], &[]).unwrap();
        assert_eq!((found.count, found.range), (0, None));
        assert!(of(&DType::custom("x", 2, "<u2").unwrap(), &[1], &[0, 0]).is_none());
    }

    #[test]
    fn infinities_are_numbers() {
        let values = bytes(&[f32::INFINITY, f32::INFINITY]);
        let range = of(&DType::Float32, &[2], &values).unwrap().range.unwrap();
        assert_eq!((range.min, range.max, range.texts[0].as_str()), (f64::INFINITY, f64::INFINITY, "inf"));
    }

    #[test]
    fn whole_numbers_keep_their_digits() {
        let values: Vec<u8> = [i64::MAX, i64::MIN + 1].iter().flat_map(|value| value.to_ne_bytes()).collect();
        let range = of(&DType::Int64, &[2], &values).unwrap().range.unwrap();
        assert_eq!(range.texts, ["-9223372036854775807", "9223372036854775807"]);
    }

    #[test]
    fn a_sample_is_bounded_and_sees_every_column_and_colour() {
        assert_eq!(step(&[1000], 1000), 1);
        assert_eq!(step(&[], 10), 1);
        for shape in [&[1080, 1920, 3][..], &[4096, 4096], &[1 << 30], &[100, 30030, 17], &[0, 5]] {
            let step = step(shape, MOST);
            assert!(shape.iter().product::<usize>() / step <= MOST, "{shape:?}: {step}");
            assert!(shape.iter().skip(1).all(|&axis| axis == 0 || gcd(step, axis) == 1), "{shape:?}: {step}");
        }
        // A red image: every third byte is 255, and so is a third of the sample.
        let red: Vec<u8> = (0..300 * 3).map(|i| if i % 3 == 0 { 255 } else { 0 }).collect();
        let found = over(&DType::UInt8, &red, step(&[10, 30, 3], 150)).unwrap();
        let range = found.range.unwrap();
        assert!(found.count <= 150 && found.step > 5);
        assert!((range.mean - 85.0).abs() < 2.0, "{range:?}");
    }
}
