//! Questions of a page, and the answers that it gets.

mod server;

use std::time::Duration;

use ndsharray::{DType, Meta, UnixTime};
use serde_json::json;

use server::Served;
use server::client::Client;

#[test]
fn tags() {
    let served = Served::new(|options| options.tags(|tag| tag != "secret"));
    let mut client = Client::new(&served);
    client.ask(&json!({ "ask": "tags", "id": 1 }));
    assert_eq!(client.text(), json!({ "id": 1, "tags": [] }));
    let mut writer = served.store.writer("cam").unwrap();
    writer.write_slice(&[1u8, 2], &[2]).unwrap();
    drop(served.store.writer("secret").unwrap());
    client.ask(&json!({ "ask": "tags", "id": 4_294_967_295u32 }));
    let answer = client.text();
    assert_eq!((&answer["id"], answer["tags"].as_array().unwrap().len()), (&json!(4_294_967_295u32), 1));
    assert_eq!(answer["tags"][0]["tag"], "cam");
    assert_eq!(answer["tags"][0]["value"]["shape"], json!([2]));
}

#[test]
fn a_view_of_a_value_and_all_that_is_said_of_it() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("left cam").unwrap();
    let meta = Meta::default()
        .acquired_at(UnixTime::from(1_500_000_000_000_000_000))
        .attributes(&json!({ "unit": "mm" }))
        .unwrap();
    let bytes: Vec<u8> = (0..24).collect();
    writer.write_slice_with(&bytes, &[4, 6], &meta).unwrap();
    let mut client = Client::new(&served);
    client.ask(&json!({ "ask": "view", "id": 3, "tag": "left cam" }));
    let found = client.view();
    assert_eq!((&found.body, &found.head["id"], &found.head["tag"]), (&bytes, &json!(3), &json!("left cam")));
    let value = &found.head["value"];
    assert_eq!(
        (&value["dtype"], &value["shape"], &value["bytes"], &value["version"]),
        (&json!("uint8"), &json!([4, 6]), &json!(24), &json!(1))
    );
    assert_eq!(
        (&value["attributes"], &value["acquired_at"], &value["source_written_at"]),
        (&json!({ "unit": "mm" }), &json!(1.5e9), &json!(null))
    );
    let (age, written) = (value["age_seconds"].as_f64().unwrap(), value["written_at"].as_f64().unwrap());
    let now = UnixTime::now().as_secs_f64();
    assert!((0.0..3600.0).contains(&age) && (now - written).abs() < 3600.0, "{value}");
    let view = &found.head["view"];
    assert_eq!(
        (&view["dtype"], &view["shape"], &view["kind"]),
        (&json!("uint8"), &json!([4, 6]), &json!("plane"))
    );
    assert_eq!(
        (&view["step"], &view["region"], &view["leading"]),
        (&json!(1), &json!([0, 0, 6, 4]), &json!(0))
    );
    assert_eq!(found.head["encoding"], "raw");
}

/// The dtype of a value, its shape and bytes, what is wanted, and the view: kind, dtype, shape and bytes.
type Case<'a> = (&'a str, &'a [usize], Vec<u8>, serde_json::Value, [&'a str; 2], serde_json::Value, Vec<u8>);

