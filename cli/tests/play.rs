//! `play`: a recording is written to the store again.

mod place;
mod terminal;

use std::time::{Duration, Instant};

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Recording, RecordingOptions, Value};
use place::{Follower, Place, Running, until};
use rustix::process::{Pid, Signal, kill_process};
use terminal::{TOP, Terminal};

/// Records values of 6 bytes, each its number, that were written so many milliseconds after the first.
fn record(place: &Place, values: &[(&str, u64)]) {
    let mut writer = RecordingOptions::new().min_free(0).create(place.file("run.mcap")).unwrap();
    for (number, (tag, millis)) in values.iter().enumerate() {
        let time = 1_700_000_000_000_000_000 + millis * 1_000_000;
        writer
            .append(&Value {
                tag,
                dtype: &DType::UInt8,
                shape: &[2, 3],
                bytes: &[number as u8; 6],
                user_data: &[],
                attributes: Some(r#"{"unit": "V"}"#),
                version: number as u64 + 1,
                written_at: UnixTime::from(time),
                acquired_at: Some(UnixTime::from(time - 5_000_000)),
                source_written_at: None,
            })
            .unwrap();
    }
    writer.finish().unwrap();
}

/// Two tags that take turns, 50 ms apart.
fn recorded(place: &Place) {
    let values: Vec<_> = (0..6).map(|number| (["cam", "pose"][number % 2], number as u64 * 50)).collect();
    record(place, &values);
}

/// Later than any test lasts: a player that waits for it plays until it is told to end.
const LATER: u64 = 3_600_000;

/// Whether a tag has so many values.
fn has(place: &Place, tag: &str, version: u64) -> bool {
    let stat = place.store().stat(tag);
    stat.is_ok_and(|stat| stat.value.is_some_and(|value| value.version >= version))
}

/// Ends a player with Ctrl-C; returns what it said.
#[track_caller]
fn interrupted(player: Running) -> String {
    player.signal(Signal::INT);
    player.finish().good().stderr
}

#[test]
fn every_value_is_played_at_its_time() {
    let place = Place::new();
    record(&place, &[("cam", 0), ("pose", 50), ("cam", 100), ("pose", 150), ("cam", 200), ("pose", LATER)]);
    let follower = Follower::start(&place, &["follow", "cam", "--every", "--wait", "--count", "3"], 6);
    let start = Instant::now();
    let player = Running::start(place.command(&["play", "run.mcap"]));
    [0, 2, 4].into_iter().for_each(|number| assert_eq!(follower.next(), [number; 6]));
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(follower.running.finish().good().stderr, "ndsharray: cam: 3 values written, 0 missed\n");

    let value = place.store().reader("pose").unwrap().latest().unwrap();
    let written = UnixTime::from(1_700_000_000_150_000_000);
    assert_eq!((value.version(), value.bytes(), value.shape()), (2, &[3; 6][..], &[2, 3][..]));
    assert_eq!(value.attributes_json().unwrap(), Some(r#"{"unit": "V"}"#));
    assert_eq!(value.source_written_at(), Some(written));
    assert_eq!(value.acquired_at(), Some(UnixTime::from(written.as_nanos() - 5_000_000)));
    let stat = place.store().stat("pose").unwrap();
    let source = place.file("run.mcap").canonicalize().unwrap().display().to_string();
    assert_eq!((stat.ephemeral, stat.source), (true, source));
    let said = interrupted(player);
    assert!(said.starts_with("ndsharray: run.mcap: 5 values played, late by "), "{said}");
    assert!(said.contains(" in the median and ") && said.ends_with(" by more than 5 ms\n"), "{said}");
    assert!(place.store().tags().unwrap().is_empty(), "they are ephemeral");
}

#[test]
fn as_fast_as_possible_and_there_for_a_moment() {
    let place = Place::new();
    let values: Vec<_> = (0..200).map(|number| ("a", number * LATER)).collect();
    record(&place, &values);
    let start = Instant::now();
    let said = place.run(&["play", "run.mcap", "--speed", "max"]).good().stderr;
    assert!(said.starts_with("ndsharray: run.mcap: 200 values played, 1.20 kB in "), "{said}");
    assert!(start.elapsed() >= Duration::from_secs(1), "readers have time to catch up");
    assert!(place.store().tags().unwrap().is_empty());
}

#[test]
fn tags_are_chosen_and_renamed() {
    let place = Place::new();
    record(
        &place,
        &[("cam0", 0), ("cam1", 1), ("pose", 2), ("cam0", LATER), ("cam1", LATER), ("pose", LATER)],
    );
    for (args, tags) in [
        (&["--tags", "cam*"][..], &["cam0", "cam1"][..]),
        (&["--tags", "pose", "cam1", "--rename", "pose=sim"], &["cam1", "sim"]),
        (&["--rename", "cam0=cam1", "--rename", "cam1=cam0"], &["cam0", "cam1", "pose"]),
    ] {
        let player = Running::start(place.command(&[&["play", "run.mcap"], args].concat()));
        until("it is played", || tags.iter().all(|tag| has(&place, tag, 1)));
        assert_eq!(place.store().tags().unwrap(), tags);
        if args.contains(&"cam0=cam1") {
            assert_eq!(place.run(&["cat", "cam1"]).good().stdout, [0; 6]);
        }
        interrupted(player);
    }
}

#[test]
fn a_part_is_played() {
    let place = Place::new();
    record(&place, &[("a", 0), ("b", 1000), ("a", 2000), ("b", 3000), ("a", 4000)]);
    for (args, played) in [
        (&["--from", "1"][..], "4 values"),
        (&["--to", "2.5"], "3 values"),
        (&["--from", "0.5", "--to", "3", "--tags", "b"], "2 values"),
        (&["--from", "1.995", "--to", "2.005", "--by", "acquired"], "1 value"),
    ] {
        let args = [&["play", "run.mcap", "--speed", "max"], args].concat();
        let said = place.run(&args).good().stderr;
        assert!(said.starts_with(&format!("ndsharray: run.mcap: {played} played, ")), "{args:?}: {said}");
    }
}

#[test]
fn ctrl_c_ends_it_and_removes_the_tags() {
    let place = Place::new();
    record(&place, &[("a", 0), ("a", LATER)]);
    // While it waits for a value, and in a round that is not the first.
    for (args, version) in [(&["--speed", "1000"][..], 1), (&["--loop", "--speed", "max"], 5)] {
        let player = Running::start(place.command(&[&["play", "run.mcap"], args].concat()));
        until("it plays", || has(&place, "a", version));
        let said = interrupted(player);
        assert!(said.contains("played") && said.contains("round") == args.contains(&"--loop"), "{said}");
        assert!(place.store().tags().unwrap().is_empty(), "{args:?}");
    }
}

#[test]
fn a_terminal_shows_how_far_it_is() {
    let Some(terminal) = Terminal::start("a_terminal_shows_how_far_it_is", (120, 20)) else { return };
    let place = Place::new();
    record(&place, &[("a", 0), ("a", 1), ("a", LATER)]);
    let (store, file) = (place.directory().display(), place.file("run.mcap"));
    terminal.run(&format!("{TOP} --dir {store} play {} --speed 2", file.display()));
    let shown = |lines: &[String]| lines.iter().any(|line| line.ends_with("0.0/3600.0 s  x2  2 values"));
    terminal.until("the position, the speed and the values", shown);
    kill_process(Pid::from_raw(terminal.program()).unwrap(), Signal::INT).unwrap();
    terminal.given_back(0);
    let lines = terminal.lines();
    assert!(lines.concat().contains("2 values played") && !shown(&lines), "{lines:?}");
}

#[test]
fn what_is_played_is_recorded_again() {
    let place = Place::new();
    let values = (0..200).map(|number| (["cam", "pose"][number % 2], number as u64));
    record(&place, &values.chain([("pose", LATER)]).collect::<Vec<_>>());
    let recorder = Running::start(place.command(&["record", "-o", "again.mcap", "--min-free", "0"]));
    until("it records", || place.file("again.mcap").exists());
    let player = Running::start(place.command(&["play", "run.mcap"]));
    let length = |recording: &Recording| -> usize {
        recording.tags().map(|tag| recording.track(tag).unwrap().len()).sum()
    };
    // What is written so far can be read.
    until("all is recorded", || {
        Recording::open(place.file("again.mcap")).is_ok_and(|recording| length(&recording) >= 200)
    });
    recorder.signal(Signal::INT);
    recorder.finish().good();
    interrupted(player);

    let before = Recording::open(place.file("run.mcap")).unwrap();
    let after = Recording::open(place.file("again.mcap")).unwrap();
    assert!(after.is_complete() && length(&after) == 200);
    for tag in ["cam", "pose"] {
        let (before, after) = (before.track(tag).unwrap(), after.track(tag).unwrap());
        for number in 0..100 {
            let (before, after) = (before.get(number).unwrap().unwrap(), after.get(number).unwrap().unwrap());
            assert_eq!((after.dtype(), after.shape()), (before.dtype(), before.shape()));
            assert_eq!(after.bytes(), before.bytes());
            assert_eq!(after.attributes_json(), before.attributes_json());
            assert_eq!(after.acquired_at(), before.acquired_at());
            assert_eq!(after.source_written_at(), Some(before.written_at()));
            assert_eq!(after.version(), number as u64 + 1);
        }
    }
}

#[test]
fn a_cut_file_is_played_with_a_note() {
    let place = Place::new();
    recorded(&place);
    let path = place.file("run.mcap");
    let bytes = std::fs::read(&path).unwrap();
    // What ends the data, and the index behind it, are missing.
    let end =
        bytes.windows(9).rposition(|bytes| bytes == b"\x0f\x04\0\0\0\0\0\0\0").expect("the end of the data");
    std::fs::write(&path, &bytes[..end]).unwrap();
    let said = place.run(&["play", "run.mcap", "--speed", "max"]).good().stderr;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        "ndsharray: run.mcap: not finished: cut, or still being recorded; what is whole is played"
    );
    assert!(lines.len() == 2 && lines[1].contains("6 values played"), "{said}");
}

#[test]
fn a_damaged_value_ends_it_with_what_helps() {
    let place = Place::new();
    recorded(&place);
    let path = place.file("run.mcap");
    let mut bytes = std::fs::read(&path).unwrap();
    // In the first chunk.
    bytes[100] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let ended = place.run(&["play", "run.mcap", "--speed", "max"]);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("0 values played"), "{lines:?}");
    assert!(lines[1].contains("damaged at byte") && lines[1].contains("convert --recover"), "{lines:?}");
}

#[track_caller]
fn refused(place: &Place, args: &[&str], code: i32, words: &[&str]) {
    let before = place.names();
    let ended = place.run(&[&["play"], args].concat());
    let said = ended.stderr;
    assert_eq!((ended.status.code(), said.lines().count()), (Some(code), 1), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?}: no {word:?} in {said}");
    }
    assert_eq!(place.names(), before, "{args:?}");
}

