//! The part of an array that `--index` picks, such as `0,:,2:5`.

use std::ops::Range;

use ndsharray::ndarray::{ArrayView, ArrayViewD, IxDyn, SliceInfo, SliceInfoElem};

use crate::failure::{Failure, Result};
use crate::units;

/// A part for each axis from the first on; all of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    At(isize),
    Slice { start: Option<isize>, end: Option<isize>, step: isize },
}

pub fn parse(text: &str) -> Result<Index, String> {
    let parts: Option<Vec<Part>> = text.split(',').map(|part| self::part(part.trim())).collect();
    parts.map(Index).ok_or_else(|| {
        "expected numbers and slices with commas between, such as 0,:,2:5 or ::2,-1 (a step is at least 1)".to_owned()
    })
}

fn part(text: &str) -> Option<Part> {
    if !text.contains(':') {
        return text.parse().ok().map(Part::At);
    }
    let number =
        |text: &str| if text.trim().is_empty() { Some(None) } else { text.trim().parse().ok().map(Some) };
    let bounds: Vec<Option<isize>> = text.split(':').map(number).collect::<Option<_>>()?;
    let step = bounds.get(2).copied().flatten().unwrap_or(1);
    let slice = Part::Slice { start: bounds[0], end: bounds[1], step };
    (bounds.len() <= 3 && step >= 1).then_some(slice)
}

/// The elements of a value: its axes, and one more for the bytes of an element.
pub fn elements<'a>(bytes: &'a [u8], shape: &[usize], itemsize: usize) -> Result<ArrayViewD<'a, u8>> {
    let axes: Vec<usize> = shape.iter().copied().chain([itemsize]).collect();
    // Refused are only axes that are too long for the machine, beside one of length 0.
    ArrayView::from_shape(IxDyn(&axes), bytes)
        .map_err(|error| Failure::bad(format!("shape {shape:?}: {error}")))
}

impl Index {
    /// Picks a part of these elements.
    pub fn pick<'a>(&self, elements: ArrayViewD<'a, u8>) -> Result<ArrayViewD<'a, u8>> {
        let axes = elements.ndim() - 1;
        if self.0.len() > axes {
            let parts = units::count(self.0.len() as u64, "part");
            let axes = if axes == 1 { "1 axis".to_owned() } else { format!("{axes} axes") };
            let text = format!("--index has {parts}, but the array has {axes}: leave some out");
            return Err(Failure::bad(text));
        }
        let mut picked = Vec::new();
        for (axis, &length) in elements.shape().iter().enumerate() {
            picked.push(match self.0.get(axis) {
                Some(part) => part.of(axis, length)?,
                None => SliceInfoElem::Slice { start: 0, end: None, step: 1 },
            });
        }
        let picked = SliceInfo::<_, IxDyn, IxDyn>::try_from(picked);
        let picked = picked.map_err(|error| Failure::bad(format!("--index: {error}")))?;
        Ok(elements.slice_move(picked))
    }
}

impl Part {
    fn of(&self, axis: usize, length: usize) -> Result<SliceInfoElem> {
        match *self {
            Part::At(at) => match position(at, length).filter(|&at| at < length) {
                Some(at) => Ok(SliceInfoElem::Index(at as isize)),
                None => Err(Failure::bad(format!(
                    "--index: found {at} for axis {axis}, expected at most {} (or -1 for the last), since it has length {length}",
                    length.saturating_sub(1)
                ))),
            },
            Part::Slice { start, end, step } => {
                let Range { start, end } = range(start, end, length);
                // Which the length of the axis bounds, so all of them fit.
                Ok(SliceInfoElem::Slice { start: start as isize, end: Some(end as isize), step })
            }
        }
    }
}

/// A position as numpy counts it, from the end if it is negative; `None` if that is before the start.
fn position(at: isize, length: usize) -> Option<usize> {
    if at < 0 { length.checked_sub(at.unsigned_abs()) } else { Some(at.unsigned_abs()) }
}

/// What a slice has of an axis; as in numpy, what lies outside is left out.
fn range(start: Option<isize>, end: Option<isize>, length: usize) -> Range<usize> {
    let bound = |at: isize| position(at, length).unwrap_or(0).min(length);
    let (start, end) = (start.map_or(0, bound), end.map_or(length, bound));
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(index: &str) -> (Vec<usize>, Vec<u8>) {
        let bytes: Vec<u8> = (0..24).collect();
        let all = elements(&bytes, &[2, 3, 4], 1).unwrap();
        let part = parse(index).unwrap().pick(all).unwrap();
        (part.shape()[..part.ndim() - 1].to_vec(), part.iter().copied().collect())
    }

    #[test]
    fn parts_as_numpy_picks_them() {
        assert_eq!(picked("0,:,2:4"), (vec![3, 2], vec![2, 3, 6, 7, 10, 11]));
        assert_eq!(picked("1,2,3"), (vec![], vec![23]));
        assert_eq!(picked("-1,-3,-4"), (vec![], vec![12]));
        assert_eq!(picked("-1 , 0").1, [12, 13, 14, 15]);
        assert_eq!(picked("0,0,::2").1, [0, 2]);
        assert_eq!(picked("0,0,1::9").1, [1]);
        assert_eq!(picked("0,0,-2:").1, [2, 3]);
        assert_eq!(picked("0,0,-99:99").1, [0, 1, 2, 3]);
        assert_eq!(picked("0,0,3:1"), (vec![0], vec![]));
        assert_eq!(picked(":,1,0").1, [4, 16]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bad in ["", "x", "1,", "1:2:3:4", "::0", "::-1", "1.5", "0;1", "99999999999999999999"] {
            assert!(parse(bad).unwrap_err().contains("0,:,2:5"), "{bad}");
        }
        let refused = |index: &str, shape: &[usize]| {
            let bytes = vec![0; shape.iter().product()];
            match parse(index).unwrap().pick(elements(&bytes, shape, 1).unwrap()) {
                Err(Failure::Bad(text)) => text,
                other => panic!("{other:?}"),
            }
        };
        assert!(refused("2", &[2]).contains("found 2 for axis 0, expected at most 1"));
        assert!(refused("0,-4", &[2, 3]).contains("found -4 for axis 1"));
        assert!(refused("0", &[0]).contains("length 0"));
        assert!(refused("0,0", &[2]).contains("has 2 parts, but the array has 1 axis:"));
        assert!(refused(&isize::MIN.to_string(), &[2]).contains("axis 0"));
        assert_eq!(range(Some(isize::MIN), Some(isize::MAX), 5), 0..5);
    }
}
