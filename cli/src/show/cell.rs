//! The text of one element: for people, and for tables.

use ndsharray::{DType, Kind, RecordField};

use crate::element;

/// Whether elements are numbers, whose last digits are to be below each other.
pub fn is_number(dtype: &DType) -> bool {
    let kind = dtype.scalar().map(|scalar| scalar.kind());
    matches!(kind, Some(Kind::Bool | Kind::Int | Kind::UInt | Kind::Float | Kind::Complex))
}

/// An element for people: numbers with six digits, records with the names of their fields.
pub fn brief(dtype: &DType, bytes: &[u8]) -> String {
    if dtype.fields().is_empty() {
        return element::brief(dtype, bytes);
    }
    let field = |field: &RecordField| {
        let bytes = &bytes[field.offset()..field.offset() + field.nbytes()];
        format!("{}: {}", field.name(), brief_array(field.dtype(), field.shape(), bytes))
    };
    format!("{{{}}}", dtype.fields().iter().map(field).collect::<Vec<_>>().join(", "))
}

fn brief_array(dtype: &DType, shape: &[usize], bytes: &[u8]) -> String {
    /// A longer axis is cut.
    const MOST: usize = 6;
    let Some((&length, inner)) = shape.split_first() else { return brief(dtype, bytes) };
    let parts = bytes.chunks_exact((bytes.len() / length.max(1)).max(1)).take(MOST);
    let mut parts: Vec<String> = parts.map(|part| brief_array(dtype, inner, part)).collect();
    parts.extend((length > MOST).then(|| "...".to_owned()));
    format!("[{}]", parts.join(", "))
}

/// An element that is one value, exact, as a cell of a table: strings without quotes.
pub fn exact(dtype: &DType, bytes: &[u8]) -> String {
    let Some(scalar) = dtype.scalar() else { return element::text(dtype, bytes) };
    let text = match scalar.kind() {
        Kind::Bytes => String::from_utf8_lossy(bytes).into_owned(),
        Kind::Str => {
            let read = if scalar.is_swapped() { swapped } else { u32::from_ne_bytes };
            let codes = bytes.chunks_exact(4).filter_map(|code| code.try_into().ok()).map(read);
            codes.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        _ => return element::text(dtype, bytes),
    };
    text.trim_end_matches('\0').to_owned()
}

fn swapped(bytes: [u8; 4]) -> u32 {
    u32::from_ne_bytes(bytes).swap_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_plain_in_tables() {
        let of = |descr: &str, bytes: &[u8]| exact(&descr.parse().unwrap(), bytes);
        assert_eq!((of("|S5", b"a,\"b\0"), of("|S3", b"\0\0\0")), ("a,\"b".into(), "".into()));
        let codes =
            |order: fn(u32) -> [u8; 4]| "°C\0".chars().flat_map(|c| order(c.into())).collect::<Vec<u8>>();
        assert_eq!(of("<U3", &codes(u32::to_le_bytes)), "°C");
        assert_eq!(of(">U3", &codes(u32::to_be_bytes)), "°C");
        assert_eq!(of("<U1", &[0xff; 4]), "\u{fffd}");
        assert_eq!((of("<f8", &0.1_f64.to_le_bytes()), of("|V2", &[1, 0xfe])), ("0.1".into(), "01fe".into()));
    }

    #[test]
    fn records_have_the_names_of_their_fields() {
        let dtype: DType = "[('x', '<f4'), ('n', '|S2'), ('p', [('q', '<i2', (2, 2))]), ('v', '|u1', (9,))]"
            .parse()
            .unwrap();
        let mut bytes = 1.5_f32.to_le_bytes().to_vec();
        bytes.extend(b"ab\x01\0\x02\0\x03\0\x04\0");
        bytes.extend(0..9);
        let text = "{x: 1.5, n: b'ab', p: {q: [[1, 2], [3, 4]]}, v: [0, 1, 2, 3, 4, 5, ...]}";
        assert_eq!(brief(&dtype, &bytes), text);
    }
}