#[test]
fn what_cannot_be_played_is_said_in_a_line() {
    let place = Place::new();
    recorded(&place);
    std::fs::write(place.file("text.mcap"), "some text").unwrap();
    std::fs::write(place.file("empty.mcap"), "").unwrap();
    let rows: &[(&[&str], &[&str])] = &[
        (&[], &["<FILE>", "usage"]),
        (&["none.mcap"], &["none.mcap", "cannot open", "No such file"]),
        (&["text.mcap"], &["text.mcap", "not a recording"]),
        (&["empty.mcap"], &["empty.mcap"]),
        (&["run.mcap", "--tags", "x*"], &["no tag fits", "x*"]),
        (&["run.mcap", "--tags", "cam", "x"], &["no tag \"x\"", "\"cam\", \"pose\""]),
        (&["run.mcap", "--rename", "x=y"], &["no tag \"x\"", "\"cam\", \"pose\""]),
        (&["run.mcap", "--rename", "cam"], &["--rename", "OLD=NEW"]),
        (&["run.mcap", "--rename", "cam=pose"], &["rename", "both as \"pose\""]),
        (&["run.mcap", "--rename", "cam=a/b"], &["a/b", "A tag is"]),
        (&["run.mcap", "--tags", "cam", "--rename", "pose=x"], &["\"pose\"", "not played"]),
        (&["run.mcap", "--speed", "0"], &["--speed", "0.001 to 1000"]),
        (&["run.mcap", "--speed", "-1"], &["--speed", "-1", "or max"]),
        (&["run.mcap", "--from", "-1"], &["--from", "expected seconds"]),
        (&["run.mcap", "--from", "10"], &["from", "10 s", "0.25 s", "before its end"]),
        (&["run.mcap", "--from", "0.2", "--to", "0.1"], &["option to", "0.1 s, which is before from, 0.2 s"]),
        (&["run.mcap", "--history", "249"], &["--history", "0 to 248"]),
        (&["run.mcap", "--by", "version"], &["--by", "written, acquired"]),
    ];
    for (args, words) in rows {
        refused(&place, args, 2, words);
    }
}

#[test]
fn tags_of_others_are_left_alone() {
    let place = Place::new();
    recorded(&place);
    let mut writer = place.store().writer("pose").unwrap();
    refused(&place, &["run.mcap"], 1, &["\"pose\"", "writer already", "--rename"]);
    writer.write_slice(&[1_u8], &[1]).unwrap();
    drop(writer);
    refused(&place, &["run.mcap"], 2, &["\"pose\"", "is to stay", "ndsharray rm", "--rename"]);
    assert_eq!(place.run(&["cat", "pose"]).good().stdout, [1]);
    place.run(&["play", "run.mcap", "--speed", "max", "--rename", "pose=other"]).good();
}
