//! The threads that write blocks to a file and sync it, so that the one that collects values does not wait for the disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};

/// So many bytes may wait for the disk before the one who has more must wait too.
const MOST_WAITING: usize = 256 << 20;

/// So many used buffers are kept for the next blocks.
const BUFFERS_KEPT: usize = 3;

/// A file and the blocks that wait to be written to it.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// The bytes of the blocks that wait and of the one that is being written.
    nbytes_waiting: usize,
    spare: Vec<Vec<u8>>,
    /// The bytes that are in the file, all of whole blocks.
    written: u64,
    /// Those that are known to be on the disk.
    synced: u64,
    error: Option<Error>,
    /// No more blocks will come.
    ends: bool,
    /// The thread that writes has ended.
    writes_ended: bool,
}

impl Disk {
    /// Starts the two threads for a file that is empty.
    pub fn new(file: File, path: &Path) -> Result<(Arc<Self>, Threads)> {
        let disk = Arc::new(Disk { path: path.to_owned(), state: Mutex::default(), changed: Condvar::new() });
        let failed = |error| Error::io(path, "start a thread for", error);
        let to_sync = file.try_clone().map_err(|error| Error::io(path, "open", error))?;
        let (for_writes, for_syncs) = (disk.clone(), disk.clone());
        let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(run).map_err(failed)
        };
        let writes = start("recording-write", Box::new(move || for_writes.write_blocks(file)))?;
        let mut threads = Threads { disk: disk.clone(), writes: Some(writes), syncs: None };
        threads.syncs = Some(start("recording-sync", Box::new(move || for_syncs.sync(&to_sync)))?);
        Ok((disk, threads))
    }

    /// An empty buffer for a block.
    pub fn buffer(&self) -> Vec<u8> {
        self.lock().spare.pop().unwrap_or_default()
    }

    /// Adds a block to those that wait. Waits itself while they are too many. After an error the block is dropped:
    /// [`check`](Disk::check) tells the error.
    pub fn write(&self, block: Vec<u8>) {
        let mut state = self.lock();
        while state.nbytes_waiting > MOST_WAITING && state.error.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.error.is_none() {
            state.nbytes_waiting += block.len();
            state.waiting.push_back(block);
            self.changed.notify_all();
        }
    }

    /// The error that writing or syncing had, once.
    pub fn check(&self) -> Result<()> {
        match &mut self.lock().error {
            None => Ok(()),
            Some(error) => {
                let again = Error::Ended { path: self.path.clone() };
                Err(std::mem::replace(error, again))
            }
        }
    }

    /// How many bytes wait for the disk.
    pub fn nbytes_waiting(&self) -> usize {
        self.lock().nbytes_waiting
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_blocks(&self, mut file: File) {
        let mut written = 0;
        while let Some(mut block) = self.next_block() {
            let outcome = file.write_all(&block);
            if outcome.is_err() {
                // A part of the block may be there. What is whole stays.
                let _ = file.set_len(written);
            }
            written += block.len() as u64;
            let mut state = self.lock();
            state.nbytes_waiting -= block.len();
            match outcome {
                Ok(()) => state.written = written,
                Err(error) => {
                    state.error = Some(self.write_error(error, block.len() as u64));
                    state.waiting.clear();
                    state.nbytes_waiting = 0;
                    state.ends = true;
                }
            }
            if state.spare.len() < BUFFERS_KEPT {
                block.clear();
                state.spare.push(block);
            }
            drop(state);
            self.changed.notify_all();
        }
        self.lock().writes_ended = true;
        self.changed.notify_all();
    }

    /// `None` when no more come.
    fn next_block(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if let Some(block) = state.waiting.pop_front() {
                return Some(block);
            }
            if state.ends {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn sync(&self, file: &File) {
        loop {
            let mut state = self.lock();
            while state.synced == state.written && !state.writes_ended {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.synced == state.written {
                return;
            }
            let written = state.written;
            drop(state);
            let outcome = file.sync_data();
            let mut state = self.lock();
            state.synced = written;
            if let Err(error) = outcome {
                state.error.get_or_insert(Error::io(&self.path, "sync", error));
            }
        }
    }

    fn write_error(&self, error: std::io::Error, wanted: u64) -> Error {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Error::NoSpace { path: self.path.clone(), free: free(&self.path), wanted }
            }
            _ => Error::io(&self.path, "write", error),
        }
    }
}

/// The threads of a file. Dropping it waits until everything is written and synced.
#[derive(Debug)]
pub(super) struct Threads {
    disk: Arc<Disk>,
    writes: Option<JoinHandle<()>>,
    syncs: Option<JoinHandle<()>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.disk.lock().ends = true;
        self.disk.changed.notify_all();
        for thread in [self.writes.take(), self.syncs.take()].into_iter().flatten() {
            let _ = thread.join();
        }
    }
}

/// The free bytes of the filesystem that a file is on; of one that does not say, as many as there can be.
pub(super) fn free(path: &Path) -> u64 {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    rustix::fs::statvfs(directory)
        .ok()
        .filter(|found| found.f_blocks > 0)
        .map_or(u64::MAX, |found| found.f_bavail.saturating_mul(found.f_frsize))
}
