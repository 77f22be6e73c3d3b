//! A complete recording of what is whole in one that was cut or is damaged.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use ndsharray_recording::{Error, Recovered};
use tempfile::TempPath;

use crate::failure::{Failure, Result, say};
use crate::stop::Stop;
use crate::{table, units};

/// How often it looks whether a signal came.
const STEP: Duration = Duration::from_millis(50);

/// Makes the recording `to`, which must not exist yet. It gets its name when it is complete.
pub fn run(from: &Path, to: &Path, stop: &Stop) -> Result<()> {
    let exists = || Error::Exists { path: to.to_owned() };
    if to.symlink_metadata().is_ok() {
        return Err(exists().into());
    }
    let failed = |error: &std::io::Error| Failure::io(to, "make", error);
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = tempfile::Builder::new().prefix(".ndsharray-").suffix(".part").tempdir_in(parent);
    let directory = directory.map_err(|error| failed(&error))?;
    let part = directory.path().join("recovered.mcap");
    let recovered = recover(from, &part, stop, |error| match error {
        // What the system said, without the temporary name: it means nothing to the user.
        Error::Io { path, operation, source } if path == part => Failure::io(to, operation, &source),
        Error::NoSpace { path, free, wanted } if path == part => {
            Error::NoSpace { path: to.to_owned(), free, wanted }.into()
        }
        error => error.into(),
    })?;
    let part = TempPath::try_from_path(part).map_err(|error| failed(&error))?;
    let persisted = part.persist_noclobber(to);
    persisted.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists().into(),
        _ => failed(&error.error),
    })?;
    for what in &recovered.passed_over {
        say(&format!("passed over: {what}"));
    }
    let lost = if recovered.lost == 0 { String::new() } else { format!(", {} lost", recovered.lost) };
    let values = units::count(recovered.values, "value");
    let to = table::visible(&to.display().to_string());
    table::print(&format!("{to}: {values}, {}{lost}\n", units::bytes(recovered.bytes)))
}

/// Recovers in a thread, so that a signal can end it. What that leaves is in a directory that is removed.
fn recover(from: &Path, to: &Path, stop: &Stop, failed: impl Fn(Error) -> Failure) -> Result<Recovered> {
    let (done, outcome) = channel();
    let (from, to) = (from.to_owned(), to.to_owned());
    std::thread::spawn(move || {
        // Nobody receives it if a signal came.
        let _ = done.send(ndsharray_recording::recover(from, to));
    });
    loop {
        stop.check()?;
        match outcome.recv_timeout(STEP) {
            Ok(outcome) => return outcome.map_err(failed),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed("recovering ended without an outcome"));
            }
        }
    }
}
