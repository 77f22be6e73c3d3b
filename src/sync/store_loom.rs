//! What the loom tests of pins and history share: a header and a data file of three slots, whose elements say which write
//! they come from. The record is in a real latch, the slots' words are claimed, pinned and sealed by the real functions.

use loom::sync::Arc;

use super::pin::{claim, clear_phantoms, pin, seal, unpin};
use super::seq_latch::SeqLatch;
use super::{AtomicU32, AtomicU64, Ordering, Point, omitted};

pub const SLOTS: usize = 3;

/// What a publish says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub version: u64,
    pub number: u64,
    pub slot: usize,
}

impl Record {
    fn words(self) -> [u64; 2] {
        [self.version, self.number << 8 | self.slot as u64]
    }
}

/// What the elements of a value say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    pub version: u64,
    pub layout: u64,
    pub author: u64,
}

impl Value {
    fn word(self) -> u64 {
        self.version << 16 | self.layout << 8 | self.author
    }

    fn of(word: u64) -> Self {
        Value { version: word >> 16, layout: word >> 8 & 0xff, author: word & 0xff }
    }
}

pub struct Slot {
    pub content: AtomicU64,
    /// One shard for each reader.
    pub pins: [AtomicU32; 2],
    /// The entry: number, and two words that say the layout.
    entry: [AtomicU64; 3],
    /// Two words of elements.
    data: [AtomicU64; 2],
}

impl Slot {
    fn new(value: Value, number: u64) -> Self {
        Slot {
            content: AtomicU64::new(value.version),
            pins: [AtomicU32::new(0), AtomicU32::new(0)],
            entry: [number, value.layout, value.layout].map(AtomicU64::new),
            data: [value.word(); 2].map(AtomicU64::new),
        }
    }

    pub fn claim(&self) -> bool {
        claim(&self.content, &[&self.pins[0], &self.pins[1]])
    }

    /// Two looks at the elements: whole and unchanging.
    pub fn value(&self) -> Value {
        let words: [u64; 4] = std::array::from_fn(|i| self.data[i % 2].load(Ordering::Relaxed));
        assert!(words.iter().all(|word| *word == words[0]), "torn or changed: {:?}", words.map(Value::of));
        Value::of(words[0])
    }

    /// The words as they are, for who copies.
    pub fn words(&self) -> [u64; 2] {
        [0, 1].map(|i| self.data[i].load(Ordering::Relaxed))
    }

    /// Number and layout.
    pub fn entry(&self) -> (u64, u64) {
        let [number, one, two] = [0, 1, 2].map(|i| self.entry[i].load(Ordering::Relaxed));
        assert_eq!(one, two, "the entry is torn");
        (number, one)
    }

    pub fn punch(&self) {
        self.data.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}

/// The words of a value whole, or `None`.
pub fn whole(words: [u64; 2]) -> Option<Value> {
    (words[0] == words[1]).then(|| Value::of(words[0]))
}

/// A header with its data file.
pub struct Store {
    seq: AtomicU64,
    records: [[AtomicU64; 2]; 2],
    pub slots: [Slot; SLOTS],
}

impl Store {
    /// `values[i]`: what slot i holds, with its number.
    pub fn new(record: Record, values: [Option<(Value, u64)>; SLOTS]) -> Arc<Self> {
        let none = (Value { version: 0, layout: 0, author: 0 }, 0);
        let words = || record.words().map(AtomicU64::new);
        Arc::new(Store {
            seq: AtomicU64::new(0),
            records: [words(), words()],
            slots: values.map(|value| {
                let (value, number) = value.unwrap_or(none);
                Slot::new(value, number)
            }),
        })
    }

    pub fn latch(&self) -> SeqLatch<'_> {
        SeqLatch { seq: &self.seq, records: [&self.records[0], &self.records[1]] }
    }

    pub fn record(&self) -> (u64, Record) {
        let mut words = [0; 2];
        let seq = self.latch().read(&mut words);
        let [version, place] = words;
        (seq, Record { version, number: place >> 8, slot: (place & 0xff) as usize })
    }

    pub fn contents(&self) -> impl Iterator<Item = &AtomicU64> {
        self.slots.iter().map(|slot| &slot.content)
    }

