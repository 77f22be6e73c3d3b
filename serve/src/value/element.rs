//! How an element lies in its bytes, for a page that shows what is no plain number.

use ndsharray::{DType, Kind, RecordField};
use serde::Serialize;

/// How an element lies in its bytes.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Element {
    /// The letter that numpy has for it: `b` bool, `i` and `u` whole numbers, `f`, `c` complex, `M` and `m` times, `S` and `U` texts, `V`
    /// anything else.
    kind: char,
    /// In bytes.
    size: usize,
    /// Whether the bytes are in the other order than this machine's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    swapped: bool,
    /// What a time counts: how many of which unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<(u32, &'static str)>,
    /// Of a record.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<Field>,
}

/// A field of a record.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Field {
    name: String,
    /// In bytes from the start of the record.
    offset: usize,
    shape: Vec<usize>,
    element: Element,
}

impl Element {
    pub fn of(dtype: &DType) -> Self {
        let scalar = dtype.scalar();
        Element {
            kind: scalar.map_or('V', |scalar| letter(scalar.kind())),
            size: dtype.itemsize(),
            swapped: scalar.is_some_and(|scalar| scalar.is_swapped()),
            unit: scalar.and_then(|scalar| scalar.time_unit()),
            fields: dtype.fields().iter().map(Field::of).collect(),
        }
    }
}

impl Field {
    fn of(field: &RecordField) -> Self {
        Field {
            name: field.name().to_owned(),
            offset: field.offset(),
            shape: field.shape().to_vec(),
            element: Element::of(field.dtype()),
        }
    }
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Bool => 'b',
        Kind::Int => 'i',
        Kind::UInt => 'u',
        Kind::Float => 'f',
        Kind::Complex => 'c',
        Kind::DateTime => 'M',
        Kind::TimeDelta => 'm',
        Kind::Bytes => 'S',
        Kind::Str => 'U',
        _ => 'V',
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(dtype: &str) -> serde_json::Value {
        serde_json::to_value(Element::of(&dtype.parse().unwrap())).unwrap()
    }

    #[test]
    fn scalars_and_records() {
        assert_eq!(of("float32"), json!({ "kind": "f", "size": 4 }));
        assert_eq!(of("<M8[25s]"), json!({ "kind": "M", "size": 8, "unit": [25, "s"] }));
        assert_eq!(of("V3"), json!({ "kind": "V", "size": 3 }));
        let record = of("[('a', '>i2'), ('b', [('m', '|S4', (2, 3))])]");
        let inner = json!({ "kind": "V", "size": 24, "fields": [
            { "name": "m", "offset": 0, "shape": [2, 3], "element": { "kind": "S", "size": 4 } }
        ] });
        let fields = json!([
            { "name": "a", "offset": 0, "shape": [], "element": { "kind": "i", "size": 2, "swapped": true } },
            { "name": "b", "offset": 2, "shape": [], "element": inner },
        ]);
        assert_eq!(record, json!({ "kind": "V", "size": 26, "fields": fields }));
    }
}
