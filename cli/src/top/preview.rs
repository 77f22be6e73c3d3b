//! What `top` shows of a value: a picture, a line or a table. It is made while the value is held, and kept without it.

use ndsharray::{DType, Reader, Result, UnixTime, View};

use crate::table::json_line;
use crate::{element, encoding};

use super::grid::{Grid, Position};
use super::picture::{Image, Pixels};
use super::statistics::{self, Statistics};

/// How many elements are looked at for each point of a line, at most.
const FOR_A_POINT: usize = 8;
/// How many columns an array has, at most, that is a table rather than a picture: points, poses, boxes.
const NARROW: usize = 8;

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
    /// Where its table begins.
    pub at: Position,
}

impl Preview {
    /// Whether it is a table, of which there is more than fits.
    pub fn scrolls(&self) -> bool {
        matches!(&self.drawing, Drawing::Table(grid) if !grid.part.is_empty())
    }
}

#[derive(Debug)]
pub enum Drawing {
    Picture { image: Image, pixels: Pixels },
    Line(Vec<Point>),
    Table(Grid),
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

/// Looks at the latest value; `None` if `before` shows that value already, in this size and from this position on.
///
/// `room`: the columns and rows for a drawing, beside attributes or without. `at`: where a table is to begin. The slot of the value is held until this returns.
/// The writer may need one more slot for that moment.
pub fn refresh(
    reader: &Reader,
    before: Option<&Preview>,
    at: Position,
    room: impl Fn(bool) -> (u16, u16),
) -> Result<Option<Preview>> {
    let value = reader.view()?;
    let attributes = attributes(&value);
    let room = room(attributes.is_some());
    let same = |before: &Preview| {
        (before.version, before.room, before.at) == (value.version(), room, at)
            && before.dtype == *value.dtype()
            && before.shape == value.shape()
    };
    if before.is_some_and(same) {
        return Ok(None);
    }
    let statistics = statistics::of(value.dtype(), value.shape(), value.bytes());
    let drawing = draw(&value, statistics.as_ref(), at, room);
    Ok(Some(of(&value, attributes, statistics, drawing, room)))
}

/// The latest value with its elements as text, whatever it is.
pub fn as_text(reader: &Reader, room: (u16, u16)) -> Result<Preview> {
    let value = reader.view()?;
    let (dtype, shape, bytes) = (value.dtype(), value.shape(), value.bytes());
    let table = Drawing::Table(Grid::of(dtype, shape, bytes, room, Position::default()));
    Ok(of(&value, attributes(&value), statistics::of(dtype, shape, bytes), table, room))
}

fn attributes(value: &View<'_>) -> Option<String> {
    // Bytes that are said to be attributes, and are none, are not shown.
    value.attributes_json().ok().flatten().map(json_line)
}

fn draw(value: &View<'_>, statistics: Option<&Statistics>, at: Position, room: (u16, u16)) -> Drawing {
    let (dtype, shape, bytes) = (value.dtype(), value.shape(), value.bytes());
    let (columns, rows) = (usize::from(room.0), usize::from(room.1));
    let range = statistics.and_then(|found| found.range.as_ref());
    let range = range.map_or((0.0, 0.0), |range| (range.min, range.max));
    let encoding = encoding::of_view(value);
    let narrow = matches!(shape, [_, width] if *width <= NARROW) && encoding.is_none();
    match (Image::of(dtype, shape, encoding.as_deref()).filter(|_| !narrow), shape) {
        // Two pixels in each cell, one above the other.
        (Some(image), _) => {
            Drawing::Picture { image, pixels: image.pixels(dtype, bytes, (columns, 2 * rows), range) }
        }
        // Two dots in each column.
        (None, [length]) if *length > 1 && element::number(dtype).is_some() => {
            Drawing::Line(line(dtype, bytes, (2 * columns).min(*length)))
        }
        _ => Drawing::Table(Grid::of(dtype, shape, bytes, room, at)),
    }
}

fn of(
    value: &View<'_>,
    attributes: Option<String>,
    statistics: Option<Statistics>,
    drawing: Drawing,
    room: (u16, u16),
) -> Preview {
    Preview {
        version: value.version(),
        dtype: value.dtype().clone(),
        shape: value.shape().to_vec(),
        nbytes: value.bytes().len(),
        written_at: value.written_at(),
        acquired_at: value.acquired_at(),
        attributes,
        statistics,
        at: match &drawing {
            Drawing::Table(grid) => grid.from,
            _ => Position::default(),
        },
        drawing,
        room,
    }
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

#[cfg(test)]
mod tests {
    use ndsharray::{Meta, Store};

    use super::*;

    const BEGIN: Position = Position { row: 0, column: 0 };

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
    fn a_value_is_looked_at_once_and_not_held() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let reader = store.reader("a").unwrap();
        assert!(refresh(&reader, None, BEGIN, |_| (10, 10)).is_err(), "no value yet");
        writer.write_slice(&[1_u8; 600], &[10, 20, 3]).unwrap();
        let first = refresh(&reader, None, BEGIN, |_| (10, 10)).unwrap().unwrap();
        assert_eq!((first.version, &first.shape[..]), (1, &[10, 20, 3][..]));
        assert!(matches!(&first.drawing, Drawing::Picture { pixels, .. } if pixels.rgb.len() == 80));
        assert_eq!(store.stat("a").unwrap().value.unwrap().slots.pinned, 0);
        assert!(
            refresh(&reader, Some(&first), BEGIN, |_| (10, 10)).unwrap().is_none(),
            "the same value, the same size"
        );
        let wider = refresh(&reader, Some(&first), BEGIN, |_| (20, 10)).unwrap().unwrap();
        assert_eq!(wider.room, (20, 10));
        writer.write_slice(&[0.5_f64, 1.5], &[2]).unwrap();
        let next = refresh(&reader, Some(&wider), BEGIN, |_| (20, 10)).unwrap().unwrap();
        assert!(matches!(next.drawing, Drawing::Line(points) if points.len() == 2));
        for _ in 0..20 {
            writer.write_slice(&[0.5_f64, 1.5], &[2]).unwrap();
            refresh(&reader, None, BEGIN, |_| (20, 10)).unwrap();
        }
        assert_eq!(store.stat("a").unwrap().value.unwrap().slots.allocated, 2, "no slot is kept");
    }

    #[test]
    fn what_is_narrow_is_a_table_unless_it_is_called_a_picture() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut writer = store.writer("a").unwrap();
        let reader = store.reader("a").unwrap();
        let mut drawn = |shape: &[usize], meta: &Meta, at: Position| {
            writer.write_slice_with(&vec![1.5_f32; shape.iter().product()], shape, meta).unwrap();
            refresh(&reader, None, at, |_| (60, 10)).unwrap().unwrap()
        };
        let plain = Meta::new();
        let cloud = drawn(&[100, 3], &plain, Position { row: 99, column: 0 });
        assert!(matches!(&cloud.drawing, Drawing::Table(grid) if grid.part == "rows 92-100 of 100"));
        assert_eq!(cloud.at.row, 91, "not beyond the end");
        assert!(refresh(&reader, Some(&cloud), cloud.at, |_| (60, 10)).unwrap().is_none());
        assert!(refresh(&reader, Some(&cloud), BEGIN, |_| (60, 10)).unwrap().is_some());
        let depth = Meta::new().attributes_json(r#"{"encoding": "32FC1"}"#).unwrap();
        assert!(matches!(drawn(&[100, 3], &depth, BEGIN).drawing, Drawing::Picture { .. }));
        assert!(matches!(drawn(&[100, 9], &plain, BEGIN).drawing, Drawing::Picture { .. }));
    }
}
