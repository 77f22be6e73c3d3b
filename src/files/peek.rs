//! Looking at files from outside, without a mapping and without a lock.

use crate::error::{Error, Result};
use crate::files::open::{no_data_file, open_header, open_regular};
use crate::files::tag::TagPath;
use crate::format::entry::{self, Entry};
use crate::format::header::{HeaderIdentity, SEQ, SOURCE, SOURCE_LENGTH, WRITER_PID, record};
use crate::format::identity::LEAST_PAGE;
use crate::format::record::Record;
use crate::format::segment::{
    self, CONTENT, LINE_WORDS, Line, PIN, SHARDS, SegmentIdentity, WRITTEN_AT, pin,
};
use crate::format::words::text;
use crate::sync::seq_latch::RETIRED;
use crate::sys::file::{FileId, PathFile, Status};
use crate::sys::lock::has_writer;
use crate::sys::name::status_at;

/// How often a header is read again that changes all the time.
const ATTEMPTS: u32 = 1000;
/// How often it is looked again for a value that is not replaced meanwhile.
const WHOLE_ATTEMPTS: u32 = 20;

/// What a header says.
#[derive(Debug)]
pub(crate) struct Peek {
    pub identity: HeaderIdentity,
    pub retired: bool,
    pub record: Record,
    /// Whether it has stood under its tag's name.
    pub has_stood: bool,
    /// The pid that the writer said; for information.
    pub writer_pid: Option<u32>,
    /// Where the values come from, as the writer said; empty: from a writer of this machine.
    pub source: String,
}

/// What the header of a tag says; with the open file.
pub(crate) fn tag(tag: &TagPath) -> Result<(Peek, PathFile, Status)> {
    let (file, status) = open_header(tag.header())?.ok_or_else(|| tag.not_found())?;
    Ok((header(&file)?, file, status))
}

/// What an open header says. Its record is of one piece, since its check is right, and was published: no other has been begun since,
/// or its writer goes on and on, and publishes what it has begun.
pub(crate) fn header(file: &PathFile) -> Result<Peek> {
    let identity = HeaderIdentity::read(file)?;
    let seq = || -> Result<u64> {
        let mut word = [0_u64; 1];
        file.read_at(SEQ.offset as u64, bytemuck::cast_slice_mut(&mut word))?;
        Ok(word[0])
    };
    let (mut problem, mut good) = (None, None);
    for _ in 0..ATTEMPTS {
        // Within one read nobody says in which order the kernel copies the words, so `seq` is read alone.
        let before = seq()?;
        let mut words = [0_u64; LEAST_PAGE / 8];
        file.read_at(0, bytemuck::cast_slice_mut(&mut words))?;
        let start = record((before & 1) as usize) / 8;
        let record = Record::from_words(&std::array::from_fn(|i| words[start + i]));
        match record.check(file.path()) {
            Ok(()) => {
                let [pid, stood]: [u32; 2] = bytemuck::cast(words[WRITER_PID.word()]);
                let writer_pid = Some(pid).filter(|&pid| pid != 0);
                let source = text(&words[SOURCE.word()..SOURCE.end() / 8], words[SOURCE_LENGTH.word()]);
                let (retired, source) = (before & RETIRED != 0, source.unwrap_or_default());
                let has_stood = stood != 0;
                let peek = Peek { identity, retired, record, has_stood, writer_pid, source };
                if seq()? == before {
                    return Ok(peek);
                }
                good = Some(peek);
            }
            // Nobody was writing: it is as it is.
            Err(error) if seq()? == before => return Err(error),
            Err(error) => problem = Some(error),
        }
    }
    let tag = || file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    good.ok_or_else(|| problem.unwrap_or_else(|| Error::Contended { tag: tag(), operation: "look at it" }))
}

/// What there is of the current value.
#[derive(Debug)]
pub(crate) struct ValuePeek {
    pub record: Record,
    pub entry: Entry,
    /// What the slot's line says. Its times and user data are those of another value if this one was replaced meanwhile.
    pub line: Line,
    /// The user data; `None` if the value was replaced meanwhile.
    pub user_data: Option<Vec<u8>>,
    /// The name's uuid.
    pub data_file: u128,
    pub slots: SlotsPeek,
    /// Bytes of storage.
    pub allocated: u64,
}

