//! How files of the store come to be: complete and locked before they have their name.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::files::tag;
use crate::shm::registry::{self, Lock};
use crate::sys::file::{self, PRIVATE, Rights};

/// How often a file is made anew that somebody tidied away between its creation and its locking.
const ATTEMPTS: u32 = 100;

/// A file with storage and a lock, under a temporary name. Dropped, it is removed again.
pub(crate) struct Newborn {
    /// For filling and mapping; not the descriptor with the lock.
    pub file: File,
    pub lock: Lock,
    temporary: Temporary,
}

/// A temporary name, which goes when this is dropped, except in a forked child.
struct Temporary {
    path: Option<TempPath>,
    generation: u64,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.generation != registry::generation() {
            // The name is the parent's.
            self.forget();
        } else if self.path.is_some() {
            file::step("unlink");
        }
    }
}

impl Newborn {
    /// Makes a file of `size` bytes with `rights` for `tag`, locked exclusively.
    pub fn new(directory: &Path, tag: &str, size: u64, rights: Rights) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            file::step("openat");
            let created = tempfile::Builder::new()
                .prefix(&tag::temporary_prefix(tag))
                .suffix(tag::TEMPORARY_SUFFIX)
                .rand_bytes(tag::TEMPORARY_RANDOM)
                .tempfile_in(directory);
            let (file, path) = created.map_err(|error| creation(directory, error))?.into_parts();
            let temporary = Temporary { path: Some(path), generation: registry::generation() };
            // A umask may have taken the owner's own permissions away.
            file::set_rights(&file, temporary.path(), Rights { mode: PRIVATE, owner: None })?;
            // Whoever tidies up may see the file before it is locked, and remove it: then another one.
            let lock = match Lock::open(temporary.path(), true) {
                Ok(lock) => lock,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io(temporary.path(), "open it to lock it", error)),
            };
            let id = file::status_of(&file, temporary.path())?.id;
            if file::status_of(lock.file(), temporary.path())?.id != id
                || !lock.try_exclusive(temporary.path())?
                || !file::stands_at(id, temporary.path())?
            {
                continue;
            }
            file::allocate(&file, temporary.path(), 0, size)?;
            file::set_rights(&file, temporary.path(), rights)?;
            return Ok(Newborn { file, lock, temporary });
        }
        let error = std::io::Error::other(format!("files of {tag:?} vanish as soon as they are made"));
        Err(Error::io(directory, "create a file in it", error))
    }

    /// The temporary name.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Gives the file its name, unless something stands there already: then `Err` holds it still.
    pub fn name(mut self, path: &Path) -> Result<Result<(File, Lock), Self>> {
        if !file::rename_new(self.path(), path)? {
            return Ok(Err(self));
        }
        self.temporary.forget();
        Ok(Ok((self.file, self.lock)))
    }

    /// Exchanges the file with what stands at `path`; that has the temporary name then, which is returned and stays.
    pub fn exchange(mut self, path: &Path) -> Result<(Lock, PathBuf)> {
        file::exchange(self.path(), path)?;
        let displaced = self.path().to_owned();
        self.temporary.forget();
        Ok((self.lock, displaced))
    }
}

impl Temporary {
    fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// The name is not ours to remove any more.
    fn forget(&mut self) {
        if let Some(path) = self.path.take() {
            let _ = path.keep();
        }
    }
}

fn creation(directory: &Path, error: std::io::Error) -> Error {
    match error.kind() {
        // procfs says so of any file that one would create.
        std::io::ErrorKind::NotFound if directory.is_dir() => {
            Error::Unsupported { path: directory.to_owned(), found: "creating files" }
        }
        std::io::ErrorKind::NotFound => {
            Error::NoDirectory { path: directory.to_owned(), found: "nothing there" }
        }
        std::io::ErrorKind::NotADirectory => {
            Error::NoDirectory { path: directory.to_owned(), found: "something else" }
        }
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            file::no_space(&directory.join("-"), 0)
        }
        _ => Error::writing(directory, "create a file in it", error),
    }
}
