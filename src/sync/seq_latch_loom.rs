//! Every interleaving of the latch: a record of three words, which say of themselves which publish wrote them.

use loom::sync::Arc;
use loom::thread;

use super::{FROZEN, SeqLatch};
use crate::model::{explore, must_fail};
use crate::sync::Ordering::{Relaxed, Release};
use crate::sync::{AtomicU64, Point};

struct Words {
    seq: AtomicU64,
    records: [[AtomicU64; 3]; 2],
}

/// Value `v` by the writer `by`, so that any mixture of two publishes shows.
fn words(v: u64, by: u64) -> [u64; 3] {
    [v, 1000 * by + v, v << 16 | by]
}

/// What a publish stores: three words, and `seq`.
const STORES: usize = 4;

impl Words {
    /// Version 1 is published.
    fn new() -> Arc<Self> {
        let record = |v| words(v, 1).map(AtomicU64::new);
        Arc::new(Words { seq: AtomicU64::new(1), records: [record(0), record(1)] })
    }

    fn latch(&self) -> SeqLatch<'_> {
        SeqLatch { seq: &self.seq, records: [&self.records[0], &self.records[1]] }
    }

    fn publish(&self, v: u64, by: u64) -> bool {
        self.latch().publish(&words(v, by))
    }

    /// The stores of a publish, in the code's order and with its memory orders, of which the first `stores` are made: the
    /// writer is killed then.
    fn killed_publish(&self, v: u64, stores: usize) {
        let seq = self.seq.load(Relaxed);
        loom::sync::atomic::fence(Release);
        let record = &self.records[(seq & 1 ^ 1) as usize];
        for (to, from) in record.iter().zip(words(v, 1)).take(stores) {
            to.store(from, Relaxed);
        }
        if stores == STORES {
            assert!(self.seq.compare_exchange(seq, seq + 1, Release, Relaxed).is_ok());
        }
    }

    /// Reads once; the record must be of one piece, and not older than `least`.
    fn read(&self, least: u64) -> u64 {
        let mut found = [0; 3];
        self.latch().read(&mut found);
        assert_eq!(found, words(found[0], found[2] & 0xffff), "torn");
        assert!(found[0] >= least, "went back from {least} to {}", found[0]);
        found[0]
    }
}

fn reader(words: &Arc<Words>, reads: usize) -> thread::JoinHandle<u64> {
    let words = words.clone();
    thread::spawn(move || (0..reads).fold(1, |last, _| words.read(last)))
}

fn publishes_and_reads(publishes: u64, readers: usize, reads: usize, notify: bool) {
    let words = Words::new();
    let readers: Vec<_> = (0..readers).map(|_| reader(&words, reads)).collect();
    for v in 2..2 + publishes {
        assert!(words.publish(v, 1));
        if notify {
            // As the event count does: the same record under a later number.
            words.seq.fetch_add(2, Release);
        }
    }
    readers.into_iter().for_each(|reader| _ = reader.join().unwrap());
    assert_eq!(words.read(0), 1 + publishes);
}

#[test]
fn readers_never_see_a_torn_record() {
    explore("latch, 1 writer of 3 publishes, 1 reader of 2", 2, || publishes_and_reads(3, 1, 2, false));
    explore("latch, the same, notifying each time", 2, || publishes_and_reads(2, 1, 2, true));
    explore("latch, 1 writer of 2 publishes, 2 readers", 2, || publishes_and_reads(2, 2, 1, false));
}

/// The first writer is killed in the publish of 2. The next one just goes on: it moves the count, which
/// wakes everybody, and publishes.
fn kill_and_go_on(stores: usize, readers: usize, reads: usize, publishes: u64) {
    let words = Words::new();
    let readers: Vec<_> = (0..readers).map(|_| reader(&words, reads)).collect();
    words.killed_publish(2, stores);
    let survived = words.read(0);
    assert_eq!(survived, if stores < STORES { 1 } else { 2 });
    words.seq.fetch_add(2, Release);
    for v in survived + 1..=survived + publishes {
        assert!(words.publish(v, 2));
    }
    readers.into_iter().for_each(|reader| _ = reader.join().unwrap());
    assert_eq!(words.read(0), survived + publishes);
}

#[test]
fn a_killed_writer_needs_no_repair() {
    for stores in 0..=STORES {
        let name = format!("latch, killed after {stores} stores");
        explore(&format!("{name}, 1 reader of 2"), 2, move || kill_and_go_on(stores, 1, 2, 2));
        explore(&format!("{name}, 2 readers"), 2, move || kill_and_go_on(stores, 2, 1, 1));
    }
}

/// A taker freezes the latch while its writer publishes, or is killed in it: what the taker reads then is the last value
/// that any reader sees, and the writer knows whether its value is among what was read.
fn freeze_meets_publish(kill: Option<usize>) {
    let words = Words::new();
    let writer = {
        let words = words.clone();
        thread::spawn(move || match kill {
            None => words.publish(2, 1),
            Some(stores) => {
                // Killed before its compare-exchange.
                let seq = words.seq.load(Relaxed);
                if seq & FROZEN == 0 {
                    words.killed_publish(2, stores);
                }
                false
            }
        })
    };
    let reader = reader(&words, 2);
    words.latch().freeze();
    let last = words.read(1);
    let published = writer.join().unwrap();
    assert!(reader.join().unwrap() <= last, "a reader saw more than what was taken over");
    assert_eq!(last, if published { 2 } else { 1 });
    assert!(!words.publish(7, 1));
    assert_eq!(words.read(0), last);
    // The taker failed. So it is for an adopter, who thaws before all else.
    words.latch().thaw();
    assert!(words.publish(last + 1, 1));
    assert_eq!(words.read(last), last + 1);
    words.latch().retire();
    words.latch().thaw();
    assert!(!words.publish(8, 1), "a retired latch stays frozen");
}

/// The taker thaws while the writer tries again and again: the value that the taker read is whole.
fn thaw_meets_publish() {
    let words = Words::new();
    words.latch().freeze();
    let writer = {
        let words = words.clone();
        thread::spawn(move || {
            // Twice, so that the record that the taker is on is overwritten.
            if words.publish(2, 1) {
                words.publish(3, 1);
            }
        })
    };
    let reader = reader(&words, 2);
    assert_eq!(words.read(1), 1);
    words.latch().thaw();
    writer.join().unwrap();
    reader.join().unwrap();
}

#[test]
fn nothing_is_published_after_a_freeze() {
    explore("latch, freeze against publish, 1 reader", 3, || freeze_meets_publish(None));
    for stores in 0..STORES {
        let name = format!("latch, freeze against a publish killed after {stores} stores");
        explore(&name, 2, move || freeze_meets_publish(Some(stores)));
    }
    explore("latch, thaw against publish", 2, thaw_meets_publish);
}

#[test]
fn negative_controls() {
    for point in [Point::PublishFence, Point::ReadFence, Point::ReadRecheck] {
        must_fail("latch", point, 3, || publishes_and_reads(2, 1, 2, false));
        must_fail("latch, killed after 2 stores", point, 3, || kill_and_go_on(2, 1, 2, 2));
    }
    must_fail("latch", Point::PublishVeto, 3, || freeze_meets_publish(None));
}
