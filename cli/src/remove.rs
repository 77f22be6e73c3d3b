//! `rm` removes the tags that are named, `gc` what killed processes left.

use ndsharray::{ErrorKind, Store};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::owner::Owners;
use crate::table::{self, visible};
use crate::{tags, units};

#[derive(Debug, clap::Args)]
pub struct RmArgs {
    /// The tags, or patterns of them such as 'cam*'
    #[arg(required = true, value_name = "TAG", add = crate::complete::tags())]
    tags: Vec<String>,
    /// Remove a tag even if it is damaged, or a writer has it; the next write of that writer fails
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
pub struct GcArgs {
    /// Only print what would be removed
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    removed: Vec<String>,
    bytes: u64,
    /// What looks left over and is another user's.
    of_others: Vec<OfAnother>,
}

#[derive(Serialize)]
struct OfAnother {
    name: String,
    uid: u32,
    owner: String,
    bytes: u64,
}

pub fn rm(store: &Store, args: &RmArgs) -> Result<()> {
    let tags = tags::all(store, &args.tags)?;
    // One that cannot be removed does not keep the others from it.
    let failures = tags.iter().filter_map(|tag| remove(store, tag, args.force).err());
    Failure::of(failures.collect())
}

fn remove(store: &Store, tag: &str, force: bool) -> Result<()> {
    let removed = if force { store.force_remove(tag) } else { store.remove(tag) };
    removed.map_err(|error| {
        let hint = match error.kind() {
            ErrorKind::Busy => " (rm --force removes it anyway)",
            ErrorKind::Damaged => " (stat shows more; rm --force removes it)",
            _ => "",
        };
        match Failure::from(error) {
            Failure::Bad(text) => Failure::Bad(text + hint),
            Failure::Failed(text) => Failure::Failed(text + hint),
            other => other,
        }
    })
}

pub fn gc(store: &Store, args: &GcArgs) -> Result<()> {
    let found = if args.dry_run { store.gc_dry_run()? } else { store.gc()? };
    let owners = Owners::load();
    let of_others = found.of_others.into_iter().map(|file| OfAnother {
        name: file.name,
        uid: file.uid,
        owner: owners.name(file.uid),
        bytes: file.bytes,
    });
    let report = Report {
        dry_run: args.dry_run,
        removed: found.removed,
        bytes: found.bytes,
        of_others: of_others.collect(),
    };
    if args.json {
        return table::print_json(&report);
    }
    table::print(&text(&report))
}

fn text(report: &Report) -> String {
    let line = |name: &str| format!("{}\n", visible(name));
    let mut text: String = report.removed.iter().map(|name| line(name)).collect();
    let count = units::count(report.removed.len() as u64, "file");
    let removed = if report.dry_run { "would be removed" } else { "removed" };
    text += &format!("{count}, {} {removed}\n", units::bytes(report.bytes));
    if !report.of_others.is_empty() {
        let count = units::count(report.of_others.len() as u64, "file");
        text += &format!(
            "{count} of other users may be left over; only their owners, or root, may remove them:\n"
        );
        for file in &report.of_others {
            text += &line(&format!("{}  {}, {}", file.name, file.owner, units::bytes(file.bytes)));
        }
    }
    text
}
