//! Staged files: complete and locked before they have their name.

use std::fs::OpenOptions;
use std::io::{Error as IoError, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};
use crate::files::tag::{self, TagPath};
use crate::format::identity::Kind;
use crate::sys::file::PathFile;
use crate::sys::lock::Lock;
use crate::sys::name::{exchange, rename_new, stands_at};
use crate::sys::owner::{PRIVATE, Rights, set_rights};
use crate::sys::space::{check_file_size_limit, no_space, write_error};
use crate::sys::{fork, step};

/// How often a file is made anew that somebody tidied away between its creation and its locking.
const ATTEMPTS: u32 = 100;

/// A file with storage and a lock, under a temporary name. Dropped, it is removed again.
pub(crate) struct StagedFile {
    /// For filling and mapping; not the descriptor with the lock.
    file: PathFile,
    lock: Lock,
    temporary: Temporary,
}

impl StagedFile {
    /// Makes a file of `size` bytes with `rights` for `tag`, locked exclusively. It starts with the magic of its kind before
    /// anything else is in it: what is swept is empty, or ours.
    pub fn new(tag: &TagPath, kind: Kind, size: u64, rights: Rights) -> Result<Self> {
        let directory = tag.directory();
        for _ in 0..ATTEMPTS {
            step("openat");
            let created = tempfile::Builder::new()
                .prefix(&tag::temporary_prefix(tag.tag()))
                .suffix(tag::TEMPORARY_SUFFIX)
                .rand_bytes(tag::TEMPORARY_RANDOM)
                // `tempfile_in` would make the same file, and lose the number of the kernel's error.
                .make_in(directory, |path| {
                    OpenOptions::new().read(true).write(true).create_new(true).mode(PRIVATE).open(path)
                });
            let (file, path) = created.map_err(|error| creation(directory, error))?.into_parts();
            let file = PathFile::new(file, &path);
            let temporary = Temporary { path: Some(path), generation: fork::generation() };
            // A umask may have taken the owner's own permissions away.
            set_rights(&file, Rights { mode: PRIVATE, owner: None })?;
            // Whoever tidies up may see the file before it is locked, and remove it: then another one.
            let lock = match Lock::open_writable(file.path()) {
                Ok(lock) => lock,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io(file.path(), "open it to lock it", error)),
            };
            let id = file.status()?.id;
            if lock.file().status()?.id != id || !lock.try_exclusive()? || !stands_at(id, file.path())? {
                continue;
            }
            check_file_size_limit(file.path(), 0, size)?;
            file.write_at(0, &kind.magic()).map_err(|error| match error {
                // On a store without a free page the magic does not fit, either; what is wanted is the whole file.
                Error::NoSpace { source, .. } => no_space(file.path(), size, source),
                error => unwritable(directory, error),
            })?;
            file.allocate(0, size)?;
            set_rights(&file, rights)?;
            return Ok(StagedFile { file, lock, temporary });
        }
        Err(tag.contended("make a file for it, which others remove at once"))
    }

    pub fn file(&self) -> &PathFile {
        &self.file
    }

    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Gives the file its name, unless something stands there already: then `Err` holds it still.
    pub fn persist(mut self, path: &Path) -> Result<Result<(PathFile, Lock), Self>> {
        if !rename_new(self.file.path(), path)? {
            return Ok(Err(self));
        }
        self.temporary.forget();
        self.file.renamed(path);
        self.lock.renamed(path);
        Ok(Ok((self.file, self.lock)))
    }

    /// Exchanges the file with what stands at `path`. That has the temporary name then, which is returned and stays.
    pub fn exchange(mut self, path: &Path) -> Result<(Lock, PathBuf)> {
        exchange(self.file.path(), path)?;
        self.temporary.forget();
        self.lock.renamed(path);
        Ok((self.lock, self.file.path().to_owned()))
    }
}

/// A temporary name, which goes when this is dropped, except in a forked child.
struct Temporary {
    path: Option<TempPath>,
    generation: u64,
}

impl Temporary {
    /// The name is not ours to remove any more.
    fn forget(&mut self) {
        if let Some(path) = self.path.take() {
            let _ = path.keep();
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.generation != fork::generation() {
            // The name is the parent's.
            self.forget();
        } else if self.path.is_some() {
            step("unlink");
        }
    }
}

/// A filesystem whose files are none to write to (message queues) says so of the call.
fn unwritable(directory: &Path, error: Error) -> Error {
    match error {
        Error::Io { source, .. } if source.kind() == ErrorKind::InvalidInput => {
            Error::Unsupported { path: directory.to_owned(), found: "writing to files" }
        }
        error => error,
    }
}

fn creation(directory: &Path, error: IoError) -> Error {
    match error.kind() {
        // procfs says so of any file that one would create.
        ErrorKind::NotFound if directory.is_dir() => {
            Error::Unsupported { path: directory.to_owned(), found: "creating files" }
        }
        ErrorKind::NotFound => Error::NoDirectory { path: directory.to_owned(), found: "nothing there" },
        ErrorKind::NotADirectory => {
            Error::NoDirectory { path: directory.to_owned(), found: "something else" }
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => no_space(&directory.join("-"), 0, error),
        _ => write_error(directory, "create a file in it", error),
    }
}
