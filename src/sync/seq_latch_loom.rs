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
    fn publish(&self, v: u64, id: u64) -> bool {
        self.latch().publish(&hot(v, id), id, || [id, id])
    }

    /// Reads once and returns the version; hot and cold must be of one piece wherever they are accepted.
    fn read(&self, least: u64) -> u64 {
        self.look(least).0
    }

    /// The same when nobody writes any more: hot and cold are there.
    fn at_rest(&self) -> u64 {
        let (v, whole) = self.look(0);
        assert!(whole, "no cold words of version {v}");
        v
    }

    fn look(&self, least: u64) -> (u64, bool) {
        let mut words = [0; 2];
        let (seq, record) = self.latch().read(&mut words);
        let (v, id) = (words[0], words[1] & 0xff);
        assert!(v >= least, "went back from {least} to {v}");
        // In every model below, versions 1 to 3 are of layout 1, version 4 and later of layout 2.
        let layout = if v < 4 { 1 } else { 2 };
        assert_eq!(words, hot(v, layout), "hot words torn");
        let mut cold = [0; 2];
        let whole = self.latch().read_cold(seq, &record, id, &mut cold);
        assert!(!whole || cold == [id, id], "cold words torn: {cold:?}");
        (v, whole)
    }

    /// The stores of a publish with a new layout, in the code's order and with its memory orders, of which the first
    /// `stores` are made: the writer is killed then.
    fn killed_publish(&self, v: u64, id: u64, stores: usize) {
        let seq = self.seq.load(Relaxed);
        let mut kill = Kill(stores);
        for (i, record) in [seq & 1 ^ 1, seq & 1].into_iter().enumerate() {
            let record = self.latch().records[record as usize];
            loom::sync::atomic::fence(Release);
            kill.cold(&record, id, &[id, id]);
            kill.hot(&record, &hot(v, id));
            if i == 0 {
                kill.store(&self.seq, seq + 1, Release);
            }
        }
    }

    /// The same of a repair.
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

/// How many stores a publish with a new layout makes, with which of them it is published, and how many a repair makes.
const STORES: usize = 13;
const PUBLISHING_STORE: usize = 7;
const REPAIR_STORES: usize = 7;

/// Two publishes, with a new layout or without, under the eyes of a reader that reads twice. The first of them touches
/// the spare record, the second that which the reader may be on.
fn publish_twice_read_twice(new_layout: bool) {
    let words = Words::new();
    words.publish(if new_layout { 3 } else { 1 }, 1);
    let reader = {
        let words = words.clone();
        thread::spawn(move || {
            let first = words.read(1);
            words.read(first);
        })
    };
    for v in if new_layout { [4, 5] } else { [2, 3] } {
        assert!(words.publish(v, if new_layout { 2 } else { 1 }));
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
        words.publish(2, 1);
        let threads = [(); 2].map(|()| {
            let words = words.clone();
            thread::spawn(move || {
                words.read(2);
            })
        });
        words.publish(4, 2);
        words.publish(5, 2);
        threads.map(|thread| thread.join().unwrap());
    });
}

/// A writer was killed in the middle of a publish (at any store); the next repairs, and publishes in the layout that it
/// found, under a reader's eyes.
fn repair_then_publish(stores: std::ops::RangeInclusive<usize>) {
    for stores in stores {
        let words = Words::new();
        words.publish(2, 1);
        words.killed_publish(4, 2, stores);
        let reader = {
            let words = words.clone();
            thread::spawn(move || {
                words.read(2);
            })
        };
        words.latch().repair();
        let survived = words.at_rest();
        assert_eq!(survived, if stores < PUBLISHING_STORE { 2 } else { 4 });
        words.publish(survived + 1, survived / 2);
        reader.join().unwrap();
        assert_eq!(words.at_rest(), survived + 1);
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
    words.publish(2, 1);
    let reader = {
        let words = words.clone();
        thread::spawn(move || {
            words.read(2);
        })
    };
    // Takes the record out of use that the reader is on.
    words.publish(3, 1);
    words.killed_publish(4, 2, stores);
    if let Some(stores) = repair {
        words.killed_repair(stores);
    }
    words.latch().repair();
    assert_eq!(words.at_rest(), if stores < PUBLISHING_STORE { 3 } else { 4 });
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

/// A taker freezes the latch while its writer publishes: what it reads then is the last value that any reader sees, and
/// the writer knows whether its value is among what was read.
fn freeze_meets_publish() {
    let words = Words::new();
    words.publish(2, 1);
    let writer = {
        let words = words.clone();
        thread::spawn(move || words.publish(4, 2))
    };
    let reader = {
        let words = words.clone();
        thread::spawn(move || words.read(2))
    };
    words.latch().freeze();
    let last = words.read(2);
    let published = writer.join().unwrap();
    assert!(reader.join().unwrap() <= last, "a reader saw more than what was taken over");
    assert_eq!(last, if published { 4 } else { 2 });
    assert!(!words.publish(5, 2));
    assert_eq!(words.read(2), last);
    words.latch().thaw();
    assert!(words.publish(6, 2));
    assert_eq!(words.read(last), 6);
}

#[test]
fn nothing_is_published_after_a_freeze() {
    explore("latch, 1 writer, 1 taker, 1 reader", 2, freeze_meets_publish);
}

#[test]
fn negative_controls() {
    must_fail("latch", Point::PublishFence, 3, || publish_twice_read_twice(true));
    must_fail("latch", Point::ReadFence, 3, || publish_twice_read_twice(true));
    must_fail("latch, hot words", Point::PublishFence, 2, || publish_twice_read_twice(false));
    must_fail("latch, hot words", Point::ReadFence, 2, || publish_twice_read_twice(false));
    must_fail("latch", Point::PublishVeto, 2, freeze_meets_publish);
    must_fail("latch", Point::RepairEpoch, 3, || stale_reader_meets_repair(4, None));
    must_fail("latch", Point::RepairFence, 3, || stale_reader_meets_repair(4, None));
    must_fail("latch", Point::RepairCopy, 2, || repair_then_publish(3..=3));
}
