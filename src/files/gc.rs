//! Tidying up what killed processes left: files with our names, our magic and our uid, whose lock is free, and which no header
//! names; headers that were displaced; headers that must be put back.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::files::open::{open_header, open_own_header};
use crate::files::tag::{self, TagPath};
use crate::files::{peek, retire};
use crate::format::header::{self, HeaderIdentity};
use crate::format::identity::{Identity, Kind};
use crate::format::segment::SegmentIdentity;
use crate::shm::header::{Access, Header};
use crate::sys::file::{FileId, PathFile, Status};
use crate::sys::lock::{Lock, has_name_lock, has_writer};
use crate::sys::name::{list, rename_new, stands_at, status_at, unlink};
use crate::sys::owner;

/// What [`Store::gc`](crate::Store::gc) did, or [`Store::gc_dry_run`](crate::Store::gc_dry_run) found it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// The names of the files that were removed, or would be.
    pub removed: Vec<String>,
    /// The bytes of storage that these files had, or have.
    pub bytes: u64,
}

/// Whether what is found is removed, or only reported (a dry run).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Remove,
    Say,
}

/// What becomes of a file that is left over.
enum End {
    /// A header or temporary file that goes, with its bytes of storage; and the data file that goes with it, by its uuid and bytes.
    Removed { bytes: u64, data_file: Option<(u128, u64)> },
    /// A header that is put back, with the data file of that uuid.
    PutBack { data_file: u128 },
}

/// Removes everything that is provably left over in a store, or says what that is.
pub(crate) fn gc(directory: &Path, found: Found) -> Result<GcReport> {
    let names = list(directory)?;
    let (mut report, mut kept) = (GcReport::default(), Vec::new());
    for name in &names {
        let Ok(tag) = TagPath::new(directory, name) else { continue };
        report.add_all(name, &tag, ephemeral(&tag, found), &mut kept);
    }
    // Temporary files before data files: a header that was displaced may be the only one that names a data file.
    for name in &names {
        let Some(tag) = tag::of_temporary(name).and_then(|tag| TagPath::new(directory, tag).ok()) else {
            continue;
        };
        report.add_all(name, &tag, temporary(&tag, &directory.join(name), found), &mut kept);
    }
    for name in &names {
        // In a dry run what goes with its header is there still, and what will be named again is not.
        if report.removed.contains(name) || kept.contains(name) {
            continue;
        }
        let Some((of, uuid)) = tag::of_data_file(name) else { continue };
        let Ok(tag) = TagPath::new(directory, of) else { continue };
        report.add(name, data_file(&tag, &directory.join(name), uuid, found));
    }
    Ok(report)
}

impl GcReport {
    fn add_all(&mut self, name: &str, tag: &TagPath, end: Option<End>, kept: &mut Vec<String>) {
        match end {
            Some(End::Removed { bytes, data_file }) => {
                self.add(name, Some(bytes));
                if let Some((uuid, bytes)) = data_file {
                    self.add(&tag::data_file(tag.tag(), uuid), Some(bytes));
                }
            }
            Some(End::PutBack { data_file }) => kept.push(tag::data_file(tag.tag(), data_file)),
            None => {}
        }
    }

    fn add(&mut self, name: &str, removed: Option<u64>) {
        if let Some(bytes) = removed {
            self.removed.push(name.to_owned());
            self.bytes += bytes;
        }
    }
}

/// Removes what earlier writers of one tag left. The caller holds the tag's header, and the data file `current` under the name
/// with that uuid. That file may have a second name, left by a writer killed between link and unlink, which goes too.
pub(crate) fn sweep(tag: &TagPath, current: Option<(FileId, u128)>) {
    let Ok(names) = list(tag.directory()) else { return };
    for name in names.iter().filter(|name| tag::of_temporary(name) == Some(tag.tag())) {
        temporary(tag, &tag.directory().join(name), Found::Remove);
    }
    for (name, uuid) in tag.data_files(&names) {
        let path = tag.directory().join(name);
        let second = |(id, named): (FileId, u128)| named != uuid && stands_at(id, &path).unwrap_or(false);
        if current.is_some_and(second) {
            let _ = unlink(&path);
        } else {
            data_file(tag, &path, uuid, Found::Remove);
        }
    }
}

