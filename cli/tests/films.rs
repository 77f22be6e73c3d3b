//! Films that a real ffmpeg makes: of the pictures that `convert --png` writes, and of the stream that `follow --y4m` writes.

mod place;

use std::process::{Command, Stdio};

use ndsharray::{DType, Meta, UnixTime};
use ndsharray_recording::{RecordingOptions, Value};
use place::{Follower, Place, Running, START, record, recorded, skip};
use serde_json::json;

const HEIGHT: usize = 48;
const WIDTH: usize = 64;

fn without_ffmpeg(test: &str) -> bool {
    let works = |program, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    // Older ones than 5.1 do not know -fps_mode.
    let try_out = ["-f", "lavfi", "-i", "nullsrc", "-frames:v", "1", "-fps_mode", "vfr", "-f", "null", "-"];
    let found = works("ffprobe", &["-version"]) && works("ffmpeg", &try_out);
    if !found {
        skip(test, "no ffmpeg 5.1 or later here (apt-get install ffmpeg)");
    }
    !found
}

/// Runs a command line in the directory for files.
fn shell(place: &Place, script: &str) -> place::Ended {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("set -euo pipefail\n{script}"), env!("CARGO_BIN_EXE_ndsharray")]);
    shell.env("NDSHARRAY_DIR", place.directory()).current_dir(place.file(""));
    Running::start(shell).finish().good()
}

/// What ffprobe says of a film.
fn probe(place: &Place, film: &str) -> serde_json::Value {
    shell(
        place,
        &format!("ffprobe -v error -count_frames -show_streams -show_frames -show_format -of json {film}"),
    )
    .json()
}

/// When each frame of a film is shown, in microseconds.
fn starts(probed: &serde_json::Value) -> Vec<i64> {
    let time = |frame: &serde_json::Value| frame["pts_time"].as_str().unwrap().parse::<f64>().unwrap();
    probed["frames"].as_array().unwrap().iter().map(|frame| (time(frame) * 1e6).round() as i64).collect()
}

/// A picture in which every pixel differs from its neighbours, and from those of other numbers.
fn picture(number: usize, channels: usize) -> Vec<u8> {
    (0..HEIGHT * WIDTH * channels).map(|i| (i / 7 * 3 + i % channels * 50 + number * 11) as u8).collect()
}

