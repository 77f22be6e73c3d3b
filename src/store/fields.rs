//! The fields of a file as text, by the tables in `format`, with what each value means.

use crate::error::Result;
use crate::format::header::{
    CLOSED, COLD_WORDS, FLAGS, LIVE, MAKER_PID, MAKER_UID, OPENED, ORIGIN, RETIRED, SEQ, STATE, WAITING,
    hot_words, rest,
};
use crate::format::identity::{self, ENDIAN, ENDIAN_TAG, FORMAT, Identity, Kind, LEAST_REGION};
use crate::format::layout::MOST_DIMENSIONS;
use crate::format::record::{self, HOT, Hot};
use crate::format::segment::{
    ALLOCATED, CAPACITY, CONTENT, HEADER_ID, PIN, SHARDS, SLOTS, USER, USER_DATA, USER_LENGTH, entry, pin,
};
use crate::format::words::{self, FieldKind, checksum, whole};
use crate::sync::seq_latch::{EPOCH_SHIFT, FROZEN};
use crate::sys::clock::now;
use crate::sys::file::PathFile;

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

pub(crate) fn hex(id: u128) -> String {
    uuid::Uuid::from_u128(id).simple().to_string()
}

/// The fields of a header, as far as the file reaches; `region`: the size of a region, if the file says a right one.
pub(crate) fn of_header(file: &PathFile, region: Option<usize>) -> Result<Vec<Field>> {
    let front = Bytes::read(file, 0)?;
    let mut fields = Fields::of(&front);
    fields.header();
    let mut list = fields.list;
    if let Some(region) = region {
        let back = Bytes::read(file, region as u64)?;
        let mut fields = Fields::of(&back);
        fields.add(WAITING, "1: a reader sleeps");
        list.append(&mut fields.list);
    }
    Ok(list)
}

/// The fields of a data file, in the same way.
pub(crate) fn of_data_file(file: &PathFile, region: Option<usize>) -> Result<Vec<Field>> {
    let front = Bytes::read(file, 0)?;
    let mut fields = Fields::of(&front);
    fields.data_file();
    let mut list = fields.list;
    if let Some(region) = region {
        let back = Bytes::read(file, region as u64)?;
        let mut fields = Fields::of(&back);
        fields.pins(front.slots());
        list.append(&mut fields.list);
    }
    Ok(list)
}

/// A region's worth of a file from some offset on, as far as it reaches.
struct Bytes {
    at: u64,
    bytes: Vec<u8>,
}

impl Bytes {
    fn read(file: &PathFile, at: u64) -> Result<Self> {
        let left = file.status()?.size.saturating_sub(at);
        let mut bytes = vec![0; LEAST_REGION.min(left as usize)];
        file.read_at(at, &mut bytes)?;
        Ok(Bytes { at, bytes })
    }

    fn at(&self, offset: usize, length: usize) -> Option<&[u8]> {
        self.bytes.get(offset..offset + length)
    }

    fn u32(&self, field: words::Field) -> Option<u32> {
        self.at(field.offset, 4)?.try_into().ok().map(u32::from_ne_bytes)
    }

    fn u64(&self, field: words::Field) -> Option<u64> {
        self.at(field.offset, 8)?.try_into().ok().map(u64::from_ne_bytes)
    }

