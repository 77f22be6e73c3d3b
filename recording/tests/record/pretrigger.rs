//! The last seconds are kept until the trigger, and recorded first.

use std::time::{Duration, Instant};

use super::{Place, catch_up, metadata, versions};

#[test]
fn the_last_seconds_come_first_and_then_it_goes_on() {
    const TIME: Duration = Duration::from_secs(1);
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(30).open().unwrap();
    let mut other = place.store().writer_options("b").history(30).open().unwrap();
    let mut recorder = place.recorder().pretrigger(TIME, 1 << 20);
    for number in 0..10_u64 {
        writer.write_slice(&[number; 10], &[10]).unwrap();
        other.write_slice(&[0_u8], &[1]).unwrap();
    }
    catch_up(&mut recorder);
    assert_eq!(recorder.progress().waiting, 20);
    recorder.run_for(TIME + Duration::from_millis(100)).unwrap();
    assert_eq!(recorder.progress().waiting, 0);
    let start = Instant::now();
    for number in 10..20_u64 {
        writer.write_slice(&[number; 10], &[10]).unwrap();
    }
    catch_up(&mut recorder);
    recorder.trigger();
    let in_time = start.elapsed() < TIME;
    // The second time nothing comes of it.
    recorder.trigger();
    for number in 20..50_u64 {
        writer.write_slice(&[number; 10], &[10]).unwrap();
        other.write_slice(&[number; 2], &[2]).unwrap();
        catch_up(&mut recorder);
    }
    assert_eq!((recorder.progress().waiting, recorder.progress().is_triggered), (0, true));
    let recorded = recorder.finish().unwrap();
    let recording = place.recording();
    let found = versions(&recording, "a");
    assert!(found.is_sorted_by(|one, next| one + 1 == *next), "{found:?}");
    assert_eq!(found.last(), Some(&50));
    if in_time {
        assert_eq!(found.first(), Some(&11), "{found:?}");
    }
    assert_eq!(versions(&recording, "b"), (11..=40).collect::<Vec<_>>());
    assert_eq!(recorded.tags.iter().map(|tag| tag.missed).sum::<u64>(), 0);
    let track = recording.track("a").unwrap();
    for index in 0..track.len() {
        let value = track.get(index).unwrap().unwrap();
        assert_eq!(value.bytes(), [value.version() - 1; 10].map(u64::to_le_bytes).concat());
    }
}

#[test]
fn memory_is_bounded() {
    const MEMORY: usize = 1 << 20;
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(4).open().unwrap();
    let mut recorder = place.recorder().pretrigger(Duration::from_secs(3600), MEMORY);
    for number in 0..60_usize {
        // Of two sizes, so that a buffer of one is no room for the other.
        writer
            .write_slice(&vec![number as u8; 100_000 + number % 2 * 50_000], &[100_000 + number % 2 * 50_000])
            .unwrap();
        catch_up(&mut recorder);
        assert!(recorder.progress().waiting <= MEMORY / 100_000);
    }
    // Larger than all of it.
    writer.write_slice(&vec![0_u8; MEMORY], &[MEMORY]).unwrap();
    catch_up(&mut recorder);
    assert_eq!(recorder.progress().waiting, 0);
    for number in 0..20_u8 {
        writer.write_slice(&vec![number; 100_000], &[100_000]).unwrap();
        catch_up(&mut recorder);
    }
    recorder.trigger();
    let recorded = recorder.finish().unwrap();
    let found = versions(&place.recording(), "a");
    assert!((8..=10).contains(&found.len()), "{found:?}");
    assert!(found.is_sorted_by(|one, next| one + 1 == *next) && found.last() == Some(&81), "{found:?}");
    assert_eq!(recorded.tags[0].missed, 0);
}

#[test]
fn a_value_that_memory_cannot_hold_drops_none_of_other_tags() {
    const MEMORY: usize = 1 << 20;
    let place = Place::new();
    let mut large = place.store().writer_options("large").history(4).open().unwrap();
    let mut small = place.store().writer_options("small").history(4).open().unwrap();
    let mut recorder = place.recorder().pretrigger(Duration::from_secs(3600), MEMORY);
    for number in 0..5_u8 {
        small.write_slice(&[number], &[1]).unwrap();
        large.write_slice(&[number], &[1]).unwrap();
        catch_up(&mut recorder);
    }
    large.write_slice(&vec![0_u8; MEMORY], &[MEMORY]).unwrap();
    catch_up(&mut recorder);
    large.write_slice(&[7_u8], &[1]).unwrap();
    small.write_slice(&[7_u8], &[1]).unwrap();
    catch_up(&mut recorder);
    recorder.trigger();
    let recorded = recorder.finish().unwrap();
    let recording = place.recording();
    assert_eq!(versions(&recording, "small"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(versions(&recording, "large"), [7], "without a gap");
    assert!(recorded.tags.iter().all(|tag| tag.missed == 0), "{recorded:?}");
}

/// What was missed before that which is recorded begins does not count.
#[test]
fn only_what_is_missed_in_the_recording_counts() {
    let place = Place::new();
    let mut writer = place.store().writer("a").unwrap();
    let mut silent = place.store().writer("silent").unwrap();
    let mut recorder = place.recorder().pretrigger(Duration::from_secs(1), 1 << 20);
    let mut write = |values: u64| {
        for _ in 0..values {
            writer.write_slice(&[1_u64; 100], &[100]).unwrap();
            silent.write_slice(&[1_u8], &[1]).unwrap();
        }
    };
    write(1);
    catch_up(&mut recorder);
    write(1000);
    catch_up(&mut recorder);
    recorder.run_for(Duration::from_millis(1100)).unwrap();
    recorder.trigger();
    assert_eq!(recorder.progress().missed, 0);
    write(1000);
    catch_up(&mut recorder);
    let recorded = recorder.finish().unwrap();
    for tag in &recorded.tags {
        assert_eq!(tag.values + tag.missed, 1000, "{tag:?}");
        assert!(tag.missed > 900, "{tag:?}");
    }
    let recording = place.recording();
    assert_eq!(metadata(&recording, "ndsharray.missed", "a").unwrap(), recorded.tags[0].missed.to_string());
}

#[test]
fn without_a_trigger_nothing_is_recorded() {
    let place = Place::new();
    let mut writer = place.store().writer_options("a").history(4).open().unwrap();
    let mut recorder = place.recorder().pretrigger(Duration::from_secs(10), 1 << 20);
    writer.write_slice(&[1_u8], &[1]).unwrap();
    catch_up(&mut recorder);
    assert!(!recorder.progress().is_triggered);
    assert_eq!(recorder.finish().unwrap().written.values, 0);
    assert_eq!(place.recording().tags().len(), 0);
}
