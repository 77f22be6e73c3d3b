//! How `put` and `pipe` open a writer: ephemeral, with permissions, by a takeover, with room; and rows that are padded.

mod place;

use std::io::Write;
use std::time::Duration;

use place::{Place, Running, npy, until};
use rustix::process::Signal;

fn array() -> Vec<u8> {
    npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", &[1, 2])
}

#[test]
fn permissions_and_room() {
    let place = Place::new();
    let stat = |tag: &str| place.store().stat(tag).unwrap();
    place.run_with(&["put", "a", "-", "--mode", "0640", "--capacity", "1MB"], &array()).good();
    let found = stat("a");
    assert_eq!((found.mode, found.value.unwrap().slots.capacity), (0o640, 1_003_520));
    // Without the option they stay.
    place.run_with(&["put", "a", "-"], &array()).good();
    assert_eq!(stat("a").mode, 0o640);
    let pipe = ["pipe", "b", "--dtype", "u1", "--shape", "3", "--mode", "664", "--capacity", "64KiB"];
    place.run_with(&pipe, b"abc").good();
    let found = stat("b");
    assert_eq!((found.mode, found.value.unwrap().slots.capacity), (0o664, 65_536));
    place.run_with(&["put", "c", "-"], &array()).good();
    assert_eq!(stat("c").mode, 0o600);
    // More than there is.
    let before = place.names();
    let ended = place.run_with(&["put", "d", "-", "--capacity", "1000TB"], &array());
    assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    assert_eq!(place.names(), before);
}

#[test]
fn an_ephemeral_tag_goes_with_the_command() {
    let place = Place::new();
    let mut pipe =
        Running::start(place.command(&["pipe", "a", "--dtype", "u1", "--shape", "1", "--ephemeral"]));
    pipe.child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    until("it writes", || place.store().stat("a").is_ok_and(|stat| stat.value.is_some() && stat.ephemeral));
    pipe.finish().good();
    assert_eq!(place.names(), [""; 0]);

    // `put` has nothing more to do, and waits.
    std::fs::write(place.file("a.npy"), array()).unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let put = Running::start(place.command(&["put", "a", "a.npy", "--ephemeral"]));
        until("it is there", || place.store().stat("a").is_ok_and(|stat| stat.value.is_some()));
        std::thread::sleep(Duration::from_millis(50));
        assert!(place.store().stat("a").unwrap().ephemeral);
        put.signal(signal);
        let ended = put.finish().good();
        assert_eq!(ended.text(), "a: version 1, uint8 of shape 2\n");
        assert_eq!(ended.stderr, "ndsharray: a: goes when this command ends, at Ctrl-C\n");
        assert!(place.store().tags().unwrap().is_empty());
    }
}

#[test]
fn a_takeover_replaces_a_living_writer() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    writer.write_slice(&[9_u8], &[1]).unwrap();
    for args in [&["put", "a", "-"][..], &["pipe", "a", "--dtype", "u1", "--shape", "2"]] {
        let ended = place.run_with(args, &array());
        assert_eq!((ended.status.code(), ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
        assert!(ended.stderr.contains("(--takeover replaces it)"), "{}", ended.stderr);
    }
    place.run_with(&["put", "a", "-", "--takeover"], &array()).good();
    assert_eq!(place.run(&["cat", "a"]).good().stdout, [1, 2]);
    assert!(matches!(writer.write_slice(&[9_u8], &[1]), Err(ndsharray::Error::Superseded { .. })));
    let mut writer = place.store().writer("a").unwrap();
    place.run_with(&["pipe", "a", "--dtype", "u1", "--shape", "2", "--takeover"], b"abcd").good();
    assert_eq!(place.store().stat("a").unwrap().value.unwrap().version, 4);
    assert!(writer.write_slice(&[9_u8], &[1]).is_err());
    // What was to stay may become ephemeral by a takeover alone.
    let pipe = ["pipe", "a", "--dtype", "u1", "--shape", "1", "--takeover", "--ephemeral"];
    place.run_with(&pipe, b"x").good();
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn padded_rows() {
    let place = Place::new();
    // Two frames of two rows: six bytes, and four of padding.
    let input = b"abcdef....ghijkl....ABCDEF....GHIJKL....";
    let pipe = |shape: &str, stride: &str, input: &[u8]| {
        let args = ["pipe", "a", "--dtype", "u1", "--shape", shape, "--row-stride", stride, "--history", "2"];
        place.run_with(&args, input).good()
    };
    let values = || {
        let mut reader = place.store().reader("a").unwrap();
        reader.every(Duration::ZERO).map(|value| value.unwrap().bytes().to_vec()).collect::<Vec<_>>()
    };
    let ended = pipe("2,2,3", "10", input);
    assert!(ended.stderr.contains("2 frames published"), "{}", ended.stderr);
    assert_eq!(values(), [b"abcdefghijkl", b"ABCDEFGHIJKL"]);
    place.store().remove("a").unwrap();
    // A stride of the row itself is no padding.
    pipe("2,3", "3", b"abcdefABCDEF");
    assert_eq!(values(), [b"abcdef", b"ABCDEF"]);
    place.store().remove("a").unwrap();
    // Rows that are larger than any buffer, with as much behind them.
    let (row, padding) = (vec![7_u8; 200_000], vec![1_u8; 150_000]);
    pipe("3,200000", "350000", &[&row[..], &padding].concat().repeat(3));
    assert_eq!(values(), [row.repeat(3)]);
}
