//! npy files: any plain dtype, C and Fortran order, both byte orders.

use std::io::{Read, Write};
use std::{io, iter};

use bytemuck::Pod;
use ndsharray::ndarray::{ArrayView, ArrayViewMut, IxDyn, ShapeBuilder};
use ndsharray::{DType, NpyHeader, Snapshot};

use crate::failure::{Failure, Result};

pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The header of a value's npy file.
pub fn header(value: &Snapshot) -> Result<NpyHeader> {
    NpyHeader::new(value.dtype(), value.shape()).map_err(|_| {
        Failure::bad(format!(
            "npy cannot hold dtype {} with the descr {}: it takes a type string, or fields in the order of their places; use \
             cat, which writes the bytes of any dtype",
            value.dtype(),
            value.dtype().descr()
        ))
    })
}

/// Writes a value as an npy file, in C order.
pub fn write(header: &NpyHeader, value: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&header.to_bytes())?;
    out.write_all(value.bytes())
}

/// An npy file whose elements are still to be read.
#[derive(Debug)]
pub struct Form(NpyHeader);

impl Form {
    /// Reads a header; an error says what is wrong with it.
    pub fn read(mut input: &mut dyn Read) -> io::Result<Form> {
        NpyHeader::read(&mut input).map(Form)
    }

    pub fn dtype(&self) -> &DType {
        self.0.dtype()
    }

    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// Reads the elements into `to`, which has exactly their length, in C order and this machine's byte order.
    pub fn fill(&self, input: &mut dyn Read, to: &mut [u8]) -> Result<io::Result<()>, Failure> {
        if !self.0.is_fortran_order() || self.shape().len() < 2 {
            let outcome = input.read_exact(to);
            self.0.convert(to);
            return Ok(outcome);
        }
        let mut from = Vec::new();
        let room = from.try_reserve_exact(to.len());
        room.map_err(|error| {
            Failure::failed(format!("not enough memory to reorder {} bytes: {error}", to.len()))
        })?;
        if let Err(error) = input.take(to.len() as u64).read_to_end(&mut from) {
            return Ok(Err(error));
        }
        if from.len() < to.len() {
            return Ok(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.0.convert(&mut from);
        self.transpose(&from, to);
        Ok(Ok(()))
    }

    /// From Fortran order to C order.
    fn transpose(&self, from: &[u8], to: &mut [u8]) {
        match self.dtype().itemsize() {
            1 => self.transpose_as::<u8>(from, to),
            2 => self.transpose_as::<[u8; 2]>(from, to),
            4 => self.transpose_as::<[u8; 4]>(from, to),
            8 => self.transpose_as::<[u8; 8]>(from, to),
            16 => self.transpose_as::<[u8; 16]>(from, to),
            size => {
                // The bytes of an element become one more axis, the innermost on both sides.
                let shape: Vec<usize> = iter::once(size).chain(self.shape().iter().copied()).collect();
                let Ok(from) = ArrayView::from_shape(IxDyn(&shape).f(), from) else { return };
                let mut axes: Vec<usize> = (1..shape.len()).collect();
                axes.push(0);
                let inner: Vec<usize> = self.shape().iter().copied().chain([size]).collect();
                let Ok(mut to) = ArrayViewMut::from_shape(IxDyn(&inner), to) else { return };
                to.assign(&from.permuted_axes(axes));
            }
        }
    }

    fn transpose_as<T: Pod>(&self, from: &[u8], to: &mut [u8]) {
        let (from, to): (&[T], &mut [T]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
        // Both have as many elements as the shape.
        let Ok(from) = ArrayView::from_shape(IxDyn(self.shape()).f(), from) else { return };
        let Ok(mut to) = ArrayViewMut::from_shape(IxDyn(self.shape()), to) else { return };
        to.assign(&from);
    }
}
