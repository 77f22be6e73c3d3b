//! `ls`: lists all tags, and watches them for a moment to tell how often they change.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use ndsharray::{Entry, EntryKind, Error, Stat, Store};
use serde::Serialize;

use crate::failure::Result;
use crate::locks::Locks;
use crate::owner::Owners;
use crate::table::{self, Align, Table};
use crate::units;
use crate::value::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long to watch all tags together, to tell their rates; 0: no rates
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 200, value_parser = milliseconds)]
    look: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let found = text.parse().ok().filter(|millis| *millis <= 60_000);
    found.ok_or_else(|| "expected 0 to 60000 milliseconds".to_owned())
}

/// A tag, as JSON has it.
#[derive(Debug, Default, Serialize)]
struct Line {
    tag: String,
    /// What is wrong with it. Then only what the directory tells is known.
    damaged: Option<String>,
    /// Why this user may not read it. Then only what the directory tells is known.
    unreadable: Option<String>,
    value: Option<Value>,
    /// Values per second while it was watched; null if it was not.
    rate: Option<f64>,
    writer_alive: Option<bool>,
    /// The pid of the process that writes it now; null if nobody does. It is the pid in this PID namespace, or in the
    /// writer's own if the writer cannot be seen from here.
    pid: Option<u32>,
    uid: Option<u32>,
    owner: Option<String>,
    mode: Option<String>,
    ephemeral: Option<bool>,
    /// Where the values come from; empty: from a writer of this machine.
    source: Option<String>,
    storage_bytes: Option<u64>,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let entries = store.entries()?;
    let before = if args.look > 0 { watch(store, &entries, args.look) } else { HashMap::new() };
    let (owners, locks) = (Owners::load(), Locks::load());
    let mut lines = Vec::new();
    for Entry { tag, kind, .. } in entries {
        if let EntryKind::Unreadable(error) = kind {
            let why = Some(error.to_string());
            lines.extend(Line::unknown(store, tag, &owners, &locks).map(|l| Line { unreadable: why, ..l }));
            continue;
        }
        match Sight::of(store, &tag) {
            Ok((mut stat, sight)) => {
                if stat.writer_alive {
                    stat.pid = locks.holder(&store.directory().join(&tag)).or(stat.pid);
                }
                let rate = before.get(&tag).and_then(|before| rate(before.as_ref()?, sight.as_ref()?));
                lines.push(Line::array(stat, &owners, rate));
            }
            // It was removed meanwhile.
            Err(Error::NotFound { .. }) => {}
            Err(error) => {
                let why = Some(error.to_string());
                lines.extend(Line::unknown(store, tag, &owners, &locks).map(|l| Line { damaged: why, ..l }));
            }
        }
    }
    if args.json {
        return table::print_json(&lines);
    }
    table::print(&text(&lines))
}

/// The latest value of an array at a moment.
#[derive(Clone, Copy, Debug)]
struct Sight {
    at: Instant,
    version: u64,
    age: Duration,
}

impl Sight {
    /// What `stat` says, and the value that there was then.
    fn of(store: &Store, tag: &str) -> Result<(Stat, Option<Sight>), Error> {
        let stat = store.stat(tag)?;
        let at = Instant::now();
        let sight = stat.value.as_ref().map(|value| Sight { at, version: value.version, age: value.age });
        Ok((stat, sight))
    }
}

/// Waits, and returns what there was of each array before that.
fn watch(store: &Store, entries: &[Entry], millis: u64) -> HashMap<String, Option<Sight>> {
    let arrays: Vec<&Entry> = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Array)).collect();
    if arrays.is_empty() {
        return HashMap::new();
    }
    let sight = |entry: &&Entry| Some((entry.tag.clone(), Sight::of(store, &entry.tag).ok()?.1));
    let found = arrays.iter().filter_map(sight).collect();
    std::thread::sleep(Duration::from_millis(millis));
    found
}

impl Line {
    /// A tag of which only the directory tells. `None` if it was removed meanwhile.
    fn unknown(store: &Store, tag: String, owners: &Owners, locks: &Locks) -> Option<Self> {
        let path = store.directory().join(&tag);
        let found = path.symlink_metadata().ok()?;
        let pid = locks.holder(&path);
        Some(Line {
            tag,
            writer_alive: pid.map(|_| true),
            pid,
            uid: Some(found.uid()),
            owner: Some(owners.name(found.uid())),
            mode: Some(format!("{:04o}", found.mode() & 0o7777)),
            ..Line::default()
        })
    }

