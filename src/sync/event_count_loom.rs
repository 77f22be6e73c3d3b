//! Every interleaving of sleeping and waking, over a model of the kernel's futex. It has none of the 100 ms slices that
//! bound the harm of a lost wake-up in the real thing: who sleeps after the last publish was lost.

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::EventCount;
use crate::model::{explore, must_fail};
use crate::sync::{AtomicU32, AtomicU64, Ordering, Point};

struct Shared {
    /// Of the latch only what the event count has to do with: each publish counts it up, in one read-modify-write.
    seq: AtomicU64,
    waiting: AtomicU32,
    value: AtomicU64,
    /// The kernel's hash bucket: compare and sleep happen under its lock, and so does waking.
    bucket: Mutex<Bucket>,
    sleepers: Condvar,
}

#[derive(Default)]
struct Bucket {
    asleep: u32,
    /// Nothing will be published any more.
    over: bool,
    lost: bool,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Shared {
            seq: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            value: AtomicU64::new(0),
            bucket: Mutex::new(Bucket::default()),
            sleepers: Condvar::new(),
        })
    }

    fn event_count(&self) -> EventCount<'_> {
        EventCount { seq: &self.seq, waiting: &self.waiting }
    }

    /// False when nobody would ever have woken the caller.
    fn futex_wait(&self, expected: u32) -> bool {
        let mut bucket = self.bucket.lock().unwrap();
        if self.seq.load(Ordering::Relaxed) as u32 == expected {
            if bucket.over {
                bucket.lost = true;
                return false;
            }
            bucket.asleep += 1;
            bucket = self.sleepers.wait(bucket).unwrap();
            return !bucket.lost;
        }
        true
    }

    fn publish(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
        self.seq.fetch_add(1, Ordering::Release);
        if self.event_count().notify() {
            let mut bucket = self.bucket.lock().unwrap();
            bucket.asleep = 0;
            self.sleepers.notify_all();
        }
    }

    fn wait_for(&self, value: u64) {
        loop {
            let key = self.event_count().prepare();
            if self.value.load(Ordering::Relaxed) >= value {
                return;
            }
            self.event_count().announce();
            if !self.futex_wait(key) {
                return;
            }
        }
    }
}

fn sleep_and_wake(readers: usize, publishes: u64) {
    let shared = Shared::new();
    let threads: Vec<_> = (0..readers)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || shared.wait_for(publishes))
        })
        .collect();
    for value in 1..=publishes {
        shared.publish(value);
    }
    {
        let mut bucket = shared.bucket.lock().unwrap();
        bucket.lost |= bucket.asleep > 0;
        bucket.over = true;
        shared.sleepers.notify_all();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(!shared.bucket.lock().unwrap().lost, "a wake-up was lost");
}

#[test]
fn one_sleeper_is_always_woken() {
    explore("wake, 1 writer of 2 publishes, 1 reader", 4, || sleep_and_wake(1, 2));
}

#[test]
fn two_sleepers_are_always_woken() {
    explore("wake, 1 writer of 2 publishes, 2 readers", 2, || sleep_and_wake(2, 2));
}

#[test]
fn negative_controls() {
    must_fail("wake", Point::AnnounceFence, 4, || sleep_and_wake(1, 1));
    must_fail("wake", Point::NotifyFence, 4, || sleep_and_wake(1, 1));
    must_fail("wake", Point::NotifyAgain, 2, || sleep_and_wake(2, 2));
}
