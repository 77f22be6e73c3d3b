//! The fields of a file as text, by the tables in `format`, with what each value means.

use crate::error::Result;
use crate::format::entry;
use crate::format::header::{
    FLAGS, HAS_STOOD, MAKER_PID, MAKER_UID, ORIGIN, SEQ, SOURCE, SOURCE_LENGTH, SPENT, WAITING, WRITER_PID,
    record,
};
use crate::format::identity::{
    self, ENDIAN, ENDIAN_TAG, FORMAT, HEADER_ID, INCOMPATIBLE, Identity, Kind, LEAST_PAGE, READ_COMPATIBLE,
};
use crate::format::layout::MOST_DIMENSIONS;
use crate::format::record::{self as records, Record, WORDS};
use crate::format::segment::{
    ACQUIRED_AT, CAPACITY, CONTENT, DOMAIN, ENCODING, LIMIT, MADE_AS, OFFSET, REGIONS, SHARDS,
    SOURCE_WRITTEN_AT, SegmentIdentity, USER_LENGTH, WRITTEN_AT, line, pin,
};
use crate::format::words::{self, FieldKind, checksum, whole};
use crate::sync::seq_latch::{FROZEN, RETIRED};
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

/// The fields of a header, as far as the file reaches; `page`: its page size, if the file says a right one.
pub(crate) fn of_header(file: &PathFile, page: Option<usize>) -> Result<Vec<Field>> {
    let front = Bytes::read(file, 0, LEAST_PAGE)?;
    let mut fields = Fields::of(&front);
    fields.header();
    let mut list = fields.list;
    if let Some(page) = page {
        let back = Bytes::read(file, page as u64, LEAST_PAGE)?;
        let mut fields = Fields::of(&back);
        fields.add(WAITING, "1: a reader sleeps");
        list.append(&mut fields.list);
    }
    Ok(list)
}

/// The fields of a data file, in the same way.
pub(crate) fn of_data_file(file: &PathFile) -> Result<Vec<Field>> {
    let front = Bytes::read(file, 0, identity::BYTES)?;
    let mut fields = Fields::of(&front);
    fields.data_file();
    let mut list = fields.list;
    let Ok(identity) = SegmentIdentity::read(file) else { return Ok(list) };
    let slots = identity.slots_in(file.status()?.size);
    let [front, pins] = identity.regions();
    let (lines, pins) = (Bytes::read(file, 0, front)?, Bytes::read(file, front as u64, pins)?);
    for slot in 0..slots {
        let entry = Bytes::read(file, identity.slot_offset(slot) as u64, LEAST_PAGE)?;
        let user = lines.u32(USER_LENGTH.within(line(slot))).unwrap_or(0) as usize;
        let mut of_slot = [&lines, &pins, &entry].map(Fields::of);
        of_slot.iter_mut().for_each(|fields| fields.prefix = format!("slot {slot}: "));
        let [lines, pins, entry] = &mut of_slot;
        lines.line(slot);
        pins.pins(slot);
        entry.entry(user.min(entry::USER_DATA));
        of_slot.iter_mut().for_each(|fields| list.append(&mut fields.list));
    }
    Ok(list)
}

/// A part of a file from some offset on, as far as the file reaches.
struct Bytes {
    at: u64,
    bytes: Vec<u8>,
}

