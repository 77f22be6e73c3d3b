//! What two looks at a tag tell, and one does not: how often it changes, and whether its versions go on. Clients look; while none does,
//! nothing is done.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndsharray::{Error, Result, Stat, Store};

/// Looks that follow sooner tell too little: the rate that is known stays.
const SHORTEST: Duration = Duration::from_millis(500);

/// A rate that is older says nothing of now.
const LONGEST: Duration = Duration::from_secs(10);

/// What was seen of a tag that is gone is forgotten after this time, or when so many others are gone.
const FORGOTTEN: Duration = Duration::from_secs(3600);
const MOST_GONE: usize = 1000;

/// What all looks have told, for all clients together.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<String, Seen>>);

/// A tag as it was found.
#[derive(Debug)]
pub(crate) struct Looked {
    pub tag: String,
    pub stat: Result<Stat>,
    pub told: Told,
}

/// What the looks at a tag have told.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Values per second, if two looks have told.
    pub rate: Option<f64>,
    /// How often the versions did not go on from one look to the next.
    pub gaps: u64,
}

/// What was seen of a tag.
#[derive(Clone, Debug)]
struct Seen {
    /// What the next rate is counted from, and when that was.
    stat: Stat,
    at: Instant,
    /// When it was found last.
    last: Instant,
    told: Told,
}

impl Looks {
    /// Looks at these tags, which are all there are. One that was removed meanwhile is left out.
    pub fn look(&self, store: &Store, tags: Vec<String>) -> Vec<Looked> {
        // One look after the other: else a later one could seem to be the earlier, and its versions to go back.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let start = Instant::now();
        let look = |tag: String| {
            let stat = store.stat(&tag);
            let told = match &stat {
                Ok(stat) => {
                    let seen = Seen::after(known.get(&tag), stat, Instant::now());
                    let told = seen.told;
                    known.insert(tag.clone(), seen);
                    told
                }
                Err(Error::NotFound { .. }) => return None,
                Err(_) => Told::default(),
            };
            Some(Looked { tag, stat, told })
        };
        let looked = tags.into_iter().filter_map(look).collect();
        forget(&mut known, start);
        looked
    }
}

/// Forgets tags that were not found in the look that began at `start`, if that is long ago for them, or they are many.
fn forget(known: &mut HashMap<String, Seen>, start: Instant) {
    known.retain(|_, seen| start.saturating_duration_since(seen.last) <= FORGOTTEN);
    let mut gone: Vec<Instant> = known.values().map(|seen| seen.last).filter(|&last| last < start).collect();
    if gone.len() > MOST_GONE {
        gone.sort_unstable();
        let first = gone[gone.len() - MOST_GONE];
        known.retain(|_, seen| seen.last >= first);
    }
}

impl Seen {
    fn after(before: Option<&Seen>, stat: &Stat, at: Instant) -> Self {
        let new = |told| Seen { stat: stat.clone(), at, last: at, told };
        let Some(before) = before else { return new(Told::default()) };
        let gaps = before.told.gaps;
        if !stat.goes_on_from(&before.stat) {
            return new(Told { rate: None, gaps: gaps + 1 });
        }
        let passed = at.duration_since(before.at);
        if passed < SHORTEST {
            return Seen { last: at, ..before.clone() };
        }
        let age = stat.value.as_ref().map(|value| value.age).unwrap_or_default();
        let found = stat.rate_since(&before.stat).filter(|_| passed <= LONGEST);
        new(Told { rate: found.map(|found| settled(found, age, before.told.rate)), gaps })
    }
}

