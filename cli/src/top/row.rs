//! What a series of looks at a tag tells.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Rates are averaged over about this time, so that those of slow streams do not flicker.
const WINDOW: Duration = Duration::from_secs(2);
/// How many rates are kept for the bars.
const BARS: usize = 40;
/// How long a change is shown, and a tag that is gone stays listed.
const NEWS: Duration = Duration::from_secs(6);

/// One look at a tag.
#[derive(Clone, Debug)]
pub struct Look {
    pub tag: String,
    pub at: Instant,
    pub found: Result<State, Trouble>,
}

/// Why a tag was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    Gone,
    /// The data file was removed by hand. The reason, as for `Broken`.
    DataMissing(String),
    Broken(String),
}

/// A tag as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The inode of the header, to notice that the tag has another one.
    pub file: u64,
    pub writer_alive: bool,
    /// Storage in bytes.
    pub memory: u64,
    /// Where the values come from; empty: from a writer of this machine.
    pub source: String,
    pub value: Option<Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub layout: String,
    pub nbytes: usize,
    pub version: u64,
    pub age: Duration,
    /// Slots that readers hold, and slots there are.
    pub slots: (usize, usize),
}

/// A tag with its past.
#[derive(Debug)]
pub struct Row {
    pub tag: String,
    /// As last found.
    pub state: Option<State>,
    /// Why it was not found now.
    pub trouble: Option<Trouble>,
    /// Values per second at each look, the newest last.
    pub rates: VecDeque<f64>,
    versions: VecDeque<(Instant, u64)>,
    news: Option<(Instant, &'static str)>,
    gone_at: Option<Instant>,
}

impl Row {
    pub fn new(tag: &str) -> Row {
        Row {
            tag: tag.to_owned(),
            state: None,
            trouble: None,
            rates: VecDeque::new(),
            versions: VecDeque::new(),
            news: None,
            gone_at: None,
        }
    }

    pub fn update(&mut self, look: Look) {
        let Look { at, found, .. } = look;
        let (was, gone_at) = (self.trouble.take(), self.gone_at.take());
        match found {
            Ok(state) => self.found(at, state, was.is_some()),
            Err(trouble) => {
                if trouble == Trouble::Gone {
                    self.gone_at = gone_at.or(Some(at));
                }
                self.trouble = Some(trouble);
                self.versions.clear();
                self.push_rate(0.0);
            }
        }
    }

    fn found(&mut self, at: Instant, state: State, was_lost: bool) {
        let version = state.value.as_ref().map_or(0, |value| value.version);
        if let Some(before) = self.state.take() {
            let seen = before.value.as_ref().map_or(0, |value| value.version);
            let layout = |state: &State| state.value.as_ref().map(|value| value.layout.clone());
            if before.file != state.file || version < seen {
                self.news = Some((at, "replaced"));
                self.versions.clear();
            } else if before.value.is_some() && layout(&before) != layout(&state) {
                self.news = Some((at, "new layout"));
            } else if was_lost {
                self.news = Some((at, "back"));
            }
        }
        let before = self.versions.back().copied();
        self.versions.push_back((at, version));
        while self.versions.len() > 2 && at.duration_since(self.versions[1].0) >= WINDOW {
            self.versions.pop_front();
        }
        self.push_rate(before.map_or(0.0, |before| rate(before, (at, version))));
        self.state = Some(state);
    }

    fn push_rate(&mut self, rate: f64) {
        if self.rates.len() == BARS {
            self.rates.pop_front();
        }
        self.rates.push_back(rate);
    }

    pub fn value(&self) -> Option<&Value> {
        self.state.as_ref()?.value.as_ref()
    }

    /// Values per second, over the last two seconds or so.
    pub fn rate(&self) -> f64 {
        match (self.versions.front(), self.versions.back()) {
            (Some(&first), Some(&last)) => rate(first, last),
            _ => 0.0,
        }
    }

