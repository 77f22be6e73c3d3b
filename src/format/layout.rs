//! Layouts of values (not of files): a dtype with a shape, and the length in bytes that follows.

use crate::dtype::DType;
use crate::error::{Error, Result};

/// The most dimensions an array can have, as in numpy 2.
pub(crate) const MOST_DIMENSIONS: usize = 64;

/// What a value looks like: dtype, shape (C order) and the length that follows from them.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    dtype: DType,
    shape: Vec<usize>,
    nbytes: usize,
}

impl Layout {
    /// The layout of `shape` elements of `dtype`; refuses more than 64 dimensions and lengths that overflow.
    pub fn new(dtype: DType, shape: &[usize]) -> Result<Self> {
        let refuse = |dtype: &DType, found: String, expected: &'static str| {
            Err(Error::InvalidShape { shape: shape.to_vec(), dtype: dtype.to_string(), found, expected })
        };
        if shape.len() > MOST_DIMENSIONS {
            return refuse(&dtype, format!("{} dimensions", shape.len()), "at most 64");
        }
        match nbytes(dtype.itemsize(), shape) {
            Some(nbytes) => Ok(Layout { dtype, shape: shape.to_vec(), nbytes }),
            None => refuse(&dtype, "a length that overflows".to_owned(), "at most isize::MAX bytes"),
        }
    }

    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The length of the data in bytes.
    pub fn nbytes(&self) -> usize {
        self.nbytes
    }

    /// Whether this is the layout of `shape` elements of `dtype`; what a stream asks at every write.
    #[inline]
    pub fn is(&self, dtype: &DType, shape: &[usize]) -> bool {
        self.shape.iter().eq(shape) && self.dtype.is_spelled_as(dtype)
    }

    /// Checks that `found` bytes fill this layout.
    #[inline]
    pub fn check_length(&self, found: usize) -> Result<()> {
        if found == self.nbytes {
            return Ok(());
        }
        Err(Error::ShapeMismatch {
            shape: self.shape.clone(),
            dtype: self.dtype.to_string(),
            found,
            expected: self.nbytes,
        })
    }
}

/// Whether both would be stored as the same bytes.
impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.dtype, &other.shape)
    }
}

impl Eq for Layout {}

/// The length in bytes, unless it overflows `isize`. Axes of length 0 do not hide an overflow of the others, as in
/// numpy and ndarray: strides are computed from them.
fn nbytes(itemsize: usize, shape: &[usize]) -> Option<usize> {
    let nonzero = shape.iter().filter(|&&n| n != 0).try_fold(itemsize, |total, &n| total.checked_mul(n))?;
    let empty = shape.contains(&0);
    (nonzero <= isize::MAX as usize).then_some(if empty { 0 } else { nonzero })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let length = |shape: &[usize]| Layout::new(DType::Float64, shape).unwrap().nbytes();
        assert_eq!(length(&[]), 8);
        assert_eq!(length(&[3, 4]), 96);
        assert_eq!(length(&[3, 0]), 0);
        assert_eq!(length(&[1; 64]), 8);
    }

    #[test]
    fn refuses_what_overflows() {
        for shape in [&[1; 65][..], &[usize::MAX], &[1 << 40, 1 << 40], &[usize::MAX, 2, 0], &[1 << 60]] {
            let error = Layout::new(DType::Float64, shape).unwrap_err();
            assert!(matches!(error, Error::InvalidShape { .. }), "{error}");
        }
    }
}
