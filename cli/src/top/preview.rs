//! What `top` shows of a value: a picture, a line or numbers. It is made while the value is held, and kept without it.

use ndsharray::{DType, Reader, Result, UnixTime};

use crate::table::json_line;
use crate::{element, encoding};

use super::picture::{Image, Pixels};
use super::statistics::{self, Statistics};

/// How many elements are looked at for each point of a line, at most.
const FOR_A_POINT: usize = 8;

/// All that is shown of one value.
pub struct Preview {
    pub version: u64,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub nbytes: usize,
    pub written_at: UnixTime,
    pub acquired_at: Option<UnixTime>,
    /// JSON text on one line.
    pub attributes: Option<String>,
    pub statistics: Option<Statistics>,
    pub drawing: Drawing,
    /// The columns and rows that it was made for.
    pub room: (u16, u16),
}

#[derive(Debug)]
pub enum Drawing {
    Picture { image: Image, pixels: Pixels },
    Line(Vec<Point>),
    Numbers(Vec<String>),
}

/// The elements that fall on one column of dots of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The index of the first element.
    pub at: usize,
    /// Least and greatest finite element.
    pub range: Option<(f64, f64)>,
    pub nan: bool,
}

/// Looks at the latest value; `None` if `before` shows that value already, in this size.
///
/// `room`: the columns and rows for a drawing, beside attributes or without. The slot of the value is held until this returns.
/// The writer may need one more slot for that moment.
pub fn refresh(
    reader: &Reader,
    before: Option<&Preview>,
    room: impl Fn(bool) -> (u16, u16),
) -> Result<Option<Preview>> {
    let value = reader.view()?;
    // Bytes that are said to be attributes, and are none, are not shown.
    let attributes = value.attributes_json().ok().flatten().map(json_line);
    let room = room(attributes.is_some());
    let (dtype, shape, bytes) = (value.dtype(), value.shape(), value.bytes());
    let same = |before: &Preview| {
        (before.version, before.room) == (value.version(), room)
            && before.dtype == *dtype
            && before.shape == shape
    };
    if before.is_some_and(same) {
        return Ok(None);
    }
    let statistics = statistics::of(dtype, shape, bytes);
    let (columns, rows) = (usize::from(room.0), usize::from(room.1));
    let range = statistics.as_ref().and_then(|found| found.range.as_ref());
    let range = range.map_or((0.0, 0.0), |range| (range.min, range.max));
    let drawing = match (Image::of(dtype, shape, encoding::of_view(&value).as_deref()), shape) {
        // Two pixels in each cell, one above the other.
        (Some(image), _) => {
            Drawing::Picture { image, pixels: image.pixels(dtype, bytes, (columns, 2 * rows), range) }
        }
        // Two dots in each column.
        (None, [length]) if *length > 1 && element::number(dtype).is_some() => {
            Drawing::Line(line(dtype, bytes, (2 * columns).min(*length)))
        }
        _ => Drawing::Numbers(numbers(dtype, shape, bytes, (columns, rows))),
    };
    Ok(Some(Preview {
        version: value.version(),
        dtype: dtype.clone(),
        shape: shape.to_vec(),
        nbytes: bytes.len(),
        written_at: value.written_at(),
        acquired_at: value.acquired_at(),
        attributes,
        statistics,
        drawing,
        room,
    }))
}

fn line(dtype: &DType, bytes: &[u8], points: usize) -> Vec<Point> {
    let Some(number) = element::number(dtype) else { return Vec::new() };
    let size = dtype.itemsize();
    let length = bytes.len() / size;
    let point = |at: usize| {
        let (first, end) = (at * length / points, (at + 1) * length / points);
        let mut point = Point { at: first, range: None, nan: false };
        for index in (first..end).step_by((end - first).div_ceil(FOR_A_POINT).max(1)) {
            let value = number(&bytes[index * size..][..size]);
            point.nan |= value.is_nan();
            if value.is_finite() {
                let (min, max) = point.range.unwrap_or((value, value));
                point.range = Some((min.min(value), max.max(value)));
            }
        }
        point
    };
    (0..points).map(point).collect()
}

