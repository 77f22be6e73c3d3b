//! One tag with its writers and readers, and the model of it beside.

use ndsharray::{Error, Reader, Snapshot, Store, Writer};

use super::kept::Kept;
use super::ops::{Op, Options};
use super::values::{Value, time};
use crate::common::sandbox::{files, store};

const TAG: &str = "tag";
/// The index of uint8 among the dtypes.
const BYTE: usize = 4;
/// So many snapshots are held at most, more than a process may pin.
const MOST_HELD: usize = 12;

/// What is wrong, in words.
pub type Outcome = Result<(), String>;

/// The model of a header: its values one after the other, of which the last counts and earlier ones may be there still; its data
/// file; whether it is removed with its writer; and the header with which its count of versions began.
struct Header {
    origin: usize,
    ephemeral: bool,
    values: Vec<Value>,
    /// None before the first value, and while nobody knows since it was removed by hand.
    kept: Option<Kept>,
}

impl Header {
    fn value(&self) -> Option<&Value> {
        self.values.last()
    }

    /// The last version, 0 before the first.
    fn version(&self) -> u64 {
        self.value().map_or(0, |value| value.version)
    }

    /// The value of a version that is there.
    fn value_of(&self, version: u64) -> Result<&Value, String> {
        let first = self.values.first().map_or(0, |value| value.version);
        let value = version.checked_sub(first).and_then(|i| self.values.get(i as usize));
        value.ok_or_else(|| format!("version {version} is of another header"))
    }
}

/// Which header a reader is on, which value it returned last, and how many it missed.
#[derive(Clone)]
struct Position {
    header: usize,
    /// The position of that value among all of the tag that this reader could see.
    returned: Option<u64>,
    /// How many values earlier headers had whose count this one does not continue, as far as this reader was on them.
    before: u64,
    missed: u64,
}

