//! A message to a value.

use bytes::{Buf, Bytes};
use ndsharray::{DType, UnixTime};
use prost::Message;
use prost::encoding::{self, DecodeContext, WireType};

use crate::error::Problem;
use crate::message::are_attributes;
use crate::message::schema::{Array, RawImage, Schema};

/// What a message holds. The bytes are parts of the message, not copies.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub bytes: Bytes,
    pub user_data: Bytes,
    pub attributes: Option<String>,
    pub version: u64,
    pub acquired_at: Option<UnixTime>,
    pub source_written_at: Option<UnixTime>,
}

/// Decodes a message and checks that what it says fits together. The error says what was found and what was expected.
pub(crate) fn decode(schema: Schema, message: Bytes) -> Result<Decoded, Problem> {
    let undecodable = |error: prost::DecodeError| (error.to_string(), "a message of the channel's schema");
    check_rest(schema, message.clone()).map_err(undecodable)??;
    let array = match schema {
        Schema::Array => Array::decode(message).map_err(undecodable)?,
        Schema::RawImage => RawImage::decode(message).map_err(undecodable)?.into_array(),
    };
    let dtype = dtype(&array)?;
    let shape = shape(&array.shape)?;
    let expected = shape.iter().try_fold(dtype.itemsize(), |nbytes, &length| nbytes.checked_mul(length));
    if expected != Some(array.data.len()) {
        let found = format!("{} bytes for {dtype} of shape {shape:?}", array.data.len());
        return Err((found, "as many bytes as dtype and shape take"));
    }
    if let Some(text) = &array.attributes {
        if !are_attributes(text) {
            return Err(("other attributes".to_owned(), "attributes that are a JSON object"));
        }
    }
    let user_data = match &array.attributes {
        // As a store has it.
        Some(text) if array.user_data.is_empty() => Bytes::copy_from_slice(text.as_bytes()),
        _ => array.user_data,
    };
    Ok(Decoded {
        dtype,
        shape,
        bytes: array.data,
        user_data,
        attributes: array.attributes,
        version: array.version,
        acquired_at: array.acquired_at.map(UnixTime::from),
        source_written_at: array.source_written_at.map(UnixTime::from),
    })
}

/// Checks that what a message has beside data, user data and attributes is small, as it is in each that was recorded: a shape would
/// take eight times the memory that it has in the message.
fn check_rest(schema: Schema, mut message: Bytes) -> Result<Result<(), Problem>, prost::DecodeError> {
    let large = schema.large_fields();
    let mut rest = 0;
    while message.has_remaining() {
        let before = message.remaining();
        let (field, wire_type) = encoding::decode_key(&mut message)?;
        encoding::skip_field(wire_type, field, &mut message, DecodeContext::default())?;
        if wire_type != WireType::LengthDelimited || !large.contains(&field) {
            rest += before - message.remaining();
        }
    }
    Ok(match rest {
        0..=LARGEST_REST => Ok(()),
        rest => Err((format!("{rest} bytes beside data, user data and attributes"), "at most 64 KiB")),
    })
}

/// The most bytes that a message has beside data, user data and attributes: 64 axes, and names.
const LARGEST_REST: usize = 64 << 10;

/// The most axes that an array has.
pub(crate) const MOST_AXES: usize = 64;

fn dtype(array: &Array) -> Result<DType, Problem> {
    let wrong = |found: String| (found, "a dtype that can be stored");
    if array.descr.is_empty() {
        return DType::from_name(&array.dtype).map_err(|error| wrong(error.to_string()));
    }
    let itemsize =
        usize::try_from(array.itemsize).map_err(|_| wrong(format!("an itemsize of {}", array.itemsize)))?;
    DType::stored(&array.dtype, itemsize, &array.descr).map_err(|error| wrong(error.to_string()))
}

fn shape(shape: &[u64]) -> Result<Vec<usize>, Problem> {
    if shape.len() > MOST_AXES {
        return Err((format!("{} axes", shape.len()), "at most 64"));
    }
    shape
        .iter()
        .map(|&length| {
            usize::try_from(length).map_err(|_| (format!("an axis of length {length}"), "a length in memory"))
        })
        .collect()
}

impl RawImage {
    fn into_array(self) -> Array {
        Array {
            dtype: self.dtype,
            shape: self.shape,
            descr: self.descr,
            itemsize: self.itemsize,
            data: self.data,
            user_data: self.user_data,
            attributes: self.attributes,
            version: self.version,
            acquired_at: self.acquired_at,
            source_written_at: self.source_written_at,
        }
    }
}
