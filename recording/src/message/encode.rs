//! A value to a message.

use bytes::Bytes;
use prost::Message;
use prost::encoding::{self, WireType};

use crate::message::image::Image;
use crate::message::schema::{Array, RawImage, Schema, Timestamp};
use crate::value::Value;

/// The elements of an array begin at a multiple of this in a file that is not compressed, so that they can be used where they
/// lie: the widest that processors load at once, and a line of their caches.
const ALIGNMENT: usize = 64;

/// Appends the message of a value to `out`, which has the message alone. `start` is where the message begins in the file.
pub(crate) fn encode(value: &Value<'_>, image: Option<Image>, start: u64, out: &mut Vec<u8>) {
    let schema = if image.is_some() { Schema::RawImage } else { Schema::Array };
    let encoded = match image {
        Some(image) => raw_image(value, image).encode(out),
        None => array(value).encode(out),
    };
    encoded.expect("a Vec has room for every message");
    let (data, padding) = schema.data_and_padding();
    pad(start, data, padding, value.bytes.len(), out);
    encoding::encode_key(data, WireType::LengthDelimited, out);
    encoding::encode_varint(value.bytes.len() as u64, out);
    out.extend_from_slice(value.bytes);
}

/// Appends a field of zeros, so that what comes after the key and the length of the field `data` is aligned in the file.
fn pad(start: u64, data: u32, padding: u32, nbytes: usize, out: &mut Vec<u8>) {
    let heads = encoding::key_len(padding)
        + 1
        + encoding::key_len(data)
        + encoding::encoded_len_varint(nbytes as u64);
    let begins = start + (out.len() + heads) as u64;
    let zeros = (ALIGNMENT as u64 - begins % ALIGNMENT as u64) % ALIGNMENT as u64;
    encoding::encode_key(padding, WireType::LengthDelimited, out);
    // Below 128: one byte.
    encoding::encode_varint(zeros, out);
    out.resize(out.len() + zeros as usize, 0);
}

fn shape(value: &Value<'_>) -> Vec<u64> {
    value.shape.iter().map(|&length| length as u64).collect()
}

fn array(value: &Value<'_>) -> Array {
    // A store keeps attributes as the user data; once is enough.
    let once = value.attributes.is_none_or(|text| text.as_bytes() != value.user_data);
    let user_data = if once { value.user_data } else { &[] };
    Array {
        dtype: value.dtype.name().to_owned(),
        shape: shape(value),
        descr: value.dtype.descr().to_owned(),
        itemsize: value.dtype.itemsize() as u64,
        data: Bytes::new(),
        user_data: Bytes::copy_from_slice(user_data),
        attributes: value.attributes.map(str::to_owned),
        version: value.version,
        acquired_at: value.acquired_at.map(|time| time.as_nanos()),
        source_written_at: value.source_written_at.map(|time| time.as_nanos()),
    }
}

fn raw_image(value: &Value<'_>, image: Image) -> RawImage {
    let shown_at = value.acquired_at.unwrap_or(value.written_at).as_nanos();
    let array = array(value);
    RawImage {
        timestamp: Some(Timestamp {
            seconds: (shown_at / 1_000_000_000) as i64,
            nanos: (shown_at % 1_000_000_000) as i32,
        }),
        width: image.width,
        height: image.height,
        encoding: image.encoding.to_owned(),
        step: (value.bytes.len() / image.height as usize) as u32,
        data: Bytes::new(),
        frame_id: value.tag.to_owned(),
        dtype: array.dtype,
        shape: array.shape,
        descr: array.descr,
        itemsize: array.itemsize,
        user_data: array.user_data,
        attributes: array.attributes,
        version: array.version,
        acquired_at: array.acquired_at,
        source_written_at: array.source_written_at,
    }
}
