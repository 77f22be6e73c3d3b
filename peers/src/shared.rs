//! Bare shared memory, which is the limit: a file in the store's directory, mapped and touched; words in it; futexes.

use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use memmap2::MmapMut;

/// A file of `size` bytes, allocated, mapped and populated, as one has to for a store that must not end in a SIGBUS.
pub fn populated(path: &Path, size: usize) -> MmapMut {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let file = file.expect("a file of shared memory");
    // SAFETY: a descriptor that is open.
    let result = unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, size as libc::off_t) };
    assert_eq!(result, 0, "{} bytes in {}: {}", size, path.display(), std::io::Error::last_os_error());
    // SAFETY: only processes of this run have the file, and none cuts it short.
    let mut map = unsafe { memmap2::MmapOptions::new().len(size).map_mut(&file) }.expect("a mapping");
    // SAFETY: the range is the mapping.
    let result = unsafe { libc::madvise(map.as_mut_ptr().cast(), size, libc::MADV_POPULATE_WRITE) };
    assert_eq!(result, 0, "MADV_POPULATE_WRITE: {}", std::io::Error::last_os_error());
    map
}

/// Words that processes share.
pub struct Words {
    map: MmapMut,
}

impl Words {
    pub fn open(path: &Path) -> Self {
        Words { map: populated(path, 4096) }
    }

    /// Word `index`, on a cache line of its own.
    pub fn wide(&self, index: usize) -> &AtomicU64 {
        assert!(index < 32);
        // SAFETY: inside the mapping, aligned, and accessed as an atomic only.
        unsafe { &*self.map.as_ptr().add(128 * index).cast() }
    }

    /// The low half of it, for a futex.
    pub fn futex(&self, index: usize) -> &AtomicU32 {
        // SAFETY: as above; a word is used in one of the two ways.
        unsafe { &*std::ptr::from_ref(self.wide(index)).cast() }
    }
}

pub fn futex_wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let timeout = libc::timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() };
    // SAFETY: a word and a time that outlive the call.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, &raw const timeout);
    }
}

pub fn futex_wake(word: &AtomicU32) {
    // SAFETY: a word that outlives the call.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX);
    }
}

/// Puts this process on a core, the `index`-th that it may use, and tells whether there is such a one.
pub fn pin(index: usize) -> bool {
    // What the process that started this one was put on is inherited.
    unpin();
    // SAFETY: a set of ours, of its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        if libc::sched_getaffinity(0, size, &raw mut set) != 0 {
            return false;
        }
        let cores = (0..libc::CPU_SETSIZE as usize).filter(|&core| libc::CPU_ISSET(core, &set));
        let Some(core) = cores.clone().nth(index) else { return false };
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size, &raw const set) == 0
    }
}

/// Lets this process run on all cores.
pub fn unpin() {
    // SAFETY: a set of ours, of its size; the kernel leaves out what does not exist.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for core in 0..libc::CPU_SETSIZE as usize {
            libc::CPU_SET(core, &mut set);
        }
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}
