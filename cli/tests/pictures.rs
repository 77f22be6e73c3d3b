//! Pictures whose pixels have blue first, as `put --bgr` publishes them and `get` writes them.

mod place;

use ndsharray::{DType, Meta};
use place::{Place, npy};
use serde_json::json;

/// A PNG of 2 x 1 pixels.
fn png(color: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    file
}

/// The samples of a PNG as they are in the file.
fn samples(file: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_picture_goes_in_with_blue_first_and_comes_out_as_it_was() {
    use png::{BitDepth, ColorType};
    let place = Place::new();
    let of = |samples: &[u16]| samples.iter().flat_map(|sample| sample.to_ne_bytes()).collect::<Vec<u8>>();
    for (color, depth, file, encoding, bytes) in [
        (ColorType::Rgb, BitDepth::Eight, vec![1, 2, 3, 4, 5, 6], Some("bgr8"), vec![3, 2, 1, 6, 5, 4]),
        (
            ColorType::Rgba,
            BitDepth::Eight,
            vec![1, 2, 3, 4, 5, 6, 7, 8],
            Some("bgra8"),
            vec![3, 2, 1, 4, 7, 6, 5, 8],
        ),
        (
            ColorType::Rgb,
            BitDepth::Sixteen,
            vec![0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6],
            Some("bgr16"),
            of(&[3, 2, 1, 6, 5, 4]),
        ),
        // Grey has no order.
        (ColorType::Grayscale, BitDepth::Eight, vec![1, 2], None, vec![1, 2]),
    ] {
        let file = png(color, depth, &file);
        place.run_with(&["put", "a", "-", "--bgr"], &file).good();
        let value = place.store().reader("a").unwrap().latest().unwrap();
        assert_eq!(value.bytes(), bytes, "{color:?} {depth:?}");
        let attributes = value.attributes().unwrap().map(serde_json::Value::from);
        assert_eq!(attributes, encoding.map(|name| json!({"encoding": name})));
        // The ending in any case.
        for name in ["out.png", "out.PNG", "out.Png"] {
            place.run(&["get", "a", "-o", name]).good();
            let out = std::fs::read(place.file(name)).unwrap();
            assert_eq!(samples(&out), samples(&file), "{color:?} {depth:?}");
        }
        // Without --bgr no attribute says what is usual.
        place.run_with(&["put", "b", "-"], &file).good();
        assert_eq!(place.store().reader("b").unwrap().latest().unwrap().attributes_json().unwrap(), None);
    }
    place.run(&["get", "a", "-o", "out.NPY"]).good();
    assert!(std::fs::read(place.file("out.NPY")).unwrap().starts_with(b"\x93NUMPY"));
}

#[test]
fn an_encoding_of_another_form_changes_nothing() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    for encoding in ["rgb8", "bgra8", "bgr16", "BGR8", "yuv422"] {
        let meta = Meta::new().attributes(&json!({"encoding": encoding})).unwrap();
        writer.write_bytes_with(&DType::UInt8, &[1, 2, 3], &[1, 2, 3, 4, 5, 6], &meta).unwrap();
        place.run(&["get", "a", "-o", "out.png"]).good();
        assert_eq!(samples(&std::fs::read(place.file("out.png")).unwrap()), [1, 2, 3, 4, 5, 6], "{encoding}");
    }
}

#[test]
fn the_encoding_joins_other_attributes_and_contradicts_none() {
    let place = Place::new();
    let file = png(png::ColorType::Rgb, png::BitDepth::Eight, &[1, 2, 3, 4, 5, 6]);
    for (given, expected) in [
        (r#" {"gain": 1.50}"#, r#"{"encoding": "bgr8", "gain": 1.50}"#),
        ("{}", r#"{"encoding": "bgr8"}"#),
        (r#"{"encoding":"bgr8"}"#, r#"{"encoding":"bgr8"}"#),
    ] {
        place.run_with(&["put", "a", "-", "--bgr", "--attrs", given], &file).good();
        let value = place.store().reader("a").unwrap().latest().unwrap();
        assert_eq!(value.attributes_json().unwrap(), Some(expected));
    }
    let ended = place.run_with(&["put", "a", "-", "--bgr", "--attrs", r#"{"encoding": "rgb8"}"#], &file);
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.stderr.contains("leave one of them out"), "{}", ended.stderr);
    let array = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 3), }", &[1, 2, 3, 4, 5, 6]);
    let ended = place.run_with(&["put", "a", "-", "--bgr"], &array);
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.stderr.contains("without --bgr") && ended.stderr.lines().count() == 1, "{}", ended.stderr);
    assert_eq!(place.store().stat("a").unwrap().value.unwrap().version, 3);
}
