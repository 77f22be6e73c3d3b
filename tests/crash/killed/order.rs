//! What readers of every value find before and after a kill: all of the history that must be there, in order.

use ndsharray::{Error, Reader, Store};

use super::{Kind, Scenario, TAG, check};

/// All values that a reader gets in their order, whole.
fn rest(reader: &mut Reader) -> Vec<(u64, Kind)> {
    let mut found = Vec::new();
    loop {
        match reader.read_next() {
            Ok(Some(value)) => found.push(check(&value)),
            Ok(None) | Err(Error::Empty { .. }) => break,
            Err(error) => panic!("read_next: {error}"),
        }
    }
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order: {found:?}");
    found
}

/// What a new reader gets: the last values, `least` of them at least, and none is missing among them.
#[track_caller]
pub fn history(store: &Store, least: usize) -> Vec<(u64, Kind)> {
    let found = rest(&mut store.reader(TAG).unwrap());
    assert!(found.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "a gap: {found:?}");
    assert!(found.len() >= least, "{least} values must be there: {found:?}");
    found
}

/// A reader that got the oldest value before the kill, and goes on after it.
pub struct Ordered {
    reader: Reader,
    first: u64,
    last: u64,
    returned: u64,
}

impl Ordered {
    /// Checks the history that was prepared.
    pub fn new(scenario: &Scenario, store: &Store) -> Self {
        let found = history(store, scenario.kept);
        assert_eq!(found.last(), Some(&scenario.values[0]), "what was prepared");
        let mut reader = store.reader(TAG).unwrap();
        let (first, _) = check(&reader.read_next().unwrap().unwrap());
        Ordered { reader, first, last: first, returned: 1 }
    }

    /// Reads on. `missed` is exact, and none of the last values is missing that must be there.
    pub fn goes_on(&mut self, kept: usize) -> Vec<(u64, Kind)> {
        let found = rest(&mut self.reader);
        let Some(&(last, _)) = found.last() else { return found };
        assert!(found[0].0 > self.last, "{found:?} after {}", self.last);
        self.returned += found.len() as u64;
        let versions = last - self.first + 1;
        assert_eq!(self.returned + self.reader.missed(), versions, "after {}: {found:?}", self.last);
        let must = (self.last + 1).max((last + 1).saturating_sub(kept as u64));
        let there = found.iter().filter(|&&(version, _)| version >= must).count() as u64;
        assert_eq!(there, last + 1 - must, "from {must} on: {found:?}");
        self.last = last;
        found
    }
}
