//! Acquiring a value when its data file must be looked for first, or when an attempt failed: the slow way of `view`, `latest`
//! and `read_next`, and the way of `nearest`.

use std::sync::Arc;

use crossbeam_utils::Backoff;

use crate::error::{Error, Result};
use crate::format::entry::{self, Entry};
use crate::format::record::{Record, Stamp};
use crate::reader::copy;
use crate::reader::follow::Follower;
use crate::reader::resolve::{self, Sources, fill_holes};
use crate::reader::snapshot::{Data, Value};
use crate::reader::want::{Found, Place, Want};
use crate::shm::pinned::{PIN_LIMIT, Pin, Pinned, Source};
use crate::shm::segment::{Access, Segment};
use crate::sync::Ordering;
use crate::sync::pin::is_exhausted;
use crate::sys::file::PathFile;

/// How often a reader tries again when the writer has taken the value away meanwhile. (Under a fuzzer nobody writes, and many
/// files are damaged.)
const ATTEMPTS: u32 = if cfg!(fuzzing) { COPIES } else { 10_000 };
/// How often a reader that cannot pin copies at most: a copy may take long.
const COPIES: u32 = 100;

/// Acquires the latest value, however many attempts that takes.
#[cold]
#[inline(never)]
pub(crate) fn acquire_latest(follower: &Follower, sources: &Sources) -> Result<Box<Value>> {
    let empty = || Error::Empty { tag: follower.tag().tag().to_owned() };
    acquire(follower, sources, Want::Latest)?.ok_or_else(empty)
}

/// Acquires a value, however many attempts that takes; `None` if there is none like that.
#[cold]
#[inline(never)]
pub(crate) fn acquire(follower: &Follower, sources: &Sources, mut want: Want) -> Result<Option<Box<Value>>> {
    let backoff = Backoff::new();
    let (mut attempts, mut overtaken) = (0, 0);
    while attempts < ATTEMPTS {
        let record = follower.current();
        record.check(follower.header().path())?;
        if record.stamp.version == 0 {
            return Err(Error::Empty { tag: follower.tag().tag().to_owned() });
        }
        attempts += 1;
        let mut later = want;
        let known = sources.get(follower.header_serial(), &record);
        let segment = match &known {
            Some(source) => Some((source.segment.clone(), None)),
            None => {
                resolve::segment(follower, sources, &record)?.map(|(segment, file)| (segment, Some(file)))
            }
        };
        if let Some((segment, file)) = segment {
            let place = match want.find(follower, &segment, &record) {
                Found::At(place) => place,
                Found::Nothing => return Ok(None),
                Found::Again => {
                    backoff.snooze();
                    continue;
                }
            };
            let attempt = Attempt { follower, sources, record, place };
            if attempt.copies(&segment) {
                attempts += ATTEMPTS / COPIES;
                later = want.later(follower, place, &record, overtaken);
                overtaken += 1;
            }
            if let Some(data) = attempt.data(&segment, file, known)? {
                let written_at =
                    if attempt.is_latest() { record.stamp.written_at } else { data.line().written_at };
                let stamp = Stamp { version: place.version, written_at };
                return Ok(Some(Box::new(Value { data, stamp, id: follower.id(place.version) })));
            }
        }
        // The slot was taken for a newer value since the record was read.
        backoff.snooze();
        want = later;
    }
    Err(follower.tag().contended("read its value (a history of its writer gives readers more time)"))
}

/// A value that was found, the record that was in use then, and what is needed to take it.
struct Attempt<'a> {
    follower: &'a Follower,
    sources: &'a Sources,
    record: Record,
    place: Place,
}

