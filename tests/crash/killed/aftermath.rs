//! The witnesses: readers and writers that are there while a process is killed, and what they must find afterwards.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::thread::JoinHandle;
use std::time::Duration;

use ndsharray::{Error, Reader, Snapshot, Store, Writer};

use crate::common::data_words::DataWords;
use crate::common::header::{HeaderFile, SPENT};
use crate::common::sandbox::files;

use super::order::{self, Ordered};
use super::{Company, Kind, Scenario, TAG, check, write};

/// Processes and threads that were there before.
pub struct Witnesses<'a> {
    scenario: &'a Scenario,
    store: &'a Store,
    reader: Option<Reader>,
    held: Option<(Snapshot, (u64, Kind))>,
    /// Of a tag with history.
    ordered: Option<Ordered>,
    sleeper: Option<JoinHandle<Vec<(u64, Kind)>>>,
    victim: Option<Writer>,
}

impl<'a> Witnesses<'a> {
    /// To be made after the scenario was prepared, and before its operation runs.
    pub fn new(scenario: &'a Scenario, store: &'a Store) -> Self {
        let company = scenario.company;
        let victim = (company == Company::Victim).then(|| {
            let mut writer = store.writer_options(TAG).history(scenario.history).open().unwrap();
            write(&mut writer, Kind::Small).unwrap();
            write(&mut writer, Kind::Small).unwrap();
            writer
        });
        let reader = (company != Company::Nobody).then(|| store.reader(TAG).unwrap());
        let held = reader.as_ref().and_then(|reader| match reader.latest() {
            Ok(value) => {
                let what = check(&value);
                assert_eq!(what, scenario.values[0], "what was prepared");
                Some((value, what))
            }
            Err(Error::Empty { .. }) if scenario.absent => None,
            Err(error) => panic!("{error}"),
        });
        let ordered = (scenario.history > 0).then(|| Ordered::new(scenario, store));
        let sleeper = (company == Company::Sleeper).then(|| sleeper(store));
        Witnesses { scenario, store, reader, held, ordered, sleeper, victim }
    }

    /// Checks what everybody finds when that process is dead. `turn` chooses between ways to go on.
    pub fn check(mut self, turn: u64) {
        let holds_on = turn % 2 == 0;
        if let Some((value, what)) = self.held.take() {
            assert_eq!(check(&value), what, "a value that was held all the while");
            self.held = holds_on.then_some((value, what));
        }
        if turn % 4 < 2 {
            self.victim_goes_on();
        }
        let old = self.reader.as_ref().and_then(|reader| self.see("the old reader", reader.latest()));
        let mut fresh = self.new_reader();
        let new = fresh.as_ref().and_then(|reader| self.see("a new reader", reader.latest()));
        // Versions may start again if the tag was removed, and a victim writes to a header that was displaced.
        let counts = !self.scenario.absent && self.victim.is_none();
        if counts {
            assert!(new >= old, "a new reader finds {new:?} after the old one found {old:?}");
        }
        self.values_are_in_order(turn % 4 != 2);
        if !self.scenario.takeover {
            self.victim = None;
        }
        let spent = self.spent();
        let Scenario { takeover, history, .. } = *self.scenario;
        let options = self.store.writer_options(TAG).takeover(takeover).history(history);
        let mut next = options.open().unwrap_or_else(|error| panic!("the next writer: {error}"));
        self.no_phantoms();
        self.values_are_in_order(turn % 4 != 2);
        let version = write(&mut next, Kind::Next).unwrap_or_else(|error| panic!("the next writer: {error}"));
        if let Some(seen) = new.filter(|_| counts) {
            assert!(version > seen.0, "version {version} after {seen:?}");
        }
        // The layout of its value is another one: under the same header it has a number that nobody had.
        match (spent, self.spent()) {
            (Some((header, before)), Some((now, spent))) if header == now => {
                let name = next.data_file().unwrap();
                let number = u64::from_str_radix(&name[name.len() - 10..], 16).unwrap();
                assert!(number > before && number <= spent, "{number} after {before}, {spent} are spent");
            }
            _ => {}
        }
        self.values_are_in_order(true);
        let mut fresh = fresh.take().or_else(|| self.new_reader()).expect("a tag that was written");
        self.wait_for_next("a new reader", &mut fresh);
        if let Some(mut reader) = self.reader.take() {
            self.wait_for_next("the old reader", &mut reader);
        }
        if let Some(sleeper) = self.sleeper.take() {
            let seen = sleeper.join().unwrap();
            assert!(seen.iter().all(|what| self.may_be(*what)), "a sleeper saw {seen:?}");
        }
        if let Some((value, what)) = self.held.take() {
            assert_eq!(check(&value), what, "a value that was held all the while");
        }
        if let Some(mut victim) = self.victim.take() {
            let error = write(&mut victim, Kind::Victims).unwrap_err();
            assert!(matches!(error, Error::Superseded { .. }), "{error}");
        }
        if self.scenario.sweeps {
            self.store.gc().unwrap();
        }
        let data = self.store.stat(TAG).unwrap().value.unwrap().data_file;
        assert_eq!(files(self.store.directory()), [TAG, &data], "a header and its data file");
    }

