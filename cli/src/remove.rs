//! `rm` removes the tags that are named, `gc` what killed processes left.

use ndsharray::{Error, Store};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::{table, units};

#[derive(Debug, clap::Args)]
pub struct RmArgs {
    /// The tags
    #[arg(required = true)]
    tags: Vec<String>,
    /// Remove a tag even if a writer has it; the next write of that writer fails
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
}

pub fn rm(store: &Store, args: &RmArgs) -> Result<()> {
    for tag in &args.tags {
        let removed = if args.force { store.force_remove(tag) } else { store.remove(tag) };
        removed.map_err(|error| {
            let hint = match &error {
                Error::WriterExists { .. } => " (rm --force removes it anyway)",
                Error::Truncated { .. }
                | Error::FormatVersion { .. }
                | Error::UnknownFeatures { .. }
                | Error::Endianness { .. }
                | Error::Checksum { .. }
                | Error::Corrupt { .. } => " (stat shows more; plain rm removes the file)",
                _ => "",
            };
            match Failure::from(error) {
                Failure::Bad(text) => Failure::Bad(text + hint),
                Failure::Failed(text) => Failure::Failed(text + hint),
                other => other,
            }
        })?;
    }
    Ok(())
}

pub fn gc(store: &Store, args: &GcArgs) -> Result<()> {
    let found = if args.dry_run { store.gc_dry_run()? } else { store.gc()? };
    let report = Report { dry_run: args.dry_run, removed: found.removed, bytes: found.bytes };
    if args.json {
        return table::print_json(&report);
    }
    let mut text: String = report.removed.iter().map(|name| format!("{name}\n")).collect();
    let done = if args.dry_run { "would be removed" } else { "removed" };
    text += &format!(
        "{}, {} {done}\n",
        units::count(report.removed.len() as u64, "file"),
        units::bytes(report.bytes)
    );
    table::print(&text)
}