pub struct World {
    pub(super) directory: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) writer: Option<Writer>,
    /// With what that was opened.
    options: Options,
    /// Files were removed by hand under the writer, and it may not have noticed yet.
    unsure: bool,
    /// Writers at their end, with whether they were told that it was a takeover (or else a removal).
    ended: Vec<(Writer, Option<bool>)>,
    readers: Vec<(Reader, Position)>,
    held: Vec<(Snapshot, Value)>,
    /// Every header that the tag ever had.
    headers: Vec<Header>,
    /// The header that has the tag's name now.
    named: Option<usize>,
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what()) }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl World {
    pub fn new() -> World {
        let (directory, store) = store();
        let (ended, readers, held, headers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (writer, options, unsure, named) = (None, Options::default(), false, None);
        World { directory, store, writer, options, unsure, ended, readers, held, headers, named }
    }

    /// Runs an operation, and compares its outcome with the model's.
    pub fn run(&mut self, op: &Op) -> Outcome {
        match op {
            Op::Write(data, stride) => self.write(data, |value, writer| value.write_strided(writer, *stride)),
            Op::WriteBytes(data) => self.write(data, Value::write_bytes),
            Op::WriteAgain(seed) => self.write_again(*seed),
            Op::WriteMany(seed, count) => self.write_many(*seed, *count),
            Op::Loan(data) => self.write(data, |value, writer| {
                let mut loan = writer.loan_bytes(&value.dtype, &value.shape)?;
                loan.as_mut_slice().copy_from_slice(&value.bytes);
                loan.set_meta(value.meta());
                loan.publish()
            }),
            Op::LoanDropped(data) => self.drop_loan(data),
            Op::LoanTooLate(data, takeover) => self.publish_too_late(data, *takeover),
            Op::OpenReader => self.open_reader(),
            Op::DropReader(i) => {
                self.reader(*i).map(|i| self.readers.swap_remove(i));
                Ok(())
            }
            Op::CloneReader(i) => {
                if let Some(i) = self.reader(*i).filter(|_| self.readers.len() < 6) {
                    self.readers.push(self.readers[i].clone());
                }
                Ok(())
            }
            Op::Read(i, wait, hold) => self.reader(*i).map_or(Ok(()), |i| self.read(i, *wait, *hold)),
            Op::Latest(i, hold) => self.reader(*i).map_or(Ok(()), |i| self.latest(i, *hold)),
            Op::ReadNext(i, next, hold) => {
                self.reader(*i).map_or(Ok(()), |i| self.read_next(i, *next, *hold).map(|_| ()))
            }
            Op::ReadRest(i) => self.reader(*i).map_or(Ok(()), |i| self.read_rest(i)),
            Op::Nearest(i, time, within, hold) => {
                self.reader(*i).map_or(Ok(()), |i| self.nearest(i, time, *within, *hold))
            }
            Op::OthersHold(i) => {
                self.change_kept(|kept, last| kept.others_hold(*i, last));
                Ok(())
            }
            Op::OthersLetGo(i) => {
                self.change_kept(|kept, _| kept.others_let_go(*i));
                Ok(())
            }
            Op::DropHeld(i) => {
                if !self.held.is_empty() {
                    self.held.swap_remove(i % self.held.len());
                }
                Ok(())
            }
            Op::CloneHeld(i) => {
                if !self.held.is_empty() && self.held.len() < MOST_HELD {
                    self.held.push(self.held[i % self.held.len()].clone());
                }
                Ok(())
            }
            Op::CloseWriter => {
                if self.writer.take().is_some() && self.now().is_some_and(|header| header.ephemeral) {
                    self.named = None;
                }
                Ok(())
            }
            Op::OpenWriter(options) if self.writer.is_none() => self.open(options, false),
            Op::OpenWriter(_) => Ok(()),
            Op::TakeOver(options) => self.open(options, true),
            Op::OpenTwice => match (self.writer.is_some(), self.store.writer(TAG)) {
                (true, Err(Error::WriterExists { .. })) => Ok(()),
                (true, other) => Err(format!("a second writer: {other:?}")),
                // That writer has ended; a tag without a header has an empty one now.
                (false, opened) => {
                    self.named.get_or_insert_with(|| new_header(&mut self.headers, None, false, Vec::new()));
                    opened.map(drop).map_err(words)
                }
            },
            Op::WriteEnded(data) => self.write_ended(data),
            Op::Remove => self.remove(false),
            Op::ForceRemove => self.remove(true),
            Op::Gc => {
                let report = self.store.gc().map_err(words)?;
                expect(report.removed.is_empty(), || format!("gc removed {report:?}"))
            }
            Op::RemoveByHand { header, data } => self.remove_by_hand(*header, *data),
        }
    }

    /// What must hold after every operation.
    pub fn check(&self) -> Outcome {
        for (snapshot, value) in &self.held {
            value.check(snapshot).map_err(|why| format!("held: {why}"))?;
        }
        let (mut files, mut tags) = (Vec::new(), Vec::new());
        match self.now() {
            None => expect(matches!(self.store.stat(TAG), Err(Error::NotFound { .. })), || {
                format!("{:?} of no header", self.store.stat(TAG))
            })?,
            Some(header) => {
                let stat = self.store.stat(TAG).map_err(words)?;
                let holds = stat.writer_alive == self.writer.is_some() && stat.ephemeral == header.ephemeral;
                expect(holds, || format!("{stat:?}"))?;
                tags.push(TAG.to_owned());
                files.push(TAG.to_owned());
                files.extend(stat.value.as_ref().map(|value| value.data_file.clone()));
                self.check_value(header, stat.value.as_ref())?;
            }
        }
        expect(self.files() == files, || format!("files {:?}, not {files:?}", self.files()))?;
        expect(self.store.tags().map_err(words)? == tags, || format!("{:?}", self.store.tags()))?;
        if let (Some(writer), Some(header)) = (&self.writer, self.now()) {
            expect(writer.version() == header.version(), || {
                format!("the writer is at {}", writer.version())
            })?;
        }
        self.readers.iter().try_for_each(|(reader, position)| {
            expect(reader.missed() == position.missed, || format!("{reader:?}, not {}", position.missed))
        })
    }

    /// Compares the value under the tag's name with the model, as `stat` and a new reader see it.
    fn check_value(&self, header: &Header, stat: Option<&ndsharray::ValueStat>) -> Outcome {
        let latest = self.store.reader(TAG).map_err(words)?.latest();
        match (header.value(), stat, latest) {
            (None, None, Err(Error::Empty { .. })) => Ok(()),
            (Some(value), Some(stat), Ok(latest)) => {
                value.check(&latest)?;
                let same = (&stat.dtype, &stat.shape, stat.nbytes, stat.version)
                    == (&value.dtype, &value.shape, value.bytes.len(), value.version);
                let same = same
                    && (stat.acquired_at, stat.source_written_at)
                        == (time(value.acquired_at), time(value.source_written_at))
                    && (stat.user_data.as_ref(), stat.attributes_json.as_deref())
                        == (Some(&value.user), value.attributes());
                expect(same, || format!("{stat:?}, not {value:?}"))?;
                // Besides `latest` here, which may have been given a copy.
                let pins = self.held.iter().filter(|(held, _)| !held.is_copy()).count();
                let pins = pins + header.kept.as_ref().map_or(0, Kept::others);
                let slots = stat.slots;
                expect(slots.pinned <= pins && slots.pinned <= slots.allocated, || {
                    format!("{slots:?} with {pins} held")
                })?;
                header.kept.as_ref().map_or(Ok(()), |kept| kept.check(value.version, slots.allocated))
            }
            (value, stat, latest) => Err(format!("stat {stat:?} and latest {latest:?}, not {value:?}")),
        }
    }

    pub(super) fn files(&self) -> Vec<String> {
        files(&self.directory)
    }

    /// Changes what the data file of the tag keeps, if that is known.
    fn change_kept(&mut self, change: impl FnOnce(&mut Kept, u64)) {
        let Some(named) = self.named else { return };
        let header = &mut self.headers[named];
        let last = header.version();
        if let Some(kept) = &mut header.kept {
            change(kept, last);
        }
    }

    fn now(&self) -> Option<&Header> {
        self.named.map(|named| &self.headers[named])
    }

    fn reader(&self, i: usize) -> Option<usize> {
        i.checked_rem(self.readers.len())
    }
}

fn new_header(
    headers: &mut Vec<Header>,
    origin: Option<usize>,
    ephemeral: bool,
    values: Vec<Value>,
) -> usize {
    let origin = origin.unwrap_or(headers.len());
    headers.push(Header { origin, ephemeral, values, kept: None });
    headers.len() - 1
}

mod by_hand;
mod reading;
mod writing;
