//! The part of a value that a page shows: cut out, and reduced to what a screen has room for.

pub(crate) mod cache;
mod figures;
mod jpeg;
mod line;
pub(crate) mod picture;
mod pixel;
mod plane;
mod sample;
pub(crate) mod wanted;

use axum::http::StatusCode;
use ndsharray::{DType, Snapshot};
use serde::Serialize;

use crate::refusal::Refusal;
use crate::value::element::Element;
use crate::view::figures::Figures;
use crate::view::sample::Samples;
use crate::view::wanted::{Wanted, inside};

/// So many bytes a view has at most.
pub(crate) const MOST_BYTES: usize = 64 << 20;

/// A part of a value: a plane of pixels, a line of numbers, or elements as they are.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    /// Of the elements of the body.
    pub dtype: String,
    /// Of the body.
    pub shape: Vec<usize>,
    kind: Kind,
    /// How many elements of the array, along each of the last two axes of a plane or the last of a line, became one.
    step: usize,
    /// Where the view begins in the last one or two axes, and how far it goes: `[x, y, width, height]` or `[x, width]`.
    region: Vec<usize>,
    /// How many of the first axes have one index each: the others are shown.
    pub leading: usize,
    /// How the elements of the body lie, if they are no numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<Element>,
    /// What the numbers of the part that was asked for are like.
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Figures>,
    /// Whether the elements of the array are `uint8`: of `bool`, which comes as 0 and 1, JPEG would leave little.
    #[serde(skip)]
    is_bytes: bool,
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
        let attributes = value.attributes().ok().flatten();
        let encoding = attributes.as_ref().and_then(|attributes| attributes.get(pixel::ATTRIBUTE)?.as_str());
        Self::of_array(value.dtype(), value.shape(), value.bytes(), encoding, wanted)
    }

    fn of_array(
        dtype: &DType,
        shape: &[usize],
        bytes: &[u8],
        encoding: Option<&str>,
        wanted: &Wanted,
    ) -> Result<View, Refusal> {
        let colour = wanted.colour(dtype, shape, encoding);
        let leading = wanted.leading(shape, colour);
        // The part that the first axes leave.
        let inner = &shape[leading.len()..];
        let size: usize = inner.iter().product();
        let at = leading.iter().zip(shape).fold(0, |at, (index, length)| at * length + index);
        let range = at * size * dtype.itemsize()..(at + 1) * size * dtype.itemsize();
        let Some(bytes) = bytes.get(range) else { return Err(none(shape)) };
        let mut view = match (Samples::of(dtype, bytes, wanted.part), inner) {
            (None, _) => elements(dtype, inner, bytes, wanted),
            (Some(samples), &[height, width, channels]) if colour => {
                let mut view = described_plane(&samples, [height, width, channels], wanted)?;
                if pixel::is_blue_first(encoding, dtype, channels) {
                    pixel::exchange(&mut view.body, channels, dtype.itemsize());
                }
                view
            }
            (Some(samples), &[height, width]) => described_plane(&samples, [height, width, 1], wanted)?,
            (Some(samples), &[length]) => line::of(&samples, length, wanted),
            (Some(samples), []) => line::of(&samples, 1, wanted),
            _ => return Err(wanted.too_many_axes(inner)),
        };
        view.leading = leading.len();
        view.is_bytes = *dtype == DType::UInt8;
        Ok(view)
    }
}

#[cold]
fn none(shape: &[usize]) -> Refusal {
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!("an array of shape {shape:?} has no elements to show"),
    )
}

/// The wanted part of a plane, and what its numbers are like if that is wanted.
fn described_plane(samples: &Samples<'_>, shape: [usize; 3], wanted: &Wanted) -> Result<View, Refusal> {
    let [height, width, _] = shape;
    let figures = wanted.figures.map(|region| figures::of(samples, shape, inside(region, height, width)));
    Ok(View { figures, ..plane::of(samples, shape, wanted)? })
}

