//! The types of elements: the built-in ones, and those that numpy describes, such as records.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::dtype::scalar::{Kind, Scalar};
use crate::error::{Error, Result};

/// The type of an array's elements, by numpy's names.
///
/// Two dtypes are equal if they lay out their elements in the same way. For records that means the same size, and fields
/// with the same names, dtypes and places. The spelling of the descr does not count.
///
/// A dtype can be parsed from any text that numpy takes: a name, a type string, a list of fields.
///
/// ```
/// use ndsharray::DType;
///
/// assert_eq!("<f4".parse::<DType>()?, DType::Float32);
/// let pose: DType = "[('x', '<f4'), ('y', '<f4')]".parse()?;
/// assert_eq!((pose.itemsize(), pose.fields()[1].name(), pose.fields()[1].offset()), (8, "y", 4));
/// # Ok::<(), ndsharray::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum DType {
    /// One byte, 0 or 1.
    Bool,
    /// 8-bit signed integer.
    Int8,
    /// 16-bit signed integer.
    Int16,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// 8-bit unsigned integer.
    UInt8,
    /// 16-bit unsigned integer.
    UInt16,
    /// 32-bit unsigned integer.
    UInt32,
    /// 64-bit unsigned integer.
    UInt64,
    /// IEEE 754 half precision.
    Float16,
    /// IEEE 754 single precision.
    Float32,
    /// IEEE 754 double precision.
    Float64,
    /// Two single-precision floats: [`num_complex::Complex32`].
    Complex64,
    /// Two double-precision floats: [`num_complex::Complex64`].
    Complex128,
    /// Any other fixed-size type, described to numpy; Rust sees its bytes.
    Custom(Arc<CustomDType>),
}

/// A dtype beyond the built-in ones: a name, a size and numpy's descr.
#[derive(Clone, Debug)]
pub struct CustomDType {
    name: String,
    itemsize: usize,
    descr: String,
    form: Form,
}

/// What the descr says.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Scalar(Scalar),
    Record(Vec<RecordField>),
    /// Not known to this library, such as the types of ml_dtypes: only name, size and descr count.
    Opaque,
}

impl CustomDType {
    /// The name, such as `datetime64[ns]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size of an element in bytes.
    pub fn itemsize(&self) -> usize {
        self.itemsize
    }

    /// What numpy makes the dtype from: the text of a `descr` list or of a type string such as `<M8[ns]`.
    pub fn descr(&self) -> &str {
        &self.descr
    }

    fn is_alike(&self, other: &Self) -> bool {
        self.itemsize == other.itemsize
            && match (&self.form, &other.form) {
                (Form::Scalar(a), Form::Scalar(b)) => a == b,
                (Form::Record(a), Form::Record(b)) => are_alike(a, b),
                (Form::Opaque, Form::Opaque) => self.is_spelled_as(other),
                _ => false,
            }
    }

    fn is_spelled_as(&self, other: &Self) -> bool {
        (&self.name, self.itemsize, &self.descr) == (&other.name, other.itemsize, &other.descr)
    }
}

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
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        (&self.name, &self.shape, self.offset) == (&other.name, &other.shape, other.offset)
            && self.dtype == other.dtype
    }
}

/// Whether two records lay out their fields in the same way.
fn are_alike(a: &[RecordField], b: &[RecordField]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_alike(b))
}

/// Code in the file, numpy name, size in bytes.
const BUILT_IN: [(DType, u32, &str, usize); 14] = [
    (DType::Int8, 1, "int8", 1),
    (DType::Int16, 2, "int16", 2),
    (DType::Int32, 3, "int32", 4),
    (DType::Int64, 4, "int64", 8),
    (DType::UInt8, 5, "uint8", 1),
    (DType::UInt16, 6, "uint16", 2),
    (DType::UInt32, 7, "uint32", 4),
    (DType::UInt64, 8, "uint64", 8),
    (DType::Float16, 9, "float16", 2),
    (DType::Float32, 10, "float32", 4),
    (DType::Float64, 11, "float64", 8),
    (DType::Complex64, 12, "complex64", 8),
    (DType::Complex128, 13, "complex128", 16),
    (DType::Bool, 14, "bool", 1),
];

/// The code in the file of every [`DType::Custom`].
pub(crate) const CUSTOM_CODE: u32 = 255;

