//! `stat`: shows all fields of a tag's header and data files, what they mean, and what is wrong.

use std::collections::BTreeMap;

use ndsharray::{Error, FileInspection, Stat, Store, ValueStat};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::locks::Locks;
use crate::owner::Owners;
use crate::table::{self, Align, Table, json_line, visible};
use crate::units;
use crate::value::Value;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tag
    #[arg(add = crate::complete::tags())]
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
    value: Option<Value>,
    source: Option<String>,
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
    let stat = match store.stat(&args.tag) {
        Ok(stat) => Some(stat),
        Err(Error::NotFound { .. }) => return Err(Error::Removed { tag: args.tag.clone() }.into()),
        // The files are shown anyway, with this error at the file that has it.
        Err(_) => None,
    };
    let summary = stat.as_ref().map(|stat| summary(store, stat)).unwrap_or_default();
    let (value, source) = stat.map_or((None, None), |stat| (stat.value.map(Value::from), Some(stat.source)));
    let report = Report { tag: args.tag.clone(), ok: problem.is_none(), summary, value, source, files };
    if args.json {
        table::print_json(&report)?
    } else {
        table::print(&text(&report))?
    }
    problem.map_or(Ok(()), |problem| Err(Failure::Failed(problem)))
}

fn summary(store: &Store, stat: &Stat) -> BTreeMap<&'static str, String> {
    let mut summary = BTreeMap::new();
    let here = Locks::load().holder(&store.directory().join(&stat.tag));
    let writer = match (here, stat.pid) {
        _ if !stat.writer_alive => "gone".to_owned(),
        (Some(pid), _) => format!("alive, pid {pid}"),
        (None, Some(pid)) => format!("alive, pid {pid} in another PID namespace"),
        (None, None) => "alive, in another PID namespace".to_owned(),
    };
    let ephemeral = if stat.ephemeral { "; the tag goes with its writer" } else { "" };
    summary.insert("writer", format!("{writer}{ephemeral}"));
    summary.insert("storage", units::bytes(stat.bytes));
    if !stat.source.is_empty() {
        summary.insert("source", stat.source.clone());
    }
    let Some(value) = &stat.value else {
        summary.insert("value", "none yet".to_owned());
        return summary;
    };
    let bytes = units::bytes(value.nbytes as u64);
    summary.insert("value", format!("{} of shape {}, {bytes}", value.dtype, units::shape(&value.shape)));
    summary.insert("version", format!("{}, written {} ago", value.version, units::age(value.age)));
    let (slots, room) = (value.slots, units::bytes(value.slots.capacity as u64));
    summary.insert("slots", format!("{} of {room} each, {} held by readers", slots.allocated, slots.pinned));
    metadata(&mut summary, value);
    summary
}

/// What travels with the value.
fn metadata(summary: &mut BTreeMap<&'static str, String>, value: &ValueStat) {
    summary.insert("written", format!("{} Unix time", value.written_at));
    if value.user_data.is_none() {
        summary.insert("attrs", "not known: values come faster than they can be looked at".to_owned());
    }
    if let Some(attributes) = &value.attributes_json {
        summary.insert("attrs", json_line(attributes));
    }
    if let Some(time) = value.acquired_at {
        let apart = units::age(time.abs_diff(value.written_at));
        let order = if time <= value.written_at { "before" } else { "after" };
        summary.insert("acquired", format!("{time} Unix time, {apart} {order} it was written"));
    }
    if let Some(time) = value.source_written_at {
        summary.insert("original", format!("written {time} Unix time, where it comes from"));
    }
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
    let names = [
        "value", "version", "written", "acquired", "original", "attrs", "source", "writer", "slots",
        "storage",
    ];
    for name in names {
        if let Some(value) = report.summary.get(name) {
            text += &format!("{name:<10}{}\n", visible(value));
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