#[test]
fn a_film_of_pictures_has_the_times_of_the_recording() {
    if without_ffmpeg("a_film_of_pictures_has_the_times_of_the_recording") {
        return;
    }
    let place = Place::new();
    // Irregular, in microseconds; written at other times.
    let times = [0, 33_000, 133_000, 204_500, 604_501, 654_501, 2_000_000, 2_000_900];
    let pictures: Vec<Vec<u8>> = (0..times.len()).map(|number| picture(number, 3)).collect();
    let values: Vec<Value<'_>> = (1..)
        .zip(times.iter().zip(&pictures))
        .map(|(version, (&time, bytes))| Value {
            attributes: Some(r#"{"encoding":"bgr8"}"#),
            acquired_at: Some(UnixTime::from(START + time * 1000)),
            ..recorded("cam", &[HEIGHT, WIDTH, 3], bytes, version, START + version)
        })
        .collect();
    record(&place.file("run.mcap"), RecordingOptions::new(), &values);
    place.run(&["convert", "run.mcap", "out", "--png"]).good();
    let average = 2_000_900 / 7;
    // Lossless, in microseconds: nut keeps the times as they are.
    shell(
        &place,
        "ffmpeg -v error -nostdin -f concat -safe 0 -i out/cam/frames.ffconcat -c:v ffv1 -pix_fmt gbrp film.nut\n\
         ffmpeg -v error -nostdin -f concat -safe 0 -i out/cam/frames.ffconcat -fps_mode vfr -pix_fmt yuv420p film.mp4\n\
         ffmpeg -v error -nostdin -i film.nut -fps_mode passthrough -pix_fmt bgr24 -f rawvideo film.raw",
    );
    for film in ["film.nut", "film.mp4"] {
        let probed = probe(&place, film);
        // The last is there twice, and so is shown as long as the others on average.
        let expected: Vec<i64> = times.iter().map(|&time| time as i64).chain([2_000_900 + average]).collect();
        assert_eq!(starts(&probed), expected, "{film}");
        assert_eq!(
            (&probed["streams"][0]["width"], &probed["streams"][0]["height"]),
            (&json!(64), &json!(48))
        );
        let duration: f64 = probed["format"]["duration"].as_str().unwrap().parse().unwrap();
        assert!((duration - (2_000_900 + average) as f64 / 1e6).abs() < 0.002, "{film}: {duration}");
    }
    // Each frame is the picture of its value.
    let mut expected = pictures.concat();
    expected.extend_from_slice(&pictures[pictures.len() - 1]);
    assert!(std::fs::read(place.file("film.raw")).unwrap() == expected);
}

/// Writes pictures that were acquired at these milliseconds, which then stay in the history of the tag.
fn publish(place: &Place, channels: usize, encoding: &str, times: &[u64]) -> Vec<Vec<u8>> {
    let pictures: Vec<Vec<u8>> = (0..times.len()).map(|number| picture(number, channels)).collect();
    let shape = if channels == 1 { vec![HEIGHT, WIDTH] } else { vec![HEIGHT, WIDTH, channels] };
    let mut writer = place.store().writer_options("cam").history(times.len()).open().unwrap();
    for (bytes, time) in pictures.iter().zip(times) {
        let meta = Meta::new().attributes(&json!({"encoding": encoding})).unwrap();
        let meta = meta.acquired_at(START + time * 1_000_000);
        writer.write_bytes_with(&DType::UInt8, &shape, bytes, &meta).unwrap();
    }
    pictures
}

#[test]
fn a_stream_has_frames_at_a_fixed_rate() {
    if without_ffmpeg("a_stream_has_frames_at_a_fixed_rate") {
        return;
    }
    // At 10 frames a second: the third is left out, the fourth is shown three times, the last is frame 6.
    let times = [0, 100, 110, 200, 490, 610];
    let shown = [0, 1, 3, 3, 3, 4, 5];
    for (channels, encoding, format) in [(1, "mono8", "gray"), (3, "rgb8", "rgb24"), (3, "bgr8", "bgr24")] {
        let place = Place::new();
        let pictures = publish(&place, channels, encoding, &times);
        let said = shell(
            &place,
            &format!(
                "\"$0\" follow cam --every --y4m --fps 10 > film.y4m\n\
                 ffmpeg -v error -nostdin -i film.y4m -fps_mode passthrough -pix_fmt {format} -f rawvideo film.raw"
            ),
        );
        assert_eq!(
            said.stderr,
            "ndsharray: cam: 7 frames written of 6 values, 2 repeated, 1 left out, 0 missed\n"
        );
        let probed = probe(&place, "film.y4m");
        let stream = &probed["streams"][0];
        assert_eq!((&stream["width"], &stream["height"]), (&json!(64), &json!(48)));
        assert_eq!((&stream["r_frame_rate"], &stream["nb_read_frames"]), (&json!("10/1"), &json!("7")));
        assert_eq!(stream["pix_fmt"], if channels == 1 { "gray" } else { "yuv444p" }, "{stream}");
        assert_eq!(stream["color_range"], "pc");
        let expected: Vec<i64> = (0..7).map(|frame| frame * 100_000).collect();
        assert_eq!(starts(&probed), expected);
        let raw = std::fs::read(place.file("film.raw")).unwrap();
        let frames = raw.chunks(HEIGHT * WIDTH * channels);
        assert_eq!(frames.len(), shown.len());
        for (frame, number) in frames.zip(shown) {
            // Grey is exact. Colours go through Y'CbCr, which has fewer of them.
            let most = if channels == 1 { 0 } else { 3 };
            let furthest = frame.iter().zip(&pictures[number]).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(furthest <= Some(most), "{encoding} {number}: {furthest:?}");
        }
    }
}

#[test]
fn a_stream_goes_straight_into_ffmpeg() {
    if without_ffmpeg("a_stream_goes_straight_into_ffmpeg") {
        return;
    }
    let place = Place::new();
    let times: Vec<u64> = (0..30).map(|number| number * 1001 / 30).collect();
    publish(&place, 3, "rgb8", &times);
    shell(
        &place,
        "\"$0\" follow cam --every --y4m --fps 30000/1001 | ffmpeg -v error -nostdin -i - -pix_fmt yuv420p film.mp4",
    );
    let stream = &probe(&place, "film.mp4")["streams"][0];
    assert_eq!((&stream["r_frame_rate"], &stream["nb_read_frames"]), (&json!("30000/1001"), &json!("30")));
    // When ffmpeg has enough, follow ends with it.
    let ended = shell(
        &place,
        "\"$0\" follow cam --every --wait --y4m --fps 1000 | ffmpeg -v error -nostdin -i - -frames:v 2 -f null -\n\
         echo ${PIPESTATUS[@]}",
    );
    assert_eq!(ended.text(), "0 0\n");
}

#[test]
fn the_frames_of_a_stream_keep_their_form() {
    let place = Place::new();
    let mut writer = place.store().writer("cam").unwrap();
    writer.write_slice(&[1_u8, 2], &[1, 2]).unwrap();
    let header = "YUV4MPEG2 W2 H1 F25:1 Ip A1:1 Cmono XCOLORRANGE=FULL\n";
    let follower = Follower::start(&place, &["follow", "cam", "--y4m", "--fps", "25"], header.len() + 8);
    assert_eq!(follower.next(), [header.as_bytes(), b"FRAME\n\x01\x02"].concat());
    writer.write_slice(&[1_u8, 2, 3, 4, 5, 6], &[1, 2, 3]).unwrap();
    let ended = follower.running.finish();
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("uint8 of shape 1,2,3") && ended.stderr.contains("a new stream"),
        "{}",
        ended.stderr
    );
    drop(writer);
    for (args, said) in [
        (&["follow", "deep", "--y4m", "--fps", "25"][..], "-pix_fmt gray16"),
        (&["follow", "cam", "--y4m"], "--fps"),
        (&["follow", "cam", "--fps", "25"], "--y4m"),
        (&["follow", "cam", "--y4m", "--fps", "0"], "29.97"),
    ] {
        let mut deep = place.store().writer("deep").unwrap();
        deep.write_slice(&[1_u16, 2], &[1, 2]).unwrap();
        drop(deep);
        let ended = place.run(args);
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(2), 0), "{args:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{args:?}: {}", ended.stderr);
    }
}
