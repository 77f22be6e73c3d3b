//! Streams through the store: frame for frame with an acknowledged producer, through a real ffmpeg both ways, and every
//! way to end: the stream's, a broken pipe, a short last frame, Ctrl-C, a writer that goes, a tag that is removed.

mod place;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use place::{Place, Running, WATCHDOG, skip, unshared_pipe, until};
use rustix::process::Signal;

/// A follower whose frames are taken one by one.
struct Follower {
    running: Running,
    frames: Receiver<Vec<u8>>,
}

impl Follower {
    fn start(place: &Place, args: &[&str], frame: usize) -> Follower {
        let (reader, writer) = unshared_pipe();
        let running = Running::start_with_stdout(place.command(args), writer.into());
        let mut reader = std::fs::File::from(reader);
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            let mut bytes = vec![0; frame];
            while reader.read_exact(&mut bytes).is_ok() && sender.send(bytes.clone()).is_ok() {}
        });
        Follower { running, frames }
    }

    #[track_caller]
    fn next(&self) -> Vec<u8> {
        self.frames.recv_timeout(WATCHDOG).expect("a frame")
    }
}

fn frame(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 31 + number * 7) as u8).collect()
}

#[test]
fn frame_for_frame_and_ended_with_the_writer() {
    let place = Place::new();
    let follower = Follower::start(&place, &["follow", "cam", "--wait", "--count", "40"], 30_000);
    let mut pipe = Running::start(place.command(&["pipe", "cam", "--dtype", "<u2", "--shape", "50,100,3"]));
    let mut stdin = pipe.child.stdin.take().unwrap();
    for number in 0..40 {
        stdin.write_all(&frame(number, 30_000)).unwrap();
        // Only then the next: nothing is missed.
        assert!(follower.next() == frame(number, 30_000), "frame {number}");
    }
    drop(stdin);
    assert_eq!(pipe.finish().good().stderr, "ndsharray: cam: 40 frames published\n");
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: cam: 40 values written, 0 missed\n");
    let stat = place.store().stat("cam").unwrap();
    assert_eq!((stat.value.unwrap().version, stat.writer_alive), (40, false));
    // With no writer, it writes the value that there is, and ends.
    let ended = place.run(&["follow", "cam"]).good();
    assert!(ended.stdout == frame(39, 30_000));
    assert_eq!(ended.stderr, "ndsharray: cam: 1 value written, 0 missed\n");
}

#[test]
fn what_a_slow_follower_misses_is_counted() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&vec![1_u8; 1 << 20], &[1 << 20]).unwrap();
    // It holds the first value, which does not fit the pipe, until somebody reads.
    let (reader, stdout) = unshared_pipe();
    let running = Running::start_with_stdout(place.command(&["follow", "a"]), stdout.into());
    until("it holds a value", || place.store().stat("a").unwrap().value.unwrap().slots.unwrap().pinned == 1);
    for number in 2..=30_u8 {
        writer.write_slice(&vec![number; 1 << 20], &[1 << 20]).unwrap();
    }
    drop(writer);
    let mut bytes = Vec::new();
    std::fs::File::from(reader).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 2 << 20);
    assert!(
        bytes[..1 << 20].iter().all(|&byte| byte == 1) && bytes[1 << 20..].iter().all(|&byte| byte == 30)
    );
    assert_eq!(running.finish().good().stderr, "ndsharray: a: 2 values written, 28 missed\n");
}

#[test]
fn a_new_layout_is_said() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&[1_u8, 2], &[2]).unwrap();
    let follower = Follower::start(&place, &["follow", "a"], 2);
    assert_eq!(follower.next(), [1, 2]);
    writer.write_slice(&[0x0403_u16], &[1, 1]).unwrap();
    assert_eq!(follower.next(), [3, 4]);
    drop(writer);
    let said = follower.running.finish().good().stderr;
    assert_eq!(
        said,
        "ndsharray: a: from here on uint16 of shape 1,1\nndsharray: a: 2 values written, 0 missed\n"
    );
}

#[test]
fn a_short_last_frame_is_not_published() {
    let place = Place::new();
    let input = [frame(0, 100), frame(1, 100), vec![9; 99]].concat();
    let ended = place.run_with(&["pipe", "a", "--dtype", "u1", "--shape", "100"], &input);
    assert_eq!(ended.status.code(), Some(2));
    assert_eq!(ended.stderr.lines().count(), 1);
    assert!(
        ended.stderr.contains("found 99 bytes") && ended.stderr.contains("2 frames published"),
        "{}",
        ended.stderr
    );
    assert_eq!(place.run(&["cat", "a"]).good().stdout, frame(1, 100));
    // A new writer goes on from there; a stream of nothing changes nothing.
    place.run(&["pipe", "a", "--dtype", "u1", "--shape", "100"]).good();
    assert_eq!(place.store().stat("a").unwrap().value.unwrap().version, 2);
    place.run(&["pipe", "new", "--dtype", "u1", "--shape", "100"]).good();
    assert_eq!(place.store().tags().unwrap(), ["a"]);
}

