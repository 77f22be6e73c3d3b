//! Images stand in the file so that viewers show them.

use ndsharray::DType;
use ndsharray_recording::{RecordingOptions, Value};
use prost::Message;

use crate::file::{messages, value};

/// What viewers read of an image: the fields of `foxglove.RawImage`.
#[derive(Clone, PartialEq, prost::Message)]
struct RawImage {
    #[prost(message, optional, tag = 1)]
    timestamp: Option<Timestamp>,
    #[prost(fixed32, tag = 2)]
    width: u32,
    #[prost(fixed32, tag = 3)]
    height: u32,
    #[prost(string, tag = 4)]
    encoding: String,
    #[prost(fixed32, tag = 5)]
    step: u32,
    #[prost(bytes = "vec", tag = 6)]
    data: Vec<u8>,
    #[prost(string, tag = 7)]
    frame_id: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Timestamp {
    #[prost(int64, tag = 1)]
    seconds: i64,
    #[prost(int32, tag = 2)]
    nanos: i32,
}

#[test]
fn images_and_other_arrays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.mcap");
    let mut writer = RecordingOptions::new().min_free(0).create(&path).unwrap();
    let cases: [(DType, &[usize], Option<&str>, &str); 8] = [
        (DType::UInt8, &[20, 30], None, "mono8"),
        (DType::UInt16, &[20, 30], None, "mono16"),
        (DType::Float32, &[20, 30], None, "32FC1"),
        (DType::UInt8, &[20, 30, 3], None, "rgb8"),
        (DType::UInt8, &[20, 30, 3], Some(r#"{"encoding":"bgr8"}"#), "bgr8"),
        (DType::UInt8, &[20, 30, 4], Some(r#"{"encoding":"bgra8"}"#), "bgra8"),
        (DType::Float64, &[20, 30], None, ""),
        (DType::UInt8, &[0, 30], None, ""),
    ];
    let data: Vec<u8> = (0..20 * 30 * 8).map(|index| index as u8).collect();
    let bytes = |dtype: &DType, shape: &[usize]| &data[..shape.iter().product::<usize>() * dtype.itemsize()];
    for (version, (dtype, shape, attributes, _)) in cases.iter().enumerate() {
        let value = Value {
            dtype,
            attributes: *attributes,
            acquired_at: (version % 2 == 1).then_some(1_500_000_007.into()),
            ..value("cam", shape, bytes(dtype, shape), version as u64)
        };
        writer.append(&value).unwrap();
    }
    writer.finish().unwrap();
    let messages = messages(&path);
    assert_eq!(messages.len(), cases.len());
    for (message, (dtype, shape, _, encoding)) in messages.iter().zip(&cases) {
        let schema = message.channel.schema.as_ref().unwrap();
        let metadata = &message.channel.metadata;
        assert_eq!(message.channel.topic, "cam");
        assert_eq!(
            (&metadata["dtype"], &metadata["shape"]),
            (&dtype.name().to_owned(), &format!("{shape:?}"))
        );
        assert_eq!(
            (schema.encoding.as_str(), message.channel.message_encoding.as_str()),
            ("protobuf", "protobuf")
        );
        if encoding.is_empty() {
            assert_eq!(schema.name, "ndsharray.Array");
            continue;
        }
        assert_eq!(schema.name, "foxglove.RawImage");
        let image = RawImage::decode(&message.data[..]).unwrap();
        assert_eq!((image.height, image.width, image.encoding.as_str()), (20, 30, *encoding));
        assert_eq!(image.step as usize * 20, image.data.len());
        assert_eq!((&image.data[..], image.frame_id.as_str()), (bytes(dtype, shape), "cam"));
        let seconds = (message.publish_time / 1_000_000_000) as i64;
        let nanos = (message.publish_time % 1_000_000_000) as i32;
        assert_eq!(image.timestamp, Some(Timestamp { seconds, nanos }));
        let is_acquired = message.sequence % 2 == 1;
        assert_eq!(message.publish_time, if is_acquired { 1_500_000_007 } else { message.log_time });
    }
}
