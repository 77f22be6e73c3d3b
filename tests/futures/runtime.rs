//! The least of a runtime: futures that are polled on this thread when they are woken.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// Counts how often it was woken, and unparks the thread that made it.
pub struct Alarm {
    woken: AtomicUsize,
    thread: Thread,
}

impl Alarm {
    pub fn new() -> Arc<Self> {
        Arc::new(Alarm { woken: AtomicUsize::new(0), thread: std::thread::current() })
    }

    /// How often it was woken since it was asked last.
    pub fn take(&self) -> usize {
        self.woken.swap(0, Ordering::AcqRel)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::AcqRel);
        self.thread.unpark();
    }
}

/// A future with its alarm.
pub struct Task<F> {
    pub future: Pin<Box<F>>,
    pub alarm: Arc<Alarm>,
    was_polled: bool,
}

impl<F: Future> Task<F> {
    pub fn new(future: F) -> Self {
        Task { future: Box::pin(future), alarm: Alarm::new(), was_polled: false }
    }

    pub fn poll(&mut self) -> Poll<F::Output> {
        self.was_polled = true;
        let waker = Waker::from(self.alarm.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// Runs a future to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    join(vec![Task::new(future)]).pop().unwrap()
}

/// Runs futures to their ends on the thread that made the tasks, each polled only when it was woken. Those that were polled before
/// wait for that, too: a wake that is lost is a wait without an end.
pub fn join<F: Future>(mut tasks: Vec<Task<F>>) -> Vec<F::Output> {
    for task in tasks.iter().filter(|task| !task.was_polled) {
        task.alarm.woken.fetch_add(1, Ordering::AcqRel);
    }
    let mut outputs: Vec<Option<F::Output>> = tasks.iter().map(|_| None).collect();
    while outputs.iter().any(Option::is_none) {
        let mut all_asleep = true;
        for (task, output) in tasks.iter_mut().zip(&mut outputs) {
            if output.is_none() && task.alarm.take() > 0 {
                all_asleep = false;
                if let Poll::Ready(value) = task.poll() {
                    *output = Some(value);
                }
            }
        }
        if all_asleep {
            std::thread::park();
        }
    }
    outputs.into_iter().flatten().collect()
}

/// How many threads this process has that have this name.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|found| found.trim_end() == name).count()
}

/// Checks how many threads of this name there are, once they have named themselves. The caller's watchdog ends it if they do not.
#[track_caller]
pub fn check_threads(name: &str, expected: usize) {
    while threads(name) < expected {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(threads(name), expected, "{name}");
}

pub const OF_TAGS: &str = "ndsharray-wait";
pub const OF_NAMES: &str = "ndsharray-names";

/// Waits until the library's threads have ended. The caller's watchdog ends it if they do not.
pub fn wait_for_no_threads() {
    while threads(OF_TAGS) + threads(OF_NAMES) > 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
