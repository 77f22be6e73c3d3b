//! Rust types as elements: which bytes of an element are data, and how bytes become elements.

#![allow(unsafe_code)]

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::ops::Range;

use half::f16;
use num_complex::{Complex32, Complex64};

use crate::dtype::types::{DType, RecordField};
use crate::dtype::{descr, text};
use crate::error::{Error, Result};

/// A Rust type whose values are elements of arrays.
///
/// `bool`, `i8` to `i64`, `u8` to `u64`, [`f16`](struct@f16), `f32`, `f64`, [`Complex32`] (numpy's complex64), [`Complex64`]
/// (complex128), and structs of these with `#[derive(Element)]`:
///
/// ```
/// # #[cfg(feature = "derive")] {
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// use ndsharray::Element;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Element)]
/// #[repr(C)]
/// struct Pose {
///     stamp: u64,
///     position: [f32; 3],
///     valid: bool,
/// }
///
/// let pose = Pose { stamp: 1, position: [0.5, 0.0, 2.0], valid: true };
/// store.writer("pose")?.write_slice(&[pose], &[1])?;
/// assert_eq!(store.reader("pose")?.latest()?.as_slice::<Pose>()?, [pose]);
/// assert_eq!(Pose::dtype().to_string(), "{stamp: uint64, position: float32[3], valid: bool}");
/// # Ok(())
/// # }
/// # main().unwrap();
/// # }
/// ```
///
/// # Safety
/// The derive guarantees this:
/// - The size of the type is that of the dtype in its layout, and its alignment is at most 8.
/// - Each byte of a value is initialised, except those that the layout calls gaps.
/// - Each pattern of bits is a valid value, except that the bytes that the layout calls bools must be 0 or 1.
/// - The type owns nothing: it has no pointers and no interior mutability.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no element of arrays",
    note = "elements are bool, i8 to i64, u8 to u64, f32, f64, half::f16, Complex32, Complex64, and #[repr(C)] structs of \
            these and of arrays of them with #[derive(Element)], which the feature `derive` brings"
)]
pub unsafe trait Element: Copy + Send + Sync + 'static {
    /// False if the layout has no gaps. It is a constant, so the check costs nothing at each write.
    #[doc(hidden)]
    const MAY_HAVE_GAPS: bool = true;
    /// False if the layout has no bools.
    #[doc(hidden)]
    const MAY_HAVE_BOOLS: bool = true;

    /// How the type lies in memory. The derive implements this.
    #[doc(hidden)]
    fn layout() -> &'static ElementLayout;

    /// The dtype of this type.
    #[inline]
    fn dtype() -> &'static DType {
        &Self::layout().dtype
    }
}

/// How a Rust type lies in memory: its dtype, the bytes that are not data, and the bytes that must be 0 or 1.
#[derive(Debug)]
pub struct ElementLayout {
    dtype: DType,
    /// Bytes that belong to no field, in order.
    gaps: Cow<'static, [Range<usize>]>,
    /// Bytes that are 0 or 1, in order.
    bools: Cow<'static, [Range<usize>]>,
}

impl ElementLayout {
    /// The layout of a `#[repr(C)]` struct of `size` bytes with these fields, in the order of their places.
    pub fn record(size: usize, fields: &[FieldLayout]) -> Self {
        let (mut gaps, mut bools) = (Vec::new(), Vec::new());
        let mut end = 0;
        for field in fields {
            push(&mut gaps, end..field.offset);
            let inner = field.element;
            let size = inner.dtype.itemsize();
            let count = field.shape.iter().product::<usize>();
            for start in (0..count).map(|index| field.offset + index * size) {
                let shifted = |range: &Range<usize>| start + range.start..start + range.end;
                inner.gaps.iter().for_each(|range| push(&mut gaps, shifted(range)));
                inner.bools.iter().for_each(|range| push(&mut bools, shifted(range)));
                if inner.gaps.is_empty() && inner.bools.is_empty() {
                    break;
                }
            }
            end = field.offset + count * size;
        }
        push(&mut gaps, end..size);
        let field = |field: &FieldLayout| {
            RecordField::new(field.name, field.element.dtype.clone(), field.shape.clone(), field.offset)
        };
        let dtype = descr::record_dtype(fields.iter().map(field).collect(), size);
        ElementLayout { dtype, gaps: gaps.into(), bools: bools.into() }
    }

    const fn plain(dtype: DType, bools: &'static [Range<usize>]) -> Self {
        ElementLayout { dtype, gaps: Cow::Borrowed(&[]), bools: Cow::Borrowed(bools) }
    }
}

/// Adds a range at the end. If it begins where the last range ends, it makes that one longer.
fn push(ranges: &mut Vec<Range<usize>>, range: Range<usize>) {
    match ranges.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// A field of a struct, as the derive describes it.
#[derive(Debug)]
pub struct FieldLayout {
    name: &'static str,
    element: &'static ElementLayout,
    shape: Vec<usize>,
    offset: usize,
}

impl FieldLayout {
    /// The field of type `T` that begins `offset` bytes after the start of the struct.
    pub fn new<T: FieldType>(name: &'static str, offset: usize) -> Self {
        let mut shape = Vec::new();
        T::axes(&mut shape);
        FieldLayout { name, element: T::element(), shape, offset }
    }
}

/// The type of a field of a struct: an element, or an array of field types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an element",
    note = "fields are bool, i8 to i64, u8 to u64, f32, f64, half::f16, Complex32, Complex64, structs with #[derive(Element)], \
            and arrays of these"
)]
pub trait FieldType {
    /// The layout of the elements.
    fn element() -> &'static ElementLayout;
    /// Adds the lengths of the axes, the outer first.
    fn axes(shape: &mut Vec<usize>);
}

