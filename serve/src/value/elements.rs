//! The elements of an array as JSON.

use ndsharray::half::f16;
use ndsharray::{DType, Kind, RecordField, Scalar};
use serde_json::{Map, Number, Value};

/// How much JSON an array becomes: how many elements, each field of a record for itself, and of how many bytes. An axis of length 0
/// ends in as many lists as stand before it. Fields may lie over each other, so a small record can be much.
pub(crate) fn weight(dtype: &DType, shape: &[usize]) -> (usize, usize) {
    let count = shape
        .iter()
        .take_while(|&&length| length > 0)
        .fold(1, |count: usize, &length| count.saturating_mul(length));
    if shape.contains(&0) {
        return (count, 0);
    }
    let (elements, nbytes) = match dtype.fields() {
        [] => (1, dtype.itemsize()),
        fields => fields
            .iter()
            .map(|field| weight(field.dtype(), field.shape()))
            .fold((0, 0), |all: (usize, usize), one| {
                (all.0.saturating_add(one.0), all.1.saturating_add(one.1))
            }),
    };
    (count.saturating_mul(elements), count.saturating_mul(nbytes))
}

/// An array as lists in lists, the last axis innermost; a single element of no axes as itself.
///
/// Numbers that are not finite are null, complex ones `[re, im]`, records objects, times whole numbers in their unit, strings without
/// the zeros behind them, and bytes that mean nothing else text in hex.
pub(crate) fn array(dtype: &DType, shape: &[usize], bytes: &[u8]) -> Value {
    let Some((&length, inner)) = shape.split_first() else { return element(dtype, bytes) };
    let size = inner.iter().product::<usize>() * dtype.itemsize();
    // An axis of length 0 further in leaves no bytes to cut.
    let part = |index: usize| bytes.get(index * size..(index + 1) * size).unwrap_or_default();
    Value::Array((0..length).map(|index| array(dtype, inner, part(index))).collect())
}

fn element(dtype: &DType, bytes: &[u8]) -> Value {
    match (dtype.scalar(), dtype.fields()) {
        (Some(scalar), _) => self::scalar(&scalar, bytes),
        (None, []) => hex(bytes),
        (None, fields) => {
            let member = |field: &RecordField| (field.name().to_owned(), self::field(field, bytes));
            Value::Object(fields.iter().map(member).collect::<Map<_, _>>())
        }
    }
}

fn field(field: &RecordField, record: &[u8]) -> Value {
    let bytes = record.get(field.offset()..).and_then(|bytes| bytes.get(..field.nbytes()));
    array(field.dtype(), field.shape(), bytes.unwrap_or_default())
}

fn scalar(scalar: &Scalar, bytes: &[u8]) -> Value {
    if !scalar.is_swapped() {
        return native(scalar, bytes);
    }
    let parts = bytes.chunks_exact(scalar.unit_of_order());
    native(scalar, &parts.flat_map(|part| part.iter().rev().copied()).collect::<Vec<u8>>())
}

/// Of bytes in the order of this machine.
fn native(scalar: &Scalar, bytes: &[u8]) -> Value {
    match (scalar.kind(), bytes.len()) {
        (Kind::Bool, _) => Value::Bool(bytes != [0]),
        (Kind::Int, 1) => i8::from_ne_bytes(head(bytes)).into(),
        (Kind::Int, 2) => i16::from_ne_bytes(head(bytes)).into(),
        (Kind::Int, 4) => i32::from_ne_bytes(head(bytes)).into(),
        (Kind::Int | Kind::DateTime | Kind::TimeDelta, 8) => i64::from_ne_bytes(head(bytes)).into(),
        (Kind::UInt, 1) => u8::from_ne_bytes(head(bytes)).into(),
        (Kind::UInt, 2) => u16::from_ne_bytes(head(bytes)).into(),
        (Kind::UInt, 4) => u32::from_ne_bytes(head(bytes)).into(),
        (Kind::UInt, 8) => u64::from_ne_bytes(head(bytes)).into(),
        (Kind::Float, size @ (2 | 4 | 8)) => float(bytes, size),
        (Kind::Complex, 8 | 16) => {
            let (re, im) = bytes.split_at(bytes.len() / 2);
            Value::Array(vec![float(re, re.len()), float(im, im.len())])
        }
        (Kind::Bytes, _) => {
            let used = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            // As Latin-1, so that each byte can be told.
            Value::String(bytes[..used].iter().map(|&byte| char::from(byte)).collect())
        }
        (Kind::Str, _) => {
            let points = bytes.chunks_exact(4).map(|point| u32::from_ne_bytes(head(point)));
            let text = points.map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            Value::String(text.collect::<String>().trim_end_matches('\0').to_owned())
        }
        _ => hex(bytes),
    }
}