/// Removes the ephemeral tags of this user whose writers were killed.
pub(crate) fn ephemerals(directory: &Path) {
    for name in list(directory).unwrap_or_default() {
        if let Ok(tag) = TagPath::new(directory, &name) {
            ephemeral(&tag, Found::Remove);
        }
    }
}

/// Whether a regular file stands there that belongs to this user (or any, for root).
fn is_mine(status: &Status) -> bool {
    status.is_file() && (status.uid == owner::uid() || owner::uid() == 0)
}

/// Removes a name, or says that it would go; false if it leads to another file by now.
fn remove(path: &Path, id: FileId, found: Found) -> Option<bool> {
    let still = stands_at(id, path).ok()?;
    let gone = found == Found::Say || (still && unlink(path).ok()?);
    Some(still && gone)
}

/// Whether a file with our magic is of another format or byte order, or has features that this library does not know: then it is
/// not tidied up. (A file in the making says nothing yet.)
fn is_unknown<T>(identity: &Result<T>) -> bool {
    match identity {
        Err(Error::UnknownFeatures { .. }) => true,
        Err(Error::FormatVersion { found, .. } | Error::Endianness { found, .. }) => *found != 0,
        _ => false,
    }
}

/// A regular file of this user whose lock nobody holds, locked.
struct Free {
    lock: Lock,
    path: PathBuf,
    status: Status,
}

impl Free {
    fn lock(path: &Path) -> Option<Self> {
        let status = status_at(path).ok()??;
        if !is_mine(&status) {
            return None;
        }
        let lock = Lock::open_same_for_reading(path, status.id).ok()??;
        let free = owner::is_owner(lock.file(), &status)
            && lock.try_exclusive().ok()?
            && stands_at(status.id, path).ok()?;
        free.then(|| Free { lock, path: path.to_owned(), status })
    }

    fn start(&self) -> Option<[u8; 8]> {
        let mut start = [0; 8];
        let size = self.lock.file().status().ok()?.size;
        self.lock.file().read_at(0, &mut start[..size.min(8) as usize]).ok()?;
        Some(start)
    }

    fn remove(self, found: Found) -> Option<u64> {
        remove(&self.path, self.status.id, found)?.then_some(self.status.allocated)
    }
}

/// Removes a temporary file of a writer that was killed while it made it, or the header that was replaced or removed by
/// somebody who was killed before the end of it.
fn temporary(tag: &TagPath, path: &Path, found: Found) -> Option<End> {
    let free = Free::lock(path);
    let start = match &free {
        Some(free) => free.start()?,
        // A living writer's: its header, if that was displaced; else something in the making.
        None => return displaced(tag, path, false, found),
    };
    if Identity::starts(Kind::Header, &start) {
        return displaced(tag, path, true, found);
    }
    let empty = free.as_ref().is_some_and(|free| free.status.size == 0);
    let known = |free: &Free| {
        let identity = SegmentIdentity::read(free.lock.file());
        !is_unknown(&identity.and_then(|found| Identity::check_writable(found.read_compatible, path)))
    };
    let ours = empty || Identity::starts(Kind::Segment, &start) && free.as_ref().is_some_and(known);
    let bytes = free.filter(|_| ours)?.remove(found)?;
    Some(End::Removed { bytes, data_file: None })
}

