//! What is collected for one write to the file.

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::write::disk::Disk;

/// The end of the file that `mcap` writes to: a block in memory. It begins where the blocks before it end, and goes to the disk when
/// it is flushed. What is on the disk already cannot be written again.
#[derive(Debug)]
pub(super) struct Block {
    disk: Arc<Disk>,
    bytes: Vec<u8>,
    /// Where the block begins in the file.
    start: u64,
    /// Where the next write goes, from the start of the block.
    position: usize,
    end: End,
}

/// Where the file ends, blocks that wait for the disk and the one that is collected included. It is shared with the one who hands the
/// block to `mcap`.
#[derive(Clone, Debug, Default)]
pub(super) struct End(Arc<AtomicU64>);

impl End {
    pub fn get(&self) -> u64 {
        // One thread alone has the block and this.
        self.0.load(Ordering::Relaxed)
    }
}

impl Block {
    pub fn new(disk: Arc<Disk>) -> Self {
        let bytes = disk.buffer();
        Block { disk, bytes, start: 0, position: 0, end: End::default() }
    }

    pub fn end(&self) -> End {
        self.end.clone()
    }

    fn moved(&mut self) {
        self.end.0.store(self.start + self.bytes.len() as u64, Ordering::Relaxed);
    }
}

impl Write for Block {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let over = bytes.len().min(self.bytes.len() - self.position);
        self.bytes[self.position..][..over].copy_from_slice(&bytes[..over]);
        self.bytes.extend_from_slice(&bytes[over..]);
        self.position += bytes.len();
        self.moved();
        Ok(bytes.len())
    }

    /// Hands the block to the disk.
    fn flush(&mut self) -> io::Result<()> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let next = self.disk.buffer();
        let block = std::mem::replace(&mut self.bytes, next);
        self.start += block.len() as u64;
        self.position = 0;
        self.moved();
        self.disk.write(block);
        Ok(())
    }
}

impl Seek for Block {
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
