//! A complete recording from one that is cut or damaged.

use std::path::Path;

use crate::error::{Error, Result};
use crate::read::Recording;
use crate::write::RecordingWriter;
use crate::write::options::RecordingOptions;

/// What [`recover`] made.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// The values of the new recording.
    pub values: u64,
    /// The values that are known to be missing because they are damaged. What was cut off, and chunks that could not be read at all, may
    /// have had more.
    pub lost: u64,
    /// What was passed over, each as an error. A damaged chunk is one error, however many values it has.
    pub passed_over: Vec<Error>,
    /// The bytes of the new recording.
    pub bytes: u64,
}

/// Makes a complete recording, which all readers of MCAP open, from one that is cut or damaged.
///
/// The new recording has every value that can be read, with its bytes, times, attributes, user data and version, in the order of the
/// file, and compressed as before. It has the metadata, too, if there are any: a recorder writes them at the end, so a recording that was
/// cut has none. Channels of other programs, and attachments, are not copied.
///
/// # Errors
/// Those of [`Recording::open`], and [`Error::Exists`], [`Error::NoSpace`] and [`Error::Io`] about the new file. After an error there is
/// no new file.
pub fn recover(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Recovered> {
    let recording = Recording::open(from)?;
    let options = RecordingOptions::new().compression(recording.compression()).min_free(0);
    let writer = options.create(&to)?;
    let outcome = copy(recording, writer);
    outcome.map_err(|error| {
        let _ = std::fs::remove_file(to);
        match error {
            // There is no file that was cut.
            Error::Cut { path, source, .. } => Error::Io { path, operation: "write", source },
            error => error,
        }
    })
}

fn copy(recording: Recording, mut writer: RecordingWriter) -> Result<Recovered> {
    let mut recovered = Recovered::default();
    for (name, entries) in recording.metadata() {
        writer.set_metadata(name, entries.clone());
    }
    for (track, index) in recording.in_file_order() {
        let value = match track.get(index) {
            Ok(value) => value.expect("the number is that of a value"),
            Err(error) => {
                recovered.lose(error);
                continue;
            }
        };
        match writer.append(&value.as_value(track.tag())) {
            Ok(()) => {}
            Err(
                error @ (Error::TooLarge { .. } | Error::InvalidValue { .. } | Error::TooManyChannels { .. }),
            ) => recovered.lose(error),
            Err(error) => return Err(error),
        }
    }
    let written = writer.finish()?;
    recovered.passed_over.extend(recording.into_left_out());
    Ok(Recovered { values: written.values, bytes: written.bytes, ..recovered })
}

impl Recovered {
    fn lose(&mut self, error: Error) {
        self.lost += 1;
        let offset = |error: &Error| match error {
            Error::Damaged { offset, .. } => Some(*offset),
            _ => None,
        };
        // All values of a chunk that is damaged have its error.
        let told = offset(&error).is_some() && self.passed_over.last().and_then(offset) == offset(&error);
        if !told {
            self.passed_over.push(error);
        }
    }
}
