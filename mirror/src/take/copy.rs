//! A tag of this store, into which the values of another host's tag are written.

use std::sync::Arc;

use ndsharray::{ErrorKind, Store, Writer};

use crate::source;
use crate::take::limits::Name;
use crate::take::written::Written;
use crate::wire::value::{Arrived, Values};

/// A tag of this store, into which values are written.
#[derive(Debug)]
pub(super) struct Copy {
    store: Store,
    source: String,
    keeps: bool,
    history: usize,
    writer: Option<Writer>,
    /// Where it is remembered how far this copy has come. Only for tags of which each value is taken.
    written: Option<Arc<Written>>,
    /// Dropped after the writer, so that whoever has the name next finds no writer.
    name: Name,
}

impl Copy {
    /// `written`: for tags of which each value is taken, where it is remembered how far the copy has come.
    pub fn new(store: Store, name: Name, source: String, keeps: bool, written: Option<Arc<Written>>) -> Self {
        Copy { store, source, keeps, history: 0, writer: None, written, name }
    }

    pub fn tag(&self) -> &str {
        self.name.tag()
    }

    /// Whether no other task of this process has the tag's name and may still write.
    pub fn is_alone(&self) -> bool {
        self.name.is_only()
    }

    /// When the last value that was taken was written at the source; 0: none is known. If each value is taken, this is known even if the tag
    /// has gone since.
    pub fn went_on_to(&self) -> u64 {
        match (self.last_written_at(), &self.written) {
            (0, Some(written)) => written.last(self.tag(), &self.source),
            (last, _) => last,
        }
    }

    /// When the value that the store has now was written at the source; 0: the store has no value that was taken from there.
    pub fn last_written_at(&self) -> u64 {
        let Ok(stat) = self.store.stat(self.tag()) else { return 0 };
        let time =
            stat.value.filter(|_| stat.source == self.source).and_then(|value| value.source_written_at);
        time.map_or(0, ndsharray::UnixTime::as_nanos)
    }

    /// Why the tag cannot be written; `None` if it does not belong to somebody else.
    pub fn in_the_way(&self) -> Option<String> {
        if self.writer.is_some() { None } else { somebody_elses(&self.store, self.tag()) }
    }

    /// Writes a value. `values` is at its elements.
    ///
    /// # Errors
    /// Why it cannot be written, as a text for people. The elements may have been read or not.
    pub fn write(
        &mut self,
        arrived: &Arrived,
        values: &mut Values<'_>,
        history: usize,
    ) -> Result<(), String> {
        match publish(self.writer(history)?, arrived, values) {
            Ok(()) => {
                if let Some(written) = &self.written {
                    written.set(self.tag(), &self.source, arrived.written_at);
                }
                Ok(())
            }
            Err(Failed::Value(text)) => Err(text),
            Err(Failed::Store(error)) => {
                // Another writer took the tag over, or the tag was removed.
                if error.kind() == ErrorKind::Ended {
                    self.writer = None;
                }
                Err(error.to_string())
            }
        }
    }

    /// Opens the writer of a tag that already has the latest value.
    ///
    /// # Errors
    /// Why it cannot be written, as a text for people.
    pub fn resume(&mut self, history: usize) -> Result<(), String> {
        self.writer(history).map(|_| ())
    }

    fn writer(&mut self, history: usize) -> Result<&mut Writer, String> {
        if history > self.history {
            // A writer has the history with which it was opened. A longer one needs a new writer, and another data file.
            (self.history, self.writer) = (history, None);
        }
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => {
                Ok(none.insert(open(&self.store, self.name.tag(), &self.source, self.keeps, self.history)?))
            }
        }
    }

    /// Closes the writer. The tag is removed with it, unless tags are kept.
    pub fn close(&mut self) {
        self.writer = None;
    }
}

enum Failed {
    Store(ndsharray::Error),
    Value(String),
}

impl From<ndsharray::Error> for Failed {
    fn from(error: ndsharray::Error) -> Self {
        Failed::Store(error)
    }
}

fn publish(writer: &mut Writer, arrived: &Arrived, values: &mut Values<'_>) -> Result<(), Failed> {
    let mut loan = writer.loan_bytes(&arrived.dtype, &arrived.shape)?;
    let memory = loan.as_mut_slice();
    if memory.len() == arrived.nbytes {
        values.elements(memory).map_err(Failed::Value)?;
        loan.set_meta(arrived.meta.clone());
        loan.publish()?;
    } else {
        // The memory has another size only if the writer has ended. Writing the value this way returns the error that says why.
        drop(loan);
        let mut bytes = vec![0; arrived.nbytes];
        values.elements(&mut bytes).map_err(Failed::Value)?;
        writer.write_bytes_with(&arrived.dtype, &arrived.shape, &bytes, &arrived.meta)?;
    }
    Ok(())
}

/// Why a mirror may not write to a tag; `None` if it may.
fn somebody_elses(store: &Store, tag: &str) -> Option<String> {
    let reason = match store.stat(tag) {
        Ok(stat) if stat.writer_alive => "it has a writer in this store",
        Ok(stat) if stat.value.is_some() && !source::is_mirror(&stat.source) => {
            "this store has a value of its own under the name: remove it, or use a prefix"
        }
        _ => return None,
    };
    Some(reason.to_owned())
}

/// Opens the writer, unless the tag is somebody else's.
fn open(store: &Store, tag: &str, source: &str, keeps: bool, history: usize) -> Result<Writer, String> {
    if let Some(reason) = somebody_elses(store, tag) {
        return Err(reason);
    }
    match store.stat(tag) {
        // A tag that was kept before is to be removed with its writer from now on. So it is made anew.
        Ok(stat) if !keeps && !stat.ephemeral => store.remove(tag).map_err(|error| error.to_string())?,
        _ => {}
    }
    let options = store.writer_options(tag).ephemeral(!keeps).history(history).source(source);
    options.open().map_err(|error| error.to_string())
}
