//! Writing: arrays of any strides, slices, raw bytes, loans.

mod adopt;
mod data_file;
pub(crate) mod loan;
mod memory;
pub(crate) mod meta;
mod open;
pub(crate) mod options;
mod ownership;
mod publisher;
mod recreate;
mod reservation;
mod settings;
mod slots;
mod staged;
mod staged_data_file;
mod takeover;

use std::fmt;

use crate::dtype::DType;
use crate::dtype::element::{self, Element};
use crate::error::{Error, Result};
use crate::files::tag;
use crate::writer::loan::Loan;
use crate::writer::meta::{Meta, PLAIN};
use crate::writer::publisher::Publisher;

/// The one writer of a tag.
///
/// Each write publishes a new value, of any shape and dtype; readers see the latest. A write costs one pass over the
/// data and never waits for a reader. The value stays in the store when the writer is dropped, unless it was opened
/// as [`ephemeral`](crate::WriterOptions::ephemeral).
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// let mut writer = store.writer("temperatures")?;
/// writer.write_slice(&[20.5_f64, 21.0], &[2])?;
/// writer.write_slice(&[1_u8, 2, 3, 4, 5, 6], &[2, 3])?; // shape and dtype may change at any write
/// # Ok(())
/// # }
/// ```
pub struct Writer {
    publisher: Publisher,
}

impl Writer {
    fn new(publisher: Publisher) -> Self {
        Writer { publisher }
    }

    /// The tag.
    pub fn tag(&self) -> &str {
        self.publisher.tag().tag()
    }

    /// The version of the last value, this writer's or an earlier one's; 0 before the first.
    pub fn version(&self) -> u64 {
        self.publisher.version()
    }

    /// The name of the data file, `tag_uuid`; `None` before the first value.
    pub fn data_file(&self) -> Option<String> {
        let (uuid, _) = self.publisher.data_file()?;
        Some(tag::data_file(self.tag(), uuid))
    }

    /// Publishes an array, of any strides, in C order; returns its version.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// use ndsharray::ndarray::array;
    /// let frame = array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    /// store.writer("frame")?.write(&frame.t())?;
    /// let value = store.reader("frame")?.latest()?;
    /// assert_eq!(value.as_array::<f32>()?, frame.t().into_dyn());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSpace`] if the store is full; [`Error::Superseded`], [`Error::Removed`] or [`Error::Forked`] if this
    /// writer is at its end; [`Error::InvalidShape`] for more than 64 dimensions; [`Error::Io`]. The last value stays
    /// readable in each case.
    #[cfg(feature = "ndarray")]
    pub fn write<T: Element, D: ndarray::Dimension>(
        &mut self,
        array: &ndarray::ArrayRef<T, D>,
    ) -> Result<u64> {
        self.write_with(array, &PLAIN)
    }

    /// Publishes an array together with user data, attributes or times.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    #[cfg(feature = "ndarray")]
    pub fn write_with<T: Element, D: ndarray::Dimension>(
        &mut self,
        array: &ndarray::ArrayRef<T, D>,
        meta: &Meta,
    ) -> Result<u64> {
        if let Some(slice) = array.as_slice() {
            return self.publish(T::dtype(), array.shape(), slice, meta);
        }
        let mut reservation = self.publisher.reserve(T::dtype(), array.shape(), None)?;
        let memory = self.publisher.memory::<T>(&mut reservation, array.len())?;
        match ndarray::ArrayViewMut::from_shape(array.raw_dim(), memory) {
            Ok(slot) => {
                array.assign_to(slot);
                element::clear_gaps::<T>(self.publisher.memory(&mut reservation, array.len())?);
            }
            Err(error) => {
                return Err(Error::InvalidShape {
                    shape: array.shape().to_vec(),
                    dtype: T::dtype().to_string(),
                    found: error.to_string(),
                    expected: "a shape that ndarray has",
                });
            }
        }
        recreate::commit(&mut self.publisher, &mut reservation, meta)
    }

