//! The two kinds of messages. Their protobuf definitions are in `proto/`, each with its descriptor, which
//! `protoc --include_imports --descriptor_set_out` makes of it.

use bytes::Bytes;

/// Which of the two schemas a channel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Schema {
    /// `ndsharray.Array`.
    Array,
    /// `foxglove.RawImage`, with the fields of `ndsharray.Array` from number 1000 on.
    RawImage,
}

/// How schemas and messages are encoded.
pub(crate) const ENCODING: &str = "protobuf";

impl Schema {
    /// The name that stands in the file.
    pub fn name(self) -> &'static str {
        match self {
            Schema::Array => "ndsharray.Array",
            Schema::RawImage => "foxglove.RawImage",
        }
    }

    /// The descriptor that stands in the file: a `FileDescriptorSet`.
    pub fn descriptor(self) -> &'static [u8] {
        match self {
            Schema::Array => include_bytes!("../../proto/ndsharray/Array.bin"),
            Schema::RawImage => include_bytes!("../../proto/foxglove/RawImage.bin"),
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        [Schema::Array, Schema::RawImage].into_iter().find(|schema| schema.name() == name)
    }

    /// The numbers of the fields `data` and `padding`.
    pub(super) fn data_and_padding(self) -> (u32, u32) {
        match self {
            Schema::Array => (5, 11),
            Schema::RawImage => (6, 1011),
        }
    }

    /// The numbers of the fields whose sizes are those of what was recorded: `data`, `user_data`, `attributes` and `padding`.
    pub(super) fn large_fields(self) -> [u32; 4] {
        match self {
            Schema::Array => [5, 6, 7, 11],
            Schema::RawImage => [6, 1006, 1007, 1011],
        }
    }
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Array {
    #[prost(string, tag = 1)]
    pub dtype: String,
    #[prost(uint64, repeated, tag = 2)]
    pub shape: Vec<u64>,
    #[prost(string, tag = 3)]
    pub descr: String,
    #[prost(uint64, tag = 4)]
    pub itemsize: u64,
    #[prost(bytes = "bytes", tag = 5)]
    pub data: Bytes,
    #[prost(bytes = "bytes", tag = 6)]
    pub user_data: Bytes,
    #[prost(string, optional, tag = 7)]
    pub attributes: Option<String>,
    #[prost(uint64, tag = 8)]
    pub version: u64,
    #[prost(fixed64, optional, tag = 9)]
    pub acquired_at: Option<u64>,
    #[prost(fixed64, optional, tag = 10)]
    pub source_written_at: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RawImage {
    #[prost(message, optional, tag = 1)]
    pub timestamp: Option<Timestamp>,
    #[prost(fixed32, tag = 2)]
    pub width: u32,
    #[prost(fixed32, tag = 3)]
    pub height: u32,
    #[prost(string, tag = 4)]
    pub encoding: String,
    #[prost(fixed32, tag = 5)]
    pub step: u32,
    #[prost(bytes = "bytes", tag = 6)]
    pub data: Bytes,
    #[prost(string, tag = 7)]
    pub frame_id: String,
    #[prost(string, tag = 1001)]
    pub dtype: String,
    #[prost(uint64, repeated, tag = 1002)]
    pub shape: Vec<u64>,
    #[prost(string, tag = 1003)]
    pub descr: String,
    #[prost(uint64, tag = 1004)]
    pub itemsize: u64,
    #[prost(bytes = "bytes", tag = 1006)]
    pub user_data: Bytes,
    #[prost(string, optional, tag = 1007)]
    pub attributes: Option<String>,
    #[prost(uint64, tag = 1008)]
    pub version: u64,
    #[prost(fixed64, optional, tag = 1009)]
    pub acquired_at: Option<u64>,
    #[prost(fixed64, optional, tag = 1010)]
    pub source_written_at: Option<u64>,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = 1)]
    pub seconds: i64,
    #[prost(int32, tag = 2)]
    pub nanos: i32,
}
