//! The names in a store: tags, headers of ours that are damaged, and those that this user may not read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndsharray::Store;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::failure::{Failure, Result};

/// The tags of a store, and the names of files that start like a header but are none.
pub fn names(store: &Store) -> Result<(Vec<String>, Vec<String>)> {
    let tags = store.tags()?;
    let directory = store.directory();
    let damaged = list(directory)?.into_iter().filter(|name| {
        tags.binary_search(name).is_err()
            && !name.starts_with('.')
            && !is_named_like_a_data_file(name)
            && starts_like_a_header(&directory.join(name))
    });
    let mut damaged: Vec<String> = damaged.collect();
    damaged.sort();
    Ok((tags, damaged))
}

/// Names of files that are not to be read by this user, but have data files beside them: tags of others.
pub fn unreadable(store: &Store) -> Result<Vec<String>> {
    let directory = store.directory();
    let names = list(directory)?;
    let with_data = names.iter().filter_map(|name| tag_of_data_file(name)).collect::<BTreeSet<_>>();
    let refused = |name: &&str| matches!(open(&directory.join(name)), Err(Errno::ACCESS));
    let found = with_data.into_iter().filter(|tag| names.iter().any(|name| name == tag)).filter(refused);
    Ok(found.map(str::to_owned).collect())
}

fn list(directory: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(directory).map_err(|error| Failure::io(directory, "list", &error))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

fn is_named_like_a_data_file(name: &str) -> bool {
    tag_of_data_file(name).is_some()
}

/// What stands before `_` and 32 hex digits, as no tag is called.
fn tag_of_data_file(name: &str) -> Option<&str> {
    let (tag, hex) = name.rsplit_once('_')?;
    (hex.len() == 32 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(tag)
}

fn starts_like_a_header(path: &Path) -> bool {
    let Ok(mut file) = open(path) else { return false };
    let mut start = [0; 8];
    file.read_exact(&mut start).is_ok() && start == *b"NDSHHEAD"
}

/// Opens a regular file: never through a symlink, never waiting for a FIFO.
fn open(path: &Path) -> rustix::io::Result<File> {
    if !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return Err(Errno::INVAL);
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from)
}
