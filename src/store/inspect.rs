//! Every field of a tag's files, as they lie there and without a mapping; for people who look what is wrong.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::gc;
use crate::files::retire;
use crate::files::tag;
use crate::format::identity::{self, ENDIAN, Identity, Kind, LEAST_REGION};
use crate::format::layout::MOST_DIMENSIONS;
use crate::format::record::{self, COLD, HOT, Hot, checksum, whole};
use crate::format::segment::{self, CONTENT, ENTRY, PIN, SHARDS, SLOTS, TABLE, USER, USER_DATA, USER_LENGTH};
use crate::shm::header::{
    self, CLOSED, COLD_WORDS, GONE, HOT_WORDS, LIVE, OPENED, RECORD, RECORDS, SEQ, STATE, WAITING,
};
use crate::sync::seq_latch::{EPOCH_SHIFT, FROZEN};
use crate::sys::file;

/// What [`Store::inspect`](crate::Store::inspect) found of a tag: its header, and data files by name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspection {
    /// The file of the tag's name.
    pub header: FileInspection,
    /// The files named like data files of the tag, that of the current value first.
    pub data_files: Vec<FileInspection>,
}

/// What [`Inspection`] says of a file.
#[derive(Debug)]
#[non_exhaustive]
pub struct FileInspection {
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The storage that it takes, in bytes.
    pub allocated: u64,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// For a data file: whether the header names it as that of the current value. True for the header.
    pub current: bool,
    /// Its fields, in the order of their offsets, as far as the file reaches.
    pub fields: Vec<Field>,
    /// Why the library refuses it; `None` for a good file.
    pub problem: Option<Error>,
}

/// A field of a file, by the byte tables of `docs/design.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Where it starts in the file, in bytes.
    pub offset: u64,
    /// Its name; errors of damage use the same.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What the value means or should be; may be empty.
    pub note: String,
}

pub(crate) fn inspect(directory: &Path, tag: &str) -> Result<Inspection> {
    tag::check(tag)?;
    let mut before = None;
    // What looks wrong while a writer publishes may be two moments in one picture: only what stays is wrong.
    for _ in 0..100 {
        let (inspection, version) = look(directory, tag)?;
        let mut files = std::iter::once(&inspection.header).chain(&inspection.data_files);
        if files.all(|file| file.problem.is_none()) || before == Some(version) {
            return Ok(inspection);
        }
        before = Some(version);
    }
    look(directory, tag).map(|(inspection, _)| inspection)
}

/// One look; also says at which version, if it has one.
fn look(directory: &Path, tag: &str) -> Result<(Inspection, Option<u64>)> {
    let path = directory.join(tag);
    let (file, status) = retire::open_regular(&path)?
        .ok_or_else(|| Error::NotFound { tag: tag.to_owned(), path: path.clone() })?;
    let peek = match header::peek(&file, &path) {
        Err(error @ Error::NotAHeader { .. }) => return Err(error),
        peek => peek,
    };
    let version = peek.as_ref().ok().map(|peek| peek.hot.version);
    let (named, problem) = match peek {
        Ok(peek) => (peek.cold.map(|cold| (cold.data_file, cold.segment_id)), None),
        Err(error) => (None, Some(error)),
    };
    let mut header = FileInspection::new(&path, status, problem);
    header.current = true;
    header.fields = header_fields(&Bytes::read(&file, &path, 0)?);
    if let Ok(identity) = header::identify(&file, &path) {
        let back = Bytes::read(&file, &path, identity.region as u64)?;
        let mut fields = Fields::of(&back);
        fields.add(WAITING, "waiting", back.u32(WAITING), "1: a reader sleeps");
        header.fields.append(&mut fields.list);
    }

    let mut data_files = Vec::new();
    for name in gc::names(directory)? {
        let Some((_, uuid)) = tag::of_data_file(&name).filter(|(of, _)| *of == tag) else { continue };
        let path = directory.join(&name);
        // What went meanwhile, or is no file, is not ours to look at.
        let Ok(Some((file, status))) = retire::open_regular(&path) else { continue };
        let current = named.filter(|&(current, _)| current == uuid);
        let problem = match (segment::identify(&file, &path), current) {
            (Ok(found), Some((_, segment))) if found.id != segment => {
                Some(Error::corrupt(&path, "segment id", hex(found.id), hex(segment)))
            }
            (outcome, _) => outcome.err(),
        };
        let mut data_file = FileInspection::new(&path, status, problem);
        data_file.current = current.is_some();
        data_file.fields = data_fields(&file, &path)?;
        data_files.push(data_file);
    }
    data_files.sort_by_key(|file| !file.current);
    if let (Some((uuid, _)), None, false) =
        (named, &header.problem, data_files.first().is_some_and(|file| file.current))
    {
        let path = directory.join(tag::data_file(tag, uuid));
        header.problem = Some(Error::DataMissing { tag: tag.to_owned(), path });
    }
    Ok((Inspection { header, data_files }, version))
}

