//! `stat`: shows all fields of a tag's header and data files, what they mean, and what is wrong.

use std::collections::BTreeMap;

use ndsharray::{Error, FileInspection, Store};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::locks::Locks;
use crate::owner::Owners;
use crate::table::{self, Align, Table};
use crate::units;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    tag: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    tag: String,
    ok: bool,
    /// What cannot be read from a damaged file is left out.
    summary: BTreeMap<&'static str, String>,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    path: String,
    bytes: u64,
    storage_bytes: u64,
    mode: String,
    uid: u32,
    owner: String,
    current: bool,
    problem: Option<String>,
    fields: Vec<FieldReport>,
}

#[derive(Serialize)]
struct FieldReport {
    offset: u64,
    name: String,
    value: String,
    note: String,
}

pub fn run(store: &Store, args: &Args) -> Result<()> {
    let found = store.inspect(&args.tag)?;
    let owners = Owners::load();
    let files = std::iter::once(found.header).chain(found.data_files);
    let files: Vec<FileReport> = files.map(|file| report(file, &owners)).collect();
    // A file that the header does not name is not in use: a problem in it does not damage the array.
    let problem = files.iter().filter(|file| file.current).find_map(|file| file.problem.clone());
    let summary = summary(store, &args.tag)?;
    let report = Report { tag: args.tag.clone(), ok: problem.is_none(), summary, files };
    if args.json {
        table::print_json(&report)?
    } else {
        table::print(&text(&report))?
    }
    problem.map_or(Ok(()), |problem| Err(Failure::Failed(problem)))
}

fn summary(store: &Store, tag: &str) -> Result<BTreeMap<&'static str, String>> {
    let mut summary = BTreeMap::new();
    let stat = match store.stat(tag) {
        Ok(stat) => stat,
        // The files are shown anyway, with this error at the file that has it.
        Err(Error::NotFound { .. }) => return Err(Error::Removed { tag: tag.to_owned() }.into()),
        Err(_) => return Ok(summary),
    };
    let here = Locks::load().holder(&store.directory().join(tag));
    let writer = match (here, stat.pid) {
        _ if !stat.writer_alive => "gone".to_owned(),
        (Some(pid), _) => format!("alive, pid {pid}"),
        (None, Some(pid)) => format!("alive, pid {pid} in another PID namespace"),
        (None, None) => "alive, in another PID namespace".to_owned(),
    };
    let ephemeral = if stat.ephemeral { "; the tag goes with its writer" } else { "" };
    summary.insert("writer", format!("{writer}{ephemeral}"));
    summary.insert("storage", units::bytes(stat.bytes));
    let Some(value) = stat.value else {
        summary.insert("value", "none yet".to_owned());
        return Ok(summary);
    };
    let bytes = units::bytes(value.nbytes as u64);
    summary.insert("value", format!("{} of shape {}, {bytes}", value.dtype, units::shape(&value.shape)));
    summary.insert("version", format!("{}, written {} ago", value.version, units::age(value.age)));
    let (slots, room) = (value.slots, units::bytes(value.slots.capacity as u64));
    summary.insert("slots", format!("{} of {room} each, {} held by readers", slots.allocated, slots.pinned));
    Ok(summary)
}

/// The name of the field that an error of damage is about.
fn field(problem: &Error) -> Option<&str> {
    match problem {
        Error::FormatVersion { .. } => Some("format version"),
        Error::Endianness { .. } => Some("endian tag"),
        Error::UnknownFeatures { .. } => Some("incompatible features"),
        Error::Corrupt { field, .. } => Some(field),
        _ => None,
    }
}

fn report(file: FileInspection, owners: &Owners) -> FileReport {
    let wrong = file.problem.as_ref().and_then(field).map(str::to_owned);
    let fields = file.fields.into_iter().map(|field| {
        let of_record = field.name.rsplit_once(": ").map_or(field.name.as_str(), |(_, name)| name);
        let mut note = field.note;
        if wrong.as_deref() == Some(of_record) && !note.contains("WRONG") {
            note = format!("WRONG {note}").trim_end().to_owned();
        }
        FieldReport { offset: field.offset, name: field.name, value: field.value, note }
    });
    FileReport {
        path: file.path.display().to_string(),
        bytes: file.size,
        storage_bytes: file.allocated,
        mode: format!("{:04o}", file.mode),
        uid: file.uid,
        owner: owners.name(file.uid),
        current: file.current,
        problem: file.problem.map(|problem| problem.to_string()),
        fields: fields.collect(),
    }
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for name in ["value", "version", "writer", "slots", "storage"] {
        if let Some(value) = report.summary.get(name) {
            text += &format!("{name:<10}{value}\n");
        }
    }
    for file in &report.files {
        let mode = units::mode(u32::from_str_radix(&file.mode, 8).unwrap_or(0));
        let current = if file.current { "" } else { ", not named by the header: left over, or being made" };
        let (bytes, storage) = (file.bytes, file.storage_bytes);
        let header =
            format!("{}  {mode} {}  {bytes} bytes, {storage} in storage{current}", file.path, file.owner);
        text += &format!("\n{}\n", header.replace(char::is_control, "?"));
        let mut table = Table::new(&[
            ("OFFSET", Align::Right),
            ("FIELD", Align::Left),
            ("VALUE", Align::Left),
            ("", Align::Left),
        ]);
        for field in &file.fields {
            let offset = field.offset.to_string();
            table.row(vec![offset, field.name.clone(), field.value.clone(), field.note.clone()]);
        }
        text += &table.text();
        if let Some(problem) = &file.problem {
            text += &format!("WRONG: {problem}\n");
        }
    }
    text
}
