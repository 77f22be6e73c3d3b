//! Tidying up what killed processes left, and nothing else: files with our names, our magic and our uid, whose lock is
//! free, and which no header names.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::retire;
use crate::files::tag;
use crate::format::identity::{Identity, Kind};
use crate::shm::header::{self, Header};
use crate::shm::registry::Lock;
use crate::sys::file::{self, FileId};

/// What [`Store::gc`](crate::Store::gc) did, or [`Store::gc_dry_run`](crate::Store::gc_dry_run) found it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// The names of the files that were removed, or would be.
    pub removed: Vec<String>,
    /// The bytes of storage that these files had, or have.
    pub bytes: u64,
}

/// A data file that goes with its header: its name, and the bytes of storage that it has.
type DataFile = Option<(String, u64)>;

/// Whether what is found is removed, or only said: the way to it is the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Remove,
    Say,
}

/// Removes everything that is provably left over in a store, or says what that is.
pub(crate) fn gc(directory: &Path, found: Found) -> Result<GcReport> {
    let names = names(directory)?;
    let mut report = GcReport::default();
    for name in names.iter().filter(|name| tag::check(name).is_ok()) {
        if let Some((bytes, data_file)) = ephemeral(directory, name, found) {
            report.add(name, Some(bytes));
            report.add_data_file(data_file);
        }
    }
    // Temporary files before data files: a header that was displaced may be the only one that names a data file.
    for name in names.iter().filter(|name| tag::of_temporary(name).is_some()) {
        if let Some((bytes, data_file)) = temporary(directory, name, found) {
            report.add(name, Some(bytes));
            report.add_data_file(data_file);
        }
    }
    for name in &names {
        // What goes with its header is there still in a dry run.
        if report.removed.contains(name) {
            continue;
        }
        if let Some((of, uuid)) = tag::of_data_file(name) {
            report.add(name, data_file(directory, name, of, uuid, found));
        }
    }
    Ok(report)
}

impl GcReport {
    fn add_data_file(&mut self, data_file: DataFile) {
        if let Some((name, bytes)) = data_file {
            self.add(&name, Some(bytes));
        }
    }

    fn add(&mut self, name: &str, removed: Option<u64>) {
        if let Some(bytes) = removed {
            self.removed.push(name.to_owned());
            self.bytes += bytes;
        }
    }
}

/// Removes what earlier writers of one tag left. The caller holds the tag's header, and the data file `current` under
/// the name with that uuid: a second name of it is that of a writer killed between link and unlink.
pub(crate) fn tag(directory: &Path, of: &str, current: Option<(FileId, u128)>) {
    let Ok(names) = names(directory) else { return };
    for name in names.iter().filter(|name| tag::of_temporary(name) == Some(of)) {
        temporary(directory, name, Found::Remove);
    }
    for name in &names {
        let Some((_, uuid)) = tag::of_data_file(name).filter(|(owner, _)| *owner == of) else { continue };
        let path = directory.join(name);
        let second =
            |(id, named): (FileId, u128)| named != uuid && file::stands_at(id, &path).unwrap_or(false);
        if current.is_some_and(second) {
            let _ = file::unlink(&path);
        } else {
            data_file(directory, name, of, uuid, Found::Remove);
        }
    }
}

/// Removes the ephemeral tags of this user whose writers were killed.
pub(crate) fn ephemerals(directory: &Path) {
    for name in names(directory).unwrap_or_default() {
        if tag::check(&name).is_ok() {
            ephemeral(directory, &name, Found::Remove);
        }
    }
}

/// The names in a store that are UTF-8, as all of ours are.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>> {
    let failed = |error| crate::Error::io(directory, "list it", error);
    let mut names = Vec::new();
    file::step("openat");
    file::step("fstat");
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        if let Ok(name) = entry.map_err(failed)?.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A regular file of this user whose lock nobody holds, locked.
struct Free {
    lock: Lock,
    path: PathBuf,
    id: FileId,
    allocated: u64,
}

impl Free {
    fn lock(path: &Path) -> Option<Self> {
        let status = file::status_at(path).ok()??;
        let mine = status.uid == file::uid() || file::uid() == 0;
        if !status.is_file() || !mine {
            return None;
        }
        let lock = Lock::open(path, false).ok()?;
        let same = file::status_of(lock.file(), path).ok()?.id == status.id;
        let free = same
            && file::is_owner(lock.file(), &status)
            && lock.try_exclusive(path).ok()?
            && file::stands_at(status.id, path).ok()?;
        let (id, allocated) = (status.id, status.allocated);
        free.then_some(Free { lock, path: path.to_owned(), id, allocated })
    }