    /// Takes the latest value in place, looks at it, and gives it back. `layouts`: those that the reader remembers by
    /// number; else the entry says it.
    pub fn read_latest(&self, shard: usize, look: Look, layouts: &mut Vec<(u64, u64)>) -> Option<Value> {
        let (seq, record) = self.record();
        let slot = &self.slots[record.slot];
        let before = omitted(Point::EntryUnderPin).then(|| slot.entry());
        let current = || look == Look::AtRecord && self.seq.load(Ordering::Relaxed) == seq;
        if !pin(&slot.content, &slot.pins[shard], record.version, current) {
            return None;
        }
        let known = layouts.iter().find(|(number, _)| *number == record.number).map(|(_, layout)| *layout);
        let layout = known.unwrap_or_else(|| {
            let (number, layout) = before.unwrap_or_else(|| slot.entry());
            assert_eq!(number, record.number, "the entry is of another number");
            layouts.push((number, layout));
            layout
        });
        let value = slot.value();
        assert_eq!((value.version, value.layout), (record.version, layout), "not the value of the record");
        unpin(&slot.pins[shard]);
        Some(value)
    }
}

/// Where a reader looks whether its pin came in time: at the record first, or at the slot alone.
#[derive(Clone, Copy, PartialEq)]
pub enum Look {
    AtRecord,
    AtSlot,
}

/// So many steps are made, and no more: the process is killed then.
pub struct Kill(pub usize);

impl Kill {
    pub fn never() -> Self {
        Kill(usize::MAX)
    }

    /// Whether the next step still happens.
    fn step(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(1)?;
        Some(())
    }
}

/// A writer with what it knows by itself.
pub struct Writer {
    pub last: Record,
    layout: u64,
    pub author: u64,
    /// The number that it wrote to each slot's entry itself; 0: it knows nothing of it.
    known: [u64; SLOTS],
    /// The highest number that it gave to a publish, published or not.
    spent: u64,
}

/// Steps of a write with a new layout: claim, three words of the entry, two elements, seal, publish.
pub const STEPS: usize = 8;

impl Writer {
    pub fn new(store: &Store, layout: u64, author: u64) -> Self {
        let last = store.record().1;
        // The control: who adopts a file believes its entries.
        let known = std::array::from_fn(|i| {
            if omitted(Point::OwnKnowledge) { store.slots[i].entry[0].load(Ordering::Relaxed) } else { 0 }
        });
        Writer { last, layout, author, known, spent: last.number }
    }

    /// What an adopter does before its first publish.
    pub fn adopt(&self, store: &Store) {
        store.latch().thaw();
        clear_phantoms(store.contents(), self.last.version);
        store.seq.fetch_add(2, Ordering::Release);
    }

    /// Writes into `slot`, or the next that nobody holds. `None`: killed. `Some(false)`: refused, or no slot is free.
    pub fn write(&mut self, store: &Store, layout: u64, slot: usize, kill: &mut Kill) -> Option<bool> {
        let version = self.last.version + 1;
        let number = if layout == self.layout {
            self.last.number
        } else {
            self.spent = if omitted(Point::FreshNumber) { self.last.number + 1 } else { self.spent + 1 };
            self.spent
        };
        let mut claimed = None;
        let current = self.last.slot;
        for slot in (0..SLOTS).map(|i| (slot + i) % SLOTS).filter(|&slot| slot != current) {
            if omitted(Point::EntryUnderClaim) {
                self.write_entry(&store.slots[slot], slot, number, layout, kill)?;
            }
            kill.step()?;
            if store.slots[slot].claim() {
                claimed = Some(slot);
                break;
            }
        }
        let Some(slot) = claimed else { return Some(false) };
        let entry = &store.slots[slot];
        self.write_entry(entry, slot, number, layout, kill)?;
        for word in &entry.data {
            kill.step()?;
            word.store(Value { version, layout, author: self.author }.word(), Ordering::Relaxed);
        }
        kill.step()?;
        seal(&entry.content, version);
        kill.step()?;
        let record = Record { version, number, slot };
        if !store.latch().publish(&record.words()) {
            if !omitted(Point::RefusalClears) {
                seal(&entry.content, 0);
            }
            return Some(false);
        }
        (self.last, self.layout) = (record, layout);
        Some(true)
    }

    fn write_entry(
        &mut self,
        slot: &Slot,
        i: usize,
        number: u64,
        layout: u64,
        kill: &mut Kill,
    ) -> Option<()> {
        if self.known[i] == number {
            return Some(());
        }
        for (word, value) in slot.entry.iter().zip([number, layout, layout]) {
            kill.step()?;
            word.store(value, Ordering::Relaxed);
        }
        self.known[i] = number;
        Some(())
    }
}
