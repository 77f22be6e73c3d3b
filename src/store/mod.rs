//! The store: a directory.

pub(crate) mod count;
pub(crate) mod entries;
pub(crate) mod fields;
pub(crate) mod inspect;
pub(crate) mod stat;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::kind::ErrorKind;
use crate::error::{Error, Result};
use crate::files::gc::{self, GcReport};
use crate::files::leftover::Found;
use crate::files::retire;
use crate::files::tag::TagPath;
use crate::reader::Reader;
use crate::reader::options::ReaderOptions;
use crate::store::entries::Entry;
use crate::store::inspect::Inspection;
use crate::store::stat::Stat;
use crate::sys::space::Space;
use crate::writer::Writer;
use crate::writer::options::WriterOptions;

/// A directory of named arrays.
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// let store = ndsharray::Store::open(dir.path())?;
/// let mut writer = store.writer("counts")?;
/// writer.write_slice(&[1_u64, 2, 3], &[3])?;
/// let value = store.reader("counts")?.latest()?;
/// assert_eq!(value.as_slice::<u64>()?, [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// The store in `directory`, which must exist; a relative path is taken from the present working directory.
    ///
    /// # Errors
    /// [`Error::NoDirectory`] if nothing or something else stands there.
    pub fn open(directory: impl AsRef<Path>) -> Result<Store> {
        let path = directory.as_ref();
        let wrong = |found| Err(Error::NoDirectory { path: path.to_owned(), found });
        if path.as_os_str().is_empty() {
            return wrong("an empty path");
        }
        if path.as_os_str().as_bytes().contains(&0) {
            return wrong("a path with a NUL");
        }
        let directory = std::path::absolute(path).map_err(|error| Error::io(path, "find it", error))?;
        let found = match std::fs::metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => return Ok(Store { directory }),
            Ok(_) => "something that is not a directory",
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => "nothing",
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                "something that is not a directory"
            }
            Err(error) => return Err(Error::io(&directory, "look at it", error)),
        };
        Err(Error::NoDirectory { path: directory, found })
    }

    /// The store in the directory that the environment variable `NDSHARRAY_DIR` names, else in `/dev/shm`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_default() -> Result<Store> {
        match std::env::var_os("NDSHARRAY_DIR") {
            Some(directory) if !directory.is_empty() => Self::open(PathBuf::from(directory)),
            _ => Self::open("/dev/shm"),
        }
    }

    /// The directory, as an absolute path.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens the one writer of a tag, which goes on where an earlier one left off.
    ///
    /// # Errors
    /// As [`WriterOptions::open`].
    pub fn writer(&self, tag: &str) -> Result<Writer> {
        self.writer_options(tag).open()
    }

    /// Options for a writer of a tag.
    pub fn writer_options(&self, tag: &str) -> WriterOptions {
        WriterOptions::new(&self.directory, tag)
    }

    /// Opens a reader of a tag.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the tag has no header (no writer was ever opened, or it was removed);
    /// [`Error::NotAHeader`] if something else has its name; [`Error::InvalidTag`], and those of a damaged header.
    pub fn reader(&self, tag: &str) -> Result<Reader> {
        Reader::open(self.tag(tag)?)
    }

    /// Options for a reader of a tag: to wait until it exists.
    pub fn reader_options(&self, tag: &str) -> ReaderOptions {
        ReaderOptions::new(&self.directory, tag)
    }

    /// The tags of the store, in order. Files that are no headers, and those this process may not read, are left out;
    /// [`entries`](Self::entries) has also damaged and unreadable headers.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be listed.
    pub fn tags(&self) -> Result<Vec<String>> {
        entries::tags(&self.directory)
    }

    /// What stands under each tag of the store, in order of name: an array, a damaged header, or a header that this user
    /// may not read.
    ///
    /// It reads the first bytes of each file, as [`tags`](Self::tags) does. Files of other programs are left out.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be listed. What is wrong with one file is in its entry.
    ///
    /// ```
    /// use ndsharray::EntryKind;
    ///
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let store = ndsharray::Store::open(dir.path())?;
    /// store.writer("camera")?.write_slice(&[1_u8, 2, 3], &[3])?;
    /// std::fs::write(dir.path().join("torn"), "NDSHHEAD and no more").unwrap();
    ///
    /// for entry in store.entries()? {
    ///     match entry.kind {
    ///         EntryKind::Array => println!("{}: {:?}", entry.tag, store.stat(&entry.tag)?.value),
    ///         EntryKind::Damaged(error) | EntryKind::Unreadable(error) => println!("{}: {error}", entry.tag),
    ///         _ => {}
    ///     }
    /// }
    /// # let tags: Vec<String> = store.entries()?.into_iter().map(|entry| entry.tag).collect();
    /// # assert_eq!(tags, ["camera", "torn"]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn entries(&self) -> Result<Vec<Entry>> {
        entries::entries(&self.directory)
    }

    /// What there is to know of a tag, without a mapping.
    ///
    /// # Errors
    /// As [`reader`](Self::reader).
    pub fn stat(&self, tag: &str) -> Result<Stat> {
        stat::stat(&self.tag(tag)?)
    }

    /// How much space the filesystem has that the store is on.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be looked at.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// let space = ndsharray::Store::open(dir.path())?.space()?;
    /// println!("{} of {} bytes are free", space.free, space.total);
    /// # assert!(space.free <= space.total);
    /// # Ok(())
    /// # }
    /// ```
    pub fn space(&self) -> Result<Space> {
        Space::of(&self.directory)
            .map_err(|error| Error::io(&self.directory, "look at its filesystem", error))
    }

    /// Every field of a tag's files as it lies there, also of damaged ones: for looking what is wrong.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is nothing; [`Error::NotAHeader`] if it is something else; [`Error::InvalidTag`],
    /// [`Error::NotOwner`] and [`Error::Io`]. Damage is no error here: the inspection says it.
    pub fn inspect(&self, tag: &str) -> Result<Inspection> {
        inspect::inspect(&self.tag(tag)?)
    }

    /// Removes a tag with its value. Snapshots that are held stay as they are.
    ///
    /// # Errors
    /// [`Error::WriterExists`] if a writer has it (or somebody is opening one for half a minute), [`Error::NotOwner`] if
    /// it is another user's, and as [`reader`](Self::reader).
    pub fn remove(&self, tag: &str) -> Result<()> {
        retire::remove(&self.tag(tag)?, false)
    }

    /// Removes a tag even if a writer has it (the writer's next write gives [`Error::Removed`]), or if its header is damaged.
    ///
    /// # Errors
    /// As [`remove`](Self::remove), but for [`Error::WriterExists`] and those of damage. A file that does not start as a header
    /// does, one of another format version and one of another user stay as they are.
    pub fn force_remove(&self, tag: &str) -> Result<()> {
        let tag = self.tag(tag)?;
        match retire::remove(&tag, true) {
            Err(error) if error.kind() == ErrorKind::Damaged => {
                retire::remove_damaged(&tag)?;
                // Nothing says which data files were those of the header: none of them is named any more.
                gc::sweep(&tag, None);
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Removes what killed processes of this user left in the store: data files that no header names, temporary
    /// files, and ephemeral tags with no writer. Nothing that is in use, and nothing that is not provably ours.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory cannot be listed.
    pub fn gc(&self) -> Result<GcReport> {
        gc::gc(&self.directory, Found::Remove)
    }

    /// What [`gc`](Self::gc) would remove now, found in the same way; nothing is removed.
    ///
    /// # Errors
    /// As [`gc`](Self::gc).
    pub fn gc_dry_run(&self) -> Result<GcReport> {
        gc::gc(&self.directory, Found::Say)
    }

    fn tag(&self, tag: &str) -> Result<TagPath> {
        TagPath::new(&self.directory, tag)
    }
}
