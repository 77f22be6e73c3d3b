//! Mapped files: raw memory that other processes write, handed out as atomics and pointers only.

#![allow(unsafe_code)]

use memmap2::{Advice, MmapOptions, MmapRaw};

use crate::error::{Error, Result};
use crate::sync::{AtomicU32, AtomicU64};
use crate::sys::file::PathFile;
use crate::sys::step;

/// A shared mapping of a part of a file. Never a `&[u8]`: that would promise that nobody writes.
pub(crate) struct Mapping {
    raw: MmapRaw,
    writable: bool,
}

impl Mapping {
    /// Maps `length` bytes of `file` from `offset`, which are inside the file.
    pub fn new(file: &PathFile, offset: u64, length: usize, writable: bool) -> Result<Self> {
        let mut options = MmapOptions::new();
        options.offset(offset).len(length);
        step("mmap");
        let raw = if writable {
            options.map_raw(file.as_file())
        } else {
            options.map_raw_read_only(file.as_file())
        };
        let raw = raw.map_err(|error| match error.raw_os_error() {
            Some(libc::ENODEV) => {
                Error::Unsupported { path: file.path().to_owned(), found: "mmap of a shared file" }
            }
            _ => Error::io(file.path(), "map it", error),
        })?;
        Ok(Mapping { raw, writable })
    }

    fn check(&self, offset: usize, length: usize, align: usize) {
        debug_assert!(offset % align == 0, "offset {offset} is not aligned to {align}");
        debug_assert!(offset + length <= self.raw.len(), "{offset} + {length} is outside the mapping");
    }

    /// # Safety
    /// - `offset` is a multiple of 8, and `offset + 8` is inside the mapping and inside the file.
    /// - Nothing is stored through it if the mapping is read-only.
    #[inline]
    pub unsafe fn word(&self, offset: usize) -> &AtomicU64 {
        self.check(offset, 8, 8);
        // SAFETY: mapped, aligned and in bounds by the contract; all access to it is atomic, here and elsewhere.
        unsafe { &*self.pointer(offset).cast() }
    }

    /// # Safety
    /// - `offset` is a multiple of 4, and `offset + 4` is inside the mapping and inside the file.
    /// - Nothing is stored through it if the mapping is read-only.
    #[inline]
    pub unsafe fn half(&self, offset: usize) -> &AtomicU32 {
        self.check(offset, 4, 4);
        // SAFETY: as in `word`.
        unsafe { &*self.pointer(offset).cast() }
    }

    /// # Safety
    /// - `offset` is a multiple of 8, and `offset + 8 * count` is inside the mapping and inside the file.
    /// - Nothing is stored through it if the mapping is read-only.
    #[inline]
    pub unsafe fn words(&self, offset: usize, count: usize) -> &[AtomicU64] {
        self.check(offset, 8 * count, 8);
        // SAFETY: as in `word`, for each; an AtomicU64 has the size of a u64 and any bits are one.
        unsafe { std::slice::from_raw_parts(self.pointer(offset).cast(), count) }
    }

    /// The address of `offset`, to be dereferenced by the rules of whoever asks.
    #[inline]
    pub fn pointer(&self, offset: usize) -> *mut u8 {
        // In bounds of the mapping by the callers' contracts; wrapping, so that forming it is never undefined.
        self.raw.as_mut_ptr().wrapping_add(offset)
    }

    /// Keeps a part out of core files.
    pub fn exclude_from_core(&self, offset: usize, length: usize) {
        step("madvise");
        // A kernel that cannot do it writes larger core files, that is all.
        let _ = self.raw.advise_range(Advice::DontDump, offset, length);
    }

    /// Sets up all page tables (and on a writable mapping all pages) of a part that has storage, in one call.
    ///
    /// Only ever makes things faster; a kernel before 5.14 says no and pages fault in one by one.
    pub fn populate(&self, offset: usize, length: usize) {
        if length > 0 {
            let advice = if self.writable { Advice::PopulateWrite } else { Advice::PopulateRead };
            step("madvise");
            let _ = self.raw.advise_range(advice, offset, length);
        }
    }
}