    /// Publishes the elements of an array in C order.
    ///
    /// # Errors
    /// As [`write`](Self::write), and [`Error::ShapeMismatch`] if the elements do not fill the shape.
    pub fn write_slice<T: Element>(&mut self, elements: &[T], shape: &[usize]) -> Result<u64> {
        self.publish(T::dtype(), shape, elements, &PLAIN)
    }

    /// Publishes the elements of an array in C order together with user data, attributes or times.
    ///
    /// # Errors
    /// As [`write_slice`](Self::write_slice).
    pub fn write_slice_with<T: Element>(
        &mut self,
        elements: &[T],
        shape: &[usize],
        meta: &Meta,
    ) -> Result<u64> {
        self.publish(T::dtype(), shape, elements, meta)
    }

    /// Publishes the bytes of an array in C order, of a dtype that is known at run time only.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// use ndsharray::DType;
    /// store.writer("raw")?.write_bytes(&DType::from_name("uint16")?, &[2], &[1, 0, 2, 0])?;
    /// assert_eq!(store.reader("raw")?.latest()?.dtype(), &DType::UInt16);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`write`](Self::write), [`Error::ShapeMismatch`] if the bytes do not fill the shape, and
    /// [`Error::InvalidElement`] if the dtype is bool and a byte is neither 0 nor 1.
    pub fn write_bytes(&mut self, dtype: &DType, shape: &[usize], bytes: &[u8]) -> Result<u64> {
        self.write_bytes_with(dtype, shape, bytes, &PLAIN)
    }

    /// Publishes the bytes of an array in C order together with user data, attributes or times.
    ///
    /// # Errors
    /// As [`write_bytes`](Self::write_bytes).
    pub fn write_bytes_with(
        &mut self,
        dtype: &DType,
        shape: &[usize],
        bytes: &[u8],
        meta: &Meta,
    ) -> Result<u64> {
        if *dtype == DType::Bool && bytes.iter().any(|&byte| byte > 1) {
            return Err(Error::InvalidElement { expected: dtype.to_string() });
        }
        self.publish(dtype, shape, bytes, meta)
    }

    fn publish<T: Element>(
        &mut self,
        dtype: &DType,
        shape: &[usize],
        elements: &[T],
        meta: &Meta,
    ) -> Result<u64> {
        let mut reservation = self.publisher.reserve(dtype, shape, Some(size_of_val(elements)))?;
        element::copy(elements, self.publisher.memory(&mut reservation, elements.len())?);
        recreate::commit(&mut self.publisher, &mut reservation, meta)
    }

    /// Lends the memory of the next value, to be filled in place: no copy at all.
    ///
    /// The elements are those of some earlier value or zero (`bool`: all false). Publishing costs the same for any
    /// size; dropped unpublished, nothing happened.
    ///
    /// ```
    /// # use ndsharray::Meta;
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// let mut writer = store.writer("ramp")?;
    /// let mut loan = writer.loan::<f32>(&[2, 3])?;
    /// loan.as_mut_slice().fill(0.5);
    /// loan.set_meta(Meta::new().user_data(b"t=0")?);
    /// loan.publish()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn loan<T: Element>(&mut self, shape: &[usize]) -> Result<Loan<'_, T>> {
        let reservation = self.publisher.reserve(T::dtype(), shape, None)?;
        Loan::new(&mut self.publisher, reservation, false, element::has_bools::<T>())
    }

    /// Lends the memory of the next value as bytes, of a dtype that is known at run time only.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn loan_bytes(&mut self, dtype: &DType, shape: &[usize]) -> Result<Loan<'_, u8>> {
        let reservation = self.publisher.reserve(dtype, shape, None)?;
        Loan::new(&mut self.publisher, reservation, true, *dtype == DType::Bool)
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("store", &self.publisher.tag().directory())
            .field("tag", &self.tag())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
