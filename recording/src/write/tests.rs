//! A disk that is slow or fails: the other end of a socket, which takes what it is asked for.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::write::RecordingWriter;
use crate::write::disk::{Block, Disk, MOST_WAITING, Threads};
use crate::write::output::Output;

const BLOCK: usize = 64 << 20;
/// How long something may take that takes no time.
const PATIENCE: Duration = Duration::from_secs(120);

struct SlowDisk {
    threads: Threads,
    output: Arc<Output>,
    other_end: UnixStream,
}

impl SlowDisk {
    fn new() -> Self {
        let (file, other_end) = UnixStream::pair().unwrap();
        other_end.set_read_timeout(Some(PATIENCE)).unwrap();
        let output = Arc::new(Output::new(Path::new("slow"), File::from(OwnedFd::from(file))));
        SlowDisk { threads: Threads::start().unwrap(), output, other_end }
    }

    fn disk(&self) -> &Arc<Disk> {
        self.threads.disk()
    }

    /// Writes blocks in a thread, each with 3 values. It counts those that the disk has taken.
    fn write_blocks(&self, count: usize) -> (Arc<AtomicUsize>, JoinHandle<()>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let (disk, output, counted) = (self.disk().clone(), self.output.clone(), taken.clone());
        let thread = thread::spawn(move || {
            for _ in 0..count {
                disk.write(Block { output: output.clone(), bytes: vec![0; BLOCK], values: 3 });
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        (taken, thread)
    }

    fn read(&mut self, nbytes: usize) {
        let mut bytes = vec![1; 1 << 20];
        for _ in 0..nbytes / bytes.len() {
            self.other_end.read_exact(&mut bytes).unwrap();
            assert!(bytes.iter().all(|&byte| byte == 0));
        }
    }
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "it never became so");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The most blocks that are taken while the disk takes none: the last begins to wait when more than the limit do.
const MOST_BLOCKS: usize = MOST_WAITING / BLOCK + 1;

#[test]
fn a_slow_disk_is_waited_for() {
    let mut slow = SlowDisk::new();
    let (taken, thread) = slow.write_blocks(2 * MOST_BLOCKS);
    wait_until(|| taken.load(Ordering::Relaxed) == MOST_BLOCKS);
    thread::sleep(Duration::from_millis(100));
    assert_eq!(taken.load(Ordering::Relaxed), MOST_BLOCKS);
    assert_eq!(slow.disk().nbytes_waiting(), MOST_BLOCKS * BLOCK);
    slow.read(2 * MOST_BLOCKS * BLOCK);
    thread.join().unwrap();
    wait_until(|| slow.disk().nbytes_waiting() == 0);
    slow.disk().check(Path::new("run")).unwrap();
    assert!(slow.disk().buffer().capacity() <= BLOCK, "large buffers are not kept");
}

#[test]
fn a_disk_that_fails_ends_the_waiting() {
    let mut slow = SlowDisk::new();
    let (taken, thread) = slow.write_blocks(2 * MOST_BLOCKS);
    wait_until(|| taken.load(Ordering::Relaxed) == MOST_BLOCKS);
    slow.read(2 * BLOCK);
    let SlowDisk { threads, output, other_end } = slow;
    drop(other_end);
    // Who waits goes on, and what comes later is dropped.
    wait_until(|| thread.is_finished());
    thread.join().unwrap();
    wait_until(|| threads.disk().nbytes_waiting() == 0);
    let error = threads.disk().check(Path::new("run")).unwrap_err();
    assert!(matches!(&error, Error::Cut { path, values: 6, .. } if path == Path::new("slow")), "{error:?}");
    for _ in 0..2 {
        let error = threads.disk().check(Path::new("run")).unwrap_err();
        assert!(matches!(&error, Error::Ended { path } if path == Path::new("run")), "{error:?}");
    }
    threads.disk().write(Block { output, bytes: vec![0; 10], values: 1 });
    assert_eq!(threads.disk().nbytes_waiting(), 0);
    drop(threads);
}

#[test]
fn a_writer_can_go_to_another_thread() {
    fn check<T: Send>() {}
    check::<RecordingWriter>();
}
