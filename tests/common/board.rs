//! A board of words in shared memory beside the store. Processes write there what they did, up to the instant at which
//! they are killed.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use memmap2::MmapRaw;
use ndsharray::Store;

use super::sandbox::{directory, set_mode};

const WORDS: usize = 512;

/// A store in a directory of its own, in memory, with a board beside it; removed at the end.
pub struct Place {
    pub store: Store,
    pub board: Board,
    _directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        let directory = directory();
        let path = directory.path().join("store");
        std::fs::create_dir(&path).unwrap();
        for path in [directory.path(), &path] {
            set_mode(path, 0o755);
        }
        std::fs::write(directory.path().join("board"), [0; 8 * WORDS]).unwrap();
        let store = Store::open(path).unwrap();
        Place { board: Board::of(&store), store, _directory: directory }
    }
}

/// The words, all 0 at the start. Like all memory that is shared, they survive their writers.
pub struct Board(MmapRaw);

impl Board {
    /// The board beside a store.
    pub fn of(store: &Store) -> Board {
        let path: &Path = &store.directory().with_file_name("board");
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        Board(MmapRaw::map_raw(&file).unwrap())
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < WORDS);
        // SAFETY: inside the mapping, aligned, and accessed as an atomic only; it lives as long as the board.
        unsafe { AtomicU64::from_ptr(self.0.as_mut_ptr().cast::<u64>().add(index)) }
    }

    pub fn get(&self, index: usize) -> u64 {
        self.word(index).load(SeqCst)
    }

    pub fn set(&self, index: usize, number: u64) {
        self.word(index).store(number, SeqCst);
    }

    pub fn add(&self, index: usize, number: u64) {
        self.word(index).fetch_add(number, SeqCst);
    }

    /// Sets it unless it is greater already.
    pub fn raise(&self, index: usize, number: u64) {
        self.word(index).fetch_max(number, SeqCst);
    }
}
