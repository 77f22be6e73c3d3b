//! Who wrote which version: a log in shared memory beside the store. Each writer notes what it wrote once the write has
//! returned, each reader what it saw. What one of them notes is compared with what all others have noted.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use memmap2::MmapRaw;
use ndsharray::Store;

use crate::roles::TAGS;

/// The log goes around after so many versions of a tag.
const VERSIONS: usize = 1 << 17;
const WROTE: usize = 0;
const SAW: usize = 1;

pub struct Log(MmapRaw);

impl Log {
    /// Makes an empty log beside a store.
    pub fn new(store: &Store) -> Log {
        let file = std::fs::File::create(store.directory().with_file_name("log")).unwrap();
        file.set_len((TAGS.len() * 2 * VERSIONS * 8) as u64).unwrap();
        Log::of(store)
    }

    /// The log beside a store.
    pub fn of(store: &Store) -> Log {
        let path = store.directory().with_file_name("log");
        let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
        Log(MmapRaw::map_raw(&file).unwrap())
    }

    /// Author and version, in one word.
    fn word(&self, tag: usize, kind: usize, version: u64) -> &AtomicU64 {
        let index = (tag * 2 + kind) * VERSIONS + version as usize % VERSIONS;
        // SAFETY: inside the mapping, aligned, and accessed as an atomic only; it lives as long as the log.
        unsafe { AtomicU64::from_ptr(self.0.as_mut_ptr().cast::<u64>().add(index)) }
    }

    /// The author of a version, if that was noted.
    fn author(&self, tag: usize, kind: usize, version: u64) -> Option<u64> {
        let word = self.word(tag, kind, version).load(SeqCst);
        (word >> 32 == version).then_some(word & 0xffff_ffff)
    }

    /// Notes it unless a later version has the place; true if it was noted before.
    fn note(&self, tag: usize, kind: usize, version: u64, author: u64) -> bool {
        assert!(version >> 32 == 0 && author >> 32 == 0);
        let new = version << 32 | author;
        let before = self.word(tag, kind, version).fetch_max(new, SeqCst);
        before >> 32 == version
    }

    /// A write has returned that version.
    pub fn wrote(&self, tag: usize, version: u64, author: u64) {
        assert!(!self.note(tag, WROTE, version, author), "version {version} was written before");
        self.compare(tag, version, author);
    }

    /// A reader has found a version of that author.
    pub fn saw(&self, tag: usize, version: u64, author: u64) {
        // Of two authors the greater one would stay, and is found by whoever saw the other.
        self.note(tag, SAW, version, author);
        self.compare(tag, version, author);
    }

    /// All who wrote or saw a version name the same author. Whoever of two comes second finds the other's note.
    fn compare(&self, tag: usize, version: u64, author: u64) {
        for kind in [WROTE, SAW] {
            let noted = self.author(tag, kind, version);
            assert!(
                noted.is_none_or(|noted| noted == author),
                "version {version} of {:?} by author {author}, and by {noted:?}, as {}",
                TAGS[tag],
                ["its write said", "a reader saw"][kind]
            );
        }
    }
}
