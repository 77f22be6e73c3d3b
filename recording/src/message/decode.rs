//! A message to a value.

use bytes::Bytes;
use ndsharray::{DType, UnixTime};
use prost::Message;

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
pub(crate) fn decode(schema: Schema, message: Bytes) -> Result<Decoded, (String, &'static str)> {
    let undecodable = |error: prost::DecodeError| (error.to_string(), "a message of the channel's schema");
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
        let parsed = ndsharray::serde_json::from_str::<ndsharray::serde_json::Value>(text);
        if !parsed.is_ok_and(|parsed| parsed.is_object()) {
            return Err(("other attributes".to_owned(), "attributes that are a JSON object"));
        }
    }
    Ok(Decoded {
        dtype,
        shape,
        bytes: array.data,
        user_data: array.user_data,
        attributes: array.attributes,
        version: array.version,
        acquired_at: array.acquired_at.map(UnixTime::from),
        source_written_at: array.source_written_at.map(UnixTime::from),
    })
}

fn dtype(array: &Array) -> Result<DType, (String, &'static str)> {
    let wrong = |found: String| (found, "a dtype that can be stored");
    if array.descr.is_empty() {
        return DType::from_name(&array.dtype).map_err(|error| wrong(error.to_string()));
    }
    let itemsize =
        usize::try_from(array.itemsize).map_err(|_| wrong(format!("an itemsize of {}", array.itemsize)))?;
    DType::custom(&array.dtype, itemsize, &array.descr).map_err(|error| wrong(error.to_string()))
}

fn shape(shape: &[u64]) -> Result<Vec<usize>, (String, &'static str)> {
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