impl Bytes {
    fn read(file: &PathFile, at: u64, length: usize) -> Result<Self> {
        let left = file.status()?.size.saturating_sub(at);
        let mut bytes = vec![0; length.min(usize::try_from(left).unwrap_or(usize::MAX))];
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
    fn identity(&mut self, kind: Kind) {
        let bytes = self.from;
        let right = Identity::starts(kind, &bytes.bytes);
        let magic = bytes.text(0, bytes.bytes.len().min(8));
        self.add_as(identity::MAGIC, identity::MAGIC.name, magic, if right { "right" } else { "WRONG" });
        self.add(identity::VERSION, format!("this program reads {FORMAT}"));
        let tag = bytes.u32(ENDIAN_TAG);
        let note =
            if tag == Some(ENDIAN) { "this machine's byte order" } else { "WRONG: not this machine's" };
        self.add_as(ENDIAN_TAG, ENDIAN_TAG.name, tag.map(|tag| format!("{tag:#010x}")), note);
        self.add(identity::PAGE, "bytes");
        self.add(HEADER_ID, if kind == Kind::Segment { "whose data file it is" } else { "" });
        self.add(INCOMPATIBLE, "this program knows none");
        self.add(READ_COMPATIBLE, "this program knows none");
    }

    fn header(&mut self) {
        let bytes = self.from;
        self.identity(Kind::Header);
        self.add(MAKER_UID, "");
        self.add(MAKER_PID, "in its own PID namespace");
        let ephemeral = bytes.u64(FLAGS).is_some_and(|flags| flags & 1 != 0);
        self.add(FLAGS, if ephemeral { "ephemeral: goes with its writer" } else { "" });
        self.add(ORIGIN, "where its count of versions began");
        self.checksum(0, identity::CHECKSUM);
        self.add(WRITER_PID, "who has it, in its own PID namespace; 0: nobody");
        self.add(HAS_STOOD, "0 while it is in the making");
        self.add(SPENT, "the highest number ever given to a file");
        let seq = bytes.u64(SEQ).unwrap_or(0);
        let state = match (seq & RETIRED != 0, seq & FROZEN != 0) {
            (true, _) => "; retired: taken over or removed",
            (false, true) => "; frozen: being taken over or removed",
            (false, false) => "",
        };
        self.add(SEQ, format!("readers use record {}{state}", seq & 1));
        for which in [0, 1] {
            self.prefix = format!("record {which}: ");
            self.record(record(which));
        }
        self.prefix.clear();
        let source = bytes.length(SOURCE_LENGTH, SOURCE.end() - SOURCE.offset);
        self.add(SOURCE_LENGTH, if source == 0 { "a writer of this machine" } else { "" });
        self.text(SOURCE, source);
    }

    fn record(&mut self, start: usize) {
        let bytes = self.from;
        let [version, written_at, place] =
            [records::VERSION, records::WRITTEN_AT, records::PLACE].map(|field| field.within(start));
        let empty = bytes.u64(version) == Some(0);
        self.add(version, if empty { "nothing was published" } else { "" });
        self.add(written_at, "CLOCK_MONOTONIC, ns");
        let words = bytes.words(start, WORDS).and_then(|words| <[u64; WORDS]>::try_from(words).ok());
        let Some(words) = words else { return };
        let (number, slot) = records::place_of(words[2]);
        let damaged = Record::from_words(&words) == Record::DAMAGED;
        let check = format!("{:#06x}", words[2] & 0xffff);
        let note = if damaged { "WRONG: not that of these words" } else { "right" };
        self.add_as(place, "check", Some(check), note);
        self.add_as(place, "slot", Some(slot), "");
        self.add_as(place, "number", Some(number), "of the layout and the data file");
    }

    fn data_file(&mut self) {
        self.identity(Kind::Segment);
        self.add(MADE_AS, "a change of layout gives another");
        self.add(CAPACITY, "bytes of elements in a slot");
        self.add(LIMIT, "the most slots that it may have");
        for region in REGIONS {
            self.add(region, "bytes");
        }
        self.checksum(0, identity::CHECKSUM);
    }

    fn line(&mut self, slot: usize) {
        let field = |field: words::Field| field.within(line(slot));
        let free = self.from.u64(field(CONTENT)) == Some(0);
        self.add(field(CONTENT), if free { "free, or being filled" } else { "" });
        if free {
            return;
        }
        self.add(field(WRITTEN_AT), "CLOCK_MONOTONIC, ns");
        self.add(field(OFFSET), "CLOCK_REALTIME less CLOCK_MONOTONIC, ns");
        self.add(field(DOMAIN), "which CLOCK_MONOTONIC it is");
        self.add(field(ACQUIRED_AT), "Unix time, ns; 0: none");
        self.add(field(ENCODING), "of the user data: 0 bytes, 1 JSON");
        self.add(field(USER_LENGTH), "bytes");
        self.add(field(SOURCE_WRITTEN_AT), "Unix time, ns; 0: none");
    }

    fn pins(&mut self, slot: usize) {
        let shard = |shard: usize| words::Field::new("pins", pin(slot, shard), FieldKind::U32);
        let counts: Option<Vec<u32>> = (0..SHARDS).map(|k| self.from.u32(shard(k))).collect();
        let held = counts.as_ref().is_some_and(|counts| counts.iter().any(|&pins| pins > 0));
        let note = if held { "held by readers" } else { "" };
        self.add_as(shard(0), shard(0).name, counts.map(|counts| format!("{counts:?}")), note);
    }

    fn entry(&mut self, user_length: usize) {
        let bytes = self.from;
        let number = bytes.u64(entry::NUMBER);
        self.add(entry::NUMBER, if number == Some(0) { "never used" } else { "of this layout" });
        // Nothing was written to the rest: zeros, with a checksum that is not theirs.
        if matches!(number, None | Some(0)) {
            return;
        }
        self.add(entry::CODE, "1 to 14 built in, 255 custom");
        let name = bytes.u32(entry::NAME_LENGTH).unwrap_or(0) as usize;
        self.text(entry::NAME, name.min(entry::NAME.end() - entry::NAME.offset));
        self.add(entry::ITEMSIZE, "bytes");
        self.add(entry::NDIM, "");
        let axes = bytes.length(entry::NDIM, MOST_DIMENSIONS);
        let shape = bytes.words(entry::SHAPE.offset, axes).map(|shape| format!("{shape:?}"));
        self.add_as(entry::SHAPE, entry::SHAPE.name, shape, "");
        self.add(entry::NBYTES, "bytes");
        self.add(entry::DESCR_LENGTH, "");
        let most = entry::DESCR.end() - entry::DESCR.offset;
        self.text(entry::DESCR, bytes.length(entry::DESCR_LENGTH, most));
        self.checksum(0, entry::CHECKSUM);
        if user_length > 0 {
            self.text(entry::USER, user_length);
        }
    }
}