impl<T: Element> FieldType for T {
    fn element() -> &'static ElementLayout {
        T::layout()
    }

    fn axes(_: &mut Vec<usize>) {}
}

impl<T: FieldType, const N: usize> FieldType for [T; N] {
    fn element() -> &'static ElementLayout {
        T::element()
    }

    fn axes(shape: &mut Vec<usize>) {
        shape.push(N);
        T::axes(shape);
    }
}

macro_rules! elements {
    ($($type:ty => $dtype:ident $bools:expr),*) => { $(
        // SAFETY: a value of the dtype's size, without a gap. Each pattern of bits is a value, except for bool, whose
        // layout says so.
        unsafe impl Element for $type {
            const MAY_HAVE_GAPS: bool = false;
            const MAY_HAVE_BOOLS: bool = matches!(DType::$dtype, DType::Bool);

            #[inline(always)]
            fn dtype() -> &'static DType {
                const DTYPE: &DType = &DType::$dtype;
                DTYPE
            }

            fn layout() -> &'static ElementLayout {
                #[allow(clippy::single_range_in_vec_init)] // One range is what is meant.
                static LAYOUT: ElementLayout = ElementLayout::plain(DType::$dtype, &$bools);
                &LAYOUT
            }
        }
    )* };
}

elements!(bool => Bool [0..1], i8 => Int8 [], i16 => Int16 [], i32 => Int32 [], i64 => Int64 [], u8 => UInt8 [],
    u16 => UInt16 [], u32 => UInt32 [], u64 => UInt64 [], f16 => Float16 [], f32 => Float32 [], f64 => Float64 [],
    Complex32 => Complex64 [], Complex64 => Complex128 []);

/// Whether some patterns of bits are not valid elements: then memory must be cleared before it is lent.
#[inline]
pub(crate) fn has_bools<T: Element>() -> bool {
    T::MAY_HAVE_BOOLS && !T::layout().bools.is_empty()
}

/// The elements that these bytes of `dtype` are.
#[inline]
pub(crate) fn of_bytes<'a, T: Element>(dtype: &DType, bytes: &'a [u8]) -> Result<&'a [T]> {
    if dtype != T::dtype() {
        return Err(mismatch(dtype, T::dtype()));
    }
    let start = bytes.as_ptr().cast::<MaybeUninit<T>>();
    if size_of::<T>() == 0 || bytes.len() % size_of::<T>() != 0 || !start.is_aligned() {
        return Err(invalid(T::dtype()));
    }
    // SAFETY: these bytes are whole elements, aligned, and borrowed as long. `MaybeUninit` allows any contents.
    let memory = unsafe { std::slice::from_raw_parts(start, bytes.len() / size_of::<T>()) };
    if !are_valid(memory) {
        return Err(invalid(T::dtype()));
    }
    // SAFETY: each byte has a value, and the bytes of bools were checked. Every other pattern of bits is a valid T.
    Ok(unsafe { std::slice::from_raw_parts(memory.as_ptr().cast(), memory.len()) })
}

/// Memory that holds elements: each byte outside of gaps was written, as T or as zero. `None` if a bool is neither 0 nor 1.
#[inline]
pub(crate) fn lent<T: Element>(memory: &mut [MaybeUninit<T>]) -> Option<&mut [T]> {
    // SAFETY: as in `of_bytes`; a mapped file has values where nothing was written. Borrowed as long as the memory. What is written
    // through it may leave gaps without a value; they get one before anybody else reads them, by `clear_gaps`.
    are_valid(memory)
        .then(|| unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), memory.len()) })
}

/// Whether each byte of a bool is 0 or 1.
#[inline]
fn are_valid<T: Element>(memory: &[MaybeUninit<T>]) -> bool {
    !has_bools::<T>()
        || memory.iter().all(|element| {
            let bools = &T::layout().bools;
            let start = element.as_ptr().cast::<u8>();
            bools.iter().cloned().flatten().all(|place| {
                // SAFETY: inside the element, by its layout. A byte of a bool is no gap: it has a value.
                unsafe { start.add(place).read() <= 1 }
            })
        })
}

/// Copies elements to memory for as many, with zeros in their gaps.
#[inline]
pub(crate) fn copy<T: Element>(elements: &[T], to: &mut [MaybeUninit<T>]) {
    let count = elements.len().min(to.len());
    // SAFETY: both have room for `count` elements, and do not overlap, since one is borrowed mutably.
    unsafe { std::ptr::copy_nonoverlapping(elements.as_ptr(), to.as_mut_ptr().cast(), count) };
    clear_gaps(to);
}

/// Writes zeros to the gaps of elements.
#[inline]
pub(crate) fn clear_gaps<T: Element>(memory: &mut [MaybeUninit<T>]) {
    if !has_gaps::<T>() {
        return;
    }
    let gaps = &T::layout().gaps;
    for element in memory {
        let start = element.as_mut_ptr().cast::<u8>();
        for gap in gaps.iter() {
            // SAFETY: inside the element, by its layout.
            unsafe { start.add(gap.start).write_bytes(0, gap.len()) };
        }
    }
}

/// Whether an element has gaps.
#[inline]
pub(crate) fn has_gaps<T: Element>() -> bool {
    T::MAY_HAVE_GAPS && !T::layout().gaps.is_empty()
}

#[cold]
fn invalid(expected: &DType) -> Error {
    Error::InvalidElement { expected: expected.to_string() }
}

#[cold]
fn mismatch(found: &DType, expected: &DType) -> Error {
    let (found, expected) = text::first_difference(found, expected);
    Error::DTypeMismatch { found, expected }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
