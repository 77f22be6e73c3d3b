//! One tag that is recorded: its reader, and what is counted of it.

use std::time::{Duration, Instant};

use ndsharray::{Reader, Snapshot, Store};

use crate::error::{Error, Result};

/// How long a tag that had an error is left alone.
const REST: Duration = Duration::from_millis(100);

/// One tag that is recorded.
#[derive(Debug)]
pub(super) struct Tag {
    name: String,
    /// Where its values come from, as its writer said; empty: from this machine.
    source: String,
    /// Whether the store did not have it when the recording began, or not since: all that its reader can miss is to be counted.
    is_new: bool,
    /// `None` if it could not be opened yet, or has gone.
    reader: Option<Reader>,
    /// The last version that was written before the recording knew the tag; `None` if that is unknown or was compared already.
    known: Option<u64>,
    /// Values that were recorded.
    values: u64,
    /// Values that were read, and not recorded.
    refused: u64,
    /// Values that its reader does not count: those that were written since the recording began, and before the first that was
    /// read, and those that readers before it missed.
    unread: u64,
    /// How many were missed before that which is recorded begins.
    before: u64,
    has_failed: bool,
    /// The first error, until it is told.
    untold: Option<Error>,
    rests_until: Option<Instant>,
    state: State,
}

/// What is known of the tag's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The store had it at the last look.
    There,
    /// It was removed, but its last values may still be read.
    Removed,
    /// They were read. There is nothing to ask for until the store has it again: to ask costs a system call.
    Gone,
}

impl Tag {
    /// `is_new`: the store did not have it when the recording began.
    pub fn new(name: String, is_new: bool) -> Self {
        Tag {
            name,
            is_new,
            source: String::new(),
            reader: None,
            known: None,
            values: 0,
            refused: 0,
            unread: 0,
            before: 0,
            has_failed: false,
            untold: None,
            rests_until: None,
            state: State::There,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn values(&self) -> u64 {
        self.values
    }

    /// How many values were missed or refused since that which is recorded begins.
    pub fn missed(&self) -> u64 {
        self.all_missed().saturating_sub(self.before)
    }

    /// The same since the first look at the tag.
    pub fn all_missed(&self) -> u64 {
        // What is damaged may have any version.
        let missed = self.reader.as_ref().map_or(0, Reader::missed);
        missed.saturating_add(self.refused).saturating_add(self.unread)
    }

    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// A look at the store found it, or did not.
    pub fn seen(&mut self, is_there: bool) {
        self.state = match self.state {
            _ if is_there => State::There,
            State::There => State::Removed,
            state => state,
        };
    }

    /// Lets go of a tag whose last values were read: its reader would keep the memory of files that were removed.
    pub fn close(&mut self, store: &Store) {
        if self.state != State::Gone || self.reader.is_none() {
            return;
        }
        // A listing may lack what is replaced meanwhile. That is no other tag, and its values would be read once more.
        if !matches!(store.stat(&self.name), Err(ndsharray::Error::NotFound { .. })) {
            return;
        }
        self.unread = self.unread.saturating_add(self.reader.take().map_or(0, |reader| reader.missed()));
        // If it is made again, its versions begin again.
        self.is_new = true;
    }

    /// Opens its reader, if it has none.
    pub fn open(&mut self, store: &Store) {
        if self.reader.is_some() {
            return;
        }
        // Before the reader: what is written from now on counts as missed if it is not read.
        let stat = store.stat(&self.name);
        match store.reader(&self.name) {
            Ok(reader) => {
                self.reader = Some(reader);
                if let Ok(stat) = stat {
                    let version = stat.value.map_or(0, |value| value.version);
                    self.known = Some(if self.is_new { 0 } else { version });
                    self.source = stat.source;
                }
            }
            // It was removed since it was listed.
            Err(ndsharray::Error::NotFound { .. }) => {}
            Err(error) => self.failed(error.into()),
        }
    }

    /// The next value, if there is one.
    pub fn next(&mut self) -> Option<Snapshot> {
        if self.state == State::Gone || self.rests(Instant::now) {
            return None;
        }
        match self.reader.as_mut()?.read_next() {
            Ok(Some(snapshot)) => {
                if let Some(known) = self.known.take() {
                    let unread = snapshot.version().saturating_sub(1).saturating_sub(known);
                    self.unread = self.unread.saturating_add(unread);
                }
                return Some(snapshot);
            }
            Ok(None) => {}
            // The writer was faster at each attempt. The next one may succeed, and says how many were missed.
            Err(ndsharray::Error::Contended { .. }) => return None,
            Err(error) => {
                self.failed(error.into());
                self.rests_until = Some(Instant::now() + REST);
            }
        }
        if self.state == State::Removed {
            self.state = State::Gone;
        }
        None
    }

    /// The reader, if its next value can be waited for.
    pub fn awaited(&mut self, now: Instant) -> Option<&mut Reader> {
        if self.state != State::There || self.rests(|| now) { None } else { self.reader.as_mut() }
    }

    /// After an error it is left alone for a while: what is damaged seems to have a newer value all the time.
    fn rests(&mut self, now: impl FnOnce() -> Instant) -> bool {
        let rests = self.rests_until.is_some_and(|until| now() < until);
        if !rests {
            self.rests_until = None;
        }
        rests
    }

    /// Counts a value that was handed to the writer, by what that said.
    ///
    /// # Errors
    /// Those that end the recording.
    pub fn outcome(&mut self, outcome: Result<()>) -> Result<()> {
        match outcome {
            Ok(()) => self.values += 1,
            Err(error) => {
                self.refused += 1;
                if !error.is_of_value() {
                    return Err(error);
                }
                self.failed(error);
            }
        }
        Ok(())
    }

    /// Keeps the error if it is the first one.
    pub fn failed(&mut self, error: Error) {
        if !self.has_failed {
            self.has_failed = true;
            self.untold = Some(error);
        }
    }

    /// The first error, once.
    pub fn take_error(&mut self) -> Option<Error> {
        self.untold.take()
    }

    /// Of the values that were missed, so many do not count: they were written before that which is recorded begins.
    pub fn begin(&mut self, missed: u64) {
        self.before = missed;
    }
}