#[test]
fn one_writer_at_a_time() {
    let place = Place::new();
    let writer = place.store().writer("a").unwrap();
    let ended = place.run_with(&["pipe", "a", "--dtype", "u1", "--shape", "3"], b"abc");
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("writer"), "{}", ended.stderr);
    drop(writer);
    // Taken away under it: it says so and ends.
    let mut pipe = Running::start(place.command(&["pipe", "a", "--dtype", "u1", "--shape", "3"]));
    pipe.child.stdin.as_mut().unwrap().write_all(b"abc").unwrap();
    until("it has published", || place.store().stat("a").unwrap().value.is_some());
    place.run(&["rm", "--force", "a"]).good();
    pipe.child.stdin.as_mut().unwrap().write_all(b"def").unwrap();
    let ended = pipe.finish();
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert!(ended.stderr.contains("removed"), "{}", ended.stderr);
}

#[test]
fn a_broken_pipe_is_a_quiet_end() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&vec![1_u8; 1 << 20], &[1 << 20]).unwrap();
    for args in
        [&["cat", "a"][..], &["get", "a", "-o", "-"], &["follow", "a", "--wait"], &["ls", "--look", "0"]]
    {
        let (reader, stdout) = unshared_pipe();
        drop(reader);
        let ended = Running::start_with_stdout(place.command(args), stdout.into()).finish().good();
        assert!(ended.stderr.is_empty() || args[0] == "follow", "{args:?}: {}", ended.stderr);
    }
    // While it waits for a value: it need not come for it to notice, nor for a tag that is not there.
    for tag in ["a", "later"] {
        let (reader, stdout) = unshared_pipe();
        let running = Running::start_with_stdout(place.command(&["follow", tag, "--wait"]), stdout.into());
        if tag == "a" {
            let mut first = vec![0; 1 << 20];
            std::fs::File::from(reader.try_clone().unwrap()).read_exact(&mut first).unwrap();
        } else {
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(reader);
        running.finish().good();
    }
    assert_eq!(place.store().stat("a").unwrap().value.unwrap().slots.unwrap().pinned, 0);
}

#[test]
fn ctrl_c_ends_streams_wherever_they_are() {
    let place = Place::new();
    // A pipe amid a frame.
    let mut pipe = Running::start(place.command(&["pipe", "a", "--dtype", "u1", "--shape", "100"]));
    pipe.child.stdin.as_mut().unwrap().write_all(&[5; 150]).unwrap();
    until("a frame is there", || place.store().stat("a").is_ok_and(|stat| stat.value.is_some()));
    pipe.signal(Signal::INT);
    until("it ends", || pipe.child.try_wait().unwrap().is_some());
    assert_eq!(pipe.finish().good().stderr, "ndsharray: a: 1 frame published\n");
    assert_eq!(place.run(&["cat", "a"]).good().stdout, [5; 100]);

    // A follower that waits for a value; one that waits for its tag; one whose reader does not read.
    let mut writer = place.store().writer("a").unwrap();
    let waits = Follower::start(&place, &["follow", "a"], 100);
    waits.next();
    waits.running.signal(Signal::INT);
    assert_eq!(waits.running.finish().good().stderr, "ndsharray: a: 1 value written, 0 missed\n");
    let mut waits = Running::start(place.command(&["follow", "later", "--wait"]));
    // Its signal handlers are there when its status says that the signal is caught.
    let caught = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
        u64::from_str_radix(&mask, 16).unwrap() & 1 << (Signal::INT.as_raw() - 1) != 0
    };
    until("it listens", || caught(waits.child.id()));
    std::thread::sleep(Duration::from_millis(20));
    waits.signal(Signal::INT);
    until("it ends", || waits.child.try_wait().unwrap().is_some());
    waits.finish().good();
    writer.write_slice(&vec![6_u8; 1 << 20], &[1 << 20]).unwrap();
    let (reader, stdout) = unshared_pipe();
    let stuck = Running::start_with_stdout(place.command(&["follow", "a"]), stdout.into());
    let pinned = || place.store().stat("a").unwrap().value.unwrap().slots.unwrap().pinned;
    until("it holds the value", || pinned() == 1);
    stuck.signal(Signal::INT);
    stuck.finish().good();
    assert_eq!(pinned(), 0, "its slot is given back");
    drop(reader);
}

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

/// The frames that ffmpeg makes, as they come out of it.
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
    // ffmpeg | pipe -> follow | ffmpeg, with the test between ffmpeg and pipe, and between follow and ffmpeg: it lets
    // the next frame in when the one before has come out, so that a loaded machine misses none.
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
    // As one types it, at the camera's pace; the follower may miss frames on a loaded machine, and then says how many.
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
    // Each is one of those that were published, in their order, and the last one is the last.
    let mut numbers = 0..50;
    for frame in frames.chunks(FRAME) {
        assert!(numbers.any(|number| frame == &expected[number * FRAME..][..FRAME]));
    }
    assert!(frames[frames.len() - FRAME..] == expected[49 * FRAME..]);

    // An ffmpeg that wants one frame of many: its end is the follower's.
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