fn head<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

fn float(bytes: &[u8], size: usize) -> Value {
    let number = match size {
        2 => shortest(f16::from_ne_bytes(head(bytes)).to_f32()),
        4 => shortest(f32::from_ne_bytes(head(bytes))),
        _ => f64::from_ne_bytes(head(bytes)),
    };
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// The number that has the same digits: 0.1, where the float32 is 0.10000000149011612.
fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or(f64::NAN)
}

fn hex(bytes: &[u8]) -> Value {
    Value::String(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(dtype: &str, shape: &[usize], bytes: &[u8]) -> Value {
        array(&dtype.parse().unwrap(), shape, bytes)
    }

    #[test]
    fn lists_in_lists() {
        assert_eq!(of("uint8", &[2, 3], &[1, 2, 3, 4, 5, 6]), json!([[1, 2, 3], [4, 5, 6]]));
        assert_eq!(of("uint8", &[], &[7]), json!(7));
        assert_eq!(of("uint8", &[2, 0], &[]), json!([[], []]));
        assert_eq!(of("uint8", &[0, 2], &[]), json!([]));
    }

    #[test]
    fn numbers_keep_their_digits_and_those_that_are_not_finite_are_null() {
        let floats = [0.1f32, f32::NAN, f32::INFINITY, -0.5].map(f32::to_ne_bytes).concat();
        assert_eq!(of("float32", &[4], &floats).to_string(), "[0.1,null,null,-0.5]");
        assert_eq!(of("float64", &[1], &0.1f64.to_ne_bytes()).to_string(), "[0.1]");
        assert_eq!(of("float16", &[1], &f16::from_f32(1.5).to_ne_bytes()).to_string(), "[1.5]");
        assert_eq!(of("uint64", &[1], &[255; 8]).to_string(), "[18446744073709551615]");
        assert_eq!(of("[('x', '>i2')]", &[1], &[1, 0]), json!([{ "x": 256 }]));
        let complex = [1.5f64, f64::NAN].map(f64::to_ne_bytes).concat();
        assert_eq!(of("complex128", &[1], &complex), json!([[1.5, null]]));
    }

    #[test]
    fn what_becomes_much_json_is_known_before() {
        let weight = |dtype: &str, shape: &[usize]| super::weight(&dtype.parse().unwrap(), shape);
        assert_eq!(weight("float32", &[]), (1, 4));
        assert_eq!(weight("float32", &[3, 5]), (15, 60));
        assert_eq!(weight("[('a', '|u1'), ('b', '<f4', (2, 3))]", &[10]), (70, 250));
        let over_each_other = "{'names': ['a', 'b', 'c'], 'formats': ['|S9', '|S9', '|S9'], 'offsets': [0, 0, 0], 'itemsize': 9}";
        assert_eq!(weight(over_each_other, &[2]), (6, 54));
        assert_eq!(weight("uint8", &[1 << 40, 0, 5]), (1 << 40, 0), "so many empty lists");
        assert_eq!(weight("uint8", &[5, 0, 1 << 40]), (5, 0));
        assert_eq!(weight("[('a', '|u1', (1000000, 0)), ('b', '|u1')]", &[3]).0, 3_000_003);
    }

    #[test]
    fn other_elements() {
        assert_eq!(of("bool", &[3], &[0, 1, 7]), json!([false, true, true]));
        assert_eq!(of("M8[ms]", &[1], &5i64.to_ne_bytes()), json!([5]));
        assert_eq!(of("S4", &[1], b"a\xe9\0\0"), json!(["aé"]));
        assert_eq!(of("<U2", &[1], &[0xe9, 0, 0, 0, 0, 0, 0, 0]), json!(["é"]));
        assert_eq!(of("V2", &[1], &[10, 255]), json!(["0aff"]));
        let record = [&[1, 0][..], &1.5f32.to_ne_bytes(), &[3, 4]].concat();
        let descr = "[('a', '<i2'), ('b', '<f4'), ('m', '|u1', (2,))]";
        assert_eq!(of(descr, &[1], &record), json!([{ "a": 1, "b": 1.5, "m": [3, 4] }]));
    }
}