    /// Bytes that are published per second.
    pub fn throughput(&self) -> f64 {
        self.rate() * self.value().map_or(0, |value| value.nbytes) as f64
    }

    pub fn memory(&self) -> u64 {
        match self.trouble {
            Some(Trouble::Gone) => 0,
            _ => self.state.as_ref().map_or(0, |state| state.memory),
        }
    }

    /// Whether it has been gone for long enough to leave the list.
    pub fn is_past(&self, now: Instant) -> bool {
        self.gone_at.is_some_and(|at| now.duration_since(at) >= NEWS)
    }

    /// What changed not long before `now`.
    pub fn news(&self, now: Instant) -> Option<&'static str> {
        self.news.filter(|(at, _)| now.duration_since(*at) < NEWS).map(|(_, news)| news)
    }
}

fn rate((from, first): (Instant, u64), (to, last): (Instant, u64)) -> f64 {
    let seconds = to.duration_since(from).as_secs_f64();
    if seconds > 0.0 { last.saturating_sub(first) as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn state(version: u64) -> State {
        let slots = (1, 2);
        let value =
            Value { layout: "uint8 4,5".into(), nbytes: 20, version, age: Duration::from_millis(3), slots };
        State { file: 7, writer_alive: true, memory: 4096, source: String::new(), value: Some(value) }
    }

    pub fn look(tag: &str, at: Instant, found: Result<State, Trouble>) -> Look {
        Look { tag: tag.to_owned(), at, found }
    }

    /// A row that saw these versions, half a second apart.
    pub fn row(tag: &str, versions: &[u64]) -> (Row, Instant) {
        let (mut row, mut at) = (Row::new(tag), Instant::now());
        for &version in versions {
            at += Duration::from_millis(500);
            row.update(look(tag, at, Ok(state(version))));
        }
        (row, at)
    }

    #[test]
    fn rates_are_taken_over_two_seconds() {
        let (row, _) = row("a", &[100, 101, 101, 101, 101, 102]);
        assert_eq!(row.rate(), 0.5, "one value in the last two seconds");
        assert_eq!(row.throughput(), 10.0);
        assert_eq!(row.rates, [0.0, 2.0, 0.0, 0.0, 0.0, 2.0]);
        assert_eq!(super::tests::row("a", &[5]).0.rate(), 0.0);
    }

    #[test]
    fn a_change_is_news_for_a_while() {
        let (mut row, at) = row("a", &[1, 2]);
        assert_eq!(row.news(at), None);
        let mut other = state(3);
        other.value.as_mut().unwrap().layout = "float32 2".into();
        row.update(look("a", at, Ok(other.clone())));
        assert_eq!(row.news(at), Some("new layout"));
        assert_eq!(row.news(at + NEWS), None);
        other.file = 8;
        row.update(look("a", at, Ok(other.clone())));
        assert_eq!(row.news(at), Some("replaced"));
        other.value.as_mut().unwrap().version = 1;
        row.update(look("a", at + NEWS, Ok(other)));
        assert_eq!((row.news(at + NEWS), row.rate()), (Some("replaced"), 0.0));
    }

    #[test]
    fn a_tag_goes_breaks_and_comes_back() {
        let (mut row, at) = row("a", &[1, 3]);
        row.update(look("a", at, Err(Trouble::Broken("why".into()))));
        assert_eq!((row.trouble.clone(), row.rate()), (Some(Trouble::Broken("why".into())), 0.0));
        assert!(!row.is_past(at + NEWS));
        row.update(look("a", at, Err(Trouble::Gone)));
        row.update(look("a", at + NEWS / 2, Err(Trouble::Gone)));
        assert_eq!((row.memory(), row.is_past(at)), (0, false));
        assert!(row.is_past(at + NEWS), "counted from the first look that did not find it");
        row.update(look("a", at + NEWS, Ok(state(3))));
        assert_eq!((row.trouble.clone(), row.news(at + NEWS)), (None, Some("back")));
        assert_eq!(row.memory(), 4096);
    }
}
