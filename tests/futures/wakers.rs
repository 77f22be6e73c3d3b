//! Wakers that do what they like: it is code of others, on the library's threads.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::task::{Context, Wake};
use std::time::{Duration, Instant};

use ndsharray::{Reader, Store};

use crate::common::process::Watchdog;
use crate::common::sandbox::store;
use crate::common::test_name;
use crate::runtime::{Task, join};

/// Runs a function when it is woken.
struct Calling<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Calling<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// A reader of a tag that is there, or is not any more.
fn reader(store: &Store, tag: &str, is_there: bool) -> Reader {
    drop(store.writer(tag).unwrap());
    let reader = store.reader(tag).unwrap();
    if !is_there {
        store.remove(tag).unwrap();
    }
    reader
}

fn write(store: &Store, tag: &str) {
    store.writer(tag).unwrap().write_slice(&[1_u8], &[1]).unwrap();
}

/// Has a future wait that calls `body` when it is woken, and is never polled again, as in `select`.
fn wait(reader: &mut Reader, body: impl Fn() + Send + Sync + 'static) -> impl Future + '_ {
    let mut future = Box::pin(reader.changed());
    let waker = Arc::new(Calling(body)).into();
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    future
}

/// It keeps nobody else from being woken.
fn check_panic(is_there: bool, panic: fn()) {
    let (_dir, store) = store();
    let (mut one, mut other) = (reader(&store, "a", is_there), store.writer("b").unwrap());
    let mut two = reader(&store, "a", is_there);
    let _first = wait(&mut one, panic);
    let mut task = Task::new(two.changed());
    assert!(task.poll().is_pending());
    write(&store, "a");
    join(vec![task]).pop().unwrap().unwrap();
    // Nor anybody who comes later.
    let mut late = store.reader("b").unwrap();
    let mut task = Task::new(late.changed());
    assert!(task.poll().is_pending());
    other.write_slice(&[1_u8], &[1]).unwrap();
    join(vec![task]).pop().unwrap().unwrap();
    let mut absent = reader(&store, "c", false);
    let mut task = Task::new(absent.changed());
    assert!(task.poll().is_pending());
    write(&store, "c");
    join(vec![task]).pop().unwrap().unwrap();
}

#[test]
fn a_waker_that_panics_is_alone_in_that() {
    let _watchdog = Watchdog::new(test_name!());
    for is_there in [true, false] {
        check_panic(is_there, || panic!("a waker of the test"));
    }
}

#[test]
fn a_waker_may_panic_with_what_panics_when_it_is_dropped() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic!("the payload of a waker's panic");
        }
    }
    let _watchdog = Watchdog::new(test_name!());
    for is_there in [true, false] {
        check_panic(is_there, || std::panic::panic_any(Payload));
    }
}

fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The thread rests for longer, the longer it has looked. What wakers do is not that.
#[test]
fn a_waker_that_computes_keeps_nobody_waiting_afterwards() {
    let _watchdog = Watchdog::new(test_name!());
    let (_dir, store) = store();
    let (mut one, mut other) = (reader(&store, "a", false), reader(&store, "b", false));
    let computed = Arc::new(AtomicU32::new(0));
    let told = computed.clone();
    let _first = wait(&mut one, move || {
        let begin = processor_time();
        while processor_time() - begin < Duration::from_millis(500) {}
        told.store(1, Ordering::Release);
    });
    let mut task = Task::new(other.changed());
    assert!(task.poll().is_pending());
    write(&store, "a");
    while computed.load(Ordering::Acquire) == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let begin = Instant::now();
    write(&store, "b");
    join(vec![task]).pop().unwrap().unwrap();
    // 30 times as long as it computed would be 15 s.
    assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
}

/// In the child the library's thread is the only one. Where nobody can be left who waits for it, it ends, and the process with it.
#[test]
fn a_child_that_a_waker_forks_ends() {
    let watchdog = Watchdog::new(test_name!());
    for is_there in [true, false] {
        watchdog.feed();
        let (_dir, store) = store();
        let mut reader = reader(&store, "a", is_there);
        let child = Arc::new(AtomicI32::new(0));
        let told = child.clone();
        let _future = wait(&mut reader, move || {
            // SAFETY: the child goes on in the library's own code, which is made for that.
            match unsafe { libc::fork() } {
                0 => crate::common::process::alarm(),
                pid => told.store(pid, Ordering::Release),
            }
        });
        write(&store, "a");
        while child.load(Ordering::Acquire) == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let (pid, mut status, begin) = (child.load(Ordering::Acquire), -1, Instant::now());
        // SAFETY: plain system calls, for a child of this process.
        while unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == 0 {
            if begin.elapsed() > Duration::from_secs(30) {
                // SAFETY: plain system call; nobody has waited for the child yet, so the number is still its own.
                unsafe { libc::kill(pid, libc::SIGKILL) };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(status, 0, "wait status of the child (9: it did not end); tag there: {is_there}");
    }
}
