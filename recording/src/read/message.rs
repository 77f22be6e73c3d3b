//! A value of a recording.

use bytes::Bytes;
use ndsharray::{DType, UnixTime};

use crate::message::decode::Decoded;
use crate::message::image::Image;
use crate::value::Value;

/// A value of a recording. Its bytes are those of the mapped file, or of a chunk that was decompressed.
#[derive(Clone, Debug)]
pub struct Message {
    decoded: Decoded,
    written_at: UnixTime,
}

impl Message {
    pub(super) fn new(decoded: Decoded, written_at: UnixTime) -> Self {
        Message { decoded, written_at }
    }

    /// The element type.
    pub fn dtype(&self) -> &DType {
        &self.decoded.dtype
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.decoded.shape
    }

    /// The elements in C order.
    pub fn bytes(&self) -> &[u8] {
        &self.decoded.bytes
    }

    /// The elements, not copied, as a [`Bytes`] that may outlive this value and its recording.
    pub fn to_bytes(&self) -> Bytes {
        self.decoded.bytes.clone()
    }

    /// The bytes that the writer attached.
    pub fn user_data(&self) -> &[u8] {
        &self.decoded.user_data
    }

    /// The attributes that the writer attached: the text of a JSON object.
    pub fn attributes_json(&self) -> Option<&str> {
        self.decoded.attributes.as_deref()
    }

    /// The version that the value had in its store.
    pub fn version(&self) -> u64 {
        self.decoded.version
    }

    /// When it was written.
    pub fn written_at(&self) -> UnixTime {
        self.written_at
    }

    /// When it was acquired, if its writer said so.
    pub fn acquired_at(&self) -> Option<UnixTime> {
        self.decoded.acquired_at
    }

    /// When it was written at its first source, if the recorded value was a copy.
    pub fn source_written_at(&self) -> Option<UnixTime> {
        self.decoded.source_written_at
    }

    /// How the pixels lie if the value is an image as viewers show it, in the words of `foxglove.RawImage`: `mono8`, `mono16`,
    /// `rgb8`, `bgr8`, `rgba8`, `bgra8` or `32FC1`. `None` if it is none.
    pub fn encoding(&self) -> Option<&'static str> {
        Image::of(&self.as_value("")).map(|image| image.encoding)
    }

    /// The value as [`RecordingWriter::append`](crate::RecordingWriter::append) takes it, for another recording.
    pub fn as_value<'a>(&'a self, tag: &'a str) -> Value<'a> {
        Value {
            tag,
            dtype: self.dtype(),
            shape: self.shape(),
            bytes: self.bytes(),
            user_data: self.user_data(),
            attributes: self.attributes_json(),
            version: self.version(),
            written_at: self.written_at,
            acquired_at: self.acquired_at(),
            source_written_at: self.source_written_at(),
        }
    }
}
