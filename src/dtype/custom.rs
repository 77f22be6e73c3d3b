//! dtypes from texts, and whether they can be stored.

use std::str::FromStr;

use crate::dtype::descr;
use crate::dtype::types::{DType, Form};
use crate::error::{Error, Result};

/// The longest dtype name, in bytes.
pub(crate) const LONGEST_NAME: usize = 48;
/// The longest numpy descr, in bytes.
pub(crate) const LONGEST_DESCR: usize = 1024;

impl DType {
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
    /// it. For those who read dtypes from files.
    #[doc(hidden)]
    pub fn stored(name: &str, itemsize: usize, descr: &str) -> Result<DType> {
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
            return Ok(Self::with_form(name, itemsize, descr, form));
        };
        Err(Error::InvalidDType { name: name.to_owned(), found, expected })
    }

    /// Checks that it can be stored: the name and the descr have room.
    pub(crate) fn check_storable(&self) -> Result<()> {
        let DType::Custom(custom) = self else { return Ok(()) };
        let (found, expected) = if custom.name().len() > LONGEST_NAME {
            (format!("it has a name of {} bytes", custom.name().len()), "at most 48")
        } else if custom.descr().len() > LONGEST_DESCR {
            (format!("it has a descr of {} bytes", custom.descr().len()), "at most 1024")
        } else if Self::from_name(custom.name()).is_ok() {
            ("it has the byte order of another machine".to_owned(), "this machine's: convert the elements")
        } else {
            return Ok(());
        };
        Err(Error::InvalidDType { name: custom.name().to_owned(), found, expected })
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

#[cfg(test)]
mod tests {
    use super::*;

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
