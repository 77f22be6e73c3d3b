//! Elements with named fields.

use crate::dtype::DType;

/// A field of a record.
#[derive(Clone, Debug)]
pub struct RecordField {
    name: String,
    title: Option<String>,
    dtype: DType,
    shape: Vec<usize>,
    offset: usize,
}

impl RecordField {
    pub(super) fn new(name: &str, dtype: DType, shape: Vec<usize>, offset: usize) -> Self {
        RecordField { name: name.to_owned(), title: None, dtype, shape, offset }
    }

    pub(super) fn with_title(self, title: Option<String>) -> Self {
        RecordField { title, ..self }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// numpy's second name of the field, if it has one.
    pub fn title(&self) -> Option<&str> {
        self.title.as_deref()
    }

    /// The dtype of the field, or of its elements if the field is an array.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The length of each axis if the field is an array; empty if it is not.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where the field begins, in bytes from the start of the record.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The length of the field in bytes.
    pub fn nbytes(&self) -> usize {
        // This does not overflow: the field was found to fit into its record.
        self.shape.iter().fold(self.dtype.itemsize(), |total, &axis| total.saturating_mul(axis))
    }

    /// Name, dtype, shape and place. A title does not count.
    fn is_alike(&self, other: &Self) -> bool {
        (&self.name, &self.shape, self.offset) == (&other.name, &other.shape, other.offset)
            && self.dtype == other.dtype
    }

    /// The field, as an error names it.
    fn describe(&self, path: &str) -> String {
        let RecordField { dtype, shape, offset, .. } = self;
        let shape = if shape.is_empty() { String::new() } else { format!("{shape:?}") };
        format!("field {path:?} as {dtype}{shape} at byte {offset}")
    }
}

/// Whether two records lay out their fields in the same way.
pub(super) fn are_alike(a: &[RecordField], b: &[RecordField]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_alike(b))
}

/// Whether the fields follow each other without a gap, and fill `itemsize`.
pub(super) fn are_packed(fields: &[RecordField], itemsize: usize) -> bool {
    let end = fields.iter().try_fold(0, |end, field| (field.offset == end).then(|| end + field.nbytes()));
    end == Some(itemsize)
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
        if (&one.name, &one.shape, one.offset) == (&other.name, &other.shape, other.offset) {
            if let Some(inner) = difference(&one.dtype, &other.dtype, &within(&one.name)) {
                return Some(inner);
            }
        }
        return Some((one.describe(&within(&one.name)), other.describe(&within(&other.name))));
    }
    let place = if path.is_empty() { String::new() } else { format!(" in {path:?}") };
    let more = |longer: &[RecordField], shorter: &[RecordField]| {
        let name = longer.get(shorter.len()).map(|field| within(&field.name))?;
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
