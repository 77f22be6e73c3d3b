//! Loans: the memory of the next value, filled in place.

use std::fmt;
use std::mem::MaybeUninit;

use crate::dtype::DType;
use crate::dtype::element::{self, Element};
use crate::error::{Error, Result};
use crate::writer::meta::Meta;
use crate::writer::publisher::Publisher;
use crate::writer::recreate;
use crate::writer::reservation::Reservation;

/// The memory of a value that is not published yet, from [`Writer::loan`](crate::Writer::loan).
///
/// [`publish`](Self::publish) makes it the latest value; dropped, nothing happened.
///
/// A loan borrows its writer and ends with its publishing:
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let mut writer = ndsharray::Store::open(dir.path())?.writer("a")?;
/// let mut loan = writer.loan::<u8>(&[3])?;
/// loan.as_mut_slice()[0] = 1;
/// loan.publish()?;
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0382
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let mut writer = ndsharray::Store::open(dir.path())?.writer("a")?;
/// let mut loan = writer.loan::<u8>(&[3])?;
/// loan.publish()?;
/// loan.as_mut_slice()[0] = 1; // readers may have it by now
/// # Ok(())
/// # }
/// ```
#[must_use = "a loan that is dropped is not published"]
pub struct Loan<'a, T: Element> {
    publisher: &'a mut Publisher,
    reservation: Reservation,
    /// Its length, if the loan is one of bytes: then it shows one axis, whatever the shape of the value.
    flat: Option<[usize; 1]>,
    /// Bytes that are to be bools: checked before they are published.
    bools: bool,
    meta: Meta,
    element: std::marker::PhantomData<T>,
}

impl<'a, T: Element> Loan<'a, T> {
    /// `flat`: shows its bytes in one axis; `clear`: not every bit pattern is an element.
    pub(crate) fn new(
        publisher: &'a mut Publisher,
        mut reservation: Reservation,
        flat: bool,
        clear: bool,
    ) -> Result<Self> {
        if clear {
            publisher.bytes(&mut reservation)?.fill(0);
        }
        let bools = clear && flat;
        let flat = flat.then_some([reservation.nbytes]);
        Ok(Loan { publisher, reservation, flat, bools, meta: Meta::new(), element: std::marker::PhantomData })
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        match &self.flat {
            Some(length) => length,
            None => self.publisher.layout_of(&self.reservation).map_or(&[], |layout| layout.shape()),
        }
    }

    /// The elements, in C order, for filling.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // All bits are elements, or were cleared at the start (bool).
        self.memory().ok().and_then(element::lent).unwrap_or_default()
    }

    fn memory(&mut self) -> Result<&mut [MaybeUninit<T>]> {
        // A layout has whole elements.
        let count = self.reservation.nbytes / size_of::<T>().max(1);
        self.publisher.memory(&mut self.reservation, count)
    }

    /// The array, for filling.
    #[cfg(feature = "ndarray")]
    pub fn as_array_mut(&mut self) -> ndarray::ArrayViewMutD<'_, T> {
        let shape = self.shape().to_vec();
        match ndarray::ArrayViewMutD::from_shape(shape, self.as_mut_slice()) {
            Ok(array) => array,
            // The slice has as many elements as the shape; what is left is a writer that is at its end.
            Err(_) => ndarray::ArrayViewMut1::from(&mut []).into_dyn(),
        }
    }

    /// A token that keeps the loan's memory mapped as long as it lives, also after the loan.
    ///
    /// For bindings that hand the memory to a runtime (such as Python's) that does not know the loan's lifetime.
    ///
    /// # Errors
    /// As [`Writer::loan`](crate::Writer::loan).
    pub fn keeper(&mut self) -> Result<std::sync::Arc<dyn std::any::Any + Send + Sync>> {
        self.publisher.keeper(&mut self.reservation)
    }

    /// Sets what travels with the value.
    pub fn set_meta(&mut self, meta: Meta) {
        self.meta = meta;
    }

    /// Makes this the latest value, and returns its version.
    ///
    /// # Errors
    /// As [`Writer::write_slice`](crate::Writer::write_slice), but for the shape; and [`Error::InvalidElement`] if these are bytes of bools and one
    /// is neither 0 nor 1.
    pub fn publish(mut self) -> Result<u64> {
        if element::has_gaps::<T>() {
            element::clear_gaps(self.memory()?);
        }
        if self.bools && self.publisher.bytes(&mut self.reservation)?.iter().any(|&byte| byte > 1) {
            return Err(Error::InvalidElement { expected: DType::Bool.to_string() });
        }
        recreate::commit(self.publisher, &mut self.reservation, &self.meta)
    }
}

impl<T: Element> fmt::Debug for Loan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan")
            .field("dtype", T::dtype())
            .field("shape", &self.shape())
            .finish_non_exhaustive()
    }
}