impl FileInspection {
    fn new(path: &Path, status: file::Status, problem: Option<Error>) -> Self {
        let file::Status { size, allocated, mode, uid, .. } = status;
        let (path, fields) = (path.to_owned(), Vec::new());
        FileInspection { path, size, allocated, mode, uid, current: false, fields, problem }
    }
}

/// A region's worth of a file from some offset on, as far as it reaches.
struct Bytes {
    at: u64,
    bytes: Vec<u8>,
}

impl Bytes {
    fn read(file: &File, path: &Path, at: u64) -> Result<Self> {
        let left = file::status_of(file, path)?.size.saturating_sub(at);
        let mut bytes = vec![0; LEAST_REGION.min(left as usize)];
        file::read_at(file, path, at, &mut bytes)?;
        Ok(Bytes { at, bytes })
    }

    fn at(&self, offset: usize, length: usize) -> Option<&[u8]> {
        self.bytes.get(offset..offset + length)
    }

    fn u32(&self, offset: usize) -> Option<u32> {
        self.at(offset, 4)?.try_into().ok().map(u32::from_ne_bytes)
    }

    fn u64(&self, offset: usize) -> Option<u64> {
        self.at(offset, 8)?.try_into().ok().map(u64::from_ne_bytes)
    }

    fn u128(&self, offset: usize) -> Option<u128> {
        Some(whole(self.u64(offset)?, self.u64(offset + 8)?))
    }

    /// The checksum of the words from `offset` up to the one at `end`, which holds what it should be.
    fn checked(&self, offset: usize, end: usize) -> Option<(u32, u64)> {
        let words = self.at(offset, end - offset)?.chunks_exact(8);
        let words: Vec<u64> = words.filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes)).collect();
        Some((checksum(&words), self.u64(end)?))
    }
}

/// Fields in the making; what lies beyond the file's end is left out.
struct Fields<'a> {
    from: &'a Bytes,
    prefix: String,
    list: Vec<Field>,
}

impl<'a> Fields<'a> {
    fn of(from: &'a Bytes) -> Self {
        Fields { from, prefix: String::new(), list: Vec::new() }
    }

    fn add(&mut self, offset: usize, name: &str, value: Option<impl ToString>, note: impl Into<String>) {
        if let Some(value) = value {
            let name = format!("{}{name}", self.prefix);
            let (value, note, offset) = (value.to_string(), note.into(), self.from.at + offset as u64);
            self.list.push(Field { offset, name, value, note });
        }
    }

    fn number(&mut self, offset: usize, name: &str, note: &str) {
        self.add(offset, name, self.from.u64(offset), note);
    }

    fn id(&mut self, offset: usize, name: &str, note: &str) {
        self.add(offset, name, self.from.u128(offset).map(hex), note);
    }

    fn checksum(&mut self, from: usize, at: usize) {
        let Some((found, stored)) = self.from.checked(from, at) else { return };
        let right = u64::from(found) == stored;
        let note = if right { "right".to_owned() } else { format!("WRONG: the bytes give {found:#010x}") };
        self.add(at, "checksum", Some(format!("{stored:#010x}")), note);
    }

