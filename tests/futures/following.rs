//! Futures of tags that go, come again, and change hands.

use std::path::Path;
use std::time::Duration;

use crate::common::process::Watchdog;
use crate::common::sandbox::{files, store};
use crate::common::test_name;
use crate::runtime::{OF_NAMES, Task, block_on, check_threads, join, wait_for_no_threads};

/// Copies what stands in a directory, or removes it.
fn copy(from: &Path, to: &Path) {
    for name in files(from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

fn clear(directory: &Path) {
    files(directory).iter().for_each(|name| std::fs::remove_file(directory.join(name)).unwrap());
}

#[test]
fn a_tag_that_is_removed_and_made_again() {
    let watchdog = Watchdog::new(test_name!());
    let (dir, store) = store();
    store.writer("a").unwrap().write_slice(&[0_u64], &[1]).unwrap();
    let mut readers: Vec<_> = (0..20).map(|_| store.reader("a").unwrap()).collect();
    readers.iter_mut().for_each(|reader| assert!(reader.read().unwrap().is_some()));
    for round in 1..20_u64 {
        watchdog.feed();
        let mut tasks: Vec<_> = readers.iter_mut().map(|reader| Task::new(reader.changed())).collect();
        // They wait for the tag that is there, or for one that is not.
        let before = round % 2 == 0;
        if before {
            assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
        }
        if round % 3 == 0 {
            clear(dir.path())
        } else {
            store.remove("a").unwrap()
        }
        if !before {
            assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
        }
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(7 * round));
                store.writer("a").unwrap().write_slice(&[round], &[1]).unwrap();
            });
            // On another thread than that which polled first, they have new wakers.
            join(tasks).into_iter().for_each(|outcome| outcome.unwrap());
        });
        for reader in &mut readers {
            assert_eq!(reader.read().unwrap().unwrap().as_slice::<u64>().unwrap(), [round]);
        }
    }
    drop(readers);
    wait_for_no_threads();
}

#[test]
fn an_absent_tag_takes_one_thread_which_ends() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    wait_for_no_threads();
    let mut readers = Vec::new();
    for number in 0..200 {
        let tag = format!("t{number}");
        drop(store.writer(&tag).unwrap());
        readers.push(store.reader(&tag).unwrap());
        store.remove(&tag).unwrap();
    }
    let mut tasks: Vec<_> = readers.iter_mut().map(|reader| Task::new(reader.changed())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    check_threads(OF_NAMES, 1);
    for number in 0..200 {
        store.writer(&format!("t{number}")).unwrap().write_slice(&[1_u8], &[1]).unwrap();
    }
    join(tasks).into_iter().for_each(|outcome| outcome.unwrap());
    drop(readers);
    wait_for_no_threads();
}

#[test]
fn a_tag_that_is_taken_over() {
    let watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let mut writer = store.writer("a").unwrap();
    writer.write_slice(&[0_u64], &[1]).unwrap();
    let mut reader = store.reader("a").unwrap();
    reader.read().unwrap().unwrap();
    for round in 1..30_u64 {
        watchdog.feed();
        let mut task = Task::new(reader.changed());
        assert!(task.poll().is_pending());
        let mut next = store.writer_options("a").takeover(true).open().unwrap();
        if round % 2 == 0 {
            // It follows first.
            std::thread::sleep(Duration::from_millis(5));
            if task.alarm.take() > 0 {
                assert!(task.poll().is_pending(), "the same value");
            }
        }
        next.write_slice(&[round], &[1]).unwrap();
        join(vec![task]).pop().unwrap().unwrap();
        assert_eq!(reader.read().unwrap().unwrap().as_slice::<u64>().unwrap(), [round]);
        writer = next;
    }
    drop(writer);
}