/// The rate that is shown. `found`: that between the last two looks; `age`: of the latest value; `known`: the rate that was shown before.
fn settled(found: f64, age: Duration, known: Option<f64>) -> f64 {
    if found > 0.0 {
        return found;
    }
    // The next one is still to come: it is no more than one in the time since the last.
    let still = known.filter(|_| age <= LONGEST).unwrap_or(0.0);
    still.min(1.0 / age.as_secs_f64().max(1e-9))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with a tag `cam`, whose writer has written once.
    fn store() -> (tempfile::TempDir, Store, ndsharray::Writer) {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut writer = store.writer("cam").unwrap();
        writer.write_slice(&[0u8], &[1]).unwrap();
        (directory, store, writer)
    }

    #[test]
    fn while_nothing_comes_the_rate_falls() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(settled(30.0, seconds(0.1), Some(1.0)), 30.0);
        assert_eq!(settled(0.0, seconds(1.0), None), 0.0);
        assert_eq!(settled(0.0, seconds(1.0), Some(0.3)), 0.3, "one value in three seconds");
        assert_eq!(settled(0.0, seconds(1.0), Some(30.0)), 1.0, "a writer that stopped");
        assert_eq!(settled(0.0, seconds(11.0), Some(30.0)), 0.0);
    }

    #[test]
    fn a_rate_takes_two_looks_that_are_neither_too_close_nor_too_far_apart() {
        let (_directory, store, mut writer) = store();
        let start = Instant::now();
        let mut seen = None;
        let mut look = |millis| {
            writer.write_slice(&[1u8], &[1]).unwrap();
            let stat = store.stat("cam").unwrap();
            let found = Seen::after(seen.as_ref(), &stat, start + Duration::from_millis(millis));
            let rate = found.told.rate;
            seen = Some(found);
            rate
        };
        assert_eq!(look(0), None);
        assert_eq!(look(400), None, "too soon");
        let rate = look(1000);
        assert!(rate.unwrap() > 0.0);
        assert_eq!(look(1100), rate, "too soon");
        assert_eq!(look(60_000), None, "too late");
    }

    #[test]
    fn versions_that_do_not_go_on_are_counted_also_when_the_tag_was_gone_for_a_while() {
        let (_directory, store, mut writer) = store();
        let looks = Looks::default();
        let gaps = |tags: &[&str]| {
            let looked = looks.look(&store, tags.iter().map(|&tag| tag.to_owned()).collect());
            looked.iter().map(|looked| looked.told.gaps).collect::<Vec<_>>()
        };
        assert_eq!(gaps(&["cam", "none"]), [0]);
        for _ in 0..100 {
            writer.write_slice(&[1u8], &[1]).unwrap();
        }
        writer.write_slice(&[1u16; 9], &[9]).unwrap();
        drop(writer);
        store.writer("cam").unwrap().write_slice(&[1u8], &[1]).unwrap();
        assert_eq!(gaps(&["cam"]), [0], "another layout and another writer");
        store.remove("cam").unwrap();
        drop(store.writer("cam").unwrap());
        assert_eq!(gaps(&["cam"]), [1], "made again, and empty");
        store.writer("cam").unwrap().write_slice(&[1u8], &[1]).unwrap();
        assert_eq!(gaps(&["cam"]), [1], "its first value");
        store.remove("cam").unwrap();
        assert!(gaps(&[]).is_empty());
        store.writer("cam").unwrap().write_slice(&[1u8], &[1]).unwrap();
        assert_eq!(gaps(&["cam"]), [2]);
    }

    #[test]
    fn tags_that_are_gone_are_forgotten() {
        let (_directory, store, _writer) = store();
        let (start, stat) = (Instant::now(), store.stat("cam").unwrap());
        let seen = |seconds| Seen::after(None, &stat, start + Duration::from_secs(seconds));
        let mut known: HashMap<String, Seen> = (0..3).map(|n| (n.to_string(), seen(n * 2000))).collect();
        forget(&mut known, start + Duration::from_secs(5000));
        let mut left: Vec<_> = known.keys().cloned().collect();
        left.sort();
        assert_eq!(left, ["1", "2"]);
        known.extend((0..2000).map(|n| (format!("gone {n}"), seen(4000 - n))));
        known.extend((0..2000).map(|n| (format!("there {n}"), seen(5000))));
        forget(&mut known, start + Duration::from_secs(5000));
        assert!(known.keys().filter(|tag| tag.starts_with("there")).count() == 2000);
        assert_eq!(known.len(), 2000 + MOST_GONE);
        assert!(known.contains_key("gone 0") && !known.contains_key("gone 1999"));
    }
}
