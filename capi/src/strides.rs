//! Copies of arrays of any strides into C order.

use crate::failure::{Failure, Outcome};

/// One axis: how many elements, and the distance in bytes from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    length: usize,
    stride: isize,
}

/// Whether the elements lie in C order without gaps.
#[inline]
pub fn is_contiguous(shape: &[usize], strides: &[isize], itemsize: usize) -> bool {
    let mut expected = itemsize;
    for (&length, &stride) in shape.iter().zip(strides).rev() {
        if length == 0 {
            return true;
        }
        // The stride of an axis of one element does not matter.
        if length > 1 && usize::try_from(stride) != Ok(expected) {
            return false;
        }
        // The length in bytes of the whole does not overflow.
        expected *= length;
    }
    true
}

/// Refuses strides that reach beyond the address space. The shape has at least one element.
pub fn check(data: *const u8, shape: &[usize], strides: &[isize], itemsize: usize) -> Outcome<()> {
    // The lengths fit into isize together, so nothing overflows here: 64 products of 63 bits each.
    let reach = |is_back: bool| -> i128 {
        let axes = shape.iter().zip(strides).filter(|&(_, &stride)| (stride < 0) == is_back);
        axes.map(|(&length, &stride)| (length as i128 - 1) * stride as i128).sum()
    };
    let first = data.addr() as i128 + reach(true);
    let end = data.addr() as i128 + reach(false) + itemsize as i128;
    if first <= 0 || end > isize::MAX as i128 {
        let advice = format!("strides {strides:?} of shape {shape:?} reach beyond the memory; correct them");
        return Err(Failure::argument(advice));
    }
    Ok(())
}

/// Copies the elements in C order.
///
/// # Safety
/// Every element of an array of this shape, with these strides, can be read for `itemsize` bytes; the shape has at least one
/// element and one axis, and takes as many bytes as `to` has. The two do not overlap.
pub unsafe fn copy(from: *const u8, shape: &[usize], strides: &[isize], itemsize: usize, to: &mut [u8]) {
    let mut axes = merged(shape, strides);
    let mut run = itemsize;
    if let Some(last) = axes.last().filter(|last| last.stride == itemsize as isize) {
        run *= last.length;
        axes.pop();
    }
    let inner = axes.pop().unwrap_or(Axis { length: 1, stride: 0 });
    let to = to.as_mut_ptr();
    // SAFETY: as the caller says; the axes and the run are those of the array.
    unsafe {
        match run {
            1 => rows::<1>(from, &axes, inner, to),
            2 => rows::<2>(from, &axes, inner, to),
            4 => rows::<4>(from, &axes, inner, to),
            8 => rows::<8>(from, &axes, inner, to),
            16 => rows::<16>(from, &axes, inner, to),
            _ => each_row(&axes, |offset, row| {
                for index in 0..inner.length {
                    let source = from.offset(offset + index as isize * inner.stride);
                    std::ptr::copy_nonoverlapping(source, to.add((row * inner.length + index) * run), run);
                }
            }),
        }
    }
}

/// Copies rows of runs whose length is known to the compiler.
///
/// # Safety
/// As for [`copy`].
unsafe fn rows<const RUN: usize>(from: *const u8, axes: &[Axis], inner: Axis, to: *mut u8) {
    each_row(axes, |offset, row| {
        // SAFETY: as the caller says.
        unsafe {
            let (from, to) = (from.offset(offset), to.add(row * inner.length * RUN));
            for index in 0..inner.length {
                let source = from.offset(index as isize * inner.stride);
                std::ptr::copy_nonoverlapping(source, to.add(index * RUN), RUN);
            }
        }
    });
}

/// The axes of more than one element. Axes that follow each other in memory without a gap become one.
fn merged(shape: &[usize], strides: &[isize]) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::with_capacity(shape.len());
    for (&length, &stride) in shape.iter().zip(strides).filter(|&(&length, _)| length != 1) {
        match axes.last_mut() {
            Some(outer) if Some(outer.stride) == stride.checked_mul(length as isize) => {
                *outer = Axis { length: outer.length * length, stride };
            }
            _ => axes.push(Axis { length, stride }),
        }
    }
    axes
}

/// Calls `copy` for each row, in C order, with its offset in bytes and its number.
fn each_row(axes: &[Axis], mut copy: impl FnMut(isize, usize)) {
    let mut indices = vec![0; axes.len()];
    let (mut offset, mut row) = (0, 0);
    'rows: loop {
        copy(offset, row);
        row += 1;
        for (index, axis) in indices.iter_mut().zip(axes).rev() {
            *index += 1;
            offset = offset.wrapping_add(axis.stride);
            if *index < axis.length {
                continue 'rows;
            }
            *index = 0;
            offset = offset.wrapping_sub(axis.stride.wrapping_mul(axis.length as isize));
        }
        return;
    }
}
