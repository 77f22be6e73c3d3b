//! How much memory a store takes, compared with what docs/design.md says of headers, slots and segments.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ndsharray::Store;

use crate::common::sandbox::files;

const SLOTS: u64 = 8;
/// The largest value that `common::values` has.
const LARGEST: u64 = 160_000;

fn page() -> u64 {
    rustix::param::page_size() as u64
}

/// Two regions.
fn header() -> u64 {
    2 * page()
}

/// Two regions and that many slots, each with the page of its entry.
fn segment(slots: u64, capacity: u64) -> u64 {
    2 * page() + slots * (page() + capacity)
}

/// Two regions and all slots.
fn largest_segment() -> u64 {
    segment(SLOTS, LARGEST.next_multiple_of(page()))
}

fn of_tag(store: &Store, tag: &str) -> Vec<String> {
    let mut names = files(store.directory());
    names.retain(|name| {
        name == tag || name.starts_with(&format!("{tag}_")) || name.starts_with(&format!(".{tag}_"))
    });
    names
}

/// 0 if it is removed meanwhile.
fn blocks(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |status| 512 * status.blocks())
}

/// The bytes of a tag whose writers were killed. They are at most what the last living writer left, and for each dead
/// one a header, a data file and a staged file.
pub fn check_before(store: &Store, tag: &str, dead: u64) -> u64 {
    let names = of_tag(store, tag);
    let bytes = names.iter().map(|name| blocks(&store.directory().join(name))).sum();
    let most = (1 + dead) * (header() + 2 * largest_segment());
    assert!(bytes <= most, "{bytes} bytes of at most {most} after {dead} writers were killed: {names:?}");
    bytes
}

pub fn is_tidy(store: &Store, tag: &str) -> bool {
    of_tag(store, tag).len() <= 2
}

/// After a writer that wrote, the tag has a header and a data file, with storage for the allocated slots and no more.
pub fn check_after(store: &Store, tag: &str) {
    let value = store.stat(tag).unwrap().value.unwrap();
    assert_eq!(of_tag(store, tag), [tag, &value.data_file]);
    let slots = value.slots;
    assert!((1..=SLOTS as usize).contains(&slots.allocated), "{slots:?}");
    assert!(slots.capacity as u64 <= LARGEST.next_multiple_of(page()), "{slots:?}");
    assert!(slots.capacity >= value.nbytes, "{slots:?}");
    assert_eq!(blocks(&store.directory().join(tag)), header());
    let segment = segment(slots.allocated as u64, slots.capacity as u64);
    assert_eq!(blocks(&store.directory().join(&value.data_file)), segment, "{slots:?}");
}

/// The memory of the whole filesystem, in which files without a name count too. It is looked at only if nobody else
/// uses the filesystem.
pub struct Total(Option<u64>);

impl Total {
    pub fn new(store: &Store) -> Total {
        let alone = std::env::var_os("NDSHARRAY_OWN_SHM").is_some();
        Total(alone.then(|| used(store.directory())))
    }

    /// All memory that is used since then belongs to files of the store.
    pub fn check(&self, store: &Store) {
        let Some(before) = self.0 else { return };
        let bytes: u64 =
            files(store.directory()).iter().map(|name| blocks(&store.directory().join(name))).sum();
        assert_eq!(used(store.directory()) - before, bytes, "nothing is kept that has no name");
    }
}

fn used(path: &Path) -> u64 {
    let status = rustix::fs::statvfs(path).unwrap();
    (status.f_blocks - status.f_bfree) * status.f_frsize
}