/// Rows of elements, each with the indices of its first one, as many as there is room for.
fn numbers(dtype: &DType, shape: &[usize], bytes: &[u8], (columns, rows): (usize, usize)) -> Vec<String> {
    let size = dtype.itemsize();
    if bytes.is_empty() {
        return vec!["no elements".to_owned()];
    }
    let Some((&length, outer)) = shape.split_last() else { return vec![element::text(dtype, bytes)] };
    let row = |(index, row): (usize, &[u8])| {
        let mut line = indices(outer, index);
        for element in row.chunks_exact(size) {
            line += &format!(" {:>9}", element::brief(dtype, element));
            // What is too long is cut when it is drawn: no need to make more than fits.
            if line.len() > columns {
                break;
            }
        }
        line
    };
    bytes.chunks_exact(length * size).enumerate().take(rows).map(row).collect()
}

/// The indices of the `index`th row under these axes, such as `[1, 0, :]`.
fn indices(outer: &[usize], mut index: usize) -> String {
    let mut indices = vec![":".to_owned()];
    for axis in outer.iter().rev() {
        indices.push((index % axis).to_string());
        index /= axis;
    }
    indices.reverse();
    format!("[{}]", indices.join(", "))
}

#[cfg(test)]
mod tests {
    use ndsharray::Store;

    use super::*;

    #[test]
    fn a_line_keeps_its_peaks_and_its_gaps() {
        let mut values = [0_f32; 40];
        (values[9], values[21]) = (5.0, -2.0);
        values[30..40].fill(f32::NAN);
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let points = line(&DType::Float32, &bytes, 8);
        assert_eq!(points.len(), 8);
        assert_eq!(points[1], Point { at: 5, range: Some((0.0, 5.0)), nan: false });
        assert_eq!(points[4], Point { at: 20, range: Some((-2.0, 0.0)), nan: false });
        assert_eq!(points[7], Point { at: 35, range: None, nan: true });
    }

    #[test]
    fn numbers_stand_in_rows_with_their_indices() {
        let bytes: Vec<u8> = (0..12_u16).flat_map(u16::to_ne_bytes).collect();
        let lines = numbers(&DType::UInt16, &[2, 3, 2], &bytes, (80, 5));
        assert_eq!(lines.len(), 5, "as many rows as fit");
        assert_eq!(lines[4], "[1, 1, :]         8         9");
        assert_eq!(numbers(&DType::UInt16, &[12], &bytes, (10, 5)), ["[:]         0"]);
        assert_eq!(numbers(&DType::UInt16, &[], &bytes[6..8], (80, 5)), ["3"]);
        assert_eq!(numbers(&DType::UInt16, &[3, 0], &[], (80, 5)), ["no elements"]);
    }

    #[test]
    fn a_value_is_looked_at_once_and_not_held() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let reader = store.reader("a").unwrap();
        assert!(refresh(&reader, None, |_| (10, 10)).is_err(), "no value yet");
        writer.write_slice(&[1_u8; 600], &[10, 20, 3]).unwrap();
        let first = refresh(&reader, None, |_| (10, 10)).unwrap().unwrap();
        assert_eq!((first.version, &first.shape[..]), (1, &[10, 20, 3][..]));
        assert!(matches!(&first.drawing, Drawing::Picture { pixels, .. } if pixels.rgb.len() == 80));
        assert_eq!(store.stat("a").unwrap().value.unwrap().slots.pinned, 0);
        assert!(
            refresh(&reader, Some(&first), |_| (10, 10)).unwrap().is_none(),
            "the same value, the same size"
        );
        let wider = refresh(&reader, Some(&first), |_| (20, 10)).unwrap().unwrap();
        assert_eq!(wider.room, (20, 10));
        writer.write_slice(&[0.5_f64, 1.5], &[2]).unwrap();
        let next = refresh(&reader, Some(&wider), |_| (20, 10)).unwrap().unwrap();
        assert!(matches!(next.drawing, Drawing::Line(points) if points.len() == 2));
        for _ in 0..20 {
            writer.write_slice(&[0.5_f64, 1.5], &[2]).unwrap();
            refresh(&reader, None, |_| (20, 10)).unwrap();
        }
        assert_eq!(store.stat("a").unwrap().value.unwrap().slots.allocated, 2, "no slot is kept");
    }
}