#[test]
fn every_kind_of_value_and_part_of_it() {
    let halves = [0x3c00u16, 0xc000, 0x7e00].map(u16::to_ne_bytes).concat();
    let floats =
        |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<u8>>();
    let complex = floats(&[3.0, 4.0, 0.0, -2.0]);
    let words: Vec<u8> = (0..60u16).flat_map(u16::to_ne_bytes).collect();
    let part = |range: std::ops::Range<usize>| words[range.start * 2..range.end * 2].to_vec();
    let longs = (0..1000i64).flat_map(|number| (number * number % 991).to_ne_bytes()).collect::<Vec<u8>>();
    let some = |range: std::ops::Range<usize>| longs[range.start * 8..range.end * 8].to_vec();
    let means = [12u16, 37, 55].map(u16::to_ne_bytes).concat();
    let record = "[('x', '<f4'), ('n', '|u1')]";
    let records: Vec<u8> = (0..20).collect();
    let real = 1.5f64.to_ne_bytes().to_vec();
    let region = |region: &[usize]| json!({ "region": region });
    let [plane, line] = [["plane", "uint16"], ["line", "uint16"]];
    let cases: Vec<Case<'_>> = vec![
        ("uint16", &[3, 4, 5], words.clone(), json!({}), plane, json!([4, 5]), part(0..20)),
        ("uint16", &[3, 4, 5], words.clone(), json!({ "index": [2] }), plane, json!([4, 5]), part(40..60)),
        ("uint16", &[3, 4, 5], words.clone(), json!({ "index": [1, 3] }), line, json!([5]), part(35..40)),
        (
            "uint16",
            &[3, 4, 5],
            words.clone(),
            json!({ "index": [9, 9, 9, 9] }),
            line,
            json!([1]),
            part(59..60),
        ),
        ("uint16", &[12, 5], words.clone(), region(&[0, 2, 5, 3]), plane, json!([3, 5]), part(10..25)),
        ("uint16", &[12, 5], words.clone(), region(&[4, 11, 90, 90]), plane, json!([1, 1]), part(59..60)),
        ("uint16", &[12, 5], words.clone(), region(&[80, 0, 1, 1]), plane, json!([1, 0]), vec![]),
        ("uint16", &[60], words.clone(), region(&[7, 11]), line, json!([11]), part(7..18)),
        ("uint16", &[60], words.clone(), region(&[58, 11]), line, json!([2]), part(58..60)),
        ("uint16", &[12, 5], words.clone(), json!({ "room": [1, 4] }), plane, json!([3, 1]), means),
        ("int64", &[1000], longs.clone(), json!({}), ["line", "int64"], json!([1000]), longs.clone()),
        (
            "int64",
            &[1000],
            longs.clone(),
            json!({ "room": [500, 1] }),
            ["line", "int64"],
            json!([1000]),
            longs.clone(),
        ),
        ("int64", &[1000], longs.clone(), region(&[10, 20]), ["line", "int64"], json!([20]), some(10..30)),
        ("float16", &[3], halves, json!({}), ["line", "float32"], json!([3]), floats(&[1.0, -2.0, f32::NAN])),
        (
            "complex64",
            &[1, 2],
            complex.clone(),
            json!({}),
            ["plane", "float32"],
            json!([1, 2]),
            floats(&[5.0, 2.0]),
        ),
        (
            "complex64",
            &[2],
            complex.clone(),
            json!({ "part": "real" }),
            ["line", "float32"],
            json!([2]),
            floats(&[3.0, 0.0]),
        ),
        (
            "complex64",
            &[2],
            complex.clone(),
            json!({ "part": "imaginary" }),
            ["line", "float32"],
            json!([2]),
            floats(&[4.0, -2.0]),
        ),
        (
            "complex64",
            &[2],
            complex,
            json!({ "part": "phase", "index": [1] }),
            ["line", "float32"],
            json!([1]),
            floats(&[-std::f32::consts::FRAC_PI_2]),
        ),
        ("bool", &[4], vec![0, 1, 1, 0], json!({}), ["line", "uint8"], json!([4]), vec![0, 1, 1, 0]),
        ("float64", &[], real.clone(), json!({}), ["line", "float64"], json!([1]), real),
        (
            record,
            &[2, 2],
            records.clone(),
            region(&[1, 2]),
            ["elements", record],
            json!([2]),
            records[5..15].to_vec(),
        ),
        (
            "datetime64[us]",
            &[2],
            vec![7; 16],
            json!({}),
            ["elements", "datetime64[us]"],
            json!([2]),
            vec![7; 16],
        ),
    ];
    let served = Served::new(|options| options);
    let mut client = Client::new(&served);
    for (number, (dtype, shape, bytes, wanted, [kind, of], view_shape, body)) in cases.into_iter().enumerate()
    {
        let tag = format!("tag {number}");
        let dtype: DType = dtype.parse().unwrap();
        served.store.writer(&tag).unwrap().write_bytes(&dtype, shape, &bytes).unwrap();
        let found = client.look(&tag, wanted.clone());
        let view = &found.head["view"];
        let place = format!("{dtype} {shape:?} {wanted}: {}", found.head);
        assert_eq!((&view["kind"], &view["shape"]), (&json!(kind), &view_shape), "{place}");
        let of = of.parse::<DType>().unwrap();
        assert_eq!(view["dtype"], of.name(), "{place}");
        assert_eq!(found.body, body, "{place}");
        assert_eq!(view["element"].is_null(), kind != "elements", "{place}");
        assert_eq!(found.head["value"]["shape"], json!(shape), "{place}");
    }
}

