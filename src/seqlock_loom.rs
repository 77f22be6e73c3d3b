//! Every interleaving of the latch: two hot and two cold words, whose values say which publish wrote them.

use loom::sync::Arc;
use loom::thread;

use super::{Latch, Record};
use crate::model::{explore, must_fail};
use crate::sync::Ordering::{self, Acquire, Relaxed, Release};
use crate::sync::{AtomicU64, Point};

struct Words {
    seq: AtomicU64,
    hot: [[AtomicU64; 2]; 2],
    guards: [[AtomicU64; 2]; 2],
    cold: [[AtomicU64; 2]; 2],
}

impl Words {
    fn new() -> Arc<Self> {
        let pairs = || std::array::from_fn(|_| std::array::from_fn(|_| AtomicU64::new(0)));
        Arc::new(Words { seq: AtomicU64::new(0), hot: pairs(), guards: pairs(), cold: pairs() })
    }

    fn latch(&self) -> Latch<'_> {
        let record = |i: usize| Record {
            hot: &self.hot[i],
            opened: &self.guards[i][0],
            closed: &self.guards[i][1],
            cold: &self.cold[i],
        };
        Latch { seq: &self.seq, records: [record(0), record(1)] }
    }

    /// Value `v` under layout `id`: hot (v, v and id), so that any mixture of two publishes shows; cold (id, id).
    fn publish(&self, v: u64, id: u64, new_layout: bool) {
        self.latch().publish(&hot(v, id), new_layout.then_some((id, &[id, id][..])));
    }

    /// Reads once and returns the version; hot and cold must be of one piece wherever they are accepted.
    fn read(&self, least: u64) -> u64 {
        let mut words = [0; 2];
        let (seq, record) = self.latch().read(&mut words);
        let (v, id) = (words[0], words[1] & 0xff);
        assert!(v >= least, "went back from {least} to {v}");
        // In every model below, versions 1 to 3 are of layout 1, version 4 and later of layout 2.
        let layout = if v < 4 { 1 } else { 2 };
        assert_eq!(words, hot(v, layout), "hot words torn");
        let mut cold = [0; 2];
        if self.latch().read_cold(seq, &record, id, &mut cold) {
            assert_eq!(cold, [id, id], "cold words torn");
        }
        v
    }

    /// The stores of a publish with a new layout, in the code's order and with its memory orders, of which the first
    /// `stores` are made: the writer is killed then.
    fn killed_publish(&self, v: u64, id: u64, stores: usize) {
        let even = self.seq.load(Relaxed);
        let mut kill = Kill(stores);
        for (record, seq) in self.latch().records.iter().zip([even + 1, even + 2]) {
            kill.store(&self.seq, seq, Release);
            loom::sync::atomic::fence(Release);
            kill.cold(record, id, &[id, id]);
            kill.hot(record, &hot(v, id));
        }
    }

    /// The same of a repair, of which the last store (that of an even number) is never made.
    fn killed_repair(&self, stores: usize) {
        let seq = self.seq.load(Acquire);
        let [good, bad] = [seq & 1, seq & 1 ^ 1].map(|i| self.latch().records[i as usize]);
        let copy =
            |words: &[AtomicU64]| -> Vec<u64> { words.iter().map(|word| word.load(Relaxed)).collect() };
        let mut kill = Kill(stores);
        kill.store(&self.seq, seq + (1 << super::EPOCH_SHIFT), Release);
        loom::sync::atomic::fence(Release);
        kill.cold(&bad, good.closed.load(Relaxed), &copy(good.cold));
        kill.hot(&bad, &copy(good.hot));
    }
}

fn hot(v: u64, id: u64) -> [u64; 2] {
    [v, v << 8 | id]
}

/// Makes so many stores, and no more.
struct Kill(usize);

impl Kill {
    fn store(&mut self, word: &AtomicU64, value: u64, order: Ordering) {
        if self.0 > 0 {
            self.0 -= 1;
            word.store(value, order);
        }
    }

    fn cold(&mut self, record: &Record<'_>, id: u64, words: &[u64]) {
        self.store(record.opened, id, Relaxed);
        loom::sync::atomic::fence(Release);
        record.cold.iter().zip(words).for_each(|(to, from)| self.store(to, *from, Relaxed));
        self.store(record.closed, id, Release);
    }

    fn hot(&mut self, record: &Record<'_>, words: &[u64]) {
        record.hot.iter().zip(words).for_each(|(to, from)| self.store(to, *from, Relaxed));
    }
}

