//! What `info` says of a recording, and the files that `convert` makes of it.

mod place;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use ndsharray::{DType, NpyHeader, UnixTime};
use ndsharray_recording::{Compression, RecordingOptions, Value};
use place::{Place, START, names, record, recorded};
use serde_json::json;

const SECOND: u64 = 1_000_000_000;

/// The dtype, the shape and the elements of an npy file.
fn npy(path: &Path) -> (DType, Vec<usize>, Vec<u8>) {
    let mut file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let header = NpyHeader::read(&mut file).unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    (header.dtype().clone(), header.shape().to_vec(), bytes)
}

/// The records of a file of times.
fn times(path: &Path) -> Vec<[i64; 5]> {
    let (dtype, shape, bytes) = npy(path);
    let fields: Vec<String> =
        dtype.fields().iter().map(|field| format!("{}: {}", field.name(), field.dtype())).collect();
    let expected = [
        "index: int64",
        "version: uint64",
        "written_at: datetime64[ns]",
        "acquired_at: datetime64[ns]",
        "source_written_at: datetime64[ns]",
    ];
    assert_eq!((fields, shape), (expected.map(str::to_owned).to_vec(), vec![bytes.len() / 40]));
    let number = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().unwrap());
    bytes.chunks(40).map(|record| std::array::from_fn(|i| number(&record[8 * i..8 * i + 8]))).collect()
}

/// Two cameras' worth of frames with times and attributes, a point cloud whose size changes, and a number.
fn example(path: &Path) -> Vec<Vec<u8>> {
    let frames: Vec<Vec<u8>> =
        (0..10_u8).map(|number| (0..48 * 64).map(|i| (i as u8) ^ (number * 17)).collect()).collect();
    let points: Vec<u8> = (0..96_u8).collect();
    let mut writer = RecordingOptions::new().min_free(0).create(path).unwrap();
    for number in 0..10_u64 {
        let time = START + number * SECOND / 10;
        let frame = Value {
            acquired_at: Some(UnixTime::from(time - 5)),
            attributes: (number != 5).then_some("{\"gain\":\n 1.50}"),
            user_data: if number == 3 { b"\x00\xff!" } else { b"" },
            ..recorded("cam", &[48, 64], &frames[number as usize], number + 7, time)
        };
        writer.append(&frame).unwrap();
        let rows = if number % 3 == 2 { 4 } else { 8 };
        let shape = [rows, 3];
        let cloud = Value {
            dtype: &DType::Float32,
            source_written_at: Some(UnixTime::from(time - 9)),
            ..recorded("cloud", &shape, &points[..rows * 12], number + 1, time + 1)
        };
        writer.append(&cloud).unwrap();
    }
    writer
        .append(&Value { dtype: &DType::Float64, ..recorded("n", &[], &1.5_f64.to_ne_bytes(), 1, START + 2) })
        .unwrap();
    writer.set_metadata("ndsharray.missed", BTreeMap::from([("cam".to_owned(), "3".to_owned())]));
    writer.finish().unwrap();
    frames
}

#[test]
fn info_shows_times_tags_and_layouts() {
    let place = Place::new();
    example(&place.file("run.mcap"));
    let text = place.run(&["info", "run.mcap"]).good().text();
    let size = std::fs::metadata(place.file("run.mcap")).unwrap().len();
    let expected = format!(
        "file      run.mcap, {:.1} kB, complete\n\
         start     1700000000.000000000 Unix time\n\
         end       1700000000.900000001 Unix time\n\
         duration  0.900 s, 21 values of 3 tags\n\
         \n\
         TAG    VALUES  RATE    BYTES  MISSED  DTYPE        SHAPE  ENCODING\n\
         cam        10  10/s  30.7 kB       3  uint8        48,64  mono8\n\
         cloud      10  10/s    816 B       -  (2 layouts)  -      -\n\
         n           1     -      8 B       -  float64      ()     -\n",
        size as f64 / 1000.0
    );
    assert_eq!(text, expected);
    let found = place.run(&["info", "run.mcap", "--json"]).good().json();
    assert_eq!(found["complete"], json!(true));
    assert_eq!((&found["bytes"], &found["values"]), (&json!(size), &json!(21)));
    let cloud = &found["tags"][1];
    assert_eq!(
        cloud["layouts"],
        json!([
            {"dtype": "float32", "shape": [8, 3], "values": 7},
            {"dtype": "float32", "shape": [4, 3], "values": 3},
        ])
    );
    assert_eq!((&found["tags"][0]["missed"], &cloud["missed"]), (&json!(3), &json!(null)));
    assert_eq!((&found["tags"][0]["encoding"], &cloud["encoding"]), (&json!("mono8"), &json!(null)));
    assert_eq!((&cloud["bytes"], &found["left_out"]), (&json!(816), &json!([])));
    // Exact: a float64 does not have so many digits.
    let json = place.run(&["info", "run.mcap", "--json"]).good().text();
    assert!(json.contains("\"end\": 1700000000.900000001,"), "{json}");
}

