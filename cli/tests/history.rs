//! Every value in its order: what `pipe` and `put` keep with `--history`, `follow --every` writes, also after a burst.

mod place;

use std::fs::File;
use std::io::Read;
use std::sync::mpsc::channel;
use std::time::Duration;

use place::{Ended, Follower, Place, Running, WATCHDOG, npy, unshared_pipe, until};

/// Larger than a pipe: who writes it waits until somebody reads.
const LARGE: usize = 128 << 10;

/// The first byte of each value of that length.
fn numbers(bytes: &[u8], length: usize) -> Vec<u8> {
    assert_eq!(bytes.len() % length, 0);
    let number = |value: &[u8]| {
        assert!(value.iter().all(|byte| *byte == value[0]), "a value is whole");
        value[0]
    };
    bytes.chunks(length).map(number).collect()
}

#[test]
fn a_stream_is_kept_frame_for_frame() {
    let place = Place::new();
    let frames: Vec<u8> = (1..=10_u8).flat_map(|number| [number; 6]).collect();
    let pipe = ["pipe", "cam", "--dtype", "u1", "--shape", "2,3", "--history", "10"];
    let ended = place.run_with(&pipe, &frames).good();
    assert_eq!(ended.stderr, "ndsharray: cam: 10 frames published\n");

    let ended = place.run(&["follow", "cam", "--every"]).good();
    assert_eq!(ended.stdout, frames);
    assert_eq!(ended.stderr, "ndsharray: cam: 10 values written, 0 missed\n");
    let mut reader = place.store().reader("cam").unwrap();
    for number in 1..=10_u8 {
        let value = reader.wait_next(Duration::ZERO).unwrap().expect("it is kept");
        assert_eq!((value.version(), value.bytes()), (number.into(), &[number; 6][..]));
    }
    assert!(reader.read_next().unwrap().is_none());

    let ended = place.run(&["follow", "cam", "--every", "--count", "3"]).good();
    assert_eq!(numbers(&ended.stdout, 6), [1, 2, 3]);
    let ended = place.run(&["follow", "cam"]).good();
    assert_eq!(numbers(&ended.stdout, 6), [10], "without it, the latest");
}

#[test]
fn a_stream_without_history_keeps_the_end_alone() {
    let place = Place::new();
    let frames: Vec<u8> = (1..=100).collect();
    place.run_with(&["pipe", "a", "--dtype", "u1", "--shape", "1"], &frames).good();
    let found = place.run(&["follow", "a", "--every"]).good().stdout;
    assert!(found.len() < 10 && frames.ends_with(&found) && !found.is_empty(), "{found:?}");
}

#[test]
fn files_that_are_put_one_after_the_other_are_kept() {
    let place = Place::new();
    for number in 1..=6 {
        let file = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[number; 2]);
        place.run_with(&["put", "a", "-", "--history", "6"], &file).good();
    }
    let found = place.run(&["follow", "a", "--every"]).good().stdout;
    assert_eq!(numbers(&found, 2), [1, 2, 3, 4, 5, 6]);
}

/// Starts `follow --every`, whose output nobody reads yet; writes the numbers up to 30 meanwhile; then reads all.
fn beside_a_burst(history: usize) -> (Vec<u8>, Ended) {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(history).open().unwrap();
    let mut write = |number: u8| writer.write_slice(&vec![number; LARGE], &[LARGE]).unwrap();
    write(1);
    let (reader, stdout) = unshared_pipe();
    let running = Running::start_with_stdout(place.command(&["follow", "a", "--every"]), stdout.into());
    until("it holds a value", || place.store().stat("a").unwrap().value.unwrap().slots.pinned == 1);
    for number in 2..=30 {
        write(number);
    }
    drop(writer);
    let (sender, all) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        File::from(reader).read_to_end(&mut bytes).unwrap();
        sender.send(bytes)
    });
    let bytes = all.recv_timeout(WATCHDOG).expect("its output ends");
    (numbers(&bytes, LARGE), running.finish().good())
}

#[test]
fn a_follower_that_stalls_for_a_burst_loses_nothing() {
    let (found, ended) = beside_a_burst(30);
    assert_eq!(found, (1..=30).collect::<Vec<u8>>());
    assert_eq!(ended.stderr, "ndsharray: a: 30 values written, 0 missed\n");
}

#[test]
fn what_a_burst_beyond_the_history_takes_is_counted() {
    let (found, ended) = beside_a_burst(5);
    let kept = found.len() - 1;
    assert!((5..29).contains(&kept), "{found:?}");
    let expected: Vec<u8> = std::iter::once(1).chain(31 - kept as u8..=30).collect();
    assert_eq!(found, expected, "the last ones, in their order");
    let missed = 29 - kept;
    assert_eq!(ended.stderr, format!("ndsharray: a: {} values written, {missed} missed\n", kept + 1));
}

#[test]
fn a_follower_goes_on_with_the_next_writer() {
    let place = Place::new();
    let open = || place.store().writer_options("a").history(8).open().unwrap();
    let mut writer = open();
    for number in 1..=3_u8 {
        writer.write_slice(&[number; 4], &[4]).unwrap();
    }
    let follower = Follower::start(&place, &["follow", "a", "--every", "--wait", "--count", "6"], 4);
    (1..=3).for_each(|number| assert_eq!(follower.next(), [number; 4]));
    drop(writer);
    let mut writer = open();
    for number in 4..=6_u8 {
        writer.write_slice(&[number; 4], &[4]).unwrap();
    }
    (4..=6).for_each(|number| assert_eq!(follower.next(), [number; 4]));
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: a: 6 values written, 0 missed\n");
}
