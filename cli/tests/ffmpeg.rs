//! Streams from and to a real ffmpeg: both ways, frame for frame, and in pipelines as people type them.

mod place;

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use place::{Follower, Place, Running, skip};

const SIZE: &str = "96x64";
const SHAPE: &str = "64,96,3";
const FRAME: usize = 64 * 96 * 3;

fn ffmpeg(args: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin"]).args(args);
    command
}

fn without_ffmpeg(test: &str) -> bool {
    let found = ffmpeg(&["-version"]).stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if !found {
        skip(test, "no ffmpeg here (apt-get install ffmpeg)");
    }
    !found
}

/// The raw frames of a test picture that ffmpeg makes.
fn picture(frames: usize) -> Vec<u8> {
    let source = format!("testsrc=size={SIZE}:rate=25");
    let frames = frames.to_string();
    let raw = ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &source,
        "-frames:v",
        &frames,
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ]);
    Running::start(raw).finish().good().stdout
}

#[test]
fn ffmpeg_both_ways_frame_for_frame() {
    if without_ffmpeg("ffmpeg_both_ways_frame_for_frame") {
        return;
    }
    let place = Place::new();
    let expected = picture(50);
    assert_eq!(expected.len(), 50 * FRAME);
    // ffmpeg | pipe -> follow | ffmpeg. The test passes the frames on, both between ffmpeg and pipe and between follow and
    // ffmpeg, each only when the one before has come out, so that even a loaded machine misses none.
    let source = format!("testsrc=size={SIZE}:rate=25");
    let mut producer = ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &source,
        "-frames:v",
        "50",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ])
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let video = place.file("out.mkv");
    let mut encoder =
        ffmpeg(&["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", SIZE, "-r", "25", "-i", "-", "-c:v", "ffv1"]);
    encoder.args(["-pix_fmt", "gbrp"]).arg(&video);
    let mut encoder = Running::start(encoder);
    let follower = Follower::start(&place, &["follow", "cam", "--wait", "--count", "50"], FRAME);
    let mut pipe = Running::start(place.command(&["pipe", "cam", "--dtype", "u1", "--shape", SHAPE]));
    let (mut from, mut to) = (producer.stdout.take().unwrap(), pipe.child.stdin.take().unwrap());
    let mut frame = vec![0; FRAME];
    for number in 0..50 {
        from.read_exact(&mut frame).unwrap();
        to.write_all(&frame).unwrap();
        let seen = follower.next();
        assert!(seen == expected[number * FRAME..][..FRAME], "frame {number}");
        encoder.child.stdin.as_mut().unwrap().write_all(&seen).unwrap();
    }
    assert_eq!(from.read(&mut frame).unwrap(), 0);
    drop(to);
    assert!(producer.wait().unwrap().success());
    assert_eq!(pipe.finish().good().stderr, "ndsharray: cam: 50 frames published\n");
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: cam: 50 values written, 0 missed\n");
    encoder.finish().good();
    // What the second ffmpeg got, lossless, is what the first one made.
    let mut decoder = ffmpeg(&["-i"]);
    decoder.arg(&video).args(["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    assert!(Running::start(decoder).finish().good().stdout == expected);
}

#[test]
fn ffmpeg_in_a_plain_pipeline() {
    if without_ffmpeg("ffmpeg_in_a_plain_pipeline") {
        return;
    }
    let place = Place::new();
    let expected = picture(50);
    // As people type it, at the camera's pace. On a loaded machine the follower may miss frames, and says how many.
    let script = format!(
        "set -o pipefail\n\
         ffmpeg -v error -nostdin -re -f lavfi -i testsrc=size={SIZE}:rate=25 -frames:v 50 -pix_fmt rgb24 -f rawvideo - \
         | \"$0\" pipe cam --dtype u1 --shape {SHAPE} &\n\
         until \"$0\" stat cam >/dev/null 2>&1; do sleep 0.01; done\n\
         \"$0\" follow cam | ffmpeg -v error -nostdin -f rawvideo -pix_fmt rgb24 -s {SIZE} -r 25 -i - \
         -c:v ffv1 -pix_fmt gbrp out.mkv || exit 7\n\
         wait $! || exit 8"
    );
    let mut shell = Command::new("bash");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_ndsharray")]);
    shell.env("NDSHARRAY_DIR", place.directory()).current_dir(place.file(""));
    let ended = Running::start(shell).finish().good();
    let written: usize =
        ended.stderr.split("cam: ").find_map(|part| part.split_once(" value")?.0.parse().ok()).unwrap();
    let mut decoder = ffmpeg(&["-i", "out.mkv", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    decoder.current_dir(place.file(""));
    let frames = Running::start(decoder).finish().good().stdout;
    assert_eq!(frames.len(), written * FRAME, "{}", ended.stderr);
    assert!(written > 0, "{}", ended.stderr);
    // Each is one of the frames that were published, in their order, and the last is the last.
    let mut numbers = 0..50;
    for frame in frames.chunks(FRAME) {
        assert!(numbers.any(|number| frame == &expected[number * FRAME..][..FRAME]));
    }
    assert!(frames[frames.len() - FRAME..] == expected[49 * FRAME..]);

    // An ffmpeg that wants one frame of many: when it ends, so does the follower.
    let script = format!(
        "yes | head -c 100000000 | \"$0\" pipe raw --dtype u1 --shape {SHAPE} &\n\
         until \"$0\" cat raw >/dev/null 2>&1; do sleep 0.01; done\n\
         \"$0\" follow raw --wait | ffmpeg -v error -nostdin -f rawvideo -pix_fmt rgb24 -s {SIZE} -i - -frames:v 1 one.png\n\
         echo ${{PIPESTATUS[@]}}; wait"
    );
    let mut shell = Command::new("bash");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_ndsharray")]);
    shell.env("NDSHARRAY_DIR", place.directory()).current_dir(place.file(""));
    assert_eq!(Running::start(shell).finish().good().text(), "0 0\n");
}
