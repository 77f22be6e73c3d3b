//! Elements of any dtype, read from their bytes: as text to show, and as numbers to compare and draw.

mod number;
mod time;

use ndsharray::half::f16;
use ndsharray::{DType, Kind, RecordField, Scalar};

use crate::units;

use self::number::head;
pub use self::number::{Number, number};

/// How long `brief` may get before it leaves the rest of a record or array out, in bytes.
const BRIEF: usize = 80;

/// How exact a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Numbers with all digits that they need to be read back; nothing is left out.
    Exact,
    /// Numbers that are not whole with six digits, and `…` for the rest of a long record or array.
    Brief,
}

/// The text of one element, exact: a number as it would be read back, a time in ISO 8601, a string in quotes (`b'…'` of bytes),
/// a record as `(a, b)`, an array in a record as `[a, b]`, bytes that mean nothing else in hex. It has no control characters.
pub fn text(dtype: &DType, bytes: &[u8]) -> String {
    let mut out = String::new();
    write(&mut out, dtype, bytes, Style::Exact);
    out
}

/// The text of one element in little space: with six digits, and not all of a long record.
pub fn brief(dtype: &DType, bytes: &[u8]) -> String {
    let mut out = String::new();
    write(&mut out, dtype, bytes, Style::Brief);
    out
}

/// As [`brief`], for a field of a record, which may be an array; `record`: the bytes of the whole record.
pub fn brief_field(field: &RecordField, record: &[u8]) -> String {
    let mut out = String::new();
    write_field(&mut out, field, record, Style::Brief);
    out
}

fn write(out: &mut String, dtype: &DType, bytes: &[u8], style: Style) {
    match (dtype.scalar(), dtype.fields()) {
        (Some(scalar), _) => *out += &scalar_text(&scalar, bytes, style),
        (None, []) => *out += &hex(bytes, style),
        (None, fields) => {
            out.push('(');
            for (i, field) in fields.iter().enumerate() {
                if separate(out, i, style) {
                    break;
                }
                write_field(out, field, bytes, style);
            }
            out.push(')');
        }
    }
}

fn write_field(out: &mut String, field: &RecordField, record: &[u8], style: Style) {
    let bytes = record.get(field.offset()..).and_then(|bytes| bytes.get(..field.nbytes()));
    write_array(out, field.dtype(), field.shape(), bytes.unwrap_or_default(), style);
}

fn write_array(out: &mut String, dtype: &DType, shape: &[usize], bytes: &[u8], style: Style) {
    let Some((&length, inner)) = shape.split_first() else { return write(out, dtype, bytes, style) };
    out.push('[');
    for (i, part) in bytes.chunks_exact((bytes.len() / length.max(1)).max(1)).enumerate() {
        if separate(out, i, style) {
            break;
        }
        write_array(out, dtype, inner, part, style);
    }
    out.push(']');
}

/// Goes on to the `i`th part of a list; true if there is no more space.
fn separate(out: &mut String, i: usize, style: Style) -> bool {
    if i > 0 {
        *out += ", ";
    }
    let full = style == Style::Brief && out.len() > BRIEF;
    if full {
        out.push('…');
    }
    full
}

/// The text of an element that is one value.
fn scalar_text(scalar: &Scalar, bytes: &[u8], style: Style) -> String {
    let part = scalar.unit_of_order();
    if scalar.is_swapped() {
        let native: Vec<u8> = bytes.chunks_exact(part).flat_map(|part| part.iter().rev().copied()).collect();
        return native_text(scalar, &native, style);
    }
    native_text(scalar, bytes, style)
}

