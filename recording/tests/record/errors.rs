//! What is wrong with one tag does not concern the others.

use std::time::Duration;

use ndsharray::DType;
use ndsharray_recording::{Error, LARGEST_VALUE};

use super::{Place, catch_up, record_until, versions};

#[test]
fn a_damaged_tag_is_told_once_and_the_others_go_on() {
    let place = Place::new();
    std::fs::write(place.store.path().join("torn"), "NDSHHEAD and no more").unwrap();
    let mut writer = place.store().writer_options("good").history(8).open().unwrap();
    let mut broken = place.store().writer_options("broken").history(8).open().unwrap();
    broken.write_slice(&[1_u8; 100], &[100]).unwrap();
    let data_file = place.store.path().join(broken.data_file().unwrap());
    std::fs::remove_file(data_file).unwrap();
    let mut recorder = place.recorder();
    let mut told = Vec::new();
    for number in 0..20_u64 {
        writer.write_slice(&[number], &[1]).unwrap();
        recorder.run_for(Duration::from_millis(20)).unwrap();
        told.extend(recorder.take_errors().into_iter().map(|(tag, _)| tag));
    }
    told.sort();
    assert_eq!(told, ["broken", "torn"]);
    let recorded = recorder.finish().unwrap();
    let failed: Vec<_> = recorded.tags.iter().map(|tag| (&tag.tag[..], tag.values, tag.has_failed)).collect();
    assert_eq!(failed, [("broken", 0, true), ("good", 20, false), ("torn", 0, true)]);
    assert_eq!(versions(&place.recording(), "good"), (1..=20).collect::<Vec<_>>());
}

/// A tag that cannot be read takes no time from the processor while it waits.
#[test]
fn a_tag_with_an_error_is_left_alone_for_a_while() {
    let place = Place::new();
    let mut broken = place.store().writer("broken").unwrap();
    broken.write_slice(&[1_u8; 100], &[100]).unwrap();
    std::fs::remove_file(place.store.path().join(broken.data_file().unwrap())).unwrap();
    let mut recorder = place.recorder();
    let before = cpu_time();
    recorder.run_for(Duration::from_secs(2)).unwrap();
    let taken = cpu_time() - before;
    assert_eq!(recorder.take_errors().len(), 1);
    assert!(taken < Duration::from_secs(1), "it took {taken:?} of 2 s");
}

/// The processor time of this thread.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[test]
fn a_value_that_is_too_large_is_an_error_of_its_tag() {
    let free = rustix::fs::statvfs("/dev/shm").map_or(0, |found| found.f_bavail * found.f_frsize);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available =
        memory.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.trim().strip_suffix(" kB"));
    let available = available.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(0) << 10;
    if free.min(available) < 3 << 30 {
        println!("\nskipped: a_value_that_is_too_large_is_an_error_of_its_tag: it needs 3 GiB of memory");
        return;
    }
    let place = Place::new();
    let mut large = place.store().writer("large").unwrap();
    let mut good = place.store().writer_options("good").history(8).open().unwrap();
    let mut recorder = place.recorder();
    catch_up(&mut recorder);
    large.write_slice(&[1_u8], &[1]).unwrap();
    record_until(&mut recorder, |recorder| recorder.progress().values == 1);
    // Not filled with anything: that would take its time.
    large.loan_bytes(&DType::UInt8, &[LARGEST_VALUE + 1]).unwrap().publish().unwrap();
    for number in 0..5_u8 {
        good.write_slice(&[number], &[1]).unwrap();
        catch_up(&mut recorder);
    }
    large.write_slice(&[2_u8], &[1]).unwrap();
    record_until(&mut recorder, |recorder| recorder.progress().values == 7);
    let errors = recorder.take_errors();
    assert!(
        matches!(&errors[..], [(tag, Error::TooLarge { nbytes, .. })] if tag == "large" && *nbytes == LARGEST_VALUE + 1)
    );
    let recorded = recorder.finish().unwrap();
    let counts: Vec<_> = recorded.tags.iter().map(|tag| (&tag.tag[..], tag.values, tag.missed)).collect();
    assert_eq!(counts, [("good", 5, 0), ("large", 2, 1)]);
    assert_eq!(versions(&place.recording(), "large"), [1, 3]);
}