/// The first elements of what is left, flat: as many as are wanted.
fn elements(dtype: &DType, inner: &[usize], bytes: &[u8], wanted: &Wanted) -> View {
    let length: usize = inner.iter().product();
    let (from, count) = wanted.span(length, MOST_BYTES / dtype.itemsize().max(1));
    let region = vec![from, count];
    let body =
        bytes.get(from * dtype.itemsize()..(from + count) * dtype.itemsize()).unwrap_or_default().to_vec();
    let element = Some(Element::of(dtype));
    View {
        dtype: dtype.name().to_owned(),
        shape: vec![count],
        kind: Kind::Elements,
        step: 1,
        region,
        leading: 0,
        element,
        figures: None,
        is_bytes: false,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(dtype: &str, shape: &[usize], bytes: &[u8], encoding: Option<&str>, wanted: &str) -> View {
        let wanted: Wanted = serde_json::from_str(wanted).unwrap();
        View::of_array(&dtype.parse().unwrap(), shape, bytes, encoding, &wanted).unwrap()
    }

    #[test]
    fn colours_are_told_by_the_encoding_or_the_shape_and_red_is_first() {
        let bytes: Vec<u8> = (0..12).collect();
        let found = view("uint8", &[2, 2, 3], &bytes, Some("bgr8"), "{}");
        assert_eq!((found.kind, &found.shape[..]), (Kind::Plane, &[2, 2, 3][..]));
        assert_eq!(found.body, [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9]);
        assert_eq!(view("uint8", &[2, 2, 3], &bytes, Some("rgb8"), "{}").body, bytes);
        assert_eq!(
            view("uint8", &[2, 2, 3], &bytes, None, "{}").shape,
            [2, 3],
            "too small to be guessed as colours"
        );
        let gray = vec![7; 64];
        assert_eq!(view("uint8", &[8, 8, 1], &gray, None, "{}").shape, [8, 8]);
        let wide = vec![0; 192];
        assert_eq!(view("uint8", &[8, 8, 3], &wide, None, "{}").shape, [8, 8, 3]);
        assert_eq!(view("uint8", &[8, 8, 3], &wide, None, r#"{"colour":false}"#).shape, [8, 3]);
        assert_eq!(view("uint8", &[8, 8, 3], &wide, Some("mono8"), "{}").shape, [8, 3]);
    }

    #[test]
    fn nothing_is_made_of_an_axis_without_elements() {
        let of = |shape: &[usize]| View::of_array(&DType::UInt8, shape, &[], None, &Wanted::default());
        for shape in [&[0, 8, 8][..], &[0, 8, 8, 3], &[3, 0, 8, 8]] {
            assert_eq!(of(shape).unwrap_err().status(), 422, "{shape:?}");
        }
        assert_eq!(of(&[8, 0]).unwrap().shape, [8, 0]);
    }

    #[test]
    fn a_large_square_of_the_largest_bytes_has_the_right_mean() {
        let bright = vec![255; 4110 * 4110];
        assert_eq!(view("uint8", &[4110, 4110], &bright, None, r#"{"room":[1,1]}"#).body, [255]);
    }

    #[test]
    fn a_part_of_a_stack_reduced() {
        let bytes: Vec<u8> = (0..32).collect();
        let found =
            view("uint8", &[2, 4, 4], &bytes, None, r#"{"index":[1],"region":[0,0,4,2],"room":[2,2]}"#);
        assert_eq!((found.step, &found.region[..], &found.shape[..]), (2, &[0, 0, 4, 2][..], &[1, 2][..]));
        assert_eq!(found.body, [19, 21], "means of 16, 17, 20, 21 and 18, 19, 22, 23, rounded up");
    }

    #[test]
    fn arrays_without_elements_are_shown_as_none_however_long_their_other_axes_are() {
        // So long an axis would take hours to go through.
        let long = 1 << 40;
        let wanted =
            ["{}", r#"{"index":[5]}"#, r#"{"index":[5,5,5]}"#, r#"{"room":[100,100],"region":[0,0,9,9]}"#];
        for dtype in ["uint8", "complex64", "bool", "[('a', '|u1'), ('b', '|i1')]"] {
            let dtype: DType = dtype.parse().unwrap();
            for wanted in wanted {
                let wanted: Wanted = serde_json::from_str(wanted).unwrap();
                for shape in [
                    &[0][..],
                    &[long, 0],
                    &[0, long],
                    &[0, 480, 640],
                    &[3, 0, 640],
                    &[long, 0, 640],
                    &[0, 8, 8, 3],
                ] {
                    match View::of_array(&dtype, shape, &[], None, &wanted) {
                        Ok(found) => {
                            assert!(found.shape.contains(&0) && found.body.is_empty(), "{dtype} {shape:?}")
                        }
                        Err(refusal) => assert_eq!(refusal.status(), 422, "{dtype} {shape:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn room_may_be_any_number() {
        let bytes: Vec<u8> = (0..6).collect();
        for across in [0, 1, 1 << 63, u64::MAX] {
            for (shape, expected) in [(&[6][..], 6), (&[2, 3], 6)] {
                let wanted = format!(r#"{{"room":[{across},{across}]}}"#);
                let found = view("uint8", shape, &bytes, None, &wanted);
                assert!(found.body.len() <= expected, "{wanted} {shape:?}");
                assert!(across < 2 || found.body == bytes, "{wanted} {shape:?}");
            }
        }
    }

    #[test]
    fn regions_are_cut_to_what_there_is() {
        let bytes: Vec<u8> = (0..6).collect();
        let far = u64::MAX;
        for region in
            [format!("[{far},{far},{far},{far}]"), format!("[1,1,{far},{far}]"), "[3,2,1,1]".to_owned()]
        {
            let found = view("uint8", &[2, 3], &bytes, None, &format!(r#"{{"region":{region}}}"#));
            assert_eq!(found.body, if region.starts_with("[1,") { vec![4, 5] } else { vec![] }, "{region}");
        }
        let found = view("uint8", &[6], &bytes, None, &format!(r#"{{"region":[4,{far}]}}"#));
        assert_eq!(found.body, [4, 5]);
    }

    #[test]
    fn means_of_many_are_right() {
        // Their sum needs more than 32 bits.
        let bytes = vec![255; 4200 * 4200];
        assert_eq!(view("uint8", &[4200, 4200], &bytes, None, r#"{"room":[1,1]}"#).body, [255]);
        let bytes: Vec<u8> = (0..45).collect();
        let found = view("uint8", &[3, 5, 3], &bytes, Some("rgb8"), r#"{"room":[3,2]}"#);
        assert_eq!((found.step, &found.shape[..]), (2, &[2, 3, 3][..]), "the last squares are smaller");
        assert_eq!(found.body, [9, 10, 11, 15, 16, 17, 20, 21, 22, 32, 33, 34, 38, 39, 40, 42, 43, 44]);
    }

    #[test]
    fn bytes_are_made_jpeg_of_and_truths_are_not() {
        for (dtype, is_made) in [("uint8", true), ("bool", false), ("int8", false)] {
            assert_eq!(view(dtype, &[8, 8], &[1; 64], None, "{}").to_jpeg().is_some(), is_made, "{dtype}");
        }
    }

    #[test]
    fn figures_are_those_of_the_elements_where_the_view_is_reduced() {
        let wanted = r#"{"room":[1,1],"figures":[1,0,9,2]}"#;
        let figures = |dtype, shape: &[usize], bytes: &[u8]| {
            serde_json::to_value(view(dtype, shape, bytes, None, wanted).figures).unwrap()
        };
        let found = figures("uint8", &[3, 3], &[9, 1, 2, 9, 3, 6, 9, 9, 9]);
        let expected = serde_json::json!({
            "region": [1, 0, 2, 2], "count": 4, "nan": 0, "infinite": 0, "least": "1", "greatest": "6", "mean": 3.0,
            "deviation": 3.5f64.sqrt()
        });
        assert_eq!(found, expected);
        let large = [0, i64::MIN, 5, 0, i64::MAX, 5, 0, 0, 0];
        let found = figures("int64", &[3, 3], bytemuck::cast_slice(&large));
        assert_eq!(
            (&found["least"], &found["greatest"]),
            (&"-9223372036854775808".into(), &"9223372036854775807".into())
        );
        let odd = [0.0, f32::NAN, f32::INFINITY, 0.0, f32::NAN, 0.1];
        let found = figures("float32", &[2, 3], bytemuck::cast_slice(&odd));
        assert_eq!(
            (&found["nan"], &found["infinite"], &found["least"]),
            (&2.into(), &1.into(), &"0.1".into())
        );
        let found = figures("float32", &[0, 3], &[]);
        assert!(found["count"] == 0 && found["mean"].is_null() && found["least"].is_null());
    }

    #[test]
    fn records_come_as_they_lie() {
        let found =
            view("[('a', '|u1'), ('b', '|i1')]", &[3], &[1, 2, 3, 4, 5, 6], None, r#"{"region":[1,1]}"#);
        assert_eq!(
            (found.kind, &found.region[..], &found.body[..]),
            (Kind::Elements, &[1, 1][..], &[3, 4][..])
        );
        assert!(found.element.is_some());
    }
}
