//! A file that is mapped, and knows its path.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use memmap2::Mmap;
use rustix::fs::OFlags;

use crate::error::{Error, Problem, Result};

/// A file that is mapped, as long as it was when it was opened.
#[derive(Clone, Debug)]
pub(super) struct File {
    path: PathBuf,
    bytes: Bytes,
}

impl File {
    /// Opens a regular file that begins as an MCAP file does. Nothing else is waited for or read.
    pub fn open(path: &Path) -> Result<Self> {
        let not_one = |found: String| Error::NotARecording { path: path.to_owned(), found };
        // A FIFO without a writer would be waited for otherwise.
        let nonblocking = OFlags::NONBLOCK.bits() as i32;
        let opened = OpenOptions::new().read(true).custom_flags(nonblocking).open(path);
        let file = opened.map_err(|error| Error::io(path, "open", error))?;
        let metadata = file.metadata().map_err(|error| Error::io(path, "examine", error))?;
        if !metadata.is_file() {
            return Err(not_one(kind(metadata.file_type()).to_owned()));
        }
        if metadata.len() == 0 {
            return Err(not_one("an empty file".to_owned()));
        }
        // SAFETY: the mapping is read only. Those who write recordings append to them, and change nothing of what is there. Who
        // truncates a file or writes over it while it is mapped ends its readers with SIGBUS, or gives them other bytes; the
        // documentation of `Recording` says so.
        let mapped = unsafe { Mmap::map(&file) }.map_err(|error| Error::io(path, "map", error))?;
        let bytes = Bytes::from_owner(mapped);
        if !bytes.starts_with(mcap::MAGIC) {
            return Err(not_one(format!("b\"{}\"", bytes[..bytes.len().min(8)].escape_ascii())));
        }
        Ok(File { path: path.to_owned(), bytes })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The error of a file that is damaged at an offset.
    pub fn damaged(&self, offset: usize, (found, expected): Problem) -> Error {
        Error::Damaged { path: self.path.clone(), offset: offset as u64, found, expected }
    }
}

/// What is no regular file.
fn kind(file_type: std::fs::FileType) -> &'static str {
    if file_type.is_dir() {
        "a directory"
    } else if file_type.is_fifo() {
        "a FIFO"
    } else if file_type.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
