//! A file as blocks are written to it.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Who may read and write a recording: its owner.
const MODE: u32 = 0o600;

/// A file that ends with a whole block, whatever fails.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: File,
    /// How many values are in the file. The thread that writes alone changes it.
    values: AtomicU64,
    /// Whether the name of the file is on the disk. The thread that syncs alone uses it.
    is_name_synced: AtomicBool,
}

impl Output {
    /// Makes the file, which must not exist yet, for its owner alone.
    pub fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
            _ => Error::io(path, "create", error),
        })?;
        // The umask may have taken the owner's permissions too. A filesystem without permissions has nothing to set.
        let _ = file.set_permissions(Permissions::from_mode(MODE));
        Ok(Output::new(path, file))
    }

    /// A file that is empty.
    pub fn new(path: &Path, file: File) -> Self {
        Output {
            path: path.to_owned(),
            file,
            values: AtomicU64::new(0),
            is_name_synced: AtomicBool::new(false),
        }
    }

    /// Writes the bytes that the file begins with. If they cannot be written, the file is removed.
    pub fn begin(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes).inspect_err(|_| {
            let _ = std::fs::remove_file(&self.path);
        })
    }

    /// Appends a block with so many values. If it cannot be written, the file is cut to what it had before.
    pub fn write(&self, block: &[u8], values: u64) -> Result<()> {
        let mut file = &self.file;
        // A pipe has no position, and nothing to cut.
        let before = file.stream_position();
        if let Err(source) = file.write_all(block) {
            if let Ok(before) = before {
                let _ = file.set_len(before);
            }
            let values = self.values.load(Ordering::Relaxed);
            return Err(Error::Cut { path: self.path.clone(), values, source });
        }
        self.values.fetch_add(values, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until what was written is on the disk, and so is the file's name.
    pub fn sync(&self) -> Result<()> {
        let outcome = self.file.sync_data();
        if !self.is_name_synced.swap(true, Ordering::Relaxed) {
            // Not all filesystems can do that with a directory, and then there is nothing else to be done.
            let _ = File::open(directory(&self.path)).and_then(|directory| directory.sync_all());
        }
        // Nobody reads it soon: what comes next takes the same memory, and the files that others read stay in theirs.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
        match outcome {
            // A filesystem that has no such thing.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            outcome => outcome.map_err(|error| Error::io(&self.path, "sync", error)),
        }
    }
}

/// The free bytes of the filesystem that a file is on; of one that does not say, as many as there can be.
pub(super) fn free(path: &Path) -> u64 {
    rustix::fs::statvfs(directory(path))
        .ok()
        .filter(|found| found.f_blocks > 0)
        .map_or(u64::MAX, |found| found.f_bavail.saturating_mul(found.f_frsize))
}

/// The directory of a file.
pub(super) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