    fn text(&mut self, offset: usize, length: usize, name: &str, note: &str) {
        let text = self.from.at(offset, length).map(|text| format!("\"{}\"", text.escape_ascii()));
        self.add(offset, name, text, note);
    }
}

fn hex(id: u128) -> String {
    uuid::Uuid::from_u128(id).simple().to_string()
}

/// The identity block: what both kinds of file start with.
fn identity_fields(fields: &mut Fields<'_>, kind: Kind, id: &str) {
    let bytes = fields.from;
    let right = Identity::starts(kind, &bytes.bytes);
    fields.text(0, bytes.bytes.len().min(8), "magic", if right { "right" } else { "WRONG" });
    let note = format!("this program reads {}", identity::FORMAT);
    fields.add(8, "format version", bytes.u32(8), note);
    let note =
        if bytes.u32(12) == Some(ENDIAN) { "this machine's byte order" } else { "WRONG: not this machine's" };
    fields.add(12, "endian tag", bytes.u32(12).map(|tag| format!("{tag:#010x}")), note);
    fields.number(16, "page size", "bytes of each of the two regions");
    fields.id(24, id, "");
}

fn header_fields(bytes: &Bytes) -> Vec<Field> {
    let mut fields = Fields::of(bytes);
    identity_fields(&mut fields, Kind::Header, "header id");
    fields.add(40, "maker's uid", bytes.u32(40), "");
    fields.add(44, "maker's pid", bytes.u32(44), "in its own PID namespace");
    let ephemeral = bytes.u64(48).is_some_and(|flags| flags & 1 != 0);
    fields.number(48, "flags", if ephemeral { "ephemeral: goes with its writer" } else { "" });
    fields.number(56, "origin", "where its count of versions began");
    fields.checksum(0, identity::BYTES - 8);
    let seq = bytes.u64(SEQ).unwrap_or(0);
    let frozen = if seq & FROZEN != 0 { "; frozen: being taken over or removed" } else { "" };
    let repairs = (seq & !FROZEN) >> EPOCH_SHIFT;
    let note = format!("readers use record {}; repaired {repairs} times{frozen}", seq & 1);
    fields.add(SEQ, "seq", bytes.u64(SEQ), note);
    let meaning = match bytes.u32(STATE) {
        Some(LIVE) => "live",
        Some(GONE) => "gone: taken over or removed",
        _ => "WRONG: expected 1 or 2",
    };
    fields.add(STATE, "state", bytes.u32(STATE), meaning);
    for record in [0, 1] {
        fields.prefix = format!("record {record}: ");
        hot_fields(&mut fields, HOT_WORDS + record * HOT * 8);
    }
    for record in [0, 1] {
        fields.prefix = format!("record {record}: ");
        cold_fields(&mut fields, RECORDS + record * RECORD);
    }
    fields.list
}

fn hot_fields(fields: &mut Fields<'_>, at: usize) {
    let bytes = fields.from;
    let empty = bytes.u64(at) == Some(0);
    fields.number(at, "version", if empty { "nothing was published" } else { "" });
    let age = file::now().saturating_sub(bytes.u64(at + 8).unwrap_or(0));
    let note = if empty { String::new() } else { format!("{:.3} s ago", age as f64 / 1e9) };
    fields.add(at + 8, "write time", bytes.u64(at + 8), note);
    let words: Option<[u64; HOT]> = [at, at + 8, at + 16]
        .map(|at| bytes.u64(at))
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .and_then(|words| words.try_into().ok());
    let Some(words) = words else { return };
    let (layout_id, slot) = record::place_of(words[2]);
    let damaged = Hot::from_words(&words) == Hot::DAMAGED;
    let check = format!("{:#06x}", words[2] & 0xffff);
    fields.add(
        at + 16,
        "check",
        Some(check),
        if damaged { "WRONG: not that of these words" } else { "right" },
    );
    fields.add(at + 16, "slot", Some(slot), "");
    fields.add(at + 16, "layout id", Some(layout_id), "");
}

