//! `doctor`: checks whether the store's directory is a good place, what is left over in it, and where its memory is.

mod finding;
mod memory;
mod place;

use ndsharray::{Entry, EntryKind, Store};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{table, units};

use self::finding::{Finding, Level};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    directory: String,
    findings: Vec<Finding>,
    memory: memory::Memory,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let directory = store.directory();
    let mut findings = place::check(store)?;
    match store.entries() {
        Ok(entries) => findings.extend([left_over(store)?, damaged(store, &entries)]),
        Err(error) => {
            let todo = "run it as the directory's owner, or use a directory of your own and name it in NDSHARRAY_DIR";
            findings.push(Finding::problem("arrays", error.to_string(), todo));
        }
    }
    let memory = memory::measure(store)?;
    findings.push(memory.finding());
    let problem = findings.iter().any(|finding| finding.level == Level::Problem);
    let report = Report { directory: directory.display().to_string(), findings, memory };
    if args.json {
        table::print_json(&report)?
    } else {
        table::print(&text(&report))?
    }
    if problem { Err(Failure::Found) } else { Ok(()) }
}

fn left_over(store: &Store) -> Result<Finding> {
    let found = store.gc_dry_run()?;
    if found.removed.is_empty() {
        return Ok(Finding::ok("left over", "nothing from killed processes or a plain rm"));
    }
    let (files, bytes) = (units::count(found.removed.len() as u64, "file"), units::bytes(found.bytes));
    let text = format!("{files} from killed processes or a plain rm, {bytes}");
    Ok(Finding::note("left over", text, "`ndsharray gc --dry-run` names them, `ndsharray gc` removes them"))
}

fn damaged(store: &Store, entries: &[Entry]) -> Finding {
    let (unreadable, readable): (Vec<_>, Vec<_>) =
        entries.iter().partition(|entry| matches!(entry.kind, EntryKind::Unreadable(_)));
    let is_damaged = |entry: &&&Entry| {
        let found = store.inspect(&entry.tag).ok();
        let files = found.into_iter().flat_map(|found| std::iter::once(found.header).chain(found.data_files));
        files.into_iter().any(|file| file.current && file.problem.is_some())
    };
    let damaged: Vec<&str> = readable.iter().filter(is_damaged).map(|entry| &entry.tag[..]).collect();
    if damaged.is_empty() {
        let mut text = format!("{}, none damaged", units::count(readable.len() as u64, "tag"));
        if !unreadable.is_empty() {
            text += &format!("; {} more that this user may not read", unreadable.len());
        }
        return Finding::ok("arrays", text);
    }
    let todo = "`ndsharray stat TAG` says what is wrong; plain `rm` removes files that cannot be saved";
    Finding::problem("arrays", format!("damaged: {}", damaged.join(", ")), todo)
}

fn text(report: &Report) -> String {
    let mut text = format!("store {}\n\n", report.directory.replace(char::is_control, "?"));
    for finding in &report.findings {
        let level = match finding.level {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Problem => "PROBLEM",
        };
        text += &format!("{level:<9}{:<13}{}\n", finding.check, finding.found.replace(char::is_control, "?"));
        if !finding.todo.is_empty() {
            text += &format!("{:<22}-> {}\n", "", finding.todo);
        }
    }
    text += &report.memory.text();
    text
}