/// As `scalar_text`, of bytes in the order of this machine.
fn native_text(scalar: &Scalar, bytes: &[u8], style: Style) -> String {
    match (scalar.kind(), bytes.len()) {
        (Kind::Bool, _) => if head::<1>(bytes) == [0] { "false" } else { "true" }.to_owned(),
        (Kind::Int, 1) => i8::from_ne_bytes(head(bytes)).to_string(),
        (Kind::Int, 2) => i16::from_ne_bytes(head(bytes)).to_string(),
        (Kind::Int, 4) => i32::from_ne_bytes(head(bytes)).to_string(),
        (Kind::Int, 8) => i64::from_ne_bytes(head(bytes)).to_string(),
        (Kind::UInt, 1) => u8::from_ne_bytes(head(bytes)).to_string(),
        (Kind::UInt, 2) => u16::from_ne_bytes(head(bytes)).to_string(),
        (Kind::UInt, 4) => u32::from_ne_bytes(head(bytes)).to_string(),
        (Kind::UInt, 8) => u64::from_ne_bytes(head(bytes)).to_string(),
        (Kind::Float, size) => float(bytes, size, style),
        (Kind::Complex, size) => {
            let [re, im] = [&bytes[..size / 2], &bytes[size / 2..]].map(|part| float(part, size / 2, style));
            let sign = if im.starts_with('-') { "" } else { "+" };
            format!("{re}{sign}{im}j")
        }
        (Kind::DateTime, _) => time::point(i64::from_ne_bytes(head(bytes)), scalar.time_unit()),
        (Kind::TimeDelta, _) => time::length(i64::from_ne_bytes(head(bytes)), scalar.time_unit()),
        (Kind::Bytes, _) => {
            let text = cut(bytes, 1, style).escape_ascii().to_string();
            format!("b'{}'", text.replace("\\\"", "\""))
        }
        (Kind::Str, _) => {
            let code = |point: &[u8]| char::from_u32(u32::from_ne_bytes(head(point)));
            let points = cut(bytes, 4, style).chunks_exact(4);
            let text: String =
                points.map(|point| code(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            format!("'{}'", text.escape_debug().to_string().replace("\\\"", "\""))
        }
        _ => hex(bytes, style),
    }
}

/// The bytes of a string without the zeros behind it, in brief not more than are shown; `size`: the bytes of a character.
fn cut(bytes: &[u8], size: usize, style: Style) -> &[u8] {
    let most = if style == Style::Brief { BRIEF * size } else { bytes.len() };
    let bytes = &bytes[..bytes.len().min(most)];
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..used.next_multiple_of(size)]
}

fn float(bytes: &[u8], size: usize, style: Style) -> String {
    let value = match size {
        2 => f16::from_ne_bytes(head(bytes)).to_f64(),
        4 => f64::from(f32::from_ne_bytes(head(bytes))),
        8 => f64::from_ne_bytes(head(bytes)),
        // Longer ones have other forms on other machines.
        _ => return hex(bytes, style),
    };
    match (style, size) {
        (Style::Brief, _) => units::number(value),
        (Style::Exact, 8) => format!("{value:?}"),
        (Style::Exact, 4) => format!("{:?}", f32::from_ne_bytes(head(bytes))),
        (Style::Exact, _) => {
            // The fewest digits that only this number has. Five are always enough.
            let digits = (0..5).map(|digits| format!("{value:.digits$e}").parse::<f64>().unwrap_or(value));
            let same = |rounded: &f64| f16::from_f64(*rounded).to_f64() == value;
            format!("{:?}", digits.into_iter().find(same).unwrap_or(value))
        }
    }
}

fn hex(bytes: &[u8], style: Style) -> String {
    let most = if style == Style::Brief { BRIEF / 2 } else { bytes.len() };
    bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both<const N: usize>(dtype: DType, bytes: [u8; N]) -> (f64, String) {
        assert_eq!(dtype.itemsize(), N, "{dtype}");
        let mut swapped = bytes;
        swapped.reverse();
        let found = (number(&dtype).unwrap()(&bytes), text(&dtype, &bytes));
        if let Some(other) = other_order(&dtype) {
            assert_eq!(text(&other, &swapped), found.1);
        }
        found
    }

    /// The same dtype in the byte order of another machine, as fields of records can have it; `None` for single bytes.
    fn other_order(dtype: &DType) -> Option<DType> {
        let kind = match dtype.scalar().unwrap().kind() {
            Kind::Int => 'i',
            Kind::UInt => 'u',
            _ => 'f',
        };
        let order = if cfg!(target_endian = "little") { '>' } else { '<' };
        let record = || format!("[('x', '{order}{kind}{}')]", dtype.itemsize()).parse::<DType>().unwrap();
        (dtype.itemsize() > 1).then(|| record().fields()[0].dtype().clone())
    }

    fn shown(descr: &str, bytes: &[u8]) -> String {
        let dtype: DType = descr.parse().unwrap();
        assert_eq!(dtype.itemsize(), bytes.len(), "{dtype}");
        text(&dtype, bytes)
    }

    #[test]
    fn every_built_in_dtype_is_read() {
        assert_eq!(both(DType::Bool, [0]), (0.0, "false".into()));
        assert_eq!(both(DType::Bool, [7]), (1.0, "true".into()));
        assert_eq!(both(DType::Int8, [0xff]), (-1.0, "-1".into()));
        assert_eq!(both(DType::Int16, (-300_i16).to_ne_bytes()), (-300.0, "-300".into()));
        assert_eq!(both(DType::Int32, i32::MIN.to_ne_bytes()), (-2147483648.0, "-2147483648".into()));
        assert_eq!(both(DType::Int64, i64::MAX.to_ne_bytes()), (i64::MAX as f64, i64::MAX.to_string()));
        assert_eq!(both(DType::UInt8, [200]), (200.0, "200".into()));
        assert_eq!(both(DType::UInt16, 60000_u16.to_ne_bytes()), (60000.0, "60000".into()));
        assert_eq!(both(DType::UInt32, u32::MAX.to_ne_bytes()), (4294967295.0, "4294967295".into()));
        assert_eq!(both(DType::UInt64, u64::MAX.to_ne_bytes()), (u64::MAX as f64, u64::MAX.to_string()));
        assert_eq!(both(DType::Float16, f16::from_f32(-1.5).to_ne_bytes()), (-1.5, "-1.5".into()));
        assert_eq!(both(DType::Float32, 0.1_f32.to_ne_bytes()), (f64::from(0.1_f32), "0.1".into()));
        assert_eq!(both(DType::Float64, f64::INFINITY.to_ne_bytes()), (f64::INFINITY, "inf".into()));
    }

    #[test]
    fn complex_numbers_have_a_magnitude_and_keep_their_nan() {
        let pair = |re: f32, im: f32| [re.to_ne_bytes(), im.to_ne_bytes()].concat();
        let of = |re, im| number(&DType::Complex64).unwrap()(&pair(re, im));
        assert_eq!(of(3.0, -4.0), 5.0);
        assert!(of(f32::INFINITY, f32::NAN).is_nan());
        assert_eq!(text(&DType::Complex64, &pair(1.0, -2.5)), "1.0-2.5j");
        assert_eq!(brief(&DType::Complex64, &pair(1.0, -2.5)), "1-2.5j");
        let bytes = [1.0_f64.to_ne_bytes(), 0.5_f64.to_ne_bytes()].concat();
        assert_eq!(text(&DType::Complex128, &bytes), "1.0+0.5j");
        assert_eq!(number(&DType::Complex128).unwrap()(&bytes), 1.25_f64.sqrt());
        let swapped = [1.0_f64.to_be_bytes(), 0.5_f64.to_be_bytes()].concat();
        assert_eq!(shown("[('x', '>c16')]", &swapped), "(1.0+0.5j)");
    }

    #[test]
    fn floats_are_exact_or_brief() {
        for value in [0.1, 1.0 / 3.0, 65504.0, 6e-8, -0.0, 1e-300, f64::MAX] {
            let exact = text(&DType::Float64, &value.to_ne_bytes());
            assert_eq!(exact.parse::<f64>().unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(brief(&DType::Float64, &(1.0_f64 / 3.0).to_ne_bytes()), "0.333333");
        assert_eq!(text(&DType::Float16, &f16::from_f32(0.1).to_ne_bytes()), "0.1");
        for bits in 0..=u16::MAX {
            let value = f16::from_bits(bits);
            let back = f16::from_f64(text(&DType::Float16, &value.to_ne_bytes()).parse().unwrap());
            assert!(back.to_bits() == bits || value.is_nan(), "{value}");
        }
    }

    #[test]
    fn strings_times_and_bytes_are_readable() {
        assert_eq!(shown("|S5", b"a\"'\n\0"), r#"b'a"\'\n'"#);
        let text = |order: fn(u32) -> [u8; 4]| {
            "a\u{1b}'é".chars().flat_map(|c| order(c.into())).collect::<Vec<u8>>()
        };
        let padded = |order| [text(order), vec![0; 4]].concat();
        assert_eq!(shown("<U5", &padded(u32::to_le_bytes)), r"'a\u{1b}\'é'");
        assert_eq!(shown(">U5", &padded(u32::to_be_bytes)), r"'a\u{1b}\'é'");
        assert_eq!(shown("<U1", &[0, 0, 0xff, 0xff]), "'\u{fffd}'", "no code point");
        assert_eq!(shown("|S2", &[0, 0]), "b''");
        assert_eq!(shown(">M8[ms]", &5_i64.to_be_bytes()), "1970-01-01T00:00:00.005");
        assert_eq!(shown("<m8[25s]", &3_i64.to_le_bytes()), "75 seconds");
        assert_eq!(shown("|V2", &[0x0a, 0xff]), "0aff");
        let opaque = DType::custom("bfloat16", 2, "<V2").unwrap();
        assert!(number(&opaque).is_none());
        assert_eq!(super::text(&opaque, &[0x0a, 0xff]), "0aff");
    }

    #[test]
    fn records_are_tuples_with_arrays_in_them() {
        let descr = "[('a', '<i2'), ('b', [('x', '>f4'), ('s', '|S1')]), ('m', '|u1', (2, 2)), ('none', '|u1', (0,))]";
        let bytes = [&[1, 0][..], &1.5_f32.to_be_bytes(), b"z", &[1, 2, 3, 4]].concat();
        assert_eq!(shown(descr, &bytes), "(1, (1.5, b'z'), [[1, 2], [3, 4]], [])");
        // Fields that lie elsewhere than one behind the other.
        let gaps = "{'names': ['x'], 'formats': ['<u2'], 'offsets': [3], 'itemsize': 8}";
        assert_eq!(shown(gaps, &[9, 9, 9, 1, 1, 9, 9, 9]), "(257)");
    }

    #[test]
    fn what_is_brief_is_short_however_long_the_element_is() {
        let long: DType = "[('a', '|u1', (1000, 1000)), ('b', '|S100000')]".parse().unwrap();
        let found = brief(&long, &vec![7; long.itemsize()]);
        assert!(
            found.starts_with("([[7, 7, ") && found.ends_with(", …], …], …)") && found.len() < 2 * BRIEF,
            "{found}"
        );
        for descr in ["|S100000", "<U25000", "|V100000"] {
            let dtype: DType = descr.parse().unwrap();
            let found = brief(
                &dtype,
                &vec![0; dtype.itemsize() - 4].into_iter().chain([65, 0, 0, 0]).collect::<Vec<_>>(),
            );
            assert!(found.len() <= 4 * BRIEF, "{descr}: {found}");
            assert!(super::text(&dtype, &vec![65; dtype.itemsize()]).len() >= 25_000);
        }
    }
}
