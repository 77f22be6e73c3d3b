//! npy files: any plain dtype, C and Fortran order, both byte orders.

use std::io::{self, Read, Write};

use bytemuck::Pod;
use ndsharray::ndarray::{ArrayView, ArrayViewMut, IxDyn, ShapeBuilder};
use ndsharray::{DType, Snapshot};
use npyz::{NpyHeader, Order, WriteOptions, WriterBuilder};

use crate::dtype;
use crate::failure::Failure;

pub const MAGIC: &[u8] = b"\x93NUMPY";
/// A limit far above the header of anything that can be stored.
const LONGEST_HEADER: u32 = 1 << 16;

/// Writes a value as an npy file, in C order.
pub fn write(value: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let dtype = dtype::to_npy(value.dtype()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let shape: Vec<u64> = value.shape().iter().map(|&axis| axis as u64).collect();
    let mut header = Vec::new();
    WriteOptions::new_header_only().dtype(dtype).shape(&shape).writer(&mut header).write_header_only()?;
    out.write_all(&header)?;
    out.write_all(value.bytes())
}

/// What an npy file says of its array.
#[derive(Debug)]
pub struct Form {
    pub dtype: DType,
    pub shape: Vec<usize>,
    /// The length in bytes of the units whose byte order must be reversed; 1: none.
    pub swap: usize,
    fortran: bool,
}

impl Form {
    /// Reads a header; an error says what is wrong with it.
    pub fn read(input: &mut dyn Read) -> io::Result<Form> {
        let wrong = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
        // The length is checked first: the crate allocates as much as the file claims.
        let mut start = [0; 12];
        input.read_exact(&mut start)?;
        let [.., low, high, third, fourth] = start;
        let length = match start[6] {
            1 => u32::from(u16::from_le_bytes([low, high])),
            2 | 3 => u32::from_le_bytes([low, high, third, fourth]),
            version => return Err(wrong(format!("found npy version {version}, expected 1 to 3"))),
        };
        if length > LONGEST_HEADER {
            return Err(wrong(format!(
                "found a header of {length} bytes, expected at most {LONGEST_HEADER}"
            )));
        }
        let length = length as usize + if start[6] == 1 { 10 } else { 12 };
        let mut header = start.to_vec();
        // A header of version 1 may be shorter than `start`; it is refused below.
        input.take(length.saturating_sub(start.len()) as u64).read_to_end(&mut header)?;
        if header.len() < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let nested = header.iter().filter(|byte| b"[({".contains(byte)).count();
        if nested > 1000 {
            return Err(wrong(format!("found {nested} brackets in the header, expected at most 1000")));
        }
        let header = NpyHeader::from_reader(&header[..]).map_err(|error| wrong(error.to_string()))?;
        let (dtype, swap) = dtype::from_npy(&header.dtype()).map_err(wrong)?;
        let axes = header.shape().iter().map(|&axis| usize::try_from(axis));
        let shape = axes.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(error.to_string()))?;
        Ok(Form { dtype, shape, swap, fortran: header.order() == Order::Fortran })
    }

    /// Reads the elements into `to`, which has exactly their length, in C order and this machine's byte order.
    pub fn fill(&self, input: &mut dyn Read, to: &mut [u8]) -> Result<io::Result<()>, Failure> {
        if !self.fortran || self.shape.len() < 2 {
            let outcome = input.read_exact(to);
            dtype::swap(to, self.swap);
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
        dtype::swap(&mut from, self.swap);
        self.transpose(&from, to);
        Ok(Ok(()))
    }

    /// From Fortran order to C order.
    fn transpose(&self, from: &[u8], to: &mut [u8]) {
        match self.dtype.itemsize() {
            1 => self.transpose_as::<u8>(from, to),
            2 => self.transpose_as::<[u8; 2]>(from, to),
            4 => self.transpose_as::<[u8; 4]>(from, to),
            8 => self.transpose_as::<[u8; 8]>(from, to),
            16 => self.transpose_as::<[u8; 16]>(from, to),
            size => {
                // The bytes of an element become one more axis, the innermost on both sides.
                let shape: Vec<usize> = std::iter::once(size).chain(self.shape.iter().copied()).collect();
                let Ok(from) = ArrayView::from_shape(IxDyn(&shape).f(), from) else { return };
                let mut axes: Vec<usize> = (1..shape.len()).collect();
                axes.push(0);
                let inner: Vec<usize> = self.shape.iter().copied().chain([size]).collect();
                let Ok(mut to) = ArrayViewMut::from_shape(IxDyn(&inner), to) else { return };
                to.assign(&from.permuted_axes(axes));
            }
        }
    }

    fn transpose_as<T: Pod>(&self, from: &[u8], to: &mut [u8]) {
        let (from, to): (&[T], &mut [T]) = (bytemuck::cast_slice(from), bytemuck::cast_slice_mut(to));
        // Both have as many elements as the shape.
        let Ok(from) = ArrayView::from_shape(IxDyn(&self.shape).f(), from) else { return };
        let Ok(mut to) = ArrayViewMut::from_shape(IxDyn(&self.shape), to) else { return };
        to.assign(&from);
    }
}