    fn words(&self, offset: usize, count: usize) -> Option<Vec<u64>> {
        let words = self.at(offset, 8 * count)?.chunks_exact(8);
        Some(words.filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes)).collect())
    }

    /// A length that a field says, but not more than `most`.
    fn length(&self, field: words::Field, most: usize) -> usize {
        self.u64(field).map_or(0, |length| (length as usize).min(most))
    }

    fn slots(&self) -> usize {
        self.length(ALLOCATED, SLOTS)
    }

    fn text(&self, offset: usize, length: usize) -> Option<String> {
        self.at(offset, length).map(|text| format!("\"{}\"", text.escape_ascii()))
    }

    fn value(&self, field: words::Field) -> Option<String> {
        match field.kind {
            FieldKind::U32 => self.u32(field).map(|value| value.to_string()),
            FieldKind::U64 => self.u64(field).map(|value| value.to_string()),
            FieldKind::Id => {
                let words = self.words(field.offset, 2)?;
                Some(hex(whole(words[0], words[1])))
            }
            FieldKind::Text(length) => self.text(field.offset, length),
            FieldKind::Words(count) => self.words(field.offset, count).map(|words| format!("{words:?}")),
        }
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

    /// A field as it stands in the file.
    fn add(&mut self, field: words::Field, note: impl Into<String>) {
        self.add_as(field, field.name, self.from.value(field), note);
    }

    /// A field with a name or a form of its own.
    fn add_as(
        &mut self,
        field: words::Field,
        name: &str,
        value: Option<impl ToString>,
        note: impl Into<String>,
    ) {
        if let Some(value) = value {
            let name = format!("{}{name}", self.prefix);
            let (value, note, offset) = (value.to_string(), note.into(), self.from.at + field.offset as u64);
            self.list.push(Field { offset, name, value, note });
        }
    }

    /// The checksum in `field` of the words from `start` up to it.
    fn checksum(&mut self, start: usize, field: words::Field) {
        let words = self.from.words(start, (field.offset - start) / 8);
        let (Some(words), Some(stored)) = (words, self.from.u64(field)) else { return };
        let found = checksum(&words);
        let right = u64::from(found) == stored;
        let note = if right { "right".to_owned() } else { format!("WRONG: the bytes give {found:#010x}") };
        self.add_as(field, field.name, Some(format!("{stored:#010x}")), note);
    }

    /// A text of so many bytes of its field.
    fn text(&mut self, field: words::Field, length: usize) {
        self.add_as(field, field.name, self.from.text(field.offset, length), "");
    }

    /// The identity block: what both kinds of file start with.
    fn identity(&mut self, kind: Kind, id: &str) {
        let bytes = self.from;
        let right = Identity::starts(kind, &bytes.bytes);
        let magic = bytes.text(0, bytes.bytes.len().min(8));
        self.add_as(identity::MAGIC, identity::MAGIC.name, magic, if right { "right" } else { "WRONG" });
        self.add(identity::VERSION, format!("this program reads {FORMAT}"));
        let tag = bytes.u32(ENDIAN_TAG);
        let note =
            if tag == Some(ENDIAN) { "this machine's byte order" } else { "WRONG: not this machine's" };
        self.add_as(ENDIAN_TAG, ENDIAN_TAG.name, tag.map(|tag| format!("{tag:#010x}")), note);
        self.add(identity::REGION, "bytes of each of the two regions");
        self.add_as(identity::ID, id, bytes.value(identity::ID), "");
    }

    fn header(&mut self) {
        let bytes = self.from;
        self.identity(Kind::Header, "header id");
        self.add(MAKER_UID, "");
        self.add(MAKER_PID, "in its own PID namespace");
        let ephemeral = bytes.u64(FLAGS).is_some_and(|flags| flags & 1 != 0);
        self.add(FLAGS, if ephemeral { "ephemeral: goes with its writer" } else { "" });
        self.add(ORIGIN, "where its count of versions began");
        self.checksum(0, identity::CHECKSUM);
        let seq = bytes.u64(SEQ).unwrap_or(0);
        let frozen = if seq & FROZEN != 0 { "; frozen: being taken over or removed" } else { "" };
        let repairs = (seq & !FROZEN) >> EPOCH_SHIFT;
        self.add(SEQ, format!("readers use record {}; repaired {repairs} times{frozen}", seq & 1));
        let meaning = match bytes.u32(STATE) {
            Some(LIVE) => "live",
            Some(RETIRED) => "retired: taken over or removed",
            _ => "WRONG: expected 1 or 2",
        };
        self.add(STATE, meaning);
        for record in [0, 1] {
            self.prefix = format!("record {record}: ");
            self.hot(hot_words(record));
        }
        for record in [0, 1] {
            self.prefix = format!("record {record}: ");
            self.cold(rest(record));
        }
    }

    fn hot(&mut self, start: usize) {
        let bytes = self.from;
        let [version, written_at, place] =
            [record::VERSION, record::WRITTEN_AT, record::PLACE].map(|field| field.within(start));
        let empty = bytes.u64(version) == Some(0);
        self.add(version, if empty { "nothing was published" } else { "" });
        let age = now().saturating_sub(bytes.u64(written_at).unwrap_or(0));
        self.add(written_at, if empty { String::new() } else { format!("{:.3} s ago", age as f64 / 1e9) });
        let words = bytes.words(start, HOT).and_then(|words| <[u64; HOT]>::try_from(words).ok());
        let Some(words) = words else { return };
        let (layout_id, slot) = record::place_of(words[2]);
        let damaged = Hot::from_words(&words) == Hot::DAMAGED;
        let check = format!("{:#06x}", words[2] & 0xffff);
        let note = if damaged { "WRONG: not that of these words" } else { "right" };
        self.add_as(place, "check", Some(check), note);
        self.add_as(place, "slot", Some(slot), "");
        self.add_as(place, "layout id", Some(layout_id), "");
    }

    fn cold(&mut self, start: usize) {
        let bytes = self.from;
        let (opened, closed) = (OPENED.within(start), CLOSED.within(start));
        let whole = bytes.u64(opened) == bytes.u64(closed);
        self.add(opened, "");
        self.add(closed, if whole { "" } else { "a layout change is under way, or was killed" });
        // Nothing was written to the rest: zeros, with a checksum that is not theirs.
        if matches!(bytes.u64(closed), None | Some(0)) {
            return;
        }
        let start = COLD_WORDS.within(start).offset;
        let field = |field: words::Field| field.within(start);
        self.add(field(record::LAYOUT_ID), "");
        self.add(field(record::CODE), "1 to 14 built in, 255 custom");
        let name = bytes.u32(field(record::NAME_LENGTH)).unwrap_or(0) as usize;
        self.text(field(record::NAME), name.min(record::NAME.end() - record::NAME.offset));
        self.add(field(record::ITEMSIZE), "bytes");
        self.add(field(record::NDIM), "");
        let axes = bytes.length(field(record::NDIM), MOST_DIMENSIONS);
        let shape = bytes.words(field(record::SHAPE).offset, axes).map(|shape| format!("{shape:?}"));
        self.add_as(field(record::SHAPE), record::SHAPE.name, shape, "");
        self.add(field(record::NBYTES), "bytes");
        self.add(field(record::UUID), "");
        self.add(field(record::SEGMENT), "");
        self.add(field(record::DESCR_LENGTH), "");
        let most = record::DESCR.end() - record::DESCR.offset;
        self.text(field(record::DESCR), bytes.length(field(record::DESCR_LENGTH), most));
        self.checksum(start, field(record::CHECKSUM));
    }

    fn data_file(&mut self) {
        self.identity(Kind::Segment, "segment id");
        self.add(HEADER_ID, "whose data file it is");
        self.add(CAPACITY, "bytes");
        self.checksum(0, identity::CHECKSUM);
        self.add(ALLOCATED, "of 8");
        for slot in 0..self.from.slots() {
            self.prefix = format!("slot {slot}: ");
            let field = |field: words::Field| field.within(entry(slot));
            let filling = self.from.u64(field(CONTENT)) == Some(0);
            self.add(field(CONTENT), if filling { "free, or being filled" } else { "" });
            self.add(field(USER_LENGTH), "");
            let length = self.from.length(field(USER_LENGTH), USER_DATA);
            if length > 0 {
                self.text(field(USER), length);
            }
        }
    }

    fn pins(&mut self, slots: usize) {
        for slot in 0..slots {
            let shard = |shard: usize| words::Field::new("pins", pin(slot, shard), FieldKind::U32);
            let counts: Option<Vec<u32>> = (0..SHARDS).map(|k| self.from.u32(shard(k))).collect();
            let held = counts.as_ref().is_some_and(|counts| counts.iter().any(|&pins| pins > 0));
            let note = if held { "held by readers" } else { "" };
            self.prefix = format!("slot {slot}: ");
            self.add_as(shard(0), shard(0).name, counts.map(|counts| format!("{counts:?}")), note);
        }
    }
}

const _: () = assert!(pin(0, 1) - pin(0, 0) == PIN);
