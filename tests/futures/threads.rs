//! How many threads wait, and that nothing is left of futures that were dropped.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use ndsharray::Reader;

use crate::common::process::Watchdog;
use crate::common::sandbox::store;
use crate::common::{forking, test_name};
use crate::runtime::{OF_NAMES, OF_TAGS, Task, block_on, check_threads, join, wait_for_no_threads};

fn tag(number: usize) -> String {
    format!("t{number}")
}

#[test]
fn three_threads_wait_for_300_tags() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    wait_for_no_threads();
    let mut readers: Vec<Reader> = Vec::new();
    for number in 0..300 {
        // Closed at once: it has descriptors.
        drop(store.writer(&tag(number)).unwrap());
        readers.push(store.reader(&tag(number)).unwrap());
    }
    let mut tasks: Vec<_> = readers.iter_mut().map(|reader| Task::new(reader.changed())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    check_threads(OF_TAGS, 3);
    for number in 0..300 {
        store.writer(&tag(number)).unwrap().write_slice(&[number as u64], &[1]).unwrap();
    }
    join(tasks).into_iter().for_each(|outcome| outcome.unwrap());
    for (number, reader) in readers.iter_mut().enumerate() {
        assert_eq!(reader.read().unwrap().unwrap().as_slice::<u64>().unwrap(), [number as u64]);
    }
    drop(readers);
    wait_for_no_threads();
}

#[test]
fn one_thread_waits_for_200_readers_of_a_tag() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    wait_for_no_threads();
    let mut writer = store.writer("a").unwrap();
    let mut readers: Vec<Reader> = (0..200).map(|_| store.reader("a").unwrap()).collect();
    for value in 0..20_u64 {
        let mut tasks: Vec<_> = readers.iter_mut().map(|reader| Task::new(reader.changed())).collect();
        assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
        check_threads(OF_TAGS, 1);
        writer.write_slice(&[value], &[1]).unwrap();
        join(tasks).into_iter().for_each(|outcome| outcome.unwrap());
        for reader in &mut readers {
            assert_eq!(reader.read().unwrap().unwrap().as_slice::<u64>().unwrap(), [value]);
        }
    }
    check_threads(OF_NAMES, 0);
}

#[test]
fn nothing_is_left_of_a_future_that_was_dropped() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    for remove in [false, true] {
        if remove {
            store.force_remove("a").unwrap();
        }
        let mut task = Task::new(reader.changed());
        // Polled again, it has one waker there, not two.
        assert!(task.poll().is_pending() && task.poll().is_pending());
        let alarm = task.alarm.clone();
        drop(task);
        assert_eq!(Arc::strong_count(&alarm), 1, "removed: {remove}");
        if !remove {
            writer.write_slice(&[1_u8], &[1]).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!(alarm.take(), 0, "nobody waits");
            assert_eq!(reader.read().unwrap().unwrap().bytes(), [1]);
        }
    }
    wait_for_no_threads();
}

/// A forked child has not got its parent's threads: it starts its own, also for a future that its parent waits for.
#[test]
fn a_forked_child_waits_with_threads_of_its_own() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    let mut task = Task::new(reader.changed());
    assert!(task.poll().is_pending());
    check_threads(OF_TAGS, 1);
    let directory = store.directory().to_owned();
    let child = forking::fork(move || {
        check_threads(OF_TAGS, 0);
        let store = ndsharray::Store::open(&directory).unwrap();
        store.writer("ready").unwrap();
        let mut other = store.reader("a").unwrap();
        block_on(other.changed()).unwrap();
        assert_eq!(other.read().unwrap().unwrap().bytes(), [1]);
        // For a tag that is not there, too.
        let mut late = store.reader_options("late").wait(Duration::from_secs(100)).open().unwrap();
        block_on(late.changed()).unwrap();
        check_threads(OF_TAGS, 1);
    });
    store.reader_options("ready").wait(None).open().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    writer.write_slice(&[1_u8], &[1]).unwrap();
    join(vec![task]).pop().unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    store.writer("late").unwrap().write_slice(&[2_u8], &[1]).unwrap();
    forking::join(child);
}

/// The future of the parent, in the child.
#[test]
fn a_future_goes_on_in_a_forked_child() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    let mut reader = store.reader("a").unwrap();
    let mut task = Task::new(reader.changed());
    assert!(task.poll().is_pending());
    let (mut hear, mut say) = UnixStream::pair().unwrap();
    let mut inherited = Some(task);
    let child = forking::fork(|| {
        let mut task = inherited.take().unwrap();
        assert!(task.poll().is_pending());
        check_threads(OF_TAGS, 1);
        say.write_all(b".").unwrap();
        join(vec![task]).pop().unwrap().unwrap();
    });
    hear.read_exact(&mut [0]).unwrap();
    writer.write_slice(&[1_u8], &[1]).unwrap();
    forking::join(child);
    join(vec![inherited.take().unwrap()]).pop().unwrap().unwrap();
}
