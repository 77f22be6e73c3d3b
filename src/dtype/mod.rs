//! Element types: numpy's names, known at compile time ([`Element`](element::Element)) or at run time ([`DType`]).

pub(crate) mod descr;
pub(crate) mod element;
pub(crate) mod literal;
pub(crate) mod record;
pub(crate) mod scalar;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use crate::dtype::record::RecordField;
use crate::dtype::scalar::{Kind, Scalar};
use crate::error::{Error, Result};

/// The longest dtype name, in bytes.
pub(crate) const LONGEST_NAME: usize = 48;
/// The longest numpy descr, in bytes.
pub(crate) const LONGEST_DESCR: usize = 1024;

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
enum Form {
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
                (Form::Record(a), Form::Record(b)) => record::are_alike(a, b),
                (Form::Opaque, Form::Opaque) => self.is_spelled_as(other),
                _ => false,
            }
    }

    fn is_spelled_as(&self, other: &Self) -> bool {
        (&self.name, self.itemsize, &self.descr) == (&other.name, other.itemsize, &other.descr)
    }
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

    /// A dtype beyond the built-in ones: a name, the size of an element in bytes, and numpy's `descr` of it.
    ///
    /// If numpy knows the type by its text alone, parse the text instead: that also finds the name (see [`FromStr`]).
    ///
    /// # Errors
    /// [`Error::InvalidDType`] if the name is empty, longer than 48 bytes or built in, the size is 0, or the descr is
    /// longer than 1024 bytes, not one of numpy's, or of elements of another size.
    pub fn custom(name: &str, itemsize: usize, descr: &str) -> Result<DType> {
        let dtype = Self::stored(name, itemsize, descr)?;
        // Older versions of ml_dtypes write this for types of one byte. numpy does not know it.
        let known = if matches!(descr, "<f1" | "|f1") { "|V1" } else { descr };
        let (found, expected) = match descr::parse(known) {
            Ok(parsed) if parsed.itemsize() == itemsize => return Ok(dtype),
            Ok(parsed) => (
                format!(
                    "it has elements of {itemsize} bytes, and the descr {descr:?}, whose elements have {}",
                    parsed.itemsize()
                ),
                "elements of the same size",
            ),
            Err(problem) => (format!("it has the descr {descr:?}: {problem}"), "a descr that numpy takes"),
        };
        Err(Error::InvalidDType { name: name.to_owned(), found, expected })
    }

    /// A dtype as it was stored. A descr that this library does not understand is kept: other programs may understand
    /// it.
    pub(crate) fn stored(name: &str, itemsize: usize, descr: &str) -> Result<DType> {
        let (found, expected) = if name.is_empty() || name.len() > LONGEST_NAME {
            (format!("it has a name of {} bytes", name.len()), "a name of 1 to 48 bytes")
        } else if Self::from_name(name).is_ok() {
            ("it has the name of a built-in dtype".to_owned(), "another name")
        } else if itemsize == 0 || itemsize > isize::MAX as usize {
            (format!("it has elements of {itemsize} bytes"), "at least one byte")
        } else if descr.is_empty() || descr.len() > LONGEST_DESCR {
            (format!("it has a descr of {} bytes", descr.len()), "a descr of 1 to 1024 bytes")
        } else {
            let form = match descr::parse(descr) {
                Ok(parsed) if parsed.itemsize() == itemsize => parsed.into_form(),
                _ => Form::Opaque,
            };
            // The descr of a type of ml_dtypes says plain bytes. Only its name tells what it is.
            let form = match form {
                Form::Scalar(scalar) if scalar.name() != name => Form::Opaque,
                form => form,
            };
            let (name, descr) = (name.to_owned(), descr.to_owned());
            return Ok(DType::Custom(Arc::new(CustomDType { name, itemsize, descr, form })));
        };
        Err(Error::InvalidDType { name: name.to_owned(), found, expected })
    }

    /// The dtype of plain elements.
    fn of_scalar(scalar: Scalar) -> DType {
        let built_in = Self::table().iter().find(|row| row.0.scalar() == Some(scalar));
        built_in.map_or_else(
            || {
                let (name, descr) = (scalar.name(), scalar.text());
                let form = Form::Scalar(scalar);
                DType::Custom(Arc::new(CustomDType { name, itemsize: scalar.itemsize(), descr, form }))
            },
            |row| row.0.clone(),
        )
    }

    /// The dtype of records of `itemsize` bytes, into which the fields fit. Its descr may be too long to be stored.
    fn of_record(fields: Vec<RecordField>, itemsize: usize) -> DType {
        let descr = descr::of_record(&fields, itemsize);
        let name = format!("void{}", 8 * itemsize);
        DType::Custom(Arc::new(CustomDType { name, itemsize, descr, form: Form::Record(fields) }))
    }

    fn into_form(self) -> Form {
        match (&self, self.scalar()) {
            (_, Some(scalar)) => Form::Scalar(scalar),
            (DType::Custom(custom), None) => custom.form.clone(),
            _ => Form::Opaque,
        }
    }

    /// Checks that it can be stored: the name and the descr have room.
    pub(crate) fn check_storable(&self) -> Result<()> {
        let DType::Custom(custom) = self else { return Ok(()) };
        let (found, expected) = if custom.name.len() > LONGEST_NAME {
            (format!("it has a name of {} bytes", custom.name.len()), "at most 48")
        } else if custom.descr.len() > LONGEST_DESCR {
            (format!("it has a descr of {} bytes", custom.descr.len()), "at most 1024")
        } else if Self::from_name(&custom.name).is_ok() {
            ("it has the byte order of another machine".to_owned(), "this machine's: convert the elements")
        } else {
            return Ok(());
        };
        Err(Error::InvalidDType { name: custom.name.clone(), found, expected })
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

impl FromStr for DType {
    type Err = Error;

    /// The dtype that numpy makes from this text: a name such as `float32`, a type string such as `<f4` or `M8[25s]`, codes
    /// with commas between, or the text of a list or dict of fields.
    fn from_str(text: &str) -> Result<DType> {
        let dtype = descr::parse(text).map_err(|found| Error::InvalidDType {
            name: text.to_owned(),
            found,
            expected: "a dtype as numpy writes it, such as uint8, <f4, M8[ns] or [('x', '<f4'), ('y', '<f4')]",
        })?;
        dtype.check_storable()?;
        Ok(dtype)
    }
}

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

#[cfg(test)]
mod tests {
    use half::f16;
    use num_complex::{Complex32, Complex64};

    use super::*;
    use crate::dtype::element::Element;

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

    #[test]
    fn elements_have_the_size_of_their_dtype() {
        fn check<T: Element>() {
            assert_eq!(size_of::<T>(), T::dtype().itemsize(), "{}", T::dtype());
        }
        check::<bool>();
        check::<i8>();
        check::<u16>();
        check::<f16>();
        check::<f32>();
        check::<f64>();
        check::<Complex32>();
        check::<Complex64>();
    }

    #[test]
    fn custom_dtypes_are_checked() {
        let dtype = DType::custom("datetime64[ns]", 8, "<M8[ns]").unwrap();
        assert_eq!((dtype.name(), dtype.itemsize(), dtype.descr()), ("datetime64[ns]", 8, "<M8[ns]"));
        let long = "x".repeat(1025);
        for (name, size, descr) in [
            ("", 1, "x"),
            ("int8", 1, "x"),
            ("a", 0, "x"),
            ("a", 1, ""),
            ("a", 1, &long),
            (&long[..49], 1, "x"),
        ] {
            assert!(matches!(DType::custom(name, size, descr), Err(Error::InvalidDType { .. })), "{name}");
        }
    }
}
