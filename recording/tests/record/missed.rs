//! What could not be read is counted, exactly.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Place, catch_up, metadata, versions};

/// Writes at full speed, without a history, while it is recorded; `is_known`: the tag is there when the recording begins.
fn at_full_speed(is_known: bool) {
    let place = Place::new();
    let mut recorder = place.recorder();
    let known = is_known.then(|| place.store().writer("a").unwrap());
    catch_up(&mut recorder);
    let done = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let (store, done) = (place.store(), &done);
        let writing = scope.spawn(move || {
            let mut writer = known.unwrap_or_else(|| store.writer("a").unwrap());
            while !done.load(Ordering::Relaxed) {
                let version = writer.version() + 1;
                writer.write_slice(&[version; 8], &[8]).unwrap();
            }
            writer.version()
        });
        for _ in 0..20 {
            recorder.run_for(Duration::from_millis(10)).unwrap();
            // It does not read for a moment.
            std::thread::sleep(Duration::from_millis(2));
        }
        done.store(true, Ordering::Relaxed);
        writing.join().unwrap()
    });
    let recorded = recorder.finish().unwrap();
    let tag = &recorded.tags[0];
    assert_eq!(tag.values + tag.missed, written, "{tag:?}");
    assert!(tag.missed > 0 && tag.values > 0, "{tag:?} of {written}");
    let recording = place.recording();
    assert_eq!(metadata(&recording, "ndsharray.missed", "a").unwrap(), tag.missed.to_string());
    let versions = versions(&recording, "a");
    assert_eq!(versions.len() as u64, tag.values);
    assert!(versions.is_sorted_by(|one, next| one < next));
    let track = recording.track("a").unwrap();
    for index in 0..track.len() {
        let value = track.get(index).unwrap().unwrap();
        assert_eq!(value.bytes(), [value.version(); 8].map(u64::to_le_bytes).concat());
    }
}

#[test]
fn what_a_fast_writer_overwrites_is_counted() {
    at_full_speed(true);
}

/// Also what it wrote before the recorder saw the tag for the first time.
#[test]
fn what_a_new_tag_overwrites_is_counted() {
    at_full_speed(false);
}

/// What was overwritten before the recording began was not missed.
#[test]
fn earlier_values_do_not_count() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(4).open().unwrap();
    for number in 0..100_u64 {
        writer.write_slice(&[number], &[1]).unwrap();
    }
    let mut recorder = place.recorder();
    catch_up(&mut recorder);
    let recorded = recorder.finish().unwrap();
    assert_eq!(recorded.tags[0].missed, 0);
    let versions = versions(&place.recording(), "a");
    assert!(versions.len() >= 4 && versions.last() == Some(&100), "{versions:?}");
    assert!(versions.is_sorted_by(|one, next| one + 1 == *next), "{versions:?}");
}
