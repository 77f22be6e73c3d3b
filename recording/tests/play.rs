//! What a recording holds is written to a store again, byte for byte, in its order and at its time.

mod play_common;

use std::time::{Duration, Instant};

use ndsharray::{DType, UnixTime};
use ndsharray_recording::{Clock, Compression, PlayerOptions, Recording, RecordingOptions, Step, Value};
use play_common::{PATIENCE, Place, Played, numbers, play, start_time};

#[test]
fn values_of_every_kind_come_back() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        come_back(compression);
    }
}

fn come_back(compression: Compression) {
    let place = Place::new();
    let custom = |name, itemsize, descr| DType::custom(name, itemsize, descr).unwrap();
    let padded = "{'names': ['id', 'x'], 'formats': ['<u2', '<f8'], 'offsets': [0, 8], 'itemsize': 24}";
    let dtypes = DType::built_in().chain([
        custom("datetime64[ns]", 8, "<M8[ns]"),
        custom(">f4", 4, ">f4"),
        custom("str96", 12, "<U3"),
        custom("void192", 24, padded),
    ]);
    let shapes: [&[usize]; 6] = [&[4, 3], &[], &[0, 7], &[2, 2], &[1], &[3]];
    let mut writer =
        RecordingOptions::new().min_free(0).compression(compression).create(place.path("run.mcap")).unwrap();
    let mut expected = Vec::new();
    for (number, dtype) in dtypes.enumerate() {
        let tag = format!("tag {number} of {}", dtype.name().replace('/', "."));
        for (index, shape) in shapes.into_iter().enumerate() {
            let time = start_time() + (index * 100 + number) as u64;
            let nbytes = dtype.itemsize() * shape.iter().product::<usize>();
            let bytes: Vec<u8> = match dtype {
                DType::Bool => (0..nbytes).map(|byte| (byte % 2) as u8).collect(),
                _ => (0..nbytes).map(|byte| (byte * 37 + number * 5 + index) as u8).collect(),
            };
            let value = Value {
                tag: &tag,
                dtype: &dtype,
                shape,
                bytes: &bytes,
                user_data: if index == 1 { b"\x00\xffuser" } else { b"" },
                attributes: (index == 2).then_some(r#"{ "b": 1.50, "a": [1, 2] }"#),
                version: 7 + index as u64,
                written_at: UnixTime::from(time),
                acquired_at: (index % 2 == 0).then(|| UnixTime::from(time - 50_000)),
                source_written_at: (index == 4).then(|| UnixTime::from(time - 90_000)),
            };
            writer.append(&value).unwrap();
            let source_written_at = value.source_written_at.unwrap_or(value.written_at);
            expected.push((time, Played::of(&Value { source_written_at: Some(source_written_at), ..value })));
        }
    }
    writer.finish().unwrap();
    expected.sort_by_key(|(time, _)| *time);
    let expected: Vec<Played> = expected.into_iter().map(|(_, value)| value).collect();

    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().speed(f64::INFINITY).open(&recording, &store).unwrap();
    // The order is that of all tags together.
    let found = play(&mut player, &store);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(player.played().values, expected.len() as u64);
    assert_eq!((player.played().rounds, player.played().timing), (1, None));
    let nbytes: usize = expected.iter().map(|value| value.bytes.len()).sum();
    assert_eq!(player.played().nbytes, nbytes as u64);
    let stat = store.stat(store.tags().unwrap().first().unwrap()).unwrap();
    assert!(stat.ephemeral);
    assert_eq!(stat.source, place.path("run.mcap").display().to_string());
    drop(player);
    assert!(place.names().is_empty(), "{:?}", place.names());
}

#[test]
fn a_recording_of_what_is_played_is_the_same() {
    let place = Place::new();
    place.record("first.mcap", &[("a", 0), ("b", 1), ("a", 2), ("a", 3), ("b", 3)]);
    let (first, store) = (place.open("first.mcap"), place.store());
    let mut player = PlayerOptions::new().speed(1000.0).open(&first, &store).unwrap();
    while player.step(PATIENCE).unwrap() != Step::Ended {}
    let mut writer = place.writer("second.mcap");
    for tag in ["a", "b"] {
        let mut reader = store.reader(tag).unwrap();
        while let Some(value) = reader.read_next().unwrap() {
            writer.append(&Value::of(tag, &value).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap();
    let second = place.open("second.mcap");
    for tag in ["a", "b"] {
        let (before, after) = (first.track(tag).unwrap(), second.track(tag).unwrap());
        assert_eq!(before.len(), after.len());
        for number in 0..before.len() {
            let (before, after) = (before.get(number).unwrap().unwrap(), after.get(number).unwrap().unwrap());
            assert_eq!(after.source_written_at(), Some(before.written_at()));
            let same = Value { source_written_at: after.source_written_at(), ..before.as_value(tag) };
            assert_eq!(Played::of(&after.as_value(tag)), Played::of(&same));
        }
    }
}

/// How long after the start each value was written.
fn times(recording: &Recording, place: &Place, options: PlayerOptions) -> Vec<Duration> {
    let mut player = options.open(recording, &place.store()).unwrap();
    let start = Instant::now();
    let mut times = Vec::new();
    loop {
        match player.step(PATIENCE).unwrap() {
            Step::Played => times.push(start.elapsed()),
            Step::NotYet => {}
            Step::Ended => break,
        }
    }
    let timing = player.played().timing.expect("values waited for their time");
    assert!(timing.median <= timing.max);
    times
}

/// Asserts that value number i was written no earlier than i times a distance. Nothing says that it was not later: a machine may be
/// busy.
#[track_caller]
fn assert_apart(times: &[Duration], values: usize, distance: Duration) {
    assert_eq!(times.len(), values);
    for (number, time) in times.iter().enumerate() {
        // Half of a nanosecond may be lost in a division.
        let earliest = (distance * number as u32).saturating_sub(Duration::from_nanos(1));
        assert!(*time >= earliest, "value {number} after {time:?}");
    }
}

#[test]
fn values_keep_their_distance() {
    let place = Place::new();
    let values: Vec<(&str, u64)> =
        (0..8).map(|number| (["a", "b"][number % 2], number as u64 * 50)).collect();
    place.record("run.mcap", &values);
    let recording = place.open("run.mcap");
    let options = PlayerOptions::new;
    assert_apart(&times(&recording, &place, options()), 8, Duration::from_millis(50));
    assert_apart(&times(&recording, &place, options().speed(2.0)), 8, Duration::from_millis(25));
    assert_apart(
        &times(&recording, &place, options().speed(0.5).to(Duration::from_millis(150))),
        4,
        Duration::from_millis(100),
    );
    // A tag alone has the time of the recording.
    let alone = times(&recording, &place, options().tags(["b"]));
    assert!(
        alone.len() == 4 && alone[0] >= Duration::from_millis(50) && alone[3] >= Duration::from_millis(350)
    );
}

#[test]
fn times_of_acquisition_give_order_and_pace() {
    let place = Place::new();
    let mut writer = place.writer("run.mcap");
    // Acquired 40 ms apart, and written at once, in another order.
    for (number, acquired) in [2_u64, 0, 1].into_iter().enumerate() {
        let bytes = [acquired as u8];
        let mut value = place.value("a", &bytes, number as u64);
        value.acquired_at = Some(UnixTime::from(start_time() - 1_000_000_000 + acquired * 40_000_000));
        writer.append(&value).unwrap();
    }
    writer.finish().unwrap();
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().by(Clock::Acquired).open(&recording, &store).unwrap();
    assert_eq!(player.length(), Duration::from_millis(80));
    let start = Instant::now();
    assert_eq!(numbers(&play(&mut player, &store)), [0, 1, 2]);
    assert!(start.elapsed() >= Duration::from_millis(80));
}

#[test]
fn rounds_follow_each_other() {
    let place = Place::new();
    place.record("run.mcap", &[("a", 0), ("a", 20), ("a", 40)]);
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().repeat(true).open(&recording, &store).unwrap();
    let start = Instant::now();
    let mut positions = Vec::new();
    let mut reader = store.reader("a").unwrap();
    for number in 0..7 {
        assert_eq!(player.step(PATIENCE).unwrap(), Step::Played);
        assert_eq!(reader.read().unwrap().expect("a new value").bytes(), [number % 3]);
        // A round begins one distance after the last value.
        assert!(start.elapsed() >= Duration::from_millis(20) * u32::from(number));
        positions.push(player.position().as_millis());
    }
    assert_eq!(positions, [0, 20, 40, 0, 20, 40, 0]);
    assert_eq!((player.played().values, player.played().rounds), (7, 3));
}

#[test]
fn a_part_is_played() {
    let place = Place::new();
    let values: Vec<(&str, u64)> =
        (0..10).map(|number| (["a", "b"][number % 2], number as u64 * 1000)).collect();
    place.record("run.mcap", &values);
    let recording = place.open("run.mcap");
    let numbers = |options: PlayerOptions| {
        let store = place.store();
        let mut player = options.speed(f64::INFINITY).open(&recording, &store).unwrap();
        numbers(&play(&mut player, &store))
    };
    let seconds = Duration::from_secs;
    let options = PlayerOptions::new;
    assert_eq!(numbers(options().from(seconds(7))), [7, 8, 9]);
    assert_eq!(numbers(options().to(seconds(2))), [0, 1, 2]);
    assert_eq!(numbers(options().from(seconds(3)).to(seconds(5))), [3, 4, 5]);
    assert_eq!(numbers(options().from(Duration::from_millis(3500)).to(Duration::from_millis(3600))), [0; 0]);
    assert_eq!(numbers(options().tags(["b", "b"]).from(seconds(2))), [3, 5, 7, 9]);
    assert_eq!(numbers(options().from(seconds(9)).to(seconds(1_000_000))), [9]);
}

#[test]
fn a_step_waits_no_longer_than_it_may() {
    let place = Place::new();
    place.record("run.mcap", &[("a", 0), ("a", 3_600_000)]);
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().open(&recording, &store).unwrap();
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Played);
    let start = Instant::now();
    for patience in [0, 1, 20] {
        assert_eq!(player.step(Duration::from_millis(patience)).unwrap(), Step::NotYet);
    }
    assert!(start.elapsed() >= Duration::from_millis(21));
    assert_eq!((player.position(), player.length()), (Duration::ZERO, Duration::from_secs(3600)));
    // It ends while the value waits for its time.
    drop(player);
    assert!(place.names().is_empty());
}

#[test]
fn more_than_is_read_ahead_is_played() {
    let place = Place::new();
    let values: Vec<(&str, u64)> = (0..2000).map(|number| ("a", number)).collect();
    place.record("run.mcap", &values);
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().speed(f64::INFINITY).history(0).open(&recording, &store).unwrap();
    let mut reader = store.reader("a").unwrap();
    for number in 0..2000_u64 {
        assert_eq!(player.step(PATIENCE).unwrap(), Step::Played);
        let value = reader.read().unwrap().expect("a new value");
        assert_eq!((value.version(), value.bytes()[0]), (number + 1, number as u8));
    }
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Ended);
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Ended);
}

#[test]
fn values_that_grow_stay_in_the_history() {
    let place = Place::new();
    let mut writer = place.writer("run.mcap");
    let lengths = [1_usize, 10_000, 10, 1_000_000];
    for (number, length) in lengths.into_iter().enumerate() {
        let bytes = vec![number as u8; length];
        writer.append(&Value { shape: &[length], ..place.value("a", &bytes, number as u64) }).unwrap();
    }
    writer.finish().unwrap();
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().speed(f64::INFINITY).open(&recording, &store).unwrap();
    while player.step(PATIENCE).unwrap() != Step::Ended {}
    // A reader that comes now finds all of them, since there was room for the largest from the first on.
    let mut reader = store.reader("a").unwrap();
    for length in lengths {
        assert_eq!(reader.read_next().unwrap().expect("it is kept").bytes().len(), length);
    }
}

#[test]
fn a_cut_file_is_played_up_to_the_cut() {
    let place = Place::new();
    // Chunks of 16 MiB: the file is cut in the second.
    let mut writer = place.writer("run.mcap");
    let bytes = vec![7; 5 << 20];
    for number in 0..6 {
        writer.append(&place.value("a", &bytes, number)).unwrap();
    }
    writer.finish().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(place.path("run.mcap")).unwrap();
    file.set_len(24 << 20).unwrap();
    let (recording, store) = (place.open("run.mcap"), place.store());
    assert!(!recording.is_complete());
    let whole = recording.track("a").unwrap().len() as u64;
    assert!((3..6).contains(&whole), "{whole}");
    let mut player = PlayerOptions::new().speed(f64::INFINITY).open(&recording, &store).unwrap();
    while player.step(PATIENCE).unwrap() != Step::Ended {}
    assert_eq!(player.played().values, whole);
    assert_eq!(store.reader("a").unwrap().latest().unwrap().bytes(), bytes);
}

#[test]
fn a_value_that_no_store_takes_is_an_error_and_the_others_follow() {
    let place = Place::new();
    let mut writer = place.writer("run.mcap");
    for number in 0..3 {
        let bytes = [if number == 1 { 2 } else { 1 }, 0];
        let mut value = place.value("a", &bytes, number);
        value.dtype = &DType::Bool;
        writer.append(&value).unwrap();
    }
    writer.finish().unwrap();
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().speed(f64::INFINITY).open(&recording, &store).unwrap();
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Played);
    let error = player.step(PATIENCE).unwrap_err();
    assert!(error.to_string().contains("bool"), "{error}");
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Played);
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Ended);
    assert_eq!(player.played().values, 2);
}

#[test]
fn a_tag_that_is_removed_ends_its_values() {
    let place = Place::new();
    place.record("run.mcap", &[("a", 0), ("a", 1)]);
    let (recording, store) = (place.open("run.mcap"), place.store());
    let mut player = PlayerOptions::new().speed(f64::INFINITY).open(&recording, &store).unwrap();
    assert_eq!(player.step(PATIENCE).unwrap(), Step::Played);
    store.force_remove("a").unwrap();
    let error = player.step(PATIENCE).unwrap_err();
    assert!(error.to_string().contains("was removed"), "{error}");
}