    /// Of a history all is there that must be, for a new reader, and for one that was there before, if it reads on now.
    fn values_are_in_order(&mut self, reads_on: bool) {
        let Some(ordered) = &mut self.ordered else { return };
        let mut found = order::history(self.store, self.scenario.kept);
        if reads_on {
            found.extend(ordered.goes_on(self.scenario.kept));
        }
        let small = |(version, kind)| kind == Kind::Small && version < self.scenario.values[0].0;
        for what in found {
            assert!(what.1 == Kind::Next || small(what) || self.may_be(what), "found {what:?}");
        }
    }

    /// Which file the header is, and the highest number that was ever given to a data file under it.
    fn spent(&self) -> Option<(u64, u64)> {
        let status = self.store.directory().join(TAG).metadata().ok()?;
        Some((status.ino(), HeaderFile::of(self.store, TAG).u64(SPENT)))
    }

    /// A writer that has just opened left no version in a slot that was never published.
    fn no_phantoms(&self) {
        let Some(value) = self.store.stat(TAG).unwrap().value else { return };
        let data = DataWords::of(self.store, TAG);
        for slot in 0..value.slots.allocated as u64 {
            let content = data.content(slot);
            assert!(content <= value.version, "slot {slot} has version {content} of {}", value.version);
        }
    }

    /// The writer whose tag was being taken over writes, or is told that it was.
    fn victim_goes_on(&mut self) {
        let Some(victim) = &mut self.victim else { return };
        match write(victim, Kind::Victims) {
            Ok(3) | Err(Error::Superseded { .. }) => {}
            Err(Error::Removed { .. }) if self.scenario.absent => {}
            other => panic!("the writer that was there: {other:?}"),
        }
    }

    fn may_be(&self, what: (u64, Kind)) -> bool {
        let victims = self.scenario.company == Company::Victim && what == (3, Kind::Victims);
        victims || self.scenario.values.contains(&what)
    }

    /// A value that somebody found must be one that may be there, and whole.
    #[track_caller]
    fn see(&self, who: &str, found: ndsharray::Result<Snapshot>) -> Option<(u64, Kind)> {
        match found {
            Ok(value) => {
                let what = check(&value);
                assert!(self.may_be(what), "{who} found {what:?}");
                Some(what)
            }
            Err(Error::Empty { .. } | Error::NotFound { .. }) if self.scenario.absent => None,
            Err(error) => panic!("{who}: {error}"),
        }
    }

    fn new_reader(&self) -> Option<Reader> {
        match self.store.reader(TAG) {
            Ok(reader) => Some(reader),
            Err(Error::NotFound { .. }) if self.scenario.absent => None,
            Err(error) => panic!("a new reader: {error}"),
        }
    }

    /// Whoever waits gets the next writer's value; before it at most values that may be there.
    #[track_caller]
    fn wait_for_next(&self, who: &str, reader: &mut Reader) {
        loop {
            let value = reader.wait(None).unwrap_or_else(|error| panic!("{who} waits: {error}"));
            match check(&value.unwrap()) {
                (_, Kind::Next) => return,
                what => assert!(self.may_be(what), "{who} waits and finds {what:?}"),
            }
        }
    }
}

/// A thread that sleeps, and returns what it saw before the next writer's value.
fn sleeper(store: &Store) -> JoinHandle<Vec<(u64, Kind)>> {
    let mut reader = store.reader(TAG).unwrap();
    reader.read().unwrap().expect("what was prepared");
    let thread = std::thread::spawn(move || {
        let mut seen = Vec::new();
        loop {
            match check(&reader.wait(None).unwrap().unwrap()) {
                (_, Kind::Next) => return seen,
                what => seen.push(what),
            }
        }
    });
    // Its flag, in the header's second region (docs/design.md).
    let header = std::fs::File::open(store.directory().join(TAG)).unwrap();
    let mut identity = [0; 24];
    header.read_exact_at(&mut identity, 0).unwrap();
    let region = u64::from_ne_bytes(identity[16..24].try_into().unwrap());
    let mut waiting = [0; 4];
    while waiting == [0; 4] {
        std::thread::sleep(Duration::from_micros(100));
        header.read_exact_at(&mut waiting, region).unwrap();
    }
    thread
}
