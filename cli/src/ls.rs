//! `ls`: lists all tags, and watches them for a moment to tell how often they change.

use std::collections::HashMap;
use std::time::Duration;

use ndsharray::{Entry, EntryKind, Error, Stat, Store};

use crate::failure::{Result, say};
use crate::locks::Locks;
use crate::owner::Owners;
use crate::rate::Look;
use crate::state::State;
use crate::table::{self, Align, Table};
use crate::{tags, units};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tags, or patterns of them such as 'cam*' [default: all]
    #[arg(value_name = "TAG", add = crate::complete::tags())]
    tags: Vec<String>,
    #[command(flatten)]
    look: Look,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let entries = entries(store, &args.tags)?;
    let before = args.look.time().map_or_else(HashMap::new, |time| watch(store, &entries, time));
    let (owners, locks) = (Owners::load(), Locks::load());
    let mut lines = Vec::new();
    for Entry { tag, kind, .. } in entries {
        if let EntryKind::Unreadable(error) = kind {
            let why = Some(error.to_string());
            lines.extend(State::unknown(store, tag, &owners, &locks).map(|l| State { unreadable: why, ..l }));
            continue;
        }
        match store.stat(&tag) {
            Ok(mut stat) => {
                if stat.writer_alive {
                    stat.pid = locks.holder(&store.directory().join(&tag)).or(stat.pid);
                }
                let rate = before.get(&tag).and_then(|before| stat.rate_since(before));
                lines.push(State::array(stat, &owners, rate));
            }
            // It was removed meanwhile.
            Err(Error::NotFound { .. }) => {}
            Err(error) => {
                let why = Some(error.to_string());
                lines
                    .extend(State::unknown(store, tag, &owners, &locks).map(|l| State { damaged: why, ..l }));
            }
        }
    }
    if args.json {
        return table::print_json(&lines);
    }
    if lines.is_empty() {
        say(&format!("no tags in {}", store.directory().display()));
        return Ok(());
    }
    table::print(&text(&lines))
}

/// So many characters of a record's fields are shown.
const WIDEST: usize = 40;

/// What stands under these names; under all if there are none.
fn entries(store: &Store, names: &[String]) -> Result<Vec<Entry>> {
    let mut entries = store.entries()?;
    if names.is_empty() {
        return Ok(entries);
    }
    let tags = tags::all(store, names)?;
    for tag in &tags {
        if !entries.iter().any(|entry| entry.tag == *tag) {
            // The error says why it is none.
            store.stat(tag)?;
        }
    }
    entries.retain(|entry| tags.contains(&entry.tag));
    Ok(entries)
}

/// Waits, and returns what there was of each array before that.
fn watch(store: &Store, entries: &[Entry], time: Duration) -> HashMap<String, Stat> {
    let arrays: Vec<&Entry> = entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Array)).collect();
    if arrays.is_empty() {
        return HashMap::new();
    }
    let look = |entry: &&Entry| Some((entry.tag.clone(), store.stat(&entry.tag).ok()?));
    let found = arrays.iter().filter_map(look).collect();
    std::thread::sleep(time);
    found
}

fn text(lines: &[State]) -> String {
    use Align::{Left, Right};
    let has_source = |line: &State| line.source.as_ref().is_some_and(|source| !source.is_empty());
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
                cells.extend([units::shorten(&value.dtype, WIDEST), units::shape(&value.shape), bytes]);
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
