//! Headers under temporary names: in the making, on their way out, or put aside by mistake.
//!
//! A header that is put aside is put back without any lock, so whoever is stopped amid this keeps nobody from the tag, and two
//! that do it at once are as good as one.

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::files::leftover::{End, Found, Free, is_unknown};
use crate::files::open::open_header;
use crate::files::tag::{self, TagPath};
use crate::files::{peek, retire};
use crate::format::header::HeaderIdentity;
use crate::shm::header::{Access, Header};
use crate::sys::file::{PathFile, Status};
use crate::sys::lock::{Lock, has_name_lock, has_writer};
use crate::sys::name::{list, rename_new, status_at, unlink_same};

/// Settles what becomes of a header under a temporary name. `None`: it stays as it is.
///
/// * Frozen, and nobody is at work: whoever replaced or removed it was killed before the end of that. It is told to its writer
///   and readers, and goes.
/// * Not frozen, and it has stood at its tag: it was put aside by mistake, by somebody who was killed. If it has a writer, or
///   a value that is to stay, it is put back.
/// * Else it was in the making, and its maker was killed if its lock is free.
pub(crate) fn settle(tag: &TagPath, path: &Path, status: &Status, found: Found) -> Option<End> {
    let file = PathFile::open_writable(path).ok()?;
    let identity = HeaderIdentity::read(&file).and_then(|identity| identity.check_writable(path));
    if is_unknown(&identity) {
        return None;
    }
    match Header::map(&file, Access::Writing) {
        Ok(header) if header.file() != status.id => return None,
        // Want of a descriptor or of address space says nothing of the file.
        Err(Error::Io { .. }) => return None,
        Ok(header) => {
            retire::check_writable(tag, &header).ok()?;
            if header.latch().is_frozen() {
                return finish(tag, path, status, &header, found);
            }
            if header.has_stood() && is_of_use(tag, &file, &header)? {
                return put_back(tag, path, &file, &header, found);
            }
        }
        Err(_) => {}
    }
    let bytes = Free::lock(path)?.remove(found)?;
    Some(End::Removed { bytes, data_file: None })
}

/// Whether a header has a writer, or a value that is to stay.
fn is_of_use(tag: &TagPath, file: &PathFile, header: &Header) -> Option<bool> {
    if has_writer(file).ok()? {
        return Some(true);
    }
    let record = header.record();
    if header.identity().ephemeral || record.stamp.version == 0 || record.check(header.path()).is_err() {
        return Some(false);
    }
    let data_file = tag.data_file(header.identity().data_file(record.number));
    Some(status_at(&data_file).ok()?.is_some())
}

/// Finishes a takeover or removal whose process was killed.
fn finish(tag: &TagPath, path: &Path, status: &Status, header: &Header, found: Found) -> Option<End> {
    let lock = Lock::open_same(path, status.id).ok()??;
    if !lock.try_name().ok()? {
        // Whoever displaced it is at work still.
        return None;
    }
    let data_file = retire::data_file_of(tag, header);
    if found == Found::Remove {
        header.retire();
        retire::unlink_data_of(tag, header);
        if !unlink_same(path, status.id).ok()? {
            return None;
        }
    }
    Some(End::Removed { bytes: status.allocated, data_file })
}

/// Puts a header back, unless the tag has another one by now.
fn put_back(tag: &TagPath, path: &Path, file: &PathFile, header: &Header, found: Found) -> Option<End> {
    let kept = || End::PutBack { data_file: header.identity().data_file(header.record().number) };
    let other = open_header(tag.header());
    match other {
        Ok(None) if found == Found::Say => return Some(kept()),
        // Somebody else may have put it back by now.
        Ok(None) => return rename_new(path, tag.header()).unwrap_or(false).then(kept),
        Ok(Some((other, _))) if !has_writer(file).ok()? && !has_name_lock(&other).ok()? => {}
        // Its writer finds out by itself; whoever is at work with the other one may be about to put this one back.
        _ => return None,
    }
    let bytes = Free::lock(path)?.remove(found)?;
    Some(End::Removed { bytes, data_file: None })
}

/// The data files that headers name which may be put back.
pub(crate) struct Named {
    data_files: BTreeSet<u128>,
    /// The tags of headers that could not be read for want of something.
    unknown: BTreeSet<String>,
}

impl Named {
    /// Looks through a directory.
    pub fn look(directory: &Path) -> Option<Self> {
        let mut named = Named { data_files: BTreeSet::new(), unknown: BTreeSet::new() };
        for name in list(directory).ok()? {
            let Some(tag) = tag::of_temporary(&name) else { continue };
            match open_header(&directory.join(&name)).and_then(data_file_of) {
                Ok(found) => named.data_files.extend(found),
                Err(Error::Io { .. }) => _ = named.unknown.insert(tag.to_owned()),
                // In the making, or damaged.
                Err(_) => {}
            }
        }
        Some(named)
    }

    /// Whether a data file of a tag is named, as far as was to be found out.
    pub fn may_name(&self, tag: &str, uuid: u128) -> bool {
        self.data_files.contains(&uuid) || self.unknown.contains(tag)
    }
}

fn data_file_of(opened: Option<(PathFile, Status)>) -> Result<Option<u128>> {
    let Some((file, _)) = opened else { return Ok(None) };
    let peek = peek::header(&file)?;
    let named = peek.has_stood && peek.record.stamp.version != 0;
    Ok(named.then(|| peek.identity.data_file(peek.record.number)))
}
