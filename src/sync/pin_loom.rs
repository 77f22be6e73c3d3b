//! Every interleaving of pin and claim: a slot's two words are atomics here, so that a torn read is seen, not undefined.

use loom::sync::Arc;
use loom::thread;

use super::{claim, copy_unpinned, pin, seal, unpin};
use crate::model::{explore, must_fail};
use crate::sync::{AtomicU32, AtomicU64, Ordering, Point};

/// Two slots of two words, with a word that names the current version (its slot is version % 2).
struct Slots {
    current: AtomicU64,
    content: [AtomicU64; 2],
    pins: [[AtomicU32; 2]; 2],
    data: [[AtomicU64; 2]; 2],
}

impl Slots {
    fn new() -> Arc<Self> {
        let words = |values: [u64; 2]| values.map(AtomicU64::new);
        Arc::new(Slots {
            current: AtomicU64::new(1),
            content: words([0, 1]),
            pins: std::array::from_fn(|_| std::array::from_fn(|_| AtomicU32::new(0))),
            data: [words([0, 0]), words([1, 1])],
        })
    }

    /// Publishes `version` if its slot is free.
    fn write(&self, version: u64) {
        let slot = version as usize % 2;
        if claim(&self.content[slot], &[&self.pins[slot][0], &self.pins[slot][1]]) {
            for word in &self.data[slot] {
                word.store(version, Ordering::Relaxed);
            }
            seal(&self.content[slot], version);
            self.current.store(version, Ordering::Release);
        }
    }

    fn words(&self, slot: usize) -> [u64; 2] {
        [0, 1].map(|i| self.data[slot][i].load(Ordering::Relaxed))
    }

    /// Takes a snapshot through `shard`, holds it over two looks, and gives it back.
    fn hold(&self, shard: usize, look: Look) {
        let version = self.current.load(Ordering::Acquire);
        let slot = version as usize % 2;
        let shard = &self.pins[slot][shard];
        // Relaxed is enough for the second look: what it finds was acquired by the first.
        let current = || look == Look::AtRecord && self.current.load(Ordering::Relaxed) == version;
        if pin(&self.content[slot], shard, version, current) {
            assert_eq!(self.words(slot), [version; 2], "the snapshot is not whole");
            assert_eq!(self.words(slot), [version; 2], "the snapshot changed");
            unpin(shard);
        }
    }

    fn copy(&self) {
        let version = self.current.load(Ordering::Acquire);
        let slot = version as usize % 2;
        let mut words = [0; 2];
        if copy_unpinned(&self.content[slot], version, || words = self.words(slot)) {
            assert_eq!(words, [version; 2], "the copy is torn");
        }
    }
}

/// Where a reader looks whether its pin came in time: at the record first, or at the slot alone.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    AtRecord,
    AtSlot,
}

fn hold_against_reuse(readers: usize, publishes: u64, look: Look) {
    let slots = Slots::new();
    let threads: Vec<_> = (0..readers)
        .map(|shard| {
            let slots = slots.clone();
            thread::spawn(move || slots.hold(shard, look))
        })
        .collect();
    for version in 2..2 + publishes {
        slots.write(version);
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

fn copy_against_reuse() {
    let slots = Slots::new();
    let reader = {
        let slots = slots.clone();
        thread::spawn(move || slots.copy())
    };
    slots.write(2);
    slots.write(3);
    reader.join().unwrap();
}

#[test]
fn one_reader_holds_whole_values() {
    explore("pins, 1 writer of 3 publishes, 1 reader", 4, || hold_against_reuse(1, 3, Look::AtSlot));
    explore("pins by record, 1 writer of 3 publishes, 1 reader", 4, || {
        hold_against_reuse(1, 3, Look::AtRecord);
    });
}

#[test]
fn two_readers_hold_whole_values() {
    explore("pins, 1 writer of 2 publishes, 2 readers", 3, || hold_against_reuse(2, 2, Look::AtSlot));
    explore("pins by record, 1 writer of 2 publishes, 2 readers", 3, || {
        hold_against_reuse(2, 2, Look::AtRecord);
    });
}

#[test]
fn a_copying_reader_takes_whole_values() {
    explore("pins, 1 writer, 1 copying reader", 4, copy_against_reuse);
}

#[test]
fn a_claim_that_meets_a_pin_restores_the_value() {
    explore("pins, claim meets pin", 4, || {
        let slots = Slots::new();
        let reader = {
            let slots = slots.clone();
            thread::spawn(move || {
                if pin(&slots.content[1], &slots.pins[1][0], 1, || false) {
                    assert_eq!(slots.words(1), [1, 1]);
                    unpin(&slots.pins[1][0]);
                }
            })
        };
        let taken = claim(&slots.content[1], &[&slots.pins[1][0], &slots.pins[1][1]]);
        let content = slots.content[1].load(Ordering::Relaxed);
        assert_eq!(content, if taken { 0 } else { 1 });
        if taken {
            slots.data[1].iter().for_each(|word| word.store(9, Ordering::Relaxed));
        }
        reader.join().unwrap();
    });
}

#[test]
fn negative_controls() {
    for look in [Look::AtSlot, Look::AtRecord] {
        for point in [Point::PinFence, Point::ClaimFence, Point::PinRecheck, Point::ClaimRecheck] {
            must_fail("pins", point, 4, move || hold_against_reuse(1, 2, look));
        }
    }
    must_fail("pins, copying", Point::ReadFence, 4, copy_against_reuse);
    must_fail("pins, copying", Point::CopyRecheck, 4, copy_against_reuse);
}
