//! The names in a store: tags, and headers of ours that are damaged.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndsharray::Store;
use rustix::fs::{Mode, OFlags};

use crate::failure::{Failure, Result};

/// The tags of a store, and the names of files that start like a header but are none.
pub fn names(store: &Store) -> Result<(Vec<String>, Vec<String>)> {
    let tags = store.tags()?;
    let directory = store.directory();
    let entries = std::fs::read_dir(directory).map_err(|error| Failure::io(directory, "list", &error))?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let damaged = names.filter(|name| {
        tags.binary_search(name).is_err()
            && !name.starts_with('.')
            && !is_named_like_a_data_file(name)
            && starts_like_a_header(&directory.join(name))
    });
    let mut damaged: Vec<String> = damaged.collect();
    damaged.sort();
    Ok((tags, damaged))
}

/// `tag_` and 32 hex digits: no tag is called so.
fn is_named_like_a_data_file(name: &str) -> bool {
    let hex = name.rsplit_once('_').map_or("", |(_, hex)| hex);
    hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn starts_like_a_header(path: &Path) -> bool {
    // Never through a symlink, never waiting for a FIFO.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let regular = path.symlink_metadata().is_ok_and(|found| found.is_file());
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else { return false };
    let mut start = [0; 8];
    regular && File::from(file).read_exact(&mut start).is_ok() && start == *b"NDSHHEAD"
}
