//! Headers of npy files: numpy's format for one array, as `numpy.save` writes it.

use std::io::{self, Read};

use crate::dtype::literal::{self, Literal};
use crate::dtype::{DType, descr};
use crate::error::{Error, Result};

/// What an npy file begins with.
const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read, in bytes: far more than any storable dtype needs.
const LONGEST: usize = 1 << 16;
/// The data of a file begin at a multiple of this many bytes, as in numpy's own files.
const ALIGNMENT: usize = 64;

/// The header of an npy file: what stands before the elements.
///
/// ```
/// use ndsharray::{DType, NpyHeader};
///
/// let file = [NpyHeader::new(&DType::UInt8, &[3])?.to_bytes(), vec![1, 2, 3]].concat();
/// let mut input = &file[..];
/// let header = NpyHeader::read(&mut input).unwrap();
/// assert_eq!((header.dtype(), header.shape(), input), (&DType::UInt8, &[3][..], &[1, 2, 3][..]));
/// # Ok::<(), ndsharray::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    dtype: DType,
    shape: Vec<usize>,
    fortran_order: bool,
    /// The descr, as npy files spell it.
    descr: String,
    /// The length in bytes of the parts whose bytes must be reversed; 1: nothing is reversed.
    swap: usize,
}

impl NpyHeader {
    /// The header of an array in C order.
    ///
    /// # Errors
    /// [`Error::InvalidDType`] if an npy file cannot express the dtype: its fields overlap or are not in the order of their
    /// places, or numpy does not know it.
    pub fn new(dtype: &DType, shape: &[usize]) -> Result<Self> {
        let Some(descr) = descr::to_npy(dtype) else {
            let found = format!("it has the descr {:?}", dtype.descr());
            let expected =
                "in an npy file: a plain type, or fields in the order of their places that do not overlap";
            return Err(Error::InvalidDType { name: dtype.name().to_owned(), found, expected });
        };
        Ok(NpyHeader { dtype: dtype.clone(), shape: shape.to_vec(), fortran_order: false, descr, swap: 1 })
    }

    /// Reads a header, and leaves the input where the elements begin.
    ///
    /// Takes what `numpy.load` takes, except Python objects and long doubles.
    ///
    /// # Errors
    /// The errors of the input; [`io::ErrorKind::UnexpectedEof`] if it ends too early; [`io::ErrorKind::InvalidData`] if it is
    /// not an npy header, is longer than 65536 bytes, or has a dtype that cannot be stored.
    pub fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut start = [0; 8];
        input.read_exact(&mut start)?;
        if !start.starts_with(MAGIC) {
            return Err(wrong(format!("found {:?} at its start", start.escape_ascii().to_string())));
        }
        let length = match start[6..] {
            [1, 0] => {
                let mut length = [0; 2];
                input.read_exact(&mut length)?;
                u16::from_le_bytes(length).into()
            }
            [2 | 3, 0] => {
                let mut length = [0; 4];
                input.read_exact(&mut length)?;
                u32::from_le_bytes(length) as usize
            }
            _ => {
                return Err(wrong(format!(
                    "found npy version {}.{}, expected 1.0 to 3.0",
                    start[6], start[7]
                )));
            }
        };
        if length > LONGEST {
            return Err(wrong(format!("found a header of {length} bytes, expected at most {LONGEST}")));
        }
        let mut text = vec![0; length];
        input.read_exact(&mut text)?;
        let text = if start[6] == 3 {
            String::from_utf8(text).map_err(|_| wrong("found a header that is not UTF-8".to_owned()))?
        } else {
            // Latin-1: the first 256 code points.
            text.into_iter().map(char::from).collect()
        };
        Self::parse(&text).map_err(wrong)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let Literal::Dict(items) = literal::parse(text)? else {
            return Err("found a header that is not a dict".to_owned());
        };
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        for (key, value) in &items {
            match (key, value) {
                (Literal::Text(key), value) if key == "descr" => descr = Some(value),
                (Literal::Text(key), Literal::Bool(value)) if key == "fortran_order" => {
                    fortran_order = Some(*value)
                }
                (Literal::Text(key), Literal::Tuple(_)) if key == "shape" => {
                    shape = Some(descr::shape(value)?)
                }
                _ => {
                    return Err(format!(
                        "found {key:?} with {value:?} in the header, expected descr, fortran_order and shape"
                    ));
                }
            }
        }
        let (Some(descr), Some(fortran_order), Some(shape)) = (descr, fortran_order, shape) else {
            return Err("found a header without descr, fortran_order or shape".to_owned());
        };
        let mut dtype = descr::of_npy(descr)?;
        let mut swap = 1;
        if let Some(scalar) = dtype.scalar().filter(|scalar| scalar.is_swapped()) {
            // The store holds numbers only in this machine's byte order.
            if let Ok(native) = DType::from_name(dtype.name()) {
                (dtype, swap) = (native, scalar.unit_of_order());
            }
        }
        dtype.check_storable().map_err(|error| error.to_string())?;
        let descr = descr::to_npy(&dtype).ok_or("found fields that overlap")?;
        Ok(NpyHeader { dtype, shape, fortran_order, descr, swap })
    }

    /// The bytes of the header, which the elements follow.
    pub fn to_bytes(&self) -> Vec<u8> {
        let NpyHeader { descr, shape, .. } = self;
        let order = if self.fortran_order { "True" } else { "False" };
        let shape = descr::tuple(shape);
        let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
        let latin: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let (text, version) = match latin {
            Some(bytes) if bytes.len() < usize::from(u16::MAX) - ALIGNMENT => (bytes, 1),
            Some(bytes) => (bytes, 2),
            None => (text.into_bytes(), 3),
        };
        let before = if version == 1 { 10 } else { 12 };
        let total = (before + text.len() + 1).next_multiple_of(ALIGNMENT);
        let length = total - before;
        let mut bytes = [MAGIC, &[version, 0]].concat();
        bytes.extend_from_slice(&(length as u32).to_le_bytes()[..before - 8]);
        bytes.extend_from_slice(&text);
        bytes.resize(total - 1, b' ');
        bytes.push(b'\n');
        bytes
    }

    /// The dtype of the array as it can be stored: numbers in this machine's byte order.
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Whether the elements are in Fortran order, the first axis the fastest.
    pub fn is_fortran_order(&self) -> bool {
        self.fortran_order
    }

    /// Converts elements of the file, all or some, to those of [`dtype`](Self::dtype): puts the bytes of numbers into this
    /// machine's order, and turns bools that are not 0 into 1.
    pub fn convert(&self, elements: &mut [u8]) {
        if self.swap > 1 {
            elements.chunks_exact_mut(self.swap).for_each(<[u8]>::reverse);
        }
        if self.dtype == DType::Bool {
            elements.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
    }
}

fn wrong(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}
