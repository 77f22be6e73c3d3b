//! A tag of this store, into which the values of another host's tag are written.

use ndsharray::{ErrorKind, Store, Writer};

use crate::source;
use crate::wire::value::{Arrived, Values};

/// A tag of this store, into which values are written.
#[derive(Debug)]
pub(super) struct Copy {
    store: Store,
    tag: String,
    source: String,
    keeps: bool,
    history: usize,
    writer: Option<Writer>,
}

impl Copy {
    pub fn new(store: Store, tag: String, source: String, keeps: bool) -> Self {
        Copy { store, tag, source, keeps, history: 0, writer: None }
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// When the value that the store has was written at the source; 0: there is none that was taken.
    pub fn last_written_at(&self) -> u64 {
        let Ok(stat) = self.store.stat(&self.tag) else { return 0 };
        let time =
            stat.value.filter(|_| stat.source == self.source).and_then(|value| value.source_written_at);
        time.map_or(0, ndsharray::UnixTime::as_nanos)
    }

    /// Writes a value, whose elements are next.
    ///
    /// # Errors
    /// Why it cannot be written, for people. The elements may have been read or not.
    pub fn write(
        &mut self,
        arrived: &Arrived,
        values: &mut Values<'_>,
        history: usize,
    ) -> Result<(), String> {
        if history > self.history {
            // It is opened with a history; a longer one needs another data file.
            (self.history, self.writer) = (history, None);
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(open(&self.store, &self.tag, &self.source, self.keeps, self.history)?),
        };
        match publish(writer, arrived, values) {
            Ok(()) => Ok(()),
            Err(Failed::Value(text)) => Err(text),
            Err(Failed::Store(error)) => {
                // It was taken over or removed.
                if error.kind() == ErrorKind::Ended {
                    self.writer = None;
                }
                Err(error.to_string())
            }
        }
    }

    /// Ends writing: the tag goes, unless it is kept.
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
        // The writer is at its end, and this says why.
        drop(loan);
        let mut bytes = vec![0; arrived.nbytes];
        values.elements(&mut bytes).map_err(Failed::Value)?;
        writer.write_bytes_with(&arrived.dtype, &arrived.shape, &bytes, &arrived.meta)?;
    }
    Ok(())
}

/// Opens the writer, unless the tag is somebody else's.
fn open(store: &Store, tag: &str, source: &str, keeps: bool, history: usize) -> Result<Writer, String> {
    match store.stat(tag) {
        Ok(stat) if stat.writer_alive => return Err("it has a writer in this store".to_owned()),
        Ok(stat) if stat.value.is_some() && !source::is_mirror(&stat.source) => {
            return Err(
                "this store has a value of its own under the name: remove it, or use a prefix".to_owned()
            );
        }
        // One that was kept is to go with its writer from now on.
        Ok(stat) if !keeps && !stat.ephemeral => store.remove(tag).map_err(|error| error.to_string())?,
        _ => {}
    }
    let options = store.writer_options(tag).ephemeral(!keeps).history(history).source(source);
    options.open().map_err(|error| error.to_string())
}
