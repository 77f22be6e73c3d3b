//! Each value, whole, in its order.

use std::time::Duration;

use ndsharray::Meta;
use ndsharray_recording::RecordingOptions;

use super::{Place, catch_up, metadata, record_until, versions};

#[test]
fn what_a_history_holds_comes_first() {
    let place = Place::new();
    let mut writer = place.store().writer_options("cam").history(16).open().unwrap();
    for number in 1..=10_u64 {
        writer.write_slice(&[number; 100], &[100]).unwrap();
    }
    let mut recorder = place.recorder();
    let mut next = 11_u64;
    for burst in 0..50 {
        catch_up(&mut recorder);
        for _ in 0..burst % 17 {
            writer.write_slice(&[next; 100], &[100]).unwrap();
            next += 1;
        }
    }
    let recorded = recorder.finish().unwrap();
    assert_eq!((recorded.tags.len(), &recorded.tags[0].tag[..]), (1, "cam"));
    assert_eq!((recorded.tags[0].values, recorded.tags[0].missed), (next - 1, 0));
    assert!(!recorded.tags[0].has_failed);
    let recording = place.recording();
    assert_eq!(versions(&recording, "cam"), (1..next).collect::<Vec<_>>());
    let track = recording.track("cam").unwrap();
    for index in 0..track.len() {
        let value = track.get(index).unwrap().unwrap();
        assert_eq!(value.bytes(), [index as u64 + 1; 100].map(u64::to_le_bytes).concat());
    }
    assert_eq!(metadata(&recording, "ndsharray.missed", "cam").unwrap(), "0");
}

/// A fast writer holds neither the recorder nor the other tags up.
#[test]
fn a_slow_tag_beside_fast_ones_is_recorded_whole() {
    let place = Place::new();
    let done = std::sync::atomic::AtomicBool::new(false);
    let mut slow = place.store().writer_options("slow").history(100).open().unwrap();
    let mut recorder = place.recorder();
    std::thread::scope(|scope| {
        for tag in ["fast", "quick"] {
            let (store, done) = (place.store(), &done);
            scope.spawn(move || {
                let mut writer = store.writer(tag).unwrap();
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    writer.write_slice(&[7_u8; 64], &[64]).unwrap();
                }
            });
        }
        for number in 1..=50_u64 {
            slow.write_slice(&[number], &[1]).unwrap();
            recorder.run_for(Duration::from_millis(4)).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    recorder.finish().unwrap();
    let recording = place.recording();
    assert_eq!(versions(&recording, "slow"), (1..=50).collect::<Vec<_>>());
    assert!(versions(&recording, "fast").is_sorted() && versions(&recording, "quick").is_sorted());
}

#[test]
fn what_the_writer_said_of_a_value_is_recorded() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(8).source("host-2").open().unwrap();
    let attributes = Meta::new().attributes_json(r#"{"exposure": 7}"#).unwrap();
    writer
        .write_slice_with(&[1.5_f64, 2.5], &[2], &attributes.acquired_at(1_700_000_000_000_000_007))
        .unwrap();
    writer.write_slice_with(&[1_u8, 2], &[2, 1], &Meta::new().user_data(b"\x00\xff").unwrap()).unwrap();
    writer.write_slice(&[3_u8], &[]).unwrap();
    let mut reader = place.store().reader("a").unwrap();
    let expected: Vec<_> = reader.every(Duration::ZERO).map(Result::unwrap).collect();
    assert_eq!(expected.len(), 3);
    let mut recorder = place.recorder();
    catch_up(&mut recorder);
    recorder.finish().unwrap();
    let recording = place.recording();
    let track = recording.track("a").unwrap();
    for (index, expected) in expected.iter().enumerate() {
        let value = track.get(index).unwrap().unwrap();
        assert_eq!((value.dtype(), value.shape()), (expected.dtype(), expected.shape()));
        assert_eq!((value.bytes(), value.user_data()), (expected.bytes(), expected.user_data()));
        assert_eq!(value.attributes_json(), expected.attributes_json().unwrap());
        assert_eq!(value.written_at(), expected.written_at());
        assert_eq!(value.acquired_at(), expected.acquired_at());
        assert_eq!(value.version(), expected.version());
    }
    assert_eq!(metadata(&recording, "ndsharray.sources", "a").unwrap(), "host-2");
    let of = |entry| metadata(&recording, "ndsharray.recording", entry).unwrap();
    assert!(of("started_at").parse::<u64>().unwrap() <= of("ended_at").parse::<u64>().unwrap());
    assert!(!of("host").is_empty() && of("library").starts_with("ndsharray "));
    assert_eq!(of("store"), place.store.path().to_str().unwrap());
}

/// Each file of a split recording says what was missed until then.
#[test]
fn files_that_are_split_off_have_the_metadata() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(4).open().unwrap();
    let options = RecordingOptions::new().min_free(0).split(40 << 20);
    let mut recorder =
        ndsharray_recording::Recorder::new(place.store(), options.create(place.file()).unwrap());
    // Long enough to be said before the first file is full.
    writer.write_slice(&[0_u8; 8], &[8]).unwrap();
    recorder.run_for(Duration::from_millis(250)).unwrap();
    for number in 1..=24_u8 {
        writer.write_slice(&vec![number; 4 << 20], &[4 << 20]).unwrap();
        catch_up(&mut recorder);
    }
    assert!(recorder.files().len() >= 2, "{:?}", recorder.files());
    let recorded = recorder.finish().unwrap();
    let mut values = 0;
    for file in &recorded.written.files {
        let recording = ndsharray_recording::Recording::open(file).unwrap();
        assert!(recording.is_complete());
        assert_eq!(metadata(&recording, "ndsharray.missed", "a").unwrap(), "0");
        assert!(metadata(&recording, "ndsharray.recording", "host").is_some());
        values += recording.track("a").map_or(0, |track| track.len());
    }
    assert_eq!(values, 25);
}

#[test]
fn only_the_wanted_tags_are_recorded() {
    let place = Place::new();
    let mut recorder = place.recorder().only(|tag| tag.starts_with("cam"));
    catch_up(&mut recorder);
    for tag in ["cam0", "cam1", "pose"] {
        place.store().writer(tag).unwrap().write_slice(&[1_u8], &[1]).unwrap();
    }
    record_until(&mut recorder, |recorder| recorder.progress().values == 2);
    recorder.finish().unwrap();
    assert_eq!(place.recording().tags().collect::<Vec<_>>(), ["cam0", "cam1"]);
}