impl Attempt<'_> {
    /// Whether it is the value of the record.
    fn is_latest(&self) -> bool {
        self.place == Place::of(&self.record)
    }

    /// Whether the value must be copied without a pin: for want of a permission, or because the pins are damaged.
    fn copies(&self, segment: &Segment) -> bool {
        let slot = self.place.slot;
        segment.access() == Access::Copying
            || slot < segment.identity().limit && is_exhausted(segment.own_pins(slot))
    }

    /// Pins or copies the value; `None` if it is there no more. `known`: the source of the record, if this reader has it.
    fn data(
        &self,
        segment: &Arc<Segment>,
        file: Option<PathFile>,
        known: Option<Arc<Source>>,
    ) -> Result<Option<Data>> {
        let Place { slot, version } = self.place;
        if slot >= segment.identity().limit {
            let expected = format!("less than the limit of {}", segment.identity().limit);
            return Err(Error::corrupt(self.follower.header().path(), "slot", slot, expected));
        }
        if self.copies(segment) {
            return self.copy(segment, file, slot, known);
        }
        let over = segment.held().is_over(slot, PIN_LIMIT);
        // Here the slot's own word decides, not the record: see `Sources`.
        let Some(pin) = Pin::take(segment.clone(), slot, version) else { return Ok(None) };
        if segment.slot(slot).is_none() && !self.map_slot(segment, file, slot)? {
            return Ok(None);
        }
        segment.warm(slot);
        let source = match known.filter(|source| segment.has_number(slot, source.number)) {
            Some(source) => source,
            None => self.source(segment, self.entry(segment, slot)?)?,
        };
        if over {
            let copied = copy::pinned(segment, slot, &source.layout);
            return Ok(copied.map(|copied| Data::Copied(Arc::new(copied))));
        }
        let pinned = Pinned::take(source, slot, version, || false);
        drop(pin);
        Ok(pinned.map(Data::Pinned))
    }

    /// Maps a slot that this process uses for the first time, under a pin; false if the file has another name by now.
    fn map_slot(&self, segment: &Arc<Segment>, file: Option<PathFile>, slot: usize) -> Result<bool> {
        let mut opened = file;
        let Some(file) = self.file(segment, &mut opened)? else { return Ok(false) };
        if segment.has_holes() {
            self.fill_slot(segment, file, slot)?;
        }
        segment.map_slot(file, slot).map(|()| true)
    }

    /// The file of a segment: kept by it, or in `opened`, or opened now; `None` if it has another name by now.
    fn file<'f>(
        &self,
        segment: &'f Arc<Segment>,
        opened: &'f mut Option<PathFile>,
    ) -> Result<Option<&'f PathFile>> {
        if segment.descriptor().is_some() {
            return Ok(segment.descriptor());
        }
        if opened.is_none() {
            let found = resolve::segment(self.follower, self.sources, &self.record)?;
            *opened = found.filter(|(other, _)| Arc::ptr_eq(other, segment)).map(|(_, file)| file);
        }
        Ok(opened.as_ref())
    }

    /// Gives a slot the storage of what will be touched of it: the entry and the value. Its file may say that a slot is vast.
    fn fill_slot(&self, segment: &Segment, file: &PathFile, slot: usize) -> Result<()> {
        let identity = segment.identity();
        let (start, mut words) = (identity.slot_offset(slot) as u64, [0; entry::WORDS]);
        file.read_at(start, bytemuck::cast_slice_mut(&mut words))?;
        // What is damaged is an error afterwards.
        let nbytes = Entry::from_words(&words, file.path()).map_or(0, |entry| entry.layout.nbytes());
        fill_holes(file, start, (identity.page + nbytes.min(identity.capacity)) as u64)
    }

    /// The entry of a pinned slot.
    fn entry(&self, segment: &Segment, slot: usize) -> Result<Entry> {
        let path =
            self.follower.tag().data_file(self.follower.header().identity().data_file(self.record.number));
        let Some((words, _)) = segment.entry(slot) else {
            return Err(Error::corrupt(&path, "slot", slot, "a slot that the data file has"));
        };
        Entry::from_words(&std::array::from_fn(|i| words[i].load(Ordering::Relaxed)), &path)
    }

    /// The source of a value whose entry is known. An earlier value has a number of its own.
    fn source(&self, segment: &Arc<Segment>, entry: Entry) -> Result<Arc<Source>> {
        let path =
            || self.follower.tag().data_file(self.follower.header().identity().data_file(self.record.number));
        if self.is_latest() && entry.number != self.record.number {
            return Err(Error::corrupt(&path(), entry::NUMBER.name, entry.number, self.record.number));
        }
        let (length, capacity) = (entry.layout.nbytes(), segment.identity().capacity);
        if length > capacity {
            let expected = format!("at most the slot's {capacity}");
            return Err(Error::corrupt(&path(), entry::NBYTES.name, length, expected));
        }
        let source = Arc::new(Source {
            segment: segment.clone(),
            layout: Arc::new(entry.layout),
            number: entry.number,
            header: self.follower.header_serial(),
        });
        // Only if the record's own value is where the record says: see `Sources`.
        let Place { slot, version } = Place::of(&self.record);
        let is_there =
            || slot < segment.identity().limit && segment.content(slot).load(Ordering::Acquire) == version;
        if source.number == self.record.number && (self.is_latest() || is_there()) {
            self.sources.set(&source);
        }
        Ok(source)
    }

    /// Copies the value without a pin.
    fn copy(
        &self,
        segment: &Arc<Segment>,
        file: Option<PathFile>,
        slot: usize,
        known: Option<Arc<Source>>,
    ) -> Result<Option<Data>> {
        let version = self.place.version;
        let mut opened = file;
        let Some(file) = self.file(segment, &mut opened)? else { return Ok(None) };
        let source = match known.filter(|_| self.is_latest()) {
            Some(source) => source,
            None => {
                let Some(entry) = copy::entry(segment, file, slot, version)? else { return Ok(None) };
                self.source(segment, entry)?
            }
        };
        let copied = copy::unpinned(segment, file, slot, version, &source.layout)?;
        Ok(copied.map(|copied| Data::Copied(Arc::new(copied))))
    }
}