#[test]
fn info_of_a_cut_file_and_of_other_files() {
    let place = Place::new();
    let path = place.file("run.mcap");
    example(&path);
    let whole = std::fs::read(&path).unwrap();
    let info = |bytes: &[u8]| {
        std::fs::write(place.file("cut.mcap"), bytes).unwrap();
        place.run(&["info", "cut.mcap"])
    };
    let cut = info(&whole[..whole.len() / 2]).good().text();
    assert!(
        cut.contains("not finished: cut, or still being recorded") && cut.contains("\nduration"),
        "{cut}"
    );
    let said = place.run(&["convert", "cut.mcap", "out"]).good().stderr;
    let note =
        "ndsharray: cut.mcap: not finished: cut, or still being recorded; what is whole is converted\n";
    assert_eq!(said, note);
    let empty = info(&whole[..8]).good().text();
    assert!(empty.contains("duration  0.000 s, 0 values of 0 tags") && !empty.contains("TAG"), "{empty}");
    for bad in [&b"\x93NUMPY\x01\x00 and more"[..], b""] {
        let ended = info(bad);
        assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(2), 1), "{}", ended.stderr);
    }
    let ended = place.run(&["info", "nothing.mcap"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        ended.stderr.contains("nothing.mcap") && ended.stderr.contains("No such file"),
        "{}",
        ended.stderr
    );
}