fn cold_fields(fields: &mut Fields<'_>, at: usize) {
    let bytes = fields.from;
    let whole = bytes.u64(at + OPENED) == bytes.u64(at + CLOSED);
    fields.number(at + OPENED, "opened", "");
    fields.number(
        at + CLOSED,
        "closed",
        if whole { "" } else { "a layout change is under way, or was killed" },
    );
    // Nothing was written to the rest: zeros, with a checksum that is not theirs.
    if matches!(bytes.u64(at + CLOSED), None | Some(0)) {
        return;
    }
    let cold = at + COLD_WORDS;
    let word = |word: usize| cold + 8 * word;
    let length = |word: usize, most: usize| bytes.u64(word).map_or(0, |n| (n as usize).min(most));
    fields.number(word(record::LAYOUT_ID), "layout id of the layout", "");
    let code = bytes.u64(word(record::CODE)).unwrap_or(0);
    fields.add(word(record::CODE), "dtype", bytes.u32(word(record::CODE)), "1 to 14 built in, 255 custom");
    let name = ((code >> 32) as usize).min(8 * (record::ITEMSIZE - record::NAME));
    fields.text(word(record::NAME), name, "dtype name", "");
    fields.number(word(record::ITEMSIZE), "item size", "bytes");
    fields.number(word(record::NDIM), "ndim", "");
    let axes = length(word(record::NDIM), MOST_DIMENSIONS);
    let shape: Option<Vec<u64>> = (0..axes).map(|axis| bytes.u64(word(record::SHAPE + axis))).collect();
    fields.add(word(record::SHAPE), "shape", shape.map(|shape| format!("{shape:?}")), "");
    fields.number(word(record::NBYTES), "length", "bytes");
    fields.id(word(record::UUID), "data file's uuid", "");
    fields.id(word(record::SEGMENT), "segment id", "");
    let descr = length(word(record::DESCR_LENGTH), 8 * (record::CHECKSUM - record::DESCR));
    fields.number(word(record::DESCR_LENGTH), "descr length", "");
    fields.text(word(record::DESCR), descr, "descr", "");
    fields.checksum(cold, cold + 8 * (COLD - 1));
}

fn data_fields(file: &File, path: &Path) -> Result<Vec<Field>> {
    let bytes = Bytes::read(file, path, 0)?;
    let mut fields = Fields::of(&bytes);
    identity_fields(&mut fields, Kind::Segment, "segment id");
    fields.id(40, "header id", "whose data file it is");
    fields.number(56, "slot capacity", "bytes");
    fields.checksum(0, identity::BYTES - 8);
    fields.number(segment::ALLOCATED, "slots allocated", "of 8");
    let slots = bytes.u64(segment::ALLOCATED).map_or(0, |slots| (slots as usize).min(SLOTS));
    for slot in 0..slots {
        fields.prefix = format!("slot {slot}: ");
        let at = TABLE + slot * ENTRY;
        let filling = bytes.u64(at + CONTENT) == Some(0);
        fields.number(at + CONTENT, "content version", if filling { "free, or being filled" } else { "" });
        let user = bytes.u64(at + USER_LENGTH).map_or(0, |length| (length as usize).min(USER_DATA));
        fields.number(at + USER_LENGTH, "user data length", "");
        if user > 0 {
            fields.text(at + USER, user, "user data", "");
        }
    }
    let mut list = std::mem::take(&mut fields.list);
    if let Ok(identity) = segment::identify(file, path) {
        let pins = Bytes::read(file, path, identity.region as u64)?;
        let mut fields = Fields::of(&pins);
        for slot in 0..slots {
            let at = slot * SHARDS * PIN;
            let shards: Option<Vec<u32>> = (0..SHARDS).map(|shard| pins.u32(at + shard * PIN)).collect();
            let held = shards.as_ref().is_some_and(|shards| shards.iter().any(|&pins| pins > 0));
            let note = if held { "held by readers" } else { "" };
            fields.add(at, &format!("slot {slot}: pins"), shards.map(|shards| format!("{shards:?}")), note);
        }
        list.append(&mut fields.list);
    }
    Ok(list)
}
