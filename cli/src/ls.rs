//! `ls`: lists all tags, and watches them for a moment to tell how often they change.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use ndsharray::{Entry, EntryKind, Error, Stat, Store};
use serde::Serialize;

use crate::failure::Result;
use crate::locks::Locks;
use crate::owner::Owners;
use crate::table::{self, Align, Table};
use crate::units;

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
    /// What is wrong with it. Then nothing else is known.
    damaged: Option<String>,
    /// Why this user may not read it. Then only what the directory tells is known.
    unreadable: Option<String>,
    value: Option<Value>,
    /// Values per second while it was watched; null if it was not.
    rate: Option<f64>,
    writer_alive: Option<bool>,
    /// The writer's pid, or that of the process that made the header if the writer is gone or cannot be seen.
    pid: Option<u32>,
    uid: Option<u32>,
    owner: Option<String>,
    mode: Option<String>,
    ephemeral: Option<bool>,
    storage_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Value {
    dtype: String,
    shape: Vec<usize>,
    bytes: usize,
    version: u64,
    age_seconds: f64,
    data_file: String,
    slots_allocated: Option<usize>,
    slots_pinned: Option<usize>,
    slot_bytes: Option<usize>,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let entries = store.entries()?;
    let before = if args.look > 0 { watch(store, &entries, args.look) } else { HashMap::new() };
    let (owners, locks) = (Owners::load(), Locks::load());
    let mut lines = Vec::new();
    for Entry { tag, kind, .. } in entries {
        if let EntryKind::Unreadable(error) = kind {
            lines.extend(Line::unreadable(store, tag, &error, &owners, &locks));
            continue;
        }
        match store.stat(&tag) {
            Ok(mut stat) => {
                if stat.writer_alive {
                    stat.pid = locks.holder(&store.directory().join(&tag)).unwrap_or(stat.pid);
                }
                lines.push(Line::array(stat, &owners, before.get(&tag).copied(), args.look > 0));
            }
            // It was removed meanwhile.
            Err(Error::NotFound { .. }) => {}
            Err(error) => {
                lines.push(Line { tag, damaged: Some(error.to_string()), ..Line::default() });
            }
        }
    }
    if args.json {
        return table::print_json(&lines);
    }
    table::print(&text(&lines))
}

/// Waits, and returns what there was before that: the version of each array, and when it was written.
fn watch(store: &Store, entries: &[Entry], millis: u64) -> HashMap<String, (u64, Duration)> {
    let arrays: Vec<&Entry> = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Array)).collect();
    if arrays.is_empty() {
        return HashMap::new();
    }
    let version = |entry: &&Entry| {
        let value = store.stat(&entry.tag).ok()?.value?;
        Some((entry.tag.clone(), (value.version, value.written_at)))
    };
    let found = arrays.iter().filter_map(version).collect();
    std::thread::sleep(Duration::from_millis(millis));
    found
}

impl Line {
    /// `None` if it was removed meanwhile.
    fn unreadable(store: &Store, tag: String, error: &Error, owners: &Owners, locks: &Locks) -> Option<Self> {
        let path = store.directory().join(&tag);
        let found = path.symlink_metadata().ok()?;
        let pid = locks.holder(&path);
        Some(Line {
            tag,
            unreadable: Some(error.to_string()),
            writer_alive: pid.map(|_| true),
            pid,
            uid: Some(found.uid()),
            owner: Some(owners.name(found.uid())),
            mode: Some(format!("{:04o}", found.mode() & 0o7777)),
            ..Line::default()
        })
    }

    fn array(stat: Stat, owners: &Owners, before: Option<(u64, Duration)>, looked: bool) -> Self {
        let rate = looked.then(|| {
            let now = stat.value.as_ref().map(|value| (value.version, value.written_at));
            rate(before, now)
        });
        let value = stat.value.map(|value| Value {
            dtype: value.dtype.to_string(),
            shape: value.shape,
            bytes: value.nbytes,
            version: value.version,
            age_seconds: value.age.as_secs_f64(),
            data_file: value.data_file,
            slots_allocated: value.slots.map(|slots| slots.allocated),
            slots_pinned: value.slots.map(|slots| slots.pinned),
            slot_bytes: value.slots.map(|slots| slots.capacity),
        });
        Line {
            tag: stat.tag,
            damaged: None,
            unreadable: None,
            value,
            rate: rate.flatten(),
            writer_alive: Some(stat.writer_alive),
            pid: Some(stat.pid),
            uid: Some(stat.uid),
            owner: Some(owners.name(stat.uid)),
            mode: Some(format!("{:04o}", stat.mode)),
            ephemeral: Some(stat.ephemeral),
            storage_bytes: Some(stat.bytes),
        }
    }
}

/// Values per second, from the times at which two values were written: the time of a short watch would round it.
fn rate(before: Option<(u64, Duration)>, now: Option<(u64, Duration)>) -> Option<f64> {
    let ((version, at), (later, later_at)) = (before?, now?);
    let values = later.checked_sub(version)?;
    let time = later_at.checked_sub(at)?.as_secs_f64();
    if values == 0 { Some(0.0) } else { (time > 0.0).then(|| values as f64 / time) }
}

fn text(lines: &[Line]) -> String {
    use Align::{Left, Right};
    let mut table = Table::new(&[
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
    ]);
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
        cells.push(value.and_then(|value| value.slots_allocated).map_or_else(dash, |n| n.to_string()));
        cells.push(value.and_then(|value| value.slots_pinned).map_or_else(dash, |n| n.to_string()));
        cells.push(line.mode.clone().unwrap_or_else(dash));
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
        let at = |version, millis| Some((version, Duration::from_millis(millis)));
        assert_eq!(rate(at(10, 1000), at(16, 1200)), Some(30.0));
        assert_eq!(rate(at(10, 1000), at(10, 1000)), Some(0.0));
        assert_eq!(rate(at(10, 1000), at(2, 1200)), None, "another header");
        assert_eq!(rate(None, at(2, 1200)), None);
    }
}