#[test]
fn each_tag_and_layout_becomes_an_npy_file_with_times_and_attributes() {
    let place = Place::new();
    let frames = example(&place.file("run.mcap"));
    let said = place.run(&["convert", "run.mcap", "out"]).good().text();
    assert_eq!(said, "out: 3 tags with 21 values, 31.5 kB\n");
    let out = place.file("out");
    assert_eq!(names(&out), ["cam", "cloud", "n"]);
    assert_eq!(names(&out.join("cam")), ["attributes.jsonl", "times.npy", "values.npy"]);
    assert_eq!(npy(&out.join("cam/values.npy")), (DType::UInt8, vec![10, 48, 64], frames.concat()));
    // Aligned, as numpy's own files are, and so can be mapped.
    let size = std::fs::metadata(out.join("cam/values.npy")).unwrap().len();
    assert_eq!((size - 10 * 48 * 64) % 64, 0);
    let start = START as i64;
    let step = SECOND as i64 / 10;
    for (index, found) in (0..).zip(times(&out.join("cam/times.npy"))) {
        let time = start + index * step;
        assert_eq!(found, [index, index + 7, time, time - 5, i64::MIN]);
    }
    let lines = std::fs::read_to_string(out.join("cam/attributes.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    // One for each value that has something to say.
    assert_eq!(lines.len(), 9);
    // The text of the attributes is what the writer gave.
    assert_eq!(lines[0], r#"{"index":0,"attributes":{"gain":  1.50},"user_data":null}"#);
    assert_eq!(lines[3], r#"{"index":3,"attributes":{"gain":  1.50},"user_data":"AP8h"}"#);
    assert!(lines[5].starts_with("{\"index\":6,"), "{}", lines[5]);

    // The layouts of the cloud in order of first appearance, each with the numbers of its values in the whole track.
    assert_eq!(names(&out.join("cloud")), ["times-1.npy", "times-2.npy", "values-1.npy", "values-2.npy"]);
    let (dtype, shape, bytes) = npy(&out.join("cloud/values-2.npy"));
    assert_eq!((dtype, shape), (DType::Float32, vec![3, 4, 3]));
    assert_eq!(bytes, [(0..48_u8).collect::<Vec<_>>(), (0..48).collect(), (0..48).collect()].concat());
    assert_eq!(npy(&out.join("cloud/values-1.npy")).1, [7, 8, 3]);
    let indices = |name: &str| times(&out.join(name)).iter().map(|record| record[0]).collect::<Vec<_>>();
    assert_eq!(indices("cloud/times-1.npy"), [0, 1, 3, 4, 6, 7, 9]);
    assert_eq!(indices("cloud/times-2.npy"), [2, 5, 8]);
    assert_eq!(times(&out.join("cloud/times-2.npy"))[0][4], start + 2 * step - 9);

    assert_eq!(npy(&out.join("n/values.npy")), (DType::Float64, vec![1], 1.5_f64.to_ne_bytes().to_vec()));
}

#[test]
fn patterns_choose_tags() {
    let place = Place::new();
    example(&place.file("run.mcap"));
    place.run(&["convert", "run.mcap", "out", "--tags", "c*d", "n"]).good();
    assert_eq!(names(&place.file("out")), ["cloud", "n"]);
    for (tag, said) in [("x*", "`ndsharray info` names"), ("x", "it has \"cam\", \"cloud\", \"n\"")] {
        let ended = place.run(&["convert", "run.mcap", "none", "--tags", tag]);
        assert_eq!(ended.status.code(), Some(2));
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert!(!place.file("none").exists());
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new();
    example(&place.file("run.mcap"));
    std::fs::create_dir(place.file("empty")).unwrap();
    place.run(&["convert", "run.mcap", "empty"]).good();
    for (to, said) in [("empty", "is not empty"), ("run.mcap", "run.mcap"), ("no/such", "no/such")] {
        let ended = place.run(&["convert", "run.mcap", to]);
        assert_eq!(
            (ended.status.code(), ended.stderr.lines().count()),
            (Some(2), 1),
            "{to}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert_eq!(names(&place.file("empty")), ["cam", "cloud", "n"]);
}

#[test]
fn what_npy_cannot_hold_is_refused_before_anything_is_written() {
    let place = Place::new();
    let descr = "{'names': ['x', 'y'], 'formats': ['<f4', '<f4'], 'offsets': [4, 0], 'itemsize': 8}";
    let dtype: DType = descr.parse().unwrap();
    let odd = Value { dtype: &dtype, ..recorded("odd", &[1], &[0; 8], 1, START) };
    record(&place.file("run.mcap"), RecordingOptions::new(), &[recorded("a", &[2], &[1, 2], 1, START), odd]);
    let ended = place.run(&["convert", "run.mcap", "out"]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(
        ended.stderr.contains("odd: npy cannot hold") && ended.stderr.contains("--tags"),
        "{}",
        ended.stderr
    );
    assert!(!place.file("out").exists());
    place.run(&["convert", "run.mcap", "out", "--tags", "a"]).good();
}

#[test]
fn pictures_have_red_first_and_lists_say_how_long_each_is_shown() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..2 * 3 * 3).collect();
    let depth = vec![1_u16, 2, 3, 4].into_iter().flat_map(u16::to_ne_bytes).collect::<Vec<u8>>();
    let times = [0, 33_000, 133_000, 204_500];
    let mut values = Vec::new();
    for (time, version) in times.into_iter().zip(1..) {
        // The third has red first.
        let encoding = if version == 3 { r#"{"encoding":"rgb8"}"# } else { r#"{"encoding":"bgr8"}"# };
        values.push(Value {
            attributes: Some(encoding),
            acquired_at: Some(UnixTime::from(START + time * 1000)),
            ..recorded("cam", &[2, 3, 3], &bytes, version, START + version)
        });
        let attributes = Some(r#"{"encoding":"mono16"}"#);
        values.push(Value {
            dtype: &DType::UInt16,
            attributes,
            ..recorded("depth", &[2, 2], &depth, version, START)
        });
        values.push(recorded("tags", &[3], &[1, 2, 3], version, START));
    }
    let heat = vec![0; 16 * 16 * 4];
    values.push(Value { dtype: &DType::Float32, ..recorded("heat", &[16, 16], &heat, 1, START) });
    record(&place.file("run.mcap"), RecordingOptions::new(), &values);
    place.run(&["convert", "run.mcap", "out", "--png"]).good();
    let out = place.file("out");
    // Neither a vector nor an image of float32 is a picture.
    for tag in ["heat", "tags"] {
        assert_eq!(names(&out.join(tag)), ["times.npy", "values.npy"]);
    }
    let of = |name: &str| {
        let file = std::io::BufReader::new(std::fs::File::open(out.join(name)).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        pixels
    };
    assert_eq!(of("cam/000000.png")[..6], [2, 1, 0, 5, 4, 3]);
    assert_eq!(of("cam/000002.png"), bytes);
    assert_eq!(of("depth/000003.png"), [0, 1, 0, 2, 0, 3, 0, 4]);
    assert_eq!(
        names(&out.join("cam"))[4..],
        [
            "attributes-1.jsonl",
            "attributes-2.jsonl",
            "frames-1.ffconcat",
            "frames-2.ffconcat",
            "times-1.npy",
            "times-2.npy"
        ]
    );
    let list = std::fs::read_to_string(out.join("cam/frames-1.ffconcat")).unwrap();
    let expected = "ffconcat version 1.0\n\
         # ffmpeg -f concat -safe 0 -i frames-1.ffconcat -fps_mode vfr -pix_fmt yuv420p film.mp4\n\
         file 000000.png\noption framerate 1000000\nduration 0.033000\n\
         file 000001.png\noption framerate 1000000\nduration 0.171500\n\
         file 000003.png\noption framerate 1000000\nduration 0.102250\n\
         file 000003.png\noption framerate 1000000\n";
    assert_eq!(list, expected);
}

#[test]
fn compressed_recordings_give_the_same_files() {
    let place = Place::new();
    let bytes: Vec<u8> = (0..48 * 64 * 3).map(|i| (i / 64) as u8).collect();
    let pictures: Vec<Value<'_>> =
        (1..=5).map(|version| recorded("cam", &[48, 64, 3], &bytes, version, START + version)).collect();
    let mut seen = Vec::new();
    for (name, compression) in
        [("none", Compression::None), ("lz4", Compression::Lz4), ("zstd", Compression::Zstd)]
    {
        let file = format!("{name}.mcap");
        record(&place.file(&file), RecordingOptions::new().compression(compression), &pictures);
        let mut files = Vec::new();
        for (kind, args) in [("npy", &[][..]), ("png", &["--png"])] {
            let out = format!("{name}-{kind}");
            place.run(&[&["convert", &file, &out], args].concat()).good();
            let cam = place.file(&out).join("cam");
            files.extend(names(&cam).into_iter().map(|name| (std::fs::read(cam.join(&name)).unwrap(), name)));
        }
        seen.push(files);
    }
    assert_eq!(seen[0].len(), 2 + 7);
    assert!(seen[0] == seen[1] && seen[1] == seen[2]);
}

#[test]
fn more_shapes_than_a_recording_has_channels_for() {
    let place = Place::new();
    let points = vec![7_u8; 400];
    let shapes: Vec<[usize; 1]> = (0..600).map(|number| [number % 300 + 1]).collect();
    let clouds: Vec<Value<'_>> = (1..)
        .zip(&shapes)
        .map(|(version, shape)| recorded("cloud", shape, &points[..shape[0]], version, START + version))
        .collect();
    record(&place.file("run.mcap"), RecordingOptions::new(), &clouds);
    let text = place.run(&["info", "run.mcap"]).good().text();
    assert!(text.contains("(257 layouts)"), "{text}");
    place.run(&["convert", "run.mcap", "out"]).good();
    let out = place.file("out/cloud");
    assert_eq!(names(&out).len(), 600);
    for number in [1, 256, 257, 300] {
        let (_, shape, bytes) = npy(&out.join(format!("values-{number}.npy")));
        assert_eq!((shape, bytes), (vec![2, number], vec![7; 2 * number]));
        let found = times(&out.join(format!("times-{number}.npy")));
        assert_eq!([found[0][0], found[1][0]], [number as i64 - 1, number as i64 + 299]);
    }
}
