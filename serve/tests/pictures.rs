//! Values as pictures: stills and streams.

mod server;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use image::ImageFormat;
use ndsharray::Meta;
use serde_json::json;

use server::Served;

fn decoded(served: &Served, path: &str) -> image::DynamicImage {
    let answer = served.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    let (kind, format) = match path.contains(".png") {
        true => ("image/png", ImageFormat::Png),
        false => ("image/jpeg", ImageFormat::Jpeg),
    };
    assert_eq!(answer.header("content-type"), Some(kind));
    image::load_from_memory_with_format(&answer.body, format).unwrap()
}

#[test]
fn bytes_are_brightness_and_colours_stay() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[0u8, 10, 200, 255], &[2, 2]).unwrap();
    assert_eq!(decoded(&served, "/tag/cam/latest.png").to_luma8().into_raw(), [0, 10, 200, 255]);
    let bgr = Meta::default().attributes(&json!({ "encoding": "bgr8" })).unwrap();
    let pixels: Vec<u8> = [10, 20, 30].repeat(64);
    writer.write_slice_with(&pixels, &[8, 8, 3], &bgr).unwrap();
    assert_eq!(decoded(&served, "/tag/cam/latest.png").to_rgb8().into_raw(), [30, 20, 10].repeat(64));
    let jpeg = decoded(&served, "/tag/cam/latest.jpg").to_rgb8();
    assert_eq!(jpeg.dimensions(), (8, 8));
    assert!(jpeg.pixels().all(|pixel| pixel.0.iter().zip([30, 20, 10]).all(|(&a, b)| a.abs_diff(b) < 6)));
}

#[test]
fn numbers_are_coloured_between_two_bounds() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("depth").unwrap();
    writer.write_slice(&[0.0f32, 1.0, 0.5, f32::NAN], &[2, 2]).unwrap();
    let rgba = |query: &str| decoded(&served, &format!("/tag/depth/latest.png?{query}")).to_rgba8();
    let of = |query: &str| rgba(query).pixels().flat_map(|pixel| pixel.0[..3].to_vec()).collect::<Vec<u8>>();
    let alpha: Vec<u8> = rgba("").pixels().map(|pixel| pixel.0[3]).collect();
    assert_eq!(alpha, [255, 255, 255, 0], "NaN is transparent");
    let jpeg = decoded(&served, "/tag/depth/latest.jpg?map=gray").to_luma8();
    assert!(jpeg.get_pixel(1, 1).0[0].abs_diff(128) < 12, "NaN is gray in a JPEG");
    // The first, the last and the middle colour of matplotlib's viridis and turbo.
    assert_eq!(of(""), [68, 1, 84, 253, 231, 37, 33, 145, 140, 0, 0, 0]);
    assert_eq!(of("map=turbo&min=0&max=1")[..9], [48, 18, 59, 122, 4, 3, 164, 252, 60]);
    assert_eq!(of("map=gray&min=0&max=2"), [0, 0, 0, 128, 128, 128, 64, 64, 64, 0, 0, 0]);
    assert_eq!(of("min=5&max=6")[..6], [68, 1, 84].repeat(2));
    assert_eq!(of("map=gray&min=1&max=0")[..9], [255, 255, 255, 0, 0, 0, 128, 128, 128], "turned around");
    assert_eq!(of("map=gray&min=-1.7e308&max=1.7e308")[..3], [128; 3], "no infinite difference");
    writer.write_slice(&[f32::INFINITY, f32::NEG_INFINITY, 3.0, 3.0], &[2, 2]).unwrap();
    assert_eq!(of("map=gray"), [[255; 3], [0; 3], [0; 3], [0; 3]].concat(), "all of one number");
    writer.write_slice(&[f32::NAN; 4], &[2, 2]).unwrap();
    assert_eq!(decoded(&served, "/tag/depth/latest.png?map=gray").to_luma_alpha8().into_raw(), [0; 8]);
}

