//! Values as they travel: the length of a [`Head`] in four bytes (little-endian), the head, and the elements; then the next value.

use std::io::Read;

use ndsharray::{DType, Meta, Snapshot, UnixTime};
use prost::Message;
use zenoh::bytes::{ZBytes, ZBytesReader};

use crate::wire::message::Head;

/// A head is never longer: 64 axes, a descr, 2048 bytes of user data.
const LONGEST_HEAD: usize = 8 << 10;

/// The most axes that an array has.
const MOST_AXES: usize = 64;

/// Appends a value.
pub(crate) fn append(value: &Snapshot, to: &mut Vec<u8>) {
    let (dtype, id) = (value.dtype(), value.id());
    let custom = matches!(dtype, DType::Custom(_));
    // What says that it is JSON and is not travels as plain bytes.
    let attributes = value.attributes_json().ok().flatten().map(str::to_owned);
    let user_data = if attributes.is_some() { &[] } else { value.user_data() };
    let head = Head {
        dtype: dtype.name().to_owned(),
        descr: if custom { dtype.descr().to_owned() } else { String::new() },
        itemsize: if custom { dtype.itemsize() as u64 } else { 0 },
        shape: value.shape().iter().map(|&length| length as u64).collect(),
        nbytes: value.bytes().len() as u64,
        user_data: bytes::Bytes::copy_from_slice(user_data),
        attributes,
        version: id.version(),
        origin: id.origin(),
        written_at: written_at(value),
        acquired_at: value.acquired_at().map(UnixTime::as_nanos),
    };
    let length = head.encoded_len();
    to.reserve(4 + length + value.bytes().len());
    to.extend_from_slice(&(length as u32).to_le_bytes());
    to.extend_from_slice(&head.encode_to_vec());
    to.extend_from_slice(value.bytes());
}

/// When a value was first written, in nanoseconds since 1970: one that is a copy keeps the time of its source.
pub(crate) fn written_at(value: &Snapshot) -> u64 {
    value.source_written_at().unwrap_or(value.written_at()).as_nanos()
}

/// A value that arrived. Its elements are read from where they lie.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub meta: Meta,
    pub version: u64,
    pub origin: u64,
    /// When it was written at the source, as Unix time in nanoseconds.
    pub written_at: u64,
    pub nbytes: usize,
}

/// The values of an answer, one after the other. Nothing that they say is believed before it was checked.
pub(crate) struct Values<'a> {
    reader: ZBytesReader<'a>,
    left: usize,
}

impl<'a> Values<'a> {
    pub fn of(payload: &'a ZBytes) -> Self {
        Values { left: payload.len(), reader: payload.reader() }
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.left
    }

    /// The next value; `None` at the end. Its elements have to be read before the one after it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn next(&mut self) -> Option<Result<Arrived, String>> {
        (self.left > 0).then(|| self.read())
    }

    /// Reads the elements of the last value.
    pub fn elements(&mut self, to: &mut [u8]) -> Result<(), String> {
        self.fill(to)
    }

    /// Passes over the elements of the last value.
    pub fn pass_over(&mut self, nbytes: usize) -> Result<(), String> {
        let passed = std::io::copy(&mut self.reader.by_ref().take(nbytes as u64), &mut std::io::sink());
        self.left -= nbytes;
        passed.map(|_| ()).map_err(|error| error.to_string())
    }

    fn fill(&mut self, to: &mut [u8]) -> Result<(), String> {
        let left = self.left;
        self.left =
            left.checked_sub(to.len()).ok_or_else(|| format!("{left} bytes, expected {}", to.len()))?;
        self.reader.read_exact(to).map_err(|error| error.to_string())
    }

    fn read(&mut self) -> Result<Arrived, String> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_HEAD {
            return Err(format!("a head of {length} bytes, expected at most {LONGEST_HEAD}"));
        }
        let mut head = vec![0; length];
        self.fill(&mut head)?;
        let head = Head::decode(&head[..]).map_err(|error| error.to_string())?;
        let arrived = checked(head)?;
        if arrived.nbytes > self.left {
            return Err(format!("{} bytes of elements, expected {}", self.left, arrived.nbytes));
        }
        Ok(arrived)
    }
}

/// What a head says, if it fits together.
fn checked(head: Head) -> Result<Arrived, String> {
    let dtype = if head.descr.is_empty() {
        DType::from_name(&head.dtype)
    } else {
        let itemsize = usize::try_from(head.itemsize).unwrap_or(usize::MAX);
        DType::stored(&head.dtype, itemsize, &head.descr)
    };
    let dtype = dtype.map_err(|error| error.to_string())?;
    if head.shape.len() > MOST_AXES {
        return Err(format!("{} axes, expected at most {MOST_AXES}", head.shape.len()));
    }
    let shape = head.shape.iter().map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| format!("the shape {:?}", head.shape))?;
    let size = shape.iter().try_fold(dtype.itemsize(), |size, &length| size.checked_mul(length));
    // With an axis of length 0 the others may be of any length.
    let size = if shape.contains(&0) { Some(0) } else { size };
    if size.map(|size| size as u64) != Some(head.nbytes) {
        return Err(format!("{} bytes for {dtype} of shape {shape:?}", head.nbytes));
    }
    let meta = match &head.attributes {
        Some(text) => Meta::new().attributes_json(text),
        None => Meta::new().user_data(&head.user_data),
    };
    let mut meta = meta.map_err(|error| error.to_string())?.source_written_at(head.written_at);
    if let Some(time) = head.acquired_at {
        meta = meta.acquired_at(time);
    }
    Ok(Arrived {
        dtype,
        shape,
        meta,
        version: head.version,
        origin: head.origin,
        written_at: head.written_at,
        nbytes: head.nbytes as usize,
    })
}