/// How many stores a publish with a new layout makes, and a repair before its last.
const STORES: usize = 14;
const REPAIR_STORES: usize = 7;

/// One publish with a new layout, or two without, under the eyes of a reader that reads twice.
fn publish_twice_read_twice(new_layout_first: bool) {
    let words = Words::new();
    words.publish(if new_layout_first { 2 } else { 1 }, 1, true);
    let reader = {
        let words = words.clone();
        thread::spawn(move || {
            let first = words.read(1);
            words.read(first);
        })
    };
    if new_layout_first {
        words.publish(4, 2, true);
    } else {
        words.publish(2, 1, false);
        words.publish(3, 1, false);
    }
    reader.join().unwrap();
}

#[test]
fn one_reader_never_sees_a_torn_record() {
    explore("latch, 1 writer of 2 publishes, 1 reader", 2, || publish_twice_read_twice(false));
    explore("latch, 1 writer with a new layout, 1 reader", 2, || publish_twice_read_twice(true));
}

#[test]
fn two_readers_never_see_a_torn_record() {
    explore("latch, 1 writer with a new layout, 2 readers", 1, || {
        let words = Words::new();
        words.publish(2, 1, true);
        let threads = [(); 2].map(|()| {
            let words = words.clone();
            thread::spawn(move || {
                words.read(2);
            })
        });
        words.publish(4, 2, true);
        threads.map(|thread| thread.join().unwrap());
    });
}

/// A writer was killed in the middle of a publish (at any store); the next repairs and publishes under a reader's eyes.
fn repair_then_publish(stores: std::ops::RangeInclusive<usize>) {
    for stores in stores {
        let words = Words::new();
        words.publish(2, 1, true);
        words.killed_publish(4, 2, stores);
        let reader = {
            let words = words.clone();
            thread::spawn(move || {
                words.read(2);
            })
        };
        words.latch().repair();
        let survived = words.read(2);
        words.publish(5, 2, true);
        reader.join().unwrap();
        assert_eq!(survived, if stores < 8 { 2 } else { 4 });
        assert_eq!(words.read(0), 5);
    }
}

#[test]
fn repair_of_every_half_written_record_then_publish() {
    for stores in 0..=STORES {
        explore(&format!("latch, repair after {stores} stores, 1 reader"), 2, move || {
            repair_then_publish(stores..=stores);
        });
    }
}

/// The writer is killed in a publish, the next in its repair (if `repair` says so), and the one after repairs, all while
/// the reader is half-way through one read.
fn stale_reader_meets_repair(stores: usize, repair: Option<usize>) {
    let words = Words::new();
    words.publish(2, 1, true);
    let reader = {
        let words = words.clone();
        thread::spawn(move || {
            words.read(2);
        })
    };
    words.killed_publish(4, 2, stores);
    if let Some(stores) = repair {
        words.killed_repair(stores);
    }
    words.latch().repair();
    let survived = words.read(2);
    assert_eq!(survived, if stores < 8 { 2 } else { 4 });
    reader.join().unwrap();
}

#[test]
fn repair_is_safe_for_a_reader_still_on_the_bad_record() {
    for stores in 0..=STORES {
        let name = format!("latch, stale reader meets repair after {stores} stores");
        explore(&name, 2, move || stale_reader_meets_repair(stores, None));
    }
}

#[test]
fn a_repair_that_was_killed_is_repaired() {
    for (stores, repair) in (0..=REPAIR_STORES).map(|repair| (4, repair)).chain([(11, 3)]) {
        let name =
            format!("latch, stale reader meets repair killed after {repair} stores, of {stores} stores");
        explore(&name, 2, move || stale_reader_meets_repair(stores, Some(repair)));
    }
}

#[test]
fn negative_controls() {
    must_fail("latch", Point::PublishFence, 3, || publish_twice_read_twice(true));
    must_fail("latch", Point::ReadFence, 3, || publish_twice_read_twice(true));
    must_fail("latch, hot words", Point::PublishFence, 2, || publish_twice_read_twice(false));
    must_fail("latch, hot words", Point::ReadFence, 2, || publish_twice_read_twice(false));
    must_fail("latch", Point::RepairEpoch, 3, || stale_reader_meets_repair(4, None));
    must_fail("latch", Point::RepairFence, 3, || stale_reader_meets_repair(4, None));
    must_fail("latch", Point::RepairCopy, 2, || repair_then_publish(13..=13));
}