/// Also when its header is written in place, a piece at a time: the file at the path stays the same.
#[test]
fn a_tag_that_is_put_back_from_a_copy() {
    let watchdog = Watchdog::new(test_name!());
    for slowly in [false, true] {
        watchdog.feed();
        let (dir, store) = store();
        store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
        let mut reader = store.reader("a").unwrap();
        assert!(reader.read().unwrap().is_some());
        let copied = crate::common::sandbox::directory();
        copy(dir.path(), copied.path());
        let mut task = Task::new(reader.changed());
        assert!(task.poll().is_pending());
        clear(dir.path());
        std::thread::sleep(Duration::from_millis(150));
        if slowly {
            std::fs::write(dir.path().join("a"), "").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        copy(copied.path(), dir.path());
        store.writer("a").unwrap().write_slice(&[2_u8], &[1]).unwrap();
        join(vec![task]).pop().unwrap().unwrap();
        assert_eq!(reader.read().unwrap().unwrap().bytes(), [2]);
    }
}

#[test]
fn a_reader_that_is_opened_before_its_tag() {
    let watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let error = store.reader_options("a").wait(Duration::from_millis(50)).open().unwrap_err();
    assert!(matches!(error, ndsharray::Error::NotFound { .. }), "{error}");
    let error = store.reader_options("a").open().unwrap_err();
    assert!(matches!(error, ndsharray::Error::NotFound { .. }), "{error}");
    std::fs::create_dir(store.directory().join("b")).unwrap();
    let error = store.reader_options("b").wait(None).open().unwrap_err();
    assert!(matches!(error, ndsharray::Error::NotAHeader { .. }), "at once: {error}");
    std::fs::remove_dir(store.directory().join("b")).unwrap();
    for number in 0..10 {
        watchdog.feed();
        let tag = format!("t{number}");
        std::thread::scope(|scope| {
            let opening: Vec<_> = (0..5)
                .map(|_| scope.spawn(|| store.reader_options(&tag).wait(None).open().unwrap()))
                .collect();
            std::thread::sleep(Duration::from_millis(3 * number));
            let mut writer = store.writer(&tag).unwrap();
            // It exists, and has no value yet.
            let mut readers: Vec<_> = opening.into_iter().map(|one| one.join().unwrap()).collect();
            assert!(readers[0].read().unwrap().is_none());
            writer.write_slice(&[1_u8], &[1]).unwrap();
            readers.iter_mut().for_each(|reader| block_on(reader.changed()).unwrap());
        });
    }
}

/// How many directories this process watches.
fn watches() -> usize {
    let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap();
    let texts = infos.filter_map(|info| std::fs::read_to_string(info.unwrap().path()).ok());
    texts.map(|text| text.matches("inotify wd:").count()).sum()
}

/// Users have a limited number of watches, and each change in a watched directory wakes the thread.
#[test]
fn a_directory_is_watched_no_longer_than_somebody_waits() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    wait_for_no_threads();
    let gone = |store: &ndsharray::Store| {
        drop(store.writer("a").unwrap());
        let reader = store.reader("a").unwrap();
        store.remove("a").unwrap();
        reader
    };
    let mut held = gone(&store);
    let mut task = Task::new(held.changed());
    assert!(task.poll().is_pending());
    let others: Vec<_> = (0..20).map(|_| crate::common::sandbox::store()).collect();
    let mut readers: Vec<_> = others.iter().map(|(_, other)| gone(other)).collect();
    let mut tasks: Vec<_> = readers.iter_mut().map(|reader| Task::new(reader.changed())).collect();
    assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
    while watches() != 21 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(tasks);
    // This one is watched still when the others are not; the watchdog ends it if they are for ever.
    while watches() != 1 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut reader = gone(&others[7].1);
    let mut again = Task::new(reader.changed());
    assert!(again.poll().is_pending());
    while watches() != 2 {
        std::thread::sleep(Duration::from_millis(20));
    }
    for store in [&others[7].1, &store] {
        store.writer("a").unwrap().write_slice(&[1_u8], &[1]).unwrap();
    }
    join(vec![task, again]).into_iter().for_each(|outcome| outcome.unwrap());
}
