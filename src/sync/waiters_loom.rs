//! Every interleaving of a caller that leaves its key with a thread that waits for many (`wait::tags`), of that thread, and of a
//! writer, over a model of FUTEX_WAITV. Nothing is looked at every 100 ms here: if caller and thread sleep after the last publish, a
//! wake-up was lost.

use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

use super::event_count::EventCount;
use super::{AtomicU32, AtomicU64, Ordering, Point, omitted};
use crate::model::{explore, must_fail};

#[derive(Default)]
struct Shared {
    seq: AtomicU64,
    waiting: AtomicU32,
    value: AtomicU64,
    bell: AtomicU64,
    /// What the lock of the table protects.
    table: Mutex<Table>,
    woken: Condvar,
    /// The kernel's: compare and sleep happen under its lock, and so does waking. Locked after the table.
    bucket: Mutex<Bucket>,
    asleep: Condvar,
}

#[derive(Default)]
struct Table {
    /// The key of the caller, if it waits.
    caller: Option<u32>,
    /// The key that the thread sleeps on.
    asleep_on: Option<u32>,
    is_over: bool,
}

#[derive(Default)]
struct Bucket {
    thread_sleeps: bool,
    caller_sleeps: bool,
    /// Nothing will be published any more.
    over: bool,
    lost: bool,
}

impl Bucket {
    /// Called after each change: true if nobody is left who could wake anybody.
    fn is_lost(&mut self) -> bool {
        self.lost |= self.thread_sleeps && self.caller_sleeps && self.over;
        self.lost
    }
}

impl Shared {
    fn event_count(&self) -> EventCount<'_> {
        EventCount { seq: &self.seq, waiting: &self.waiting }
    }

    fn wake(&self) {
        self.bucket.lock().unwrap().thread_sleeps = false;
        self.asleep.notify_all();
    }

    fn ring(&self) {
        self.bell.fetch_add(1, Ordering::Release);
        self.wake();
    }

    fn publish(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
        self.seq.fetch_add(1, Ordering::Release);
        if self.event_count().notify() {
            self.wake();
        }
    }

    /// Whoever wants that value, as `Changed::poll` and a runtime.
    fn call(&self, value: u64) {
        loop {
            let key = self.event_count().prepare();
            if self.value.load(Ordering::Relaxed) >= value {
                break;
            }
            let is_known = {
                let mut table = self.table.lock().unwrap();
                table.caller = Some(key);
                table.asleep_on == Some(key)
            };
            if !is_known && !omitted(Point::CallerRings) {
                self.ring();
            }
            if !self.sleep_as_caller() {
                break;
            }
        }
        self.table.lock().unwrap().is_over = true;
        self.ring();
        // It wakes nobody any more.
        let mut bucket = self.bucket.lock().unwrap();
        bucket.caller_sleeps = true;
        bucket.is_lost();
        self.asleep.notify_all();
    }

    /// False when nobody would ever have woken the caller.
    fn sleep_as_caller(&self) -> bool {
        let mut table = self.table.lock().unwrap();
        while table.caller.is_some() {
            let mut bucket = self.bucket.lock().unwrap();
            bucket.caller_sleeps = true;
            if bucket.is_lost() {
                return false;
            }
            drop(bucket);
            table = self.woken.wait(table).unwrap();
        }
        true
    }

    /// The thread.
    fn run(&self) {
        loop {
            let mut rung = self.bell.load(Ordering::Acquire) as u32;
            let key = {
                let mut table = self.table.lock().unwrap();
                if table.is_over {
                    return;
                }
                let now = self.event_count().prepare();
                let is_stale = |key: u32| key != now && !omitted(Point::CallerKey);
                if table.caller.is_some_and(is_stale) {
                    self.wake_caller(&mut table);
                }
                table.asleep_on = Some(now);
                now
            };
            if omitted(Point::BellKeyFirst) {
                rung = self.bell.load(Ordering::Acquire) as u32;
            }
            self.event_count().announce();
            if !self.waitv(key, rung) {
                return self.wake_caller(&mut self.table.lock().unwrap());
            }
        }
    }

    fn wake_caller(&self, table: &mut Table) {
        table.caller = None;
        self.bucket.lock().unwrap().caller_sleeps = false;
        self.woken.notify_all();
    }

    /// False when nobody would ever have woken the thread.
    fn waitv(&self, key: u32, rung: u32) -> bool {
        let mut bucket = self.bucket.lock().unwrap();
        let is = |word: &AtomicU64, key: u32| word.load(Ordering::Relaxed) as u32 == key;
        if is(&self.seq, key) && is(&self.bell, rung) {
            bucket.thread_sleeps = true;
            while bucket.thread_sleeps {
                if bucket.is_lost() {
                    bucket.thread_sleeps = false;
                    return false;
                }
                bucket = self.asleep.wait(bucket).unwrap();
            }
        }
        true
    }
}

fn wait_for(publishes: u64) {
    let shared = Arc::new(Shared::default());
    let (of_thread, of_caller) = (shared.clone(), shared.clone());
    let thread = thread::spawn(move || of_thread.run());
    let caller = thread::spawn(move || of_caller.call(publishes));
    for value in 1..=publishes {
        shared.publish(value);
    }
    {
        let mut bucket = shared.bucket.lock().unwrap();
        bucket.over = true;
        bucket.is_lost();
    }
    // If it is lost, the thread finds that out, and wakes the caller.
    shared.asleep.notify_all();
    caller.join().unwrap();
    thread.join().unwrap();
    assert!(!shared.bucket.lock().unwrap().lost, "a wake-up was lost");
}

#[test]
fn a_caller_is_always_woken() {
    explore("wait for many, 1 writer of 1 publish", 3, || wait_for(1));
    explore("wait for many, 1 writer of 2 publishes", 2, || wait_for(2));
}

#[test]
fn negative_controls() {
    must_fail("wait for many", Point::CallerRings, 3, || wait_for(1));
    must_fail("wait for many", Point::BellKeyFirst, 3, || wait_for(1));
    must_fail("wait for many", Point::CallerKey, 3, || wait_for(1));
    must_fail("wait for many", Point::AnnounceFence, 3, || wait_for(1));
}
