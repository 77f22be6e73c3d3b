//! How a reader is opened.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::files::tag::TagPath;
use crate::reader::Reader;
use crate::reader::follow::Target;
use crate::reader::sleep::Sleeper;
use crate::sys::name::status_at;

/// Options for a [`Reader`], from [`Store::reader_options`](crate::Store::reader_options).
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// use std::time::Duration;
///
/// let other = store.clone();
/// let writing = std::thread::spawn(move || other.writer("camera")?.write_slice(&[1_u8, 2], &[2]));
/// let mut reader = store.reader_options("camera").wait(Duration::from_secs(60)).open()?;
/// let value = reader.wait(Duration::from_secs(60))?.expect("a value");
/// assert_eq!(value.bytes(), [1, 2]);
/// # writing.join().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct ReaderOptions {
    directory: PathBuf,
    tag: String,
    wait: Option<Duration>,
}

impl ReaderOptions {
    pub(crate) fn new(directory: &Path, tag: &str) -> Self {
        ReaderOptions { directory: directory.to_owned(), tag: tag.to_owned(), wait: Some(Duration::ZERO) }
    }

    /// Makes [`open`](Self::open) wait until the tag exists, for `timeout` at most. No timeout (`None`) waits for ever. Without
    /// this, `open` does not wait.
    ///
    /// A tag exists as soon as its first writer is opened. It may not have a value yet: [`Reader::wait`] waits for one.
    pub fn wait(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.wait = timeout.into();
        self
    }

    /// Opens the reader.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the tag has no header (no writer was ever opened, or it was removed), after the wait;
    /// [`Error::NotAHeader`] at once if something else has its name; [`Error::InvalidTag`], and those of a damaged header.
    pub fn open(&self) -> Result<Reader> {
        let tag = TagPath::new(&self.directory, &self.tag)?;
        let mut sleeper = Sleeper::new(self.wait);
        loop {
            let seen = status_at(tag.header())?.map(|file| file.id);
            let outcome = Reader::open(tag.clone());
            if !matches!(outcome, Err(Error::NotFound { .. })) {
                return outcome;
            }
            let target = Target { header: None, name: tag.shared_header(), seen, is_gone: true };
            if !sleeper.sleep(&[target]) {
                return outcome;
            }
        }
    }
}

impl fmt::Debug for ReaderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReaderOptions")
            .field("directory", &self.directory)
            .field("tag", &self.tag)
            .field("wait", &self.wait)
            .finish()
    }
}
