//! The end of a file, which is collected for one write.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::write::disk::{Block, Disk};
use crate::write::output::Output;

/// The end of the file that `mcap` writes to: a block in memory. It begins where the blocks before it end, and goes to the disk when
/// it is flushed. What is on the disk already cannot be written again.
#[derive(Debug)]
pub(super) struct Tail {
    output: Arc<Output>,
    disk: Arc<Disk>,
    bytes: Vec<u8>,
    /// Where the block begins in the file.
    start: u64,
    /// Where the next write goes, from the start of the block.
    position: usize,
    progress: Progress,
}

/// How far a file has come, with the blocks that wait for the disk and the one that is collected. It is shared with the one who hands
/// the tail to `mcap`. One thread alone has both.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<(AtomicU64, AtomicU64)>);

impl Progress {
    /// Where the file ends.
    pub fn end(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// The block that is collected has one value more.
    pub fn add_value(&self) {
        self.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tail {
    pub fn new(output: Arc<Output>, disk: Arc<Disk>) -> Self {
        let bytes = disk.buffer();
        Tail { output, disk, bytes, start: 0, position: 0, progress: Progress::default() }
    }

    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    fn moved(&mut self) {
        self.progress.0.0.store(self.start + self.bytes.len() as u64, Ordering::Relaxed);
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let over = bytes.len().min(self.bytes.len() - self.position);
        self.bytes[self.position..][..over].copy_from_slice(&bytes[..over]);
        self.bytes.extend_from_slice(&bytes[over..]);
        self.position += bytes.len();
        self.moved();
        Ok(bytes.len())
    }

    /// Hands the block to the disk. That which the file begins with is written at once, so that a file that can be seen is one of its kind.
    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        if self.start == 0 {
            self.output.begin(&self.bytes)?;
            self.start = self.bytes.len() as u64;
            self.bytes.clear();
        } else {
            let next = self.disk.buffer();
            let bytes = std::mem::replace(&mut self.bytes, next);
            self.start += bytes.len() as u64;
            let values = self.progress.0.1.swap(0, Ordering::Relaxed);
            self.disk.write(Block { output: self.output.clone(), bytes, values });
        }
        self.position = 0;
        self.moved();
        Ok(())
    }
}

impl Seek for Tail {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.start + self.bytes.len() as u64;
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => end.checked_add_signed(offset),
            SeekFrom::Current(offset) => (self.start + self.position as u64).checked_add_signed(offset),
        };
        let Some(target) = target.filter(|target| (self.start..=end).contains(target)) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "that part of the file is written already",
            ));
        };
        self.position = (target - self.start) as usize;
        Ok(target)
    }
}

/// What `mcap` said while it wrote to the tail of a file.
pub(super) fn failed(path: &Path, error: mcap::McapError) -> Error {
    match error {
        mcap::McapError::Io(error) => Error::io(path, "write", error),
        error => Error::io(path, "write", io::Error::other(error)),
    }
}
