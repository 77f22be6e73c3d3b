//! The files of a tag, field by field.

use ndsharray::{Error, FileInspection};
use serde::{Serialize, Serializer};

use crate::owner::Owners;
use crate::table::{Align, Table};
use crate::units;

#[derive(Serialize)]
pub struct FileReport {
    path: String,
    bytes: u64,
    storage_bytes: u64,
    mode: String,
    uid: u32,
    owner: String,
    pub current: bool,
    pub problem: Option<String>,
    fields: Vec<FieldReport>,
}

#[derive(Serialize)]
struct FieldReport {
    offset: u64,
    name: String,
    #[serde(serialize_with = "serialize")]
    value: String,
    note: String,
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

pub fn report(file: FileInspection, owners: &Owners) -> FileReport {
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

/// Writes a number, or a list of numbers, as JSON has it; all else is text.
fn serialize<S: Serializer>(value: &str, serializer: S) -> Result<S::Ok, S::Error> {
    // An id of digits alone is no number: it has 32 of them, perhaps with zeros in front.
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| number.to_string() == text);
    if let Some(number) = number(value) {
        return serializer.serialize_u64(number);
    }
    let list = value.strip_prefix('[').and_then(|value| value.strip_suffix(']'));
    let numbers = |list: &str| {
        let numbers = list.split(", ").filter(|text| !text.is_empty()).map(number);
        numbers.collect::<Option<Vec<u64>>>()
    };
    match list.and_then(numbers) {
        Some(numbers) => numbers.serialize(serializer),
        None => serializer.serialize_str(value),
    }
}

/// The files as tables.
pub fn text(files: &[FileReport]) -> String {
    let mut text = String::new();
    for file in files {
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