impl DType {
    fn row(&self) -> Option<&'static (DType, u32, &'static str, usize)> {
        // BUILT_IN[i] has code i + 1; a match keeps it exact without comparing Arcs.
        let index = match self {
            DType::Int8 => 0,
            DType::Int16 => 1,
            DType::Int32 => 2,
            DType::Int64 => 3,
            DType::UInt8 => 4,
            DType::UInt16 => 5,
            DType::UInt32 => 6,
            DType::UInt64 => 7,
            DType::Float16 => 8,
            DType::Float32 => 9,
            DType::Float64 => 10,
            DType::Complex64 => 11,
            DType::Complex128 => 12,
            DType::Bool => 13,
            DType::Custom(_) => return None,
        };
        Self::table().get(index)
    }

    fn table() -> &'static [(DType, u32, &'static str, usize); 14] {
        static TABLE: [(DType, u32, &str, usize); 14] = BUILT_IN;
        &TABLE
    }

    /// Every built-in dtype, in the order of their codes.
    pub fn built_in() -> impl Iterator<Item = DType> {
        Self::table().iter().map(|row| row.0.clone())
    }

    /// The built-in dtype of a numpy name, such as `float32`.
    ///
    /// # Errors
    /// [`Error::InvalidDType`] for any other name.
    pub fn from_name(name: &str) -> Result<DType> {
        let found = Self::table().iter().find(|row| row.2 == name);
        found.map(|row| row.0.clone()).ok_or_else(|| Error::InvalidDType {
            name: name.to_owned(),
            found: "it has an unknown name".to_owned(),
            expected: "int8 to int64, uint8 to uint64, float16 to float64, complex64, complex128 or bool",
        })
    }

    /// The dtype of plain elements.
    pub(super) fn of_scalar(scalar: Scalar) -> DType {
        let built_in = Self::table().iter().find(|row| row.0.scalar() == Some(scalar));
        built_in.map_or_else(
            || Self::with_form(scalar.name(), scalar.itemsize(), scalar.text(), Form::Scalar(scalar)),
            |row| row.0.clone(),
        )
    }

    /// A dtype beyond the built-in ones whose descr says `form`.
    pub(super) fn with_form(name: String, itemsize: usize, descr: String, form: Form) -> DType {
        DType::Custom(Arc::new(CustomDType { name, itemsize, descr, form }))
    }

    pub(super) fn into_form(self) -> Form {
        match (&self, self.scalar()) {
            (_, Some(scalar)) => Form::Scalar(scalar),
            (DType::Custom(custom), None) => custom.form.clone(),
            _ => Form::Opaque,
        }
    }

    /// numpy's name of it, such as `float32`.
    pub fn name(&self) -> &str {
        match self {
            DType::Custom(custom) => custom.name(),
            built_in => built_in.row().map_or("", |row| row.2),
        }
    }

    /// The size of an element in bytes.
    pub fn itemsize(&self) -> usize {
        match self {
            DType::Custom(custom) => custom.itemsize(),
            built_in => built_in.row().map_or(0, |row| row.3),
        }
    }

    /// What numpy makes the dtype from; empty for the built-in ones, whose name is enough.
    pub fn descr(&self) -> &str {
        match self {
            DType::Custom(custom) => custom.descr(),
            _ => "",
        }
    }

    /// What an element is, if it is a single value; `None` for records, and for types that numpy alone does not know.
    pub fn scalar(&self) -> Option<Scalar> {
        Some(match self {
            DType::Bool => Scalar::native(Kind::Bool, 1),
            DType::Int8 => Scalar::native(Kind::Int, 1),
            DType::Int16 => Scalar::native(Kind::Int, 2),
            DType::Int32 => Scalar::native(Kind::Int, 4),
            DType::Int64 => Scalar::native(Kind::Int, 8),
            DType::UInt8 => Scalar::native(Kind::UInt, 1),
            DType::UInt16 => Scalar::native(Kind::UInt, 2),
            DType::UInt32 => Scalar::native(Kind::UInt, 4),
            DType::UInt64 => Scalar::native(Kind::UInt, 8),
            DType::Float16 => Scalar::native(Kind::Float, 2),
            DType::Float32 => Scalar::native(Kind::Float, 4),
            DType::Float64 => Scalar::native(Kind::Float, 8),
            DType::Complex64 => Scalar::native(Kind::Complex, 8),
            DType::Complex128 => Scalar::native(Kind::Complex, 16),
            DType::Custom(custom) => match custom.form {
                Form::Scalar(scalar) => scalar,
                _ => return None,
            },
        })
    }

    /// The fields of a record, in their order; empty if this is not a record.
    pub fn fields(&self) -> &[RecordField] {
        self.record().unwrap_or_default()
    }

    /// The fields of a record, which may have none; `None` if this is not a record.
    pub(crate) fn record(&self) -> Option<&[RecordField]> {
        match self {
            DType::Custom(custom) => match &custom.form {
                Form::Record(fields) => Some(fields),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the two would be stored as the same bytes.
    #[inline]
    pub(crate) fn is_spelled_as(&self, other: &Self) -> bool {
        match (self, other) {
            (DType::Custom(a), DType::Custom(b)) => Arc::ptr_eq(a, b) || a.is_spelled_as(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    pub(crate) fn code(&self) -> u32 {
        self.row().map_or(CUSTOM_CODE, |row| row.1)
    }

    pub(crate) fn from_code(code: u32) -> Option<DType> {
        Self::table().iter().find(|row| row.1 == code).map(|row| row.0.clone())
    }
}

impl PartialEq for DType {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (DType::Custom(a), DType::Custom(b)) => Arc::ptr_eq(a, b) || a.is_alike(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for DType {}

impl Hash for DType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal dtypes may be spelled differently, but they have the same code and size.
        (self.code(), self.itemsize()).hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        for (dtype, code, name, itemsize) in DType::table() {
            assert_eq!(dtype.code(), *code);
            assert_eq!(dtype.name(), *name);
            assert_eq!(dtype.itemsize(), *itemsize);
            assert_eq!(DType::from_code(*code).as_ref(), Some(dtype));
            assert_eq!(&DType::from_name(name).unwrap(), dtype);
        }
        assert_eq!(DType::from_code(0), None);
        assert_eq!(DType::from_code(CUSTOM_CODE), None);
    }
}
