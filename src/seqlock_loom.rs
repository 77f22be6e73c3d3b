//! Every interleaving of the latch: two hot and two cold words, whose values say which publish wrote them.

use loom::sync::Arc;
use loom::thread;

use super::{Latch, Record};
use crate::model::{explore, must_fail};
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

    /// Value `v` under layout `id`: hot (v, id), cold (id, id).
    fn publish(&self, v: u64, id: u64, new_layout: bool) {
        self.latch().publish(&[v, id], new_layout.then_some((id, &[id, id][..])));
    }

    /// Reads once and returns the version; hot and cold must be of one piece wherever they are accepted.
    fn read(&self, least: u64) -> u64 {
        let mut hot = [0; 2];
        let (seq, record) = self.latch().read(&mut hot);
        let [v, id] = hot;
        assert!(v >= least, "went back from {least} to {v}");
        // In every model below, versions 1 and 2 are of layout 1, version 3 and later of layout 2.
        assert_eq!(
            id,
            if v == 0 {
                0
            } else if v <= 2 {
                1
            } else {
                2
            },
            "hot words torn: {hot:?}"
        );
        let mut cold = [0; 2];
        if self.latch().read_cold(seq, &record, id, &mut cold) {
            assert_eq!(cold, [id, id], "cold words torn");
        }
        v
    }

    /// What the memory holds after a publish that was killed when `stores` of its stores were done.
    fn killed_publish(&self, v: u64, id: u64, stores: usize) {
        use crate::sync::Ordering::{Relaxed, Release};
        let even = self.seq.load(Relaxed);
        let [one, two] = self.latch().records;
        let mut steps: Vec<(&AtomicU64, u64)> = Vec::new();
        for (record, seq) in [(one, even + 1), (two, even + 2)] {
            steps.push((&self.seq, seq));
            steps.push((record.opened, id));
            steps.extend(record.cold.iter().map(|word| (word, id)));
            steps.push((record.closed, id));
            steps.extend(record.hot.iter().zip([v, id]));
        }
        assert_eq!(steps.len(), STORES);
        for (word, value) in steps.into_iter().take(stores) {
            // All release: the fences of the real publish order at least as much.
            word.store(value, Release);
        }
    }
}

/// How many stores a publish with a new layout makes.
const STORES: usize = 14;

/// One publish with a new layout, one without, under the eyes of a reader that reads twice.
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
        words.publish(3, 2, true);
    } else {
        words.publish(2, 1, false);
        words.publish(2, 1, false);
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
        words.publish(3, 2, true);
        threads.map(|thread| thread.join().unwrap());
    });
}

/// A writer was killed in the middle of a publish (at any store); the next repairs and publishes under a reader's eyes.
fn repair_then_publish(stores: std::ops::RangeInclusive<usize>) {
    for stores in stores {
        let words = Words::new();
        words.publish(2, 1, true);
        words.killed_publish(3, 2, stores);
        let reader = {
            let words = words.clone();
            thread::spawn(move || {
                words.read(2);
            })
        };
        words.latch().repair();
        let survived = words.read(2);
        words.publish(4, 2, true);
        reader.join().unwrap();
        assert!(survived == 2 || survived == 3);
        assert_eq!(words.read(0), 4);
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

/// The writer publishes, is killed in its next publish and repaired, all while the reader is half-way through one read.
fn stale_reader_meets_repair() {
    let words = Words::new();
    words.publish(2, 1, true);
    let reader = {
        let words = words.clone();
        thread::spawn(move || {
            words.read(2);
        })
    };
    words.killed_publish(3, 2, 4);
    words.latch().repair();
    reader.join().unwrap();
}

#[test]
fn repair_is_safe_for_a_reader_still_on_the_bad_record() {
    explore("latch, stale reader meets repair", 3, stale_reader_meets_repair);
}

#[test]
fn negative_controls() {
    must_fail("latch", Point::PublishFence, 3, || publish_twice_read_twice(true));
    must_fail("latch", Point::ReadFence, 3, || publish_twice_read_twice(true));
    must_fail("latch", Point::RepairEpoch, 3, stale_reader_meets_repair);
    must_fail("latch", Point::RepairFence, 3, stale_reader_meets_repair);
    must_fail("latch", Point::RepairCopy, 2, || repair_then_publish(13..=13));
}
