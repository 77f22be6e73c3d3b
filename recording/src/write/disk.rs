//! The threads that write blocks to files and sync them, so that the one that collects values does not wait for the disk.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::write::output::Output;

/// So many bytes may wait for the disk before the one who has more must wait too.
pub(super) const MOST_WAITING: usize = 256 << 20;

/// The first capacity of a buffer: a chunk and what its last value has more.
const CAPACITY: usize = 24 << 20;

/// So many used buffers are kept for the next blocks, unless a large value made them larger than this.
const BUFFERS_KEPT: usize = 3;
const LARGEST_KEPT: usize = 2 * CAPACITY;

/// The blocks that wait to be written. All files of a recording share it, so that a new file begins while the one before it is
/// still written.
#[derive(Debug, Default)]
pub(super) struct Disk {
    state: Mutex<State>,
    changed: Condvar,
}

/// What becomes one write.
#[derive(Debug)]
pub(super) struct Block {
    pub output: Arc<Output>,
    pub bytes: Vec<u8>,
    /// How many values it has.
    pub values: u64,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Block>,
    /// The bytes of the blocks that wait and of the one that is being written.
    nbytes_waiting: usize,
    spare: Vec<Vec<u8>>,
    /// The files that were written to after they were synced.
    unsynced: Vec<Arc<Output>>,
    /// The first error, and after it was told, [`Error::Ended`]. Nothing is written after one.
    error: Option<Error>,
    /// No more blocks will come.
    ends: bool,
    /// The thread that writes has ended.
    writes_ended: bool,
}

impl State {
    fn is_full(&self) -> bool {
        self.nbytes_waiting > MOST_WAITING && self.error.is_none()
    }
}

impl Disk {
    /// An empty buffer for a block.
    pub fn buffer(&self) -> Vec<u8> {
        self.lock().spare.pop().unwrap_or_else(|| Vec::with_capacity(CAPACITY))
    }

    /// Adds a block to those that wait. Waits itself while they are too many. After an error the block is dropped:
    /// [`check`](Disk::check) tells the error.
    pub fn write(&self, block: Block) {
        let mut state = self.lock();
        while state.is_full() {
            state = self.wait(state);
        }
        if state.error.is_none() {
            state.nbytes_waiting += block.bytes.len();
            state.waiting.push_back(block);
            self.changed.notify_all();
        }
    }

    /// The error that writing or syncing had: the first time itself, and then that the recording `path` has ended.
    pub fn check(&self, path: &Path) -> Result<()> {
        match &mut self.lock().error {
            None => Ok(()),
            Some(error) => Err(std::mem::replace(error, Error::Ended { path: path.to_owned() })),
        }
    }

    /// Whether another block would have to wait.
    pub fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// How many bytes wait for the disk.
    pub fn nbytes_waiting(&self) -> usize {
        self.lock().nbytes_waiting
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn write_blocks(&self) {
        while let Some(Block { output, mut bytes, values }) = self.next_block() {
            let outcome = output.write(&bytes, values);
            let mut state = self.lock();
            match outcome {
                Ok(()) => state.nbytes_waiting -= bytes.len(),
                Err(error) => {
                    state.error.get_or_insert(error);
                    // What comes after it would not be whole without it.
                    state.waiting.clear();
                    state.nbytes_waiting = 0;
                }
            }
            if !state.unsynced.iter().any(|other| Arc::ptr_eq(other, &output)) {
                state.unsynced.push(output);
            }
            if state.spare.len() < BUFFERS_KEPT && bytes.capacity() <= LARGEST_KEPT {
                bytes.clear();
                state.spare.push(bytes);
            }
            drop(state);
            self.changed.notify_all();
        }
        self.lock().writes_ended = true;
        self.changed.notify_all();
    }

    /// `None` when no more come.
    fn next_block(&self) -> Option<Block> {
        let mut state = self.lock();
        loop {
            if let Some(block) = state.waiting.pop_front() {
                return Some(block);
            }
            if state.ends {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn sync_files(&self) {
        loop {
            let mut state = self.lock();
            while state.unsynced.is_empty() && !state.writes_ended {
                state = self.wait(state);
            }
            let unsynced = std::mem::take(&mut state.unsynced);
            drop(state);
            if unsynced.is_empty() {
                return;
            }
            for output in unsynced {
                if let Err(error) = output.sync() {
                    self.lock().error.get_or_insert(error);
                    // Who waits in `write` looks for an error.
                    self.changed.notify_all();
                }
            }
        }
    }
}

/// The threads of a disk. Dropping it waits until everything is written and synced.
#[derive(Debug)]
pub(super) struct Threads {
    disk: Arc<Disk>,
    threads: Vec<JoinHandle<()>>,
}

impl Threads {
    pub fn start() -> std::io::Result<Self> {
        let disk = Arc::new(Disk::default());
        // If the second cannot be started, dropping this ends the first.
        let mut threads = Threads { disk, threads: Vec::new() };
        threads.spawn("recording-write", Disk::write_blocks)?;
        threads.spawn("recording-sync", Disk::sync_files)?;
        Ok(threads)
    }

    pub fn disk(&self) -> &Arc<Disk> {
        &self.disk
    }

    fn spawn(&mut self, name: &str, run: fn(&Disk)) -> std::io::Result<()> {
        let disk = self.disk.clone();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || run(&disk))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.disk.lock().ends = true;
        self.disk.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
