//! One tag with its writers and readers, and the model of it beside.

use ndsharray::{Error, Meta, Reader, Snapshot, Store, Writer};

use super::ops::{Data, Op, Options};
use super::values::Value;
use crate::common::sandbox::{files, store};

const TAG: &str = "tag";
/// The index of uint8 among the dtypes.
const BYTE: usize = 4;
/// So many snapshots are held at most, more than a process may pin.
const MOST_HELD: usize = 12;

/// What is wrong, in words.
pub type Outcome = Result<(), String>;

/// The model of a header: its last value, whether it is removed with its writer, and the header with which its count of
/// versions began.
struct Header {
    origin: usize,
    ephemeral: bool,
    value: Option<Value>,
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
        World { directory, store, writer: None, ended, readers, held, headers, named: None }
    }

    /// Runs an operation, and compares its outcome with the model's.
    pub fn run(&mut self, op: &Op) -> Outcome {
        match op {
            Op::Write(data, stride) => self.write(data, |value, writer| value.write_strided(writer, *stride)),
            Op::WriteBytes(data) => self.write(data, |value, writer| {
                writer.write_bytes_with(
                    &value.dtype,
                    &value.shape,
                    &value.bytes,
                    &Meta::new().user_data(&value.user).unwrap(),
                )
            }),
            Op::WriteAgain(seed) => self.write_again(*seed),
            Op::Loan(data) => self.write(data, |value, writer| {
                let mut loan = writer.loan_bytes(&value.dtype, &value.shape)?;
                loan.as_mut_slice().copy_from_slice(&value.bytes);
                loan.set_meta(Meta::new().user_data(&value.user)?);
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
                    self.named.get_or_insert_with(|| new_header(&mut self.headers, None, false, None));
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
            let version = header.value.as_ref().map_or(0, |value| value.version);
            expect(writer.version() == version, || format!("the writer is at {}", writer.version()))?;
        }
        self.readers.iter().try_for_each(|(reader, position)| {
            expect(reader.missed() == position.missed, || format!("{reader:?}, not {}", position.missed))
        })
    }

    /// Compares the value under the tag's name with the model, as `stat` and a new reader see it.
    fn check_value(&self, header: &Header, stat: Option<&ndsharray::ValueStat>) -> Outcome {
        let latest = self.store.reader(TAG).map_err(words)?.latest();
        match (&header.value, stat, latest) {
            (None, None, Err(Error::Empty { .. })) => Ok(()),
            (Some(value), Some(stat), Ok(latest)) => {
                value.check(&latest)?;
                let same = (&stat.dtype, &stat.shape, stat.nbytes, stat.version)
                    == (&value.dtype, &value.shape, value.bytes.len(), value.version);
                expect(same, || format!("{stat:?}, not {value:?}"))?;
                // Besides `latest` here, which may have been given a copy.
                let pins = self.held.iter().filter(|(held, _)| !held.is_copy()).count();
                let slots = stat.slots;
                expect(slots.pinned <= pins && slots.pinned <= slots.allocated, || {
                    format!("{slots:?} with {pins} held")
                })
            }
            (value, stat, latest) => Err(format!("stat {stat:?} and latest {latest:?}, not {value:?}")),
        }
    }

    pub(super) fn files(&self) -> Vec<String> {
        files(&self.directory)
    }

    fn now(&self) -> Option<&Header> {
        self.named.map(|named| &self.headers[named])
    }

    fn reader(&self, i: usize) -> Option<usize> {
        i.checked_rem(self.readers.len())
    }

    fn write(
        &mut self,
        (dtype, shape, user, seed): &Data,
        write: impl Fn(&Value, &mut Writer) -> ndsharray::Result<u64>,
    ) -> Outcome {
        let Some(named) = self.named.filter(|_| self.writer.is_some()) else { return Ok(()) };
        let value = Value::new(*dtype, shape, *user, *seed);
        self.publish(named, value, write)
    }

    fn publish(
        &mut self,
        named: usize,
        mut value: Value,
        write: impl Fn(&Value, &mut Writer) -> ndsharray::Result<u64>,
    ) -> Outcome {
        let version = write(&value, self.writer.as_mut().unwrap()).map_err(words)?;
        value.version = self.headers[named].value.as_ref().map_or(0, |value| value.version) + 1;
        expect(version == value.version, || format!("version {version}, not {}", value.version))?;
        self.headers[named].value = Some(value);
        Ok(())
    }

    pub(super) fn write_again(&mut self, seed: u64) -> Outcome {
        let Some(named) = self.named.filter(|_| self.writer.is_some()) else { return Ok(()) };
        let Some(before) = &self.headers[named].value else { return Ok(()) };
        let mut value = before.clone();
        if value.dtype != ndsharray::DType::Bool {
            let other = Value::new(BYTE, &[value.bytes.len()], 0, seed);
            value.bytes = other.bytes;
        }
        self.publish(named, value, |value, writer| {
            writer.write_bytes_with(
                &value.dtype,
                &value.shape,
                &value.bytes,
                &Meta::new().user_data(&value.user).unwrap(),
            )
        })
    }

    fn drop_loan(&mut self, (dtype, shape, user, seed): &Data) -> Outcome {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let value = Value::new(*dtype, shape, *user, *seed);
        let mut loan = writer.loan_bytes(&value.dtype, &value.shape).map_err(words)?;
        loan.as_mut_slice().copy_from_slice(&value.bytes);
        Ok(())
    }

    fn publish_too_late(&mut self, (dtype, shape, user, seed): &Data, takeover: bool) -> Outcome {
        let Some(mut writer) = self.writer.take() else { return Ok(()) };
        let value = Value::new(*dtype, shape, *user, *seed);
        let mut loan = writer.loan_bytes(&value.dtype, &value.shape).map_err(words)?;
        loan.as_mut_slice().copy_from_slice(&value.bytes);
        if takeover {
            self.writer = Some(self.store.writer_options(TAG).takeover(true).open().map_err(words)?);
            let value = self.now().and_then(|header| header.value.clone());
            let origin = self.now().map(|header| header.origin);
            self.named = Some(new_header(&mut self.headers, origin, false, value));
        } else {
            self.store.force_remove(TAG).map_err(words)?;
            self.named = None;
        }
        let result = loan.publish();
        self.ended.push((writer, Some(takeover)));
        expect(is_end(&result, takeover), || format!("{result:?} of a loan that came too late"))
    }

    fn open(&mut self, options: &Options, takeover: bool) -> Outcome {
        let Options { ephemeral, capacity, history } = *options;
        let options = self.store.writer_options(TAG).ephemeral(ephemeral).capacity(capacity);
        let opened = options.history(history).takeover(takeover).open();
        if ephemeral && !takeover && self.now().is_some_and(|header| header.value.is_some()) {
            let refused = matches!(opened, Err(Error::InvalidOption { option: "ephemeral", .. }));
            return expect(refused, || format!("{opened:?} of a value that is to stay"));
        }
        let writer = opened.map_err(words)?;
        let old = self.writer.replace(writer);
        // There is a new header for a new tag, for a takeover, and for an ephemeral writer.
        if self.named.is_none() || old.is_some() || ephemeral {
            let value = self.now().and_then(|header| header.value.clone());
            let origin = self.now().map(|header| header.origin);
            self.named = Some(new_header(&mut self.headers, origin, ephemeral, value));
        }
        self.ended.extend(old.map(|old| (old, None)));
        if self.ended.len() > 2 {
            // The drop of a writer that was superseded or removed must do nothing.
            self.ended.swap_remove(0);
        }
        Ok(())
    }

    fn write_ended(&mut self, (dtype, shape, user, seed): &Data) -> Outcome {
        let value = Value::new(*dtype, shape, *user, *seed);
        let taken = self.named.is_some();
        self.ended.iter_mut().try_for_each(|(writer, told)| {
            // It gets the same error each time.
            let superseded = *told.get_or_insert(taken);
            let result = writer.write_bytes_with(
                &value.dtype,
                &value.shape,
                &value.bytes,
                &Meta::new().user_data(&value.user).unwrap(),
            );
            expect(is_end(&result, superseded), || {
                format!("{result:?} of a writer at its end, superseded: {superseded}")
            })
        })
    }

    fn remove(&mut self, force: bool) -> Outcome {
        let result = if force { self.store.force_remove(TAG) } else { self.store.remove(TAG) };
        let holds = match &result {
            Err(Error::NotFound { .. }) => self.named.is_none(),
            Err(Error::WriterExists { .. }) => self.writer.is_some() && !force,
            Ok(()) => self.named.is_some() && (force || self.writer.is_none()),
            Err(_) => false,
        };
        if result.is_ok() {
            self.named = None;
            self.ended.extend(self.writer.take().map(|writer| (writer, None)));
        }
        expect(holds, || format!("{result:?}"))
    }
}

fn new_header(
    headers: &mut Vec<Header>,
    origin: Option<usize>,
    ephemeral: bool,
    value: Option<Value>,
) -> usize {
    let origin = origin.unwrap_or(headers.len());
    headers.push(Header { origin, ephemeral, value });
    headers.len() - 1
}

fn is_end(result: &ndsharray::Result<u64>, superseded: bool) -> bool {
    match result {
        Err(Error::Superseded { .. }) => superseded,
        Err(Error::Removed { .. }) => !superseded,
        _ => false,
    }
}

mod by_hand;
mod reading;