#[test]
fn small_types_have_their_full_range_and_alpha_is_not_shown() {
    let served = Served::new(|options| options);
    served.store.writer("mask").unwrap().write_slice(&[true, false, false, true], &[2, 2]).unwrap();
    assert_eq!(decoded(&served, "/tag/mask/latest.png").to_luma8().into_raw(), [255, 0, 0, 255]);
    let gray: Vec<u16> = vec![100, 300, 200, 100];
    served.store.writer("gray").unwrap().write_slice(&gray, &[2, 2]).unwrap();
    assert_eq!(decoded(&served, "/tag/gray/latest.png").to_luma8().into_raw(), [0, 255, 128, 0]);
    let bytes: Vec<u8> = [10, 20, 30, 0].repeat(64);
    served.store.writer("rgba").unwrap().write_slice(&bytes, &[8, 8, 4]).unwrap();
    assert_eq!(decoded(&served, "/tag/rgba/latest.png").to_rgba8().into_raw(), [10, 20, 30, 255].repeat(64));
    let wide: Vec<u16> = [0, 256, 65535].repeat(64);
    served.store.writer("rgb16").unwrap().write_slice(&wide, &[8, 8, 3]).unwrap();
    assert_eq!(decoded(&served, "/tag/rgb16/latest.png").to_rgb8().into_raw(), [0, 1, 255].repeat(64));
}

#[test]
fn large_ones_are_reduced_and_other_axes_have_an_index() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("stack").unwrap();
    let planes: Vec<u16> = (0..3).flat_map(|plane| [plane * 1000; 100 * 50]).collect();
    writer.write_slice(&planes, &[3, 50, 100]).unwrap();
    let of = |query: &str| {
        decoded(&served, &format!("/tag/stack/latest.png?map=gray&min=0&max=2000&{query}")).to_luma8()
    };
    let picture = of("width=25&index=1");
    assert_eq!((picture.dimensions(), picture.get_pixel(3, 3).0), ((25, 13), [128]));
    assert_eq!(of("index=2").get_pixel(0, 0).0, [255]);
    assert_eq!(of("").get_pixel(0, 0).0, [0]);
}

#[test]
fn what_is_no_picture_is_refused() {
    let served = Served::new(|options| options);
    served.store.writer("line").unwrap().write_slice(&[1.0f64; 5], &[5]).unwrap();
    served.store.writer("none").unwrap().write_slice(&[1.0f64; 0], &[0, 5]).unwrap();
    for path in ["line/latest.png", "line/latest.jpg", "line/stream.mjpg", "none/latest.png"] {
        assert_eq!(served.get(&format!("/tag/{path}")).status, 422, "{path}");
    }
    for query in ["map=jet", "min=x", "index=a", "width=-1", "colour=red"] {
        assert_eq!(served.get(&format!("/tag/line/latest.png?{query}")).status, 400, "{query}");
    }
}

#[test]
fn a_stream_has_each_value_that_the_client_has_time_for() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[0u8; 64], &[8, 8]).unwrap();
    let mut socket = TcpStream::connect(served.address()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(socket, "GET /tag/cam/stream.mjpg HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut from = BufReader::new(socket);
    let mut line = String::new();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        line.clear();
        assert!(from.read_line(&mut line).unwrap() > 0, "it ended after {seen:?}");
        if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            let length: usize = length.trim().parse().unwrap();
            from.read_line(&mut line).unwrap();
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            let picture = image::load_from_memory_with_format(&body, ImageFormat::Jpeg).unwrap();
            seen.push(picture.to_luma8().get_pixel(0, 0).0[0]);
            let next = (seen.len() as u8).saturating_mul(100);
            writer.write_slice(&[next; 64], &[8, 8]).unwrap();
        }
    }
    assert!(
        seen.iter().zip([0u8, 100, 200]).all(|(&found, expected)| found.abs_diff(expected) < 3),
        "{seen:?}"
    );
}
