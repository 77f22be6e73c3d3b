//! `stat`: shows the state of a tag in a few lines; or all fields of its files, what they mean, and what is wrong.

mod files;

use ndsharray::{Error, Stat, Store, ValueStat};
use serde::Serialize;

use crate::describe::{self, Line};
use crate::failure::{Failure, Result};
use crate::locks::Locks;
use crate::owner::Owners;
use crate::rate::Look;
use crate::state::State;
use crate::table;
use crate::{tags, units};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
    tag: String,
    /// Show all: the exact times too, and every field of the header and data files
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    look: Look,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    #[serde(flatten)]
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<files::FileReport>>,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let tag = tags::one(store, &args.tag)?;
    let found = store.inspect(&tag)?;
    let (owners, locks) = (Owners::load(), Locks::load());
    let files = std::iter::once(found.header).chain(found.data_files);
    let files: Vec<_> = files.map(|file| files::report(file, &owners)).collect();
    // A file that the header does not name is not in use: a problem in it does not damage the array.
    let problem = files.iter().filter(|file| file.current).find_map(|file| file.problem.clone());
    let removed = || Failure::from(Error::Removed { tag: tag.clone() });
    let (lines, mut state) = match look(store, &tag, &args.look) {
        Ok((stat, rate)) => {
            let writer = writer(&stat, locks.holder(&store.directory().join(&tag)), &owners);
            let lines = if args.all { all(&stat, &writer) } else { short(&stat, rate, &writer) };
            (lines, State::array(stat, &owners, rate))
        }
        Err(Error::NotFound { .. }) => return Err(removed()),
        // The files are shown anyway, with this error at the file that has it.
        Err(_) => (Vec::new(), State::unknown(store, tag.clone(), &owners, &locks).ok_or_else(removed)?),
    };
    state.damaged = problem.clone();
    if args.json {
        let files = args.all.then_some(files);
        table::print_json(&Report { ok: problem.is_none(), state, files })?;
    } else {
        let tables = if args.all { files::text(&files) } else { String::new() };
        table::print(&(describe::text(&lines) + &tables))?;
    }
    problem.map_or(Ok(()), |problem| Err(Failure::Failed(problem)))
}

/// The state of a tag, and how often it changes, if it has a writer.
fn look(store: &Store, tag: &str, look: &Look) -> Result<(Stat, Option<f64>), Error> {
    let before = store.stat(tag)?;
    let Some(time) = look.time().filter(|_| before.writer_alive && before.value.is_some()) else {
        return Ok((before, None));
    };
    std::thread::sleep(time);
    let now = store.stat(tag)?;
    let rate = now.rate_since(&before);
    Ok((now, rate))
}

/// Who writes; `here`: the pid of the writer, if it can be seen from here.
fn writer(stat: &Stat, here: Option<u32>, owners: &Owners) -> String {
    let writer = match (here, stat.pid) {
        _ if !stat.writer_alive => "gone".to_owned(),
        (Some(pid), _) => format!("alive, pid {pid}"),
        (None, Some(pid)) => format!("alive, pid {pid} in another PID namespace"),
        (None, None) => "alive, in another PID namespace".to_owned(),
    };
    let ephemeral = if stat.ephemeral { "; the tag goes with its writer" } else { "" };
    format!("{writer}{ephemeral}; owner {}, mode {:04o}", owners.name(stat.uid), stat.mode)
}

fn short(stat: &Stat, rate: Option<f64>, writer: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    match &stat.value {
        Some(value) => {
            let rate = rate.map(|rate| format!(", {}", units::rate(rate))).unwrap_or_default();
            let acquired = value.acquired_at.map(|time| describe::apart(time, value.written_at));
            let acquired = acquired.map(|apart| format!(", acquired {apart} that")).unwrap_or_default();
            lines.push(layout(value));
            let written = units::age(value.age);
            lines.push(("version", format!("{}{rate}, written {written} ago{acquired}", value.version)));
        }
        None => lines.push(("value", "none yet".to_owned())),
    }
    lines.push(("writer", writer.to_owned()));
    let slots = stat.value.as_ref().map(slots).map(|slots| format!(": {slots}")).unwrap_or_default();
    lines.push(("memory", format!("{}{slots}", units::bytes(stat.bytes))));
    lines.extend(stat.value.as_ref().and_then(attributes));
    lines.extend(source(stat));
    lines
}

fn all(stat: &Stat, writer: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    match &stat.value {
        Some(value) => {
            lines.push(layout(value));
            lines.push(("version", format!("{}, written {} ago", value.version, units::age(value.age))));
            lines.extend(describe::times(value.written_at, value.acquired_at, value.source_written_at));
            lines.extend(attributes(value));
        }
        None => lines.push(("value", "none yet".to_owned())),
    }
    lines.extend(source(stat));
    lines.push(("writer", writer.to_owned()));
    lines.extend(stat.value.as_ref().map(|value| ("slots", slots(value))));
    lines.push(("storage", units::bytes(stat.bytes)));
    lines
}

fn layout(value: &ValueStat) -> Line {
    describe::layout(&value.dtype, &value.shape, value.nbytes)
}

fn slots(value: &ValueStat) -> String {
    let slots = value.slots;
    let (count, room) = (units::count(slots.allocated as u64, "slot"), units::bytes(slots.capacity as u64));
    format!("{count} of {room}, {} held by readers", slots.pinned)
}

fn attributes(value: &ValueStat) -> Option<Line> {
    if value.user_data.is_none() {
        return Some(("attrs", "not known: values come faster than they can be looked at".to_owned()));
    }
    describe::attributes(value.attributes_json.as_deref())
}

fn source(stat: &Stat) -> Option<Line> {
    (!stat.source.is_empty()).then(|| ("source", stat.source.clone()))
}
