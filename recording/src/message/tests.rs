//! The definitions in `proto/`, the descriptors that stand in files, and the messages that are encoded say the same.

use bytes::Bytes;
use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};

use crate::message::schema::{Array, RawImage, Schema, Timestamp};

/// A field: what stands before its name in the definition, the name, and the number.
type Field = (String, String, i32);

const DEFINITIONS: [(Schema, &str); 2] = [
    (Schema::Array, include_str!("../../proto/ndsharray/Array.proto")),
    (Schema::RawImage, include_str!("../../proto/foxglove/RawImage.proto")),
];

/// The package, the message and its fields, as the text of a definition says.
fn defined(text: &str) -> (String, String, Vec<Field>) {
    let (mut package, mut name, mut fields) = (String::new(), String::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let Some(statement) = line.strip_suffix(';') else {
            if let Some(line) = line.strip_prefix("message ") {
                name = line.trim_end_matches(" {").to_owned();
            }
            continue;
        };
        if let Some(named) = statement.strip_prefix("package ") {
            package = named.to_owned();
        } else if let Some((field, number)) = statement.split_once(" = ").filter(|_| !name.is_empty()) {
            let (kind, field) = field.rsplit_once(' ').unwrap();
            fields.push((kind.to_owned(), field.to_owned(), number.parse().unwrap()));
        }
    }
    (package, name, fields)
}

/// The fields that a descriptor has, in the same words.
fn described(message: &DescriptorProto) -> Vec<Field> {
    let fields = message.field.iter().map(|field| {
        let kind = match field.r#type() {
            Type::Message => field.type_name().trim_start_matches('.'),
            Type::String => "string",
            Type::Bytes => "bytes",
            Type::Uint64 => "uint64",
            Type::Fixed32 => "fixed32",
            Type::Fixed64 => "fixed64",
            other => panic!("{other:?}"),
        };
        let label = match field.label() {
            Label::Repeated => "repeated ",
            _ if field.proto3_optional() => "optional ",
            _ => "",
        };
        (format!("{label}{kind}"), field.name().to_owned(), field.number())
    });
    fields.collect()
}

#[test]
fn descriptors_are_those_of_the_definitions() {
    for (schema, text) in DEFINITIONS {
        let set = FileDescriptorSet::decode(schema.descriptor()).unwrap();
        let (package, name, fields) = defined(text);
        assert_eq!(schema.name(), format!("{package}.{name}"));
        // What a file imports comes before it.
        let file = set.file.last().unwrap();
        let [message] = &file.message_type[..] else { panic!("{:?}", file.message_type) };
        assert_eq!((file.package(), message.name()), (package.as_str(), name.as_str()));
        assert_eq!(file.syntax(), "proto3");
        assert!(fields.len() > 10);
        assert_eq!(described(message), fields);
        let imported: Vec<_> = set.file[..set.file.len() - 1].iter().map(|file| file.name()).collect();
        assert_eq!(imported, file.dependency);
    }
}

/// The numbers and wire types of the fields of an encoded message.
fn encoded(mut message: &[u8]) -> Vec<(i32, u8)> {
    use prost::encoding::{DecodeContext, decode_key, skip_field};
    let mut fields = Vec::new();
    while !message.is_empty() {
        let (number, wire_type) = decode_key(&mut message).unwrap();
        skip_field(wire_type, number, &mut message, DecodeContext::default()).unwrap();
        fields.push((number as i32, wire_type as u8));
    }
    fields
}

/// The wire type of a field of this kind.
fn wire_type(kind: &str) -> u8 {
    match kind.trim_start_matches("optional ") {
        "uint64" => 0,
        "fixed64" => 1,
        "fixed32" => 5,
        // Repeated numbers are packed.
        _ => 2,
    }
}

/// Each field is set, so that each is encoded. The struct patterns of what is encoded name all of them.
#[test]
fn messages_are_those_of_the_definitions() {
    let array = Array {
        dtype: "a".into(),
        shape: vec![1],
        descr: "b".into(),
        itemsize: 1,
        data: Bytes::from_static(b"c"),
        user_data: Bytes::from_static(b"d"),
        attributes: Some("{}".into()),
        version: 1,
        acquired_at: Some(1),
        source_written_at: Some(1),
    };
    let image = RawImage {
        timestamp: Some(Timestamp { seconds: 1, nanos: 1 }),
        width: 1,
        height: 1,
        encoding: "a".into(),
        step: 1,
        data: Bytes::from_static(b"c"),
        frame_id: "b".into(),
        dtype: "a".into(),
        shape: vec![1],
        descr: "b".into(),
        itemsize: 1,
        user_data: Bytes::from_static(b"d"),
        attributes: Some("{}".into()),
        version: 1,
        acquired_at: Some(1),
        source_written_at: Some(1),
    };
    for ((schema, text), message) in
        DEFINITIONS.into_iter().zip([array.encode_to_vec(), image.encode_to_vec()])
    {
        let (_, _, fields) = defined(text);
        let (data, padding) = schema.data_and_padding();
        let number = |name: &str| fields.iter().find(|field| field.1 == name).unwrap().2;
        assert_eq!((data as i32, padding as i32), (number("data"), number("padding")));
        // The padding is written apart.
        let mut expected: Vec<_> =
            fields.iter().map(|(kind, _, number)| (*number, wire_type(kind))).collect();
        expected.retain(|field| field.0 != padding as i32);
        assert_eq!(encoded(&message), expected);
    }
}

/// The fields of `ndsharray.Array` are in the image too, under their numbers plus 1000; its data are the image's.
#[test]
fn images_have_the_fields_of_arrays() {
    let [array, image] = DEFINITIONS.map(|(_, text)| defined(text).2);
    for (kind, name, number) in array {
        let number = if name == "data" { 6 } else { number + 1000 };
        assert!(image.contains(&(kind, name.clone(), number)), "{name}");
    }
}
