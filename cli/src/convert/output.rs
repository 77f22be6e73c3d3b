//! The files of a group of values.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::failure::{Failure, Result};
use crate::stop::Stop;
use crate::transfer::{Progress, Transfer};

/// Where the files of a group go, and what ends their names.
pub struct Output<'a> {
    pub directory: &'a Path,
    pub suffix: &'a str,
    pub progress: &'a Rc<Progress<'a>>,
}

/// A new file.
pub struct File<'a> {
    file: BufWriter<Transfer<'a, fs::File>>,
    path: PathBuf,
    stop: &'a Stop,
}

impl<'a> Output<'a> {
    /// Makes the file `stem` of the group, with this ending.
    pub fn of_group(&self, stem: &str, ending: &str) -> Result<File<'a>> {
        self.create(&format!("{stem}{}.{ending}", self.suffix))
    }

    /// Makes a file, which must not exist yet.
    pub fn create(&self, name: &str) -> Result<File<'a>> {
        let path = self.directory.join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| Failure::io(&path, "make", &error))?;
        let file = BufWriter::new(Transfer::part(file, self.progress.clone()));
        Ok(File { file, path, stop: self.progress.stop() })
    }
}

impl File<'_> {
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_with(|out| out.write_all(bytes))
    }

    /// Writes what `write` writes.
    pub fn write_with(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        let outcome = write(&mut self.file);
        outcome.map_err(|error| self.failure(&error))
    }

    pub fn finish(mut self) -> Result<()> {
        let outcome = self.file.flush();
        outcome.map_err(|error| self.failure(&error))
    }

    fn failure(&self, error: &io::Error) -> Failure {
        self.stop.failure(error, |error| Failure::io(&self.path, "write", error))
    }
}