/// Finishes a takeover or removal whose process was killed: tells the header's writer and readers, and removes its files.
/// With no writer alive it may also be a header that was being made, or one that somebody displaced by mistake and could not
/// put back: if it has a value and the tag has no header, it is put back.
fn displaced(tag: &TagPath, path: &Path, free: bool, found: Found) -> Option<End> {
    let status = status_at(path).ok()?.filter(is_mine)?;
    let file = PathFile::open_writable(path).ok()?;
    let identity = HeaderIdentity::read(&file).and_then(|identity| identity.check_writable(path));
    if is_unknown(&identity) {
        return None;
    }
    let header = Header::map(&file, Access::Writing).ok().filter(|header| header.file() == status.id);
    let is_frozen = header.as_ref().is_some_and(|header| header.latch().is_frozen());
    if !is_frozen && !free {
        // Being made. Nobody has to wait for this process then.
        return None;
    }
    let lock = Lock::open_same(path, status.id).ok()??;
    if !lock.try_name().ok()? {
        // Whoever displaced it is at work still.
        return None;
    }
    let mut data_file = None;
    if let Some(header) = header {
        retire::check_writable(tag, &header).ok()?;
        data_file = retire::data_file_of(tag, &header);
        let back = || match found {
            Found::Remove => rename_new(path, tag.header()).ok(),
            Found::Say => Some(status_at(tag.header()).ok()?.is_none()),
        };
        let of_use = !is_frozen && !header.identity().ephemeral;
        if let Some((uuid, _)) = data_file.filter(|_| of_use)
            && back()?
        {
            return Some(End::PutBack { data_file: uuid });
        }
        if !is_frozen {
            // A copy of the header that is in use names the same file. If nobody names it, it goes by itself.
            data_file = None;
        } else if found == Found::Remove {
            header.retire();
            retire::unlink_data_of(tag, &header);
        }
    }
    remove(path, status.id, found)?.then_some(End::Removed { bytes: status.allocated, data_file })
}

/// Removes a data file that the header of its tag does not name.
fn data_file(tag: &TagPath, path: &Path, uuid: u128, found: Found) -> Option<u64> {
    // Asked first without a lock: nobody has to wait for this process where a header names the file.
    if is_named(tag, uuid)? {
        return None;
    }
    let free = Free::lock(path)?;
    let identity = SegmentIdentity::read(free.lock.file()).ok()?;
    Identity::check_writable(identity.read_compatible, path).ok()?;
    // One of another header was put there by hand.
    if uuid != header::data_file(identity.header, uuid as u64) {
        return None;
    }
    // Under the file's lock: only who holds that lock can make a header name it, so what is read here stays true.
    if is_named(tag, uuid)? {
        return None;
    }
    free.remove(found)
}

/// Whether the header of a tag names the data file with that uuid; `None` if that cannot be found out.
fn is_named(tag: &TagPath, uuid: u128) -> Option<bool> {
    let Some((file, _)) = open_header(tag.header()).ok()? else { return Some(false) };
    let peek = peek::header(&file).ok()?;
    // What is not known is not tidied up.
    peek.identity.check_writable(tag.header()).ok()?;
    Some(peek.record.stamp.version != 0 && peek.identity.data_file(peek.record.number) == uuid)
}

/// Removes an ephemeral tag whose writer was killed.
///
/// It takes no lock of a header that has the tag's name: a process that is stopped in the middle of it must not keep others
/// from opening the tag. Whoever opens an ephemeral tag that has no writer removes it, too, and whoever takes it over holds a
/// lock that is asked for. Once the header has lost its name the writer's own lock is taken: who may only read the header
/// could keep its writer from showing itself, but not from having that lock.
fn ephemeral(tag: &TagPath, found: Found) -> Option<End> {
    let (file, status) = open_own_header(tag.header()).ok()??;
    if !HeaderIdentity::read(&file).ok()?.ephemeral {
        return None;
    }
    let left = || Some(!has_writer(&file).ok()? && !has_name_lock(&file).ok()?);
    if !left()? {
        return None;
    }
    let header = Header::map(&file, Access::Writing).ok()?;
    retire::check_writable(tag, &header).ok()?;
    let data_file = retire::data_file_of(tag, &header);
    let lock = Lock::open_same_for_reading(tag.header(), status.id).ok()??;
    let free = || left() == Some(true) && lock.try_exclusive().is_ok_and(|free| free);
    if found == Found::Remove && !retire::retire(tag, &header, free).ok()? {
        return None;
    }
    Some(End::Removed { bytes: status.allocated, data_file })
}