    fn array(stat: Stat, owners: &Owners, rate: Option<f64>) -> Self {
        Line {
            tag: stat.tag,
            damaged: None,
            unreadable: None,
            value: stat.value.map(Value::from),
            rate,
            writer_alive: Some(stat.writer_alive),
            pid: stat.pid,
            uid: Some(stat.uid),
            owner: Some(owners.name(stat.uid)),
            mode: Some(format!("{:04o}", stat.mode)),
            ephemeral: Some(stat.ephemeral),
            source: Some(stat.source),
            storage_bytes: Some(stat.bytes),
        }
    }
}

/// Values per second, from the times at which two values were written: the time of a short watch would round it.
///
/// The time between the two is told by their ages. Unix times would not do: somebody may have set the clock in between. `None`
/// if the ages make no sense.
fn rate(before: &Sight, now: &Sight) -> Option<f64> {
    let values = now.version.checked_sub(before.version)?;
    if values == 0 {
        return Some(0.0);
    }
    let passed = now.at.duration_since(before.at) + before.age;
    let time = passed.checked_sub(now.age)?.as_secs_f64();
    (time > 0.0).then(|| values as f64 / time)
}

fn text(lines: &[Line]) -> String {
    use Align::{Left, Right};
    let has_source = |line: &Line| line.source.as_ref().is_some_and(|source| !source.is_empty());
    let sources = lines.iter().any(has_source);
    let columns = [
        ("TAG", Left),
        ("DTYPE", Left),
        ("SHAPE", Left),
        ("BYTES", Right),
        ("VERSION", Right),
        ("AGE", Right),
        ("RATE", Right),
        ("WRITER", Left),
        ("PID", Right),
        ("OWNER", Left),
        ("SLOTS", Right),
        ("PINNED", Right),
        ("MODE", Left),
        // Nearly all are of this machine.
        ("SOURCE", Left),
    ];
    let mut table = Table::new(&columns[..columns.len() - usize::from(!sources)]);
    let dash = || "-".to_owned();
    for line in lines {
        let mut cells = vec![line.tag.clone()];
        match (&line.value, line.damaged.as_ref().or(line.unreadable.as_ref())) {
            (Some(value), _) => {
                let age = Duration::try_from_secs_f64(value.age_seconds).unwrap_or_default();
                let bytes = units::bytes(value.bytes as u64);
                cells.extend([value.dtype.clone(), units::shape(&value.shape), bytes]);
                cells.extend([value.version.to_string(), units::age(age)]);
            }
            (None, None) => cells.extend(["(empty)".to_owned(), dash(), dash(), "0".to_owned(), dash()]),
            (None, Some(_)) => {
                let what = if line.unreadable.is_some() { "(not readable)" } else { "(damaged)" };
                cells.extend([what.to_owned(), dash(), dash(), dash(), dash()]);
            }
        }
        cells.push(line.rate.map_or_else(dash, units::rate));
        cells.push(match (line.writer_alive, line.ephemeral) {
            (Some(true), Some(true)) => "ephemeral".to_owned(),
            (Some(true), _) => "alive".to_owned(),
            (Some(false), _) => "gone".to_owned(),
            (None, _) => dash(),
        });
        cells.push(line.pid.map_or_else(dash, |pid| pid.to_string()));
        cells.push(line.owner.clone().unwrap_or_else(dash));
        let value = line.value.as_ref();
        cells.push(value.map_or_else(dash, |value| value.slots_allocated.to_string()));
        cells.push(value.map_or_else(dash, |value| value.slots_pinned.to_string()));
        cells.push(line.mode.clone().unwrap_or_else(dash));
        if sources {
            cells.push(line.source.clone().filter(|source| !source.is_empty()).unwrap_or_else(dash));
        }
        table.row(cells);
    }
    let mut text = table.text();
    for line in lines {
        if let Some(why) = line.damaged.as_ref().or(line.unreadable.as_ref()) {
            text += &format!("{}: {why}\n", line.tag);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_the_times_of_writing() {
        let start = Instant::now();
        let sight = |version, millis, age| Sight {
            at: start + Duration::from_millis(millis),
            version,
            age: Duration::from_millis(age),
        };
        // Six values from 990 ms to 1190 ms.
        assert_eq!(rate(&sight(10, 1000, 10), &sight(16, 1210, 20)), Some(30.0));
        assert_eq!(rate(&sight(10, 1000, 0), &sight(10, 1200, 200)), Some(0.0));
        assert_eq!(rate(&sight(10, 1000, 0), &sight(2, 1200, 0)), None, "another header");
        // One value after a long pause.
        assert_eq!(rate(&sight(1, 1000, 9850), &sight(2, 1200, 50)), Some(0.1));
        // The clock of a writer with another monotonic clock was set back or forth between the looks.
        assert_eq!(rate(&sight(10, 1000, 0), &sight(16, 1200, 3_600_000)), None);
        assert!(rate(&sight(10, 1000, 3_600_000), &sight(16, 1200, 0)).unwrap() > 0.0);
    }
}
