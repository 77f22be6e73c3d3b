//! A log of the versions whose write returned.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The log: a file that all processes of a test map.
pub struct Log {
    /// The greatest version whose write returned.
    pub last: &'static AtomicU64,
    /// How many writers were opened.
    pub opened: &'static AtomicU64,
    /// For each version, modulo their number: in which round it was written.
    written: &'static [AtomicU8],
}

const VERSIONS: usize = 1 << 26;
pub const PAGE: usize = 4096;

impl Log {
    pub fn make(path: &Path) -> Log {
        File::create_new(path).unwrap().set_len((PAGE + VERSIONS) as u64).unwrap();
        Log::open(path)
    }

    pub fn open(path: &Path) -> Log {
        let memory = map(path, PAGE + VERSIONS);
        // SAFETY: memory of that size which is never unmapped; only ever accessed as atomics.
        unsafe {
            Log {
                last: &*memory.cast(),
                opened: &*memory.add(8).cast(),
                written: std::slice::from_raw_parts(memory.add(PAGE).cast(), VERSIONS),
            }
        }
    }

    /// The write of a version has returned.
    pub fn acknowledge(&self, version: u64) {
        let round = (version as usize / VERSIONS) as u8 + 1;
        let before = self.written[version as usize % VERSIONS].swap(round, Ordering::SeqCst);
        assert_ne!(before, round, "version {version} was given twice");
        self.last.fetch_max(version, Ordering::SeqCst);
    }
}

/// Maps a file, until the process ends.
pub fn map(path: &Path, length: usize) -> *const u8 {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let (access, null) = (libc::PROT_READ | libc::PROT_WRITE, std::ptr::null_mut());
    // SAFETY: a new mapping of an open file.
    let memory = unsafe { libc::mmap(null, length, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    assert_ne!(memory, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    memory.cast_const().cast()
}
