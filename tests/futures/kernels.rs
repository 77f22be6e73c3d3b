//! Where the kernel lacks something, or this process may not use it.

use std::time::Duration;

use ndsharray::{Reader, Store};

use crate::common::process::Watchdog;
use crate::common::sandbox::{in_child, run, with_mounts};
use crate::common::{seccomp, test_name};
use crate::runtime::{OF_TAGS, Task, check_threads, join};

/// Readers of several tags, and one of a tag that goes and comes again, in the directory where they read and the one where is written.
fn check(writing: &Store, reading: &Store) {
    let mut writers: Vec<_> = (0..3).map(|n| writing.writer(&format!("t{n}")).unwrap()).collect();
    let mut readers: Vec<Reader> = (0..3).map(|n| reading.reader(&format!("t{n}")).unwrap()).collect();
    for value in 0..5_u64 {
        let mut tasks: Vec<_> = readers.iter_mut().map(|reader| Task::new(reader.changed())).collect();
        assert!(tasks.iter_mut().all(|task| task.poll().is_pending()));
        check_threads(OF_TAGS, 1);
        std::thread::sleep(Duration::from_millis(20));
        for writer in &mut writers {
            writer.write_slice(&[value], &[1]).unwrap();
        }
        join(tasks).into_iter().for_each(|outcome| outcome.unwrap());
        for reader in &mut readers {
            assert_eq!(reader.read().unwrap().unwrap().as_slice::<u64>().unwrap(), [value]);
        }
    }
    drop(writers);
    let reader = &mut readers[0];
    for value in 5..9_u64 {
        let mut task = Task::new(reader.changed());
        assert!(task.poll().is_pending());
        writing.remove("t0").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        writing.writer("t0").unwrap().write_slice(&[value], &[1]).unwrap();
        join(vec![task]).pop().unwrap().unwrap();
        assert_eq!(reader.read().unwrap().unwrap().as_slice::<u64>().unwrap(), [value]);
    }
    // Those that block.
    writing.remove("t0").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            writing.writer("t0").unwrap().write_slice(&[9_u64], &[1]).unwrap();
        });
        assert_eq!(reader.wait(None).unwrap().unwrap().as_slice::<u64>().unwrap(), [9]);
    });
}

#[test]
fn without_futex_waitv() {
    let _watchdog = Watchdog::new(test_name!());
    let Some(dir) = in_child(test_name!()) else { return };
    if !seccomp::refuse(&[libc::SYS_futex_waitv]) {
        return crate::common::sandbox::skip("without_futex_waitv", "no seccomp here");
    }
    let store = Store::open(dir).unwrap();
    check(&store, &store);
}

#[test]
fn without_inotify() {
    let _watchdog = Watchdog::new(test_name!());
    let Some(dir) = in_child(test_name!()) else { return };
    if !seccomp::refuse(&[libc::SYS_inotify_init1]) {
        return crate::common::sandbox::skip("without_inotify", "no seccomp here");
    }
    let store = Store::open(dir).unwrap();
    check(&store, &store);
}

#[test]
fn without_descriptors_for_events() {
    let _watchdog = Watchdog::new(test_name!());
    let Some(dir) = in_child(test_name!()) else { return };
    if !seccomp::refuse(&[libc::SYS_inotify_init1, libc::SYS_eventfd2, libc::SYS_futex_waitv]) {
        return crate::common::sandbox::skip("without_descriptors_for_events", "no seccomp here");
    }
    let store = Store::open(dir).unwrap();
    check(&store, &store);
}

#[test]
fn on_a_read_only_mount() {
    let _watchdog = Watchdog::new(test_name!());
    let Some(dir) = with_mounts(test_name!(), "mount -t tmpfs none \"$1\"; mkdir \"$1/rw\" \"$1/ro\"") else {
        return;
    };
    let (rw, ro) = (dir.join("rw"), dir.join("ro"));
    assert!(run("mount", &[&"--bind", &rw, &ro]) && run("mount", &[&"-o", &"remount,bind,ro", &ro]));
    check(&Store::open(rw).unwrap(), &Store::open(ro).unwrap());
}