#[test]
fn many_numbers_become_an_envelope_that_loses_no_peak() {
    let served = Served::new(|options| options);
    let mut numbers = vec![0.5f32; 100_000];
    (numbers[70_001], numbers[20_002]) = (9.0, -9.0);
    served.store.writer("line").unwrap().write_slice(&numbers, &[100_000]).unwrap();
    let found = Client::new(&served).look("line", json!({ "room": [300, 200] }));
    let view = &found.head["view"];
    assert_eq!(view["kind"], "envelope");
    let pairs: Vec<f32> =
        found.body.chunks(4).map(|number| f32::from_ne_bytes(number.try_into().unwrap())).collect();
    assert_eq!(view["shape"], json!([pairs.len() / 2, 2]));
    assert!((200..=600).contains(&pairs.len()), "{}", pairs.len());
    let step = view["step"].as_u64().unwrap() as usize;
    let with = |peak: f32| pairs.iter().position(|&number| number == peak).unwrap();
    assert_eq!((with(9.0), with(-9.0)), (70_001 / step * 2 + 1, 20_002 / step * 2));
}

#[test]
fn jpeg_always_never_or_as_the_connection_needs() {
    let served = Served::new(|options| options);
    let gray: Vec<u8> = (0..64 * 64).map(|at| (at % 64 * 4) as u8).collect();
    served.store.writer("gray").unwrap().write_slice(&gray, &[64, 64]).unwrap();
    let bgr = Meta::default().attributes(&json!({ "encoding": "bgr8" })).unwrap();
    let pixels = [10u8, 20, 200].repeat(64);
    served.store.writer("colours").unwrap().write_slice_with(&pixels, &[8, 8, 3], &bgr).unwrap();
    served.store.writer("depth").unwrap().write_slice(&[1u16; 64], &[8, 8]).unwrap();
    let mut client = Client::new(&served);
    let mut look = |tag: &str, jpeg: &str| {
        client.ask(&json!({ "ask": "view", "id": 1, "tag": tag, "jpeg": jpeg }));
        client.view()
    };
    for (tag, size, pixel) in [("gray", (64, 64), [0, 0, 0]), ("colours", (8, 8), [200, 20, 10])] {
        let found = look(tag, "always");
        assert_eq!(found.head["encoding"], "jpeg", "{tag}");
        let picture = image::load_from_memory_with_format(&found.body, image::ImageFormat::Jpeg).unwrap();
        let picture = picture.to_rgb8();
        assert_eq!(picture.dimensions(), size, "{tag}");
        assert!(picture.get_pixel(0, 0).0.iter().zip(pixel).all(|(a, b)| a.abs_diff(b) < 8), "{tag}");
    }
    // Numbers are not pixels; and nothing says that this connection is slow.
    for (tag, jpeg) in [("depth", "always"), ("gray", "never"), ("gray", "auto")] {
        assert_eq!(look(tag, jpeg).head["encoding"], "raw", "{tag} {jpeg}");
    }
    assert_eq!(look("gray", "never").body, gray);
}

#[test]
fn a_slow_connection_gets_jpeg_unless_it_wants_none() {
    let served = Served::new(|options| options);
    let mut writer = served.store.writer("cam").unwrap();
    let mut client = Client::new(&served);
    let mut look = |number: u8, after: Option<&str>| {
        writer.write_slice(&vec![number; 1 << 20], &[1024, 1024]).unwrap();
        client.ask(&json!({ "ask": "view", "id": 1, "tag": "cam", "after": after, "jpeg": "auto" }));
        client.view()
    };
    let mut last = look(0, None);
    assert_eq!(last.head["encoding"], "raw", "nothing is known of the connection");
    for number in 1.. {
        // A megabyte in at least 0.3 seconds is slow; more than 2 seconds would say nothing.
        std::thread::sleep(Duration::from_millis(300));
        last = look(number, Some(last.cursor()));
        if last.head["encoding"] == "jpeg" {
            break;
        }
        assert!(number < 20, "no JPEG comes");
    }
    client.ask(&json!({ "ask": "view", "id": 1, "tag": "cam", "jpeg": "never" }));
    assert_eq!(client.view().head["encoding"], "raw");
}
