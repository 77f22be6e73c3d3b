//! Element types: numpy's names, known at compile time ([`Element`]) or at run time ([`DType`]).

use std::fmt;
use std::sync::Arc;

use half::f16;
use num_complex::{Complex32, Complex64};

use crate::error::{Error, Result};

/// The longest dtype name, in bytes.
pub(crate) const LONGEST_NAME: usize = 48;
/// The longest numpy descr, in bytes.
pub(crate) const LONGEST_DESCR: usize = 1024;

/// The type of an array's elements, by numpy's names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomDType {
    name: String,
    itemsize: usize,
    descr: String,
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
            found: "an unknown name".to_owned(),
            expected: "a built-in dtype, int8 to complex128 or bool",
        })
    }

    /// A dtype beyond the built-in ones: numpy's `descr` of it, and the size of an element in bytes.
    ///
    /// # Errors
    /// [`Error::InvalidDType`] if the name is empty, longer than 48 bytes or built in, the size is 0, or the descr is
    /// empty or longer than 1024 bytes.
    pub fn custom(name: &str, itemsize: usize, descr: &str) -> Result<DType> {
        let (found, expected) = if name.is_empty() || name.len() > LONGEST_NAME {
            (format!("a name of {} bytes", name.len()), "a name of 1 to 48 bytes")
        } else if Self::from_name(name).is_ok() {
            ("the name of a built-in dtype".to_owned(), "another name")
        } else if itemsize == 0 || itemsize > isize::MAX as usize {
            (format!("elements of {itemsize} bytes"), "at least one byte")
        } else if descr.is_empty() || descr.len() > LONGEST_DESCR {
            (format!("a descr of {} bytes", descr.len()), "a descr of 1 to 1024 bytes")
        } else {
            let (name, descr) = (name.to_owned(), descr.to_owned());
            return Ok(DType::Custom(Arc::new(CustomDType { name, itemsize, descr })));
        };
        Err(Error::InvalidDType { name: name.to_owned(), found, expected })
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

    pub(crate) fn code(&self) -> u32 {
        self.row().map_or(CUSTOM_CODE, |row| row.1)
    }

    pub(crate) fn from_code(code: u32) -> Option<DType> {
        Self::table().iter().find(|row| row.1 == code).map(|row| row.0.clone())
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is one of the built-in dtypes.
///
/// `bool`, `i8` to `i64`, `u8` to `u64`, [`f16`](struct@f16), `f32`, `f64`, [`Complex32`] (numpy's complex64) and
/// [`Complex64`] (complex128). Sealed: the dtypes are part of the file format.
pub trait Element:
    sealed::Sealed + bytemuck::NoUninit + bytemuck::CheckedBitPattern + Send + Sync + fmt::Debug + 'static
{
    /// The dtype of this type.
    const DTYPE: DType;
}

macro_rules! elements {
    ($($type:ty => $dtype:ident),*) => { $(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const DTYPE: DType = DType::$dtype;
        }
    )* };
}

elements!(bool => Bool, i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64, u8 => UInt8, u16 => UInt16,
    u32 => UInt32, u64 => UInt64, f16 => Float16, f32 => Float32, f64 => Float64, Complex32 => Complex64,
    Complex64 => Complex128);

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

    #[test]
    fn elements_have_the_size_of_their_dtype() {
        fn check<T: Element>() {
            assert_eq!(size_of::<T>(), T::DTYPE.itemsize(), "{}", T::DTYPE);
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