/// The current value of a tag; `None` if nothing was published. `file`: its open header.
pub(crate) fn value(tag: &TagPath, file: &PathFile, mut peek: Peek) -> Result<Option<ValuePeek>> {
    for attempt in 0..ATTEMPTS {
        let last = attempt >= WHOLE_ATTEMPTS;
        let before = peek.record;
        if before.stamp.version == 0 {
            return Ok(None);
        }
        let problem = match value_of(tag, &peek) {
            // Under a writer at full speed the user data may never be had; all else is known.
            Ok(found) if found.entry.number == before.number && (found.user_data.is_some() || last) => {
                return Ok(Some(found));
            }
            Ok(found) if found.entry.number == before.number => {
                peek = header(file)?;
                continue;
            }
            Ok(found) => {
                let path = tag.data_file(found.data_file);
                Error::corrupt(&path, entry::NUMBER.name, found.entry.number, before.number)
            }
            Err(error) => error,
        };
        peek = header(file)?;
        // The slot of the record in use is not written to, and its number alone says where the file is. If that one slot is not
        // the same any more, the old one may be in the middle of being filled.
        let missing = matches!(problem, Error::DataMissing { .. });
        if peek.record == before || missing && peek.record.number == before.number {
            return Err(problem);
        }
    }
    Err(tag.contended("look at its value"))
}

fn value_of(tag: &TagPath, peek: &Peek) -> Result<ValuePeek> {
    let data_file = peek.identity.data_file(peek.record.number);
    let path = tag.data_file(data_file);
    let missing = || Error::DataMissing { tag: tag.tag().to_owned(), path: path.clone() };
    let status = status_at(&path)?.ok_or_else(missing)?;
    if !status.is_file() {
        return Err(no_data_file(&path, status.kind));
    }
    let file = PathFile::open(&path).map_err(|error| match error.raw_os_error() {
        Some(libc::ENOENT) => missing(),
        Some(libc::ELOOP) => no_data_file(&path, "a symbolic link"),
        _ => Error::io(&path, "open it", error),
    })?;
    let identity = SegmentIdentity::read(&file)?;
    if identity.header != peek.identity.id {
        let (found, expected) = (format!("{:032x}", identity.header), format!("{:032x}", peek.identity.id));
        return Err(Error::corrupt(&path, "header id", found, expected));
    }
    let slot = peek.record.slot as usize;
    let status = file.status()?;
    if slot >= identity.slots_in(status.size) {
        return Err(Error::corrupt(
            &path,
            "slot",
            slot,
            format!("less than {}", identity.slots_in(status.size)),
        ));
    }
    let mut words = [0_u64; entry::WORDS];
    file.read_at(identity.slot_offset(slot) as u64, bytemuck::cast_slice_mut(&mut words))?;
    let entry = Entry::from_words(&words, &path)?;
    let (before, line) = line(&file, slot)?;
    let mut user_data = vec![0; (line.user_length as usize).min(entry::USER_DATA)];
    if !user_data.is_empty() {
        let start = identity.slot_offset(slot) + entry::USER.offset;
        file.read_at(start as u64, &mut user_data)?;
    }
    let (after, _) = self::line(&file, slot)?;
    let whole = [before, after] == [peek.record.stamp.version; 2];
    let user_data = Some(user_data).filter(|_| whole);
    let (record, slots) = (peek.record, slots(&file, &identity)?);
    Ok(ValuePeek { record, entry, line, user_data, data_file, slots, allocated: status.allocated })
}

/// The content version of a slot, and the rest of its line.
fn line(file: &PathFile, slot: usize) -> Result<(u64, Line)> {
    let mut words = [0_u64; LINE_WORDS];
    file.read_at(segment::line(slot) as u64, bytemuck::cast_slice_mut(&mut words))?;
    let line = Line::from_words(std::array::from_fn(|i| words[WRITTEN_AT.word() + i]));
    Ok((words[CONTENT.word()], line))
}

/// What a data file says of its slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotsPeek {
    /// How many there are.
    pub allocated: usize,
    pub pinned: usize,
    pub capacity: usize,
    /// How many there may be.
    pub limit: usize,
}

fn slots(file: &PathFile, identity: &SegmentIdentity) -> Result<SlotsPeek> {
    let allocated = identity.slots_in(file.status()?.size);
    let mut counts = vec![0; pin(allocated, 0)];
    file.read_at(identity.regions()[0] as u64, &mut counts)?;
    let slots = counts.chunks(SHARDS * PIN);
    let pinned = slots.filter(|slot| slot.chunks(PIN).any(|pin| pin[..4] != [0; 4])).count();
    Ok(SlotsPeek { allocated, pinned, capacity: identity.capacity, limit: identity.limit })
}

/// Whether a writer has a tag, if its header still is the file `id`.
pub(crate) fn writer_alive(tag: &TagPath, id: FileId) -> Result<bool> {
    match open_regular(tag.header()) {
        Ok(Some((file, status))) if status.id == id => has_writer(&file),
        // Gone, another header, or something else that has its name now.
        Ok(_) | Err(Error::NotAHeader { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
