//! dtypes as people read them, and what two of them do not have in common.

use std::fmt;

use crate::dtype::types::{DType, RecordField};

impl fmt::Display for DType {
    /// numpy's name; of a record, the fields: `{x: float32, y: int16[2]}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(fields) = self.record() else {
            // numpy has the same name for both byte orders.
            return match self.scalar() {
                Some(scalar) if scalar.is_swapped() => f.write_str(self.descr()),
                _ => f.write_str(self.name()),
            };
        };
        f.write_str("{")?;
        for (index, field) in fields.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", field.name(), field.dtype())?;
            if !field.shape().is_empty() {
                write!(f, "{:?}", field.shape())?;
            }
        }
        f.write_str("}")
    }
}

/// The first difference of two records: what each has there.
pub(super) fn first_difference(a: &DType, b: &DType) -> (String, String) {
    difference(a, b, "").unwrap_or_else(|| (a.to_string(), b.to_string()))
}

fn difference(a: &DType, b: &DType, path: &str) -> Option<(String, String)> {
    let (ours, theirs) = (a.record()?, b.record()?);
    let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for (one, other) in ours.iter().zip(theirs) {
        if one.is_alike(other) {
            continue;
        }
        if (one.name(), one.shape(), one.offset()) == (other.name(), other.shape(), other.offset()) {
            if let Some(inner) = difference(one.dtype(), other.dtype(), &within(one.name())) {
                return Some(inner);
            }
        }
        return Some((describe(one, &within(one.name())), describe(other, &within(other.name()))));
    }
    let place = if path.is_empty() { String::new() } else { format!(" in {path:?}") };
    let more = |longer: &[RecordField], shorter: &[RecordField]| {
        let name = longer.get(shorter.len()).map(|field| within(field.name()))?;
        Some((format!("field {name:?}"), format!("no field {name:?}")))
    };
    if let Some(found) = more(ours, theirs) {
        return Some(found);
    }
    if let Some((with, without)) = more(theirs, ours) {
        return Some((without, with));
    }
    let size = |dtype: &DType| format!("records of {} bytes{place}", dtype.itemsize());
    Some((size(a), size(b)))
}

/// The field, as an error names it.
fn describe(field: &RecordField, path: &str) -> String {
    let (dtype, shape, offset) = (field.dtype(), field.shape(), field.offset());
    let shape = if shape.is_empty() { String::new() } else { format!("{shape:?}") };
    format!("field {path:?} as {dtype}{shape} at byte {offset}")
}
