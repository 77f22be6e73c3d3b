//! Streams through the store, frame for frame, and every way in which they end: the end of the input, a broken pipe, a
//! short last frame, Ctrl-C, a closed terminal, a writer that goes, a tag that is removed.

mod place;

use std::io::{Read, Write};
use std::process::Command;
use std::time::Duration;

use place::{Follower, Place, Running, skip_if_hangups_are_ignored, unshared_pipe, until};
use rustix::process::Signal;

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
        // The next one comes only after that, so none is missed.
        assert!(follower.next() == frame(number, 30_000), "frame {number}");
    }
    drop(stdin);
    assert_eq!(pipe.finish().good().stderr, "ndsharray: cam: 40 frames published\n");
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: cam: 40 values written, 0 missed\n");
    let stat = place.store().stat("cam").unwrap();
    assert_eq!((stat.value.unwrap().version, stat.writer_alive), (40, false));
    // With no writer, follow writes the value that is there, and ends.
    let ended = place.run(&["follow", "cam"]).good();
    assert!(ended.stdout == frame(39, 30_000));
    assert_eq!(ended.stderr, "ndsharray: cam: 1 value written, 0 missed\n");
}

#[test]
fn what_a_slow_follower_misses_is_counted() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&vec![1_u8; 1 << 20], &[1 << 20]).unwrap();
    // The follower holds the first value, which is larger than the pipe, until somebody reads.
    let (reader, stdout) = unshared_pipe();
    let running = Running::start_with_stdout(place.command(&["follow", "a"]), stdout.into());
    until("it holds a value", || place.store().stat("a").unwrap().value.unwrap().slots.pinned == 1);
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
        "ndsharray: a: the layout is now uint16 of shape 1,1\nndsharray: a: 2 values written, 0 missed\n"
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
    // A new writer goes on from there; an empty stream changes nothing.
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
    // The tag is removed while the pipe has it: it says so and ends.
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
    // Also while it waits for a value, or for a tag that does not exist: it notices without either.
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
    assert_eq!(place.store().stat("a").unwrap().value.unwrap().slots.pinned, 0);
}

#[test]
fn ctrl_c_ends_streams_wherever_they_are() {
    let place = Place::new();
    // A pipe in the middle of a frame.
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
    until("it listens", || waits.catches(Signal::INT));
    std::thread::sleep(Duration::from_millis(20));
    waits.signal(Signal::INT);
    until("it ends", || waits.child.try_wait().unwrap().is_some());
    waits.finish().good();
    writer.write_slice(&vec![6_u8; 1 << 20], &[1 << 20]).unwrap();
    let (reader, stdout) = unshared_pipe();
    let stuck = Running::start_with_stdout(place.command(&["follow", "a"]), stdout.into());
    let pinned = || place.store().stat("a").unwrap().value.unwrap().slots.pinned;
    until("it holds the value", || pinned() == 1);
    stuck.signal(Signal::INT);
    stuck.finish().good();
    assert_eq!(pinned(), 0, "its slot is given back");
    drop(reader);
}

#[test]
fn a_closed_terminal_ends_a_stream_unless_nohup_asked() {
    if skip_if_hangups_are_ignored("a_closed_terminal_ends_a_stream_unless_nohup_asked") {
        return;
    }
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&[1_u8, 2], &[2]).unwrap();
    let follower = Follower::start(&place, &["follow", "a"], 2);
    follower.next();
    follower.running.signal(Signal::HUP);
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: a: 1 value written, 0 missed\n");

    // With SIGHUP ignored, as nohup starts a program.
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" follow a", env!("CARGO_BIN_EXE_ndsharray")]);
    shell.env("NDSHARRAY_DIR", place.directory());
    let follower = Follower::start_command(shell, 2);
    follower.next();
    assert!(follower.running.catches(Signal::INT) && !follower.running.catches(Signal::HUP));
    follower.running.signal(Signal::HUP);
    writer.write_slice(&[3_u8, 4], &[2]).unwrap();
    assert_eq!(follower.next(), [3, 4]);
    drop(writer);
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: a: 2 values written, 0 missed\n");
}