    fn start(&self) -> Option<[u8; 8]> {
        let mut start = [0; 8];
        let size = file::status_of(self.lock.file(), &self.path).ok()?.size;
        file::read_at(self.lock.file(), &self.path, 0, &mut start[..size.min(8) as usize]).ok()?;
        Some(start)
    }

    fn remove(self, found: Found) -> Option<u64> {
        let still = file::stands_at(self.id, &self.path).ok()?;
        let gone = found == Found::Say || (still && file::unlink(&self.path).ok()?);
        (still && gone).then_some(self.allocated)
    }
}

/// Removes a temporary file of a writer that was killed while it made it, or the header that was replaced or removed by
/// somebody who was killed before the end of it.
fn temporary(directory: &Path, name: &str, found: Found) -> Option<(u64, DataFile)> {
    let path = directory.join(name);
    let free = Free::lock(&path);
    let start = match &free {
        Some(free) => free.start()?,
        // A living writer's: its header, if that was displaced; else something in the making.
        None => return displaced(directory, &path, tag::of_temporary(name)?, false, found),
    };
    if Identity::starts(Kind::Header, &start) {
        return displaced(directory, &path, tag::of_temporary(name)?, true, found);
    }
    let ours = start == [0; 8] || Identity::starts(Kind::Segment, &start);
    if ours { free?.remove(found).map(|bytes| (bytes, None)) } else { None }
}

/// Ends what a killed process began that displaced a header: tells its writer and its readers, and removes its files.
/// With no writer alive it may also be a header that was being made.
fn displaced(directory: &Path, path: &Path, of: &str, free: bool, found: Found) -> Option<(u64, DataFile)> {
    let status = file::status_at(path).ok()??;
    if !status.is_file() || (status.uid != file::uid() && file::uid() != 0) {
        return None;
    }
    let lock = Lock::open(path, true).ok()?;
    if file::status_of(lock.file(), path).ok()?.id != status.id || !lock.try_name(path).ok()? {
        // Whoever displaced it is at work still.
        return None;
    }
    let file = file::open(path, true).ok()?;
    let header = Header::map(&file, path, true, true).ok().filter(|header| header.file() == status.id);
    let data_file = match header.filter(|header| header.latch().is_frozen()) {
        Some(header) => {
            let data_file = retire::data_file_of(directory, of, &header);
            if found == Found::Remove {
                header.retire();
                retire::unlink_data(directory, of, &header);
            }
            data_file
        }
        None if free => None,
        None => return None,
    };
    let still = file::stands_at(status.id, path).ok()?;
    let gone = found == Found::Say || (still && file::unlink(path).ok()?);
    (still && gone).then_some((status.allocated, data_file))
}

/// Removes a data file that the header of its tag does not name.
fn data_file(directory: &Path, name: &str, of: &str, uuid: u128, found: Found) -> Option<u64> {
    tag::check(of).ok()?;
    let path = directory.join(name);
    let free = Free::lock(&path)?;
    crate::format::segment::identify(free.lock.file(), &path).ok()?;
    // Under the file's lock: only who holds that lock can make a header name it, so what is read here stays true.
    let header_path = directory.join(of);
    if let Some((header, _)) = retire::open_header(&header_path).ok()? {
        let named = header::peek(&header, &header_path).ok()?.cold;
        if named.is_some_and(|cold| cold.data_file == uuid) {
            return None;
        }
    }
    free.remove(found)
}

/// Removes an ephemeral tag whose writer was killed; returns the bytes of its header, and its data file.
fn ephemeral(directory: &Path, name: &str, found: Found) -> Option<(u64, DataFile)> {
    let path = directory.join(name);
    let (file, status) = retire::open_own(&path).ok()??;
    if !header::identify(&file, &path).ok()?.ephemeral {
        return None;
    }
    let free = Free::lock(&path)?;
    let header = Header::map(&file, &path, true, true).ok()?;
    // Without the name lock: somebody is taking it over, and copies its value.
    let lock = Lock::open(&path, true).ok()?;
    let same = header.file() == free.id && file::status_of(lock.file(), &path).ok()?.id == free.id;
    if !same || !lock.try_name(&path).ok()? {
        return None;
    }
    let data_file = retire::data_file_of(directory, name, &header);
    if found == Found::Remove && !retire::retire(directory, name, &header).ok()? {
        return None;
    }
    Some((status.allocated, data_file))
}
