//! Tags that come, go and come back, writers that follow each other, and layouts that change.

use std::time::Duration;

use super::{Place, catch_up, record_until, versions};

#[test]
fn layouts_change_within_a_history() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(20).open().unwrap();
    let mut recorder = place.recorder();
    let mut expected = Vec::new();
    for round in 1..=10_usize {
        writer.write_slice(&vec![round as u8; round * 1000], &[round, 1000]).unwrap();
        expected.push(("uint8", vec![round, 1000]));
        catch_up(&mut recorder);
        writer.write_slice(&[round as f32; 6], &[2, 3]).unwrap();
        expected.push(("float32", vec![2, 3]));
        catch_up(&mut recorder);
    }
    let recorded = recorder.finish().unwrap();
    assert_eq!((recorded.tags[0].values, recorded.tags[0].missed), (20, 0));
    let track = place.recording().track("a").unwrap();
    let values = (0..20).map(|index| track.get(index).unwrap().unwrap());
    let found: Vec<_> =
        values.map(|value| (value.dtype().name().to_owned(), value.shape().to_vec())).collect();
    let expected: Vec<_> = expected.into_iter().map(|(dtype, shape)| (dtype.to_owned(), shape)).collect();
    assert_eq!(found, expected);
}

#[test]
fn writers_follow_each_other() {
    let place = Place::new();
    let mut recorder = place.recorder();
    let mut last = None;
    for round in 0..6 {
        // The next one takes over, or goes on where the one before has left.
        let takeover = round % 2 == 1;
        if !takeover {
            drop(last.take());
        }
        let options = place.store().writer_options("a").history(8);
        let mut writer = options.takeover(takeover).open().unwrap();
        for _ in 0..5 {
            writer.write_slice(&[round], &[1]).unwrap();
        }
        catch_up(&mut recorder);
        last = Some(writer);
    }
    drop(last);
    let recorded = recorder.finish().unwrap();
    let versions = versions(&place.recording(), "a");
    assert!(versions.is_sorted_by(|one, next| one < next), "{versions:?}");
    assert_eq!(recorded.tags[0].values + recorded.tags[0].missed, 30, "{versions:?}");
    // A takeover moves the latest value alone, and nothing was left to read before.
    assert_eq!(recorded.tags[0].missed, 0, "{versions:?}");
}

#[test]
fn a_tag_that_is_removed_and_made_again_goes_on() {
    let place = Place::new();
    let mut recorder = place.recorder();
    for round in 0..4_u64 {
        let mut writer = place.store().writer_options("a").history(8).open().unwrap();
        for number in 1..=6 {
            writer.write_slice(&[10 * round + number], &[1]).unwrap();
        }
        drop(writer);
        let all = 6 * (round + 1);
        record_until(&mut recorder, |recorder| recorder.progress().values == all);
        place.store().remove("a").unwrap();
        // So long that the recorder sees it gone, or so short that it does not.
        recorder.run_for(Duration::from_millis(if round % 2 == 0 { 200 } else { 0 })).unwrap();
    }
    let recorded = recorder.finish().unwrap();
    assert_eq!((recorded.tags[0].values, recorded.tags[0].missed), (24, 0));
    let recording = place.recording();
    assert_eq!(versions(&recording, "a"), [1, 2, 3, 4, 5, 6].repeat(4));
}

/// What the store's tags had when they were removed would stay in shared memory as long as it is mapped.
#[test]
fn the_memory_of_tags_that_were_removed_is_let_go() {
    let place = Place::new();
    let mut recorder = place.recorder();
    let store = place.store.path().to_str().unwrap().to_owned();
    let mapped = || {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        maps.lines().filter(|line| line.contains(&store)).count()
    };
    for number in 1..=3 {
        let mut writer = place.store().writer("a").unwrap();
        writer.write_slice(&[number], &[1]).unwrap();
        record_until(&mut recorder, |recorder| recorder.progress().values == number);
        assert_ne!(mapped(), 0);
        drop(writer);
        place.store().remove("a").unwrap();
        record_until(&mut recorder, |_| mapped() == 0);
    }
    let mut writer = place.store().writer("a").unwrap();
    for number in 1..=300 {
        writer.write_slice(&[number], &[1]).unwrap();
    }
    let recorded = recorder.finish().unwrap();
    // It begins to count again.
    assert_eq!(recorded.tags[0].values + recorded.tags[0].missed, 303);
    assert_eq!(versions(&place.recording(), "a")[..3], [1; 3]);
}

/// The last values of an ephemeral tag are still in the recorder's memory.
#[test]
fn the_last_values_of_a_tag_that_goes_with_its_writer_are_recorded() {
    let place = Place::new();
    let mut recorder = place.recorder();
    let mut writer = place.store().writer_options("a").history(8).ephemeral(true).open().unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    record_until(&mut recorder, |recorder| recorder.progress().values == 1);
    for number in 2..=6_u8 {
        writer.write_slice(&[number], &[1]).unwrap();
    }
    drop(writer);
    assert_eq!(place.store().tags().unwrap(), [""; 0]);
    recorder.finish().unwrap();
    assert_eq!(versions(&place.recording(), "a"), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn tags_are_found_when_they_appear() {
    let place = Place::new();
    let mut recorder = place.recorder();
    let mut writers = Vec::new();
    for number in 0..150_u64 {
        // More than one system call waits for.
        let mut writer = place.store().writer_options(&format!("tag{number}")).history(4).open().unwrap();
        writer.write_slice(&[number], &[1]).unwrap();
        writers.push(writer);
        if number % 50 == 49 {
            record_until(&mut recorder, |recorder| recorder.progress().values == number + 1);
        }
    }
    for writer in &mut writers {
        writer.write_slice(&[0_u64], &[1]).unwrap();
    }
    record_until(&mut recorder, |recorder| recorder.progress().values == 300);
    let recorded = recorder.finish().unwrap();
    assert_eq!(recorded.tags.len(), 150);
    assert!(recorded.tags.iter().all(|tag| (tag.values, tag.missed) == (2, 0)));
}
