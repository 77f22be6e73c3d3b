//! Tidying up what killed processes left: files with our names, our magic and our uid, whose lock is free, and which no header
//! names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files::aside::Named;
use crate::files::leftover::{End, Found, Free, is_mine, is_unknown};
use crate::files::open::{open_header, open_own_header};
use crate::files::tag::{self, TagPath};
use crate::files::{aside, leftover, peek, retire};
use crate::format::header::{self, HeaderIdentity};
use crate::format::identity::{Identity, Kind};
use crate::format::segment::SegmentIdentity;
use crate::shm::header::{Access, Header};
use crate::sys::file::{FileId, PathFile};
use crate::sys::lock::{Lock, has_name_lock, has_writer};
use crate::sys::name::{list, stands_at, status_at, unlink};

/// What [`Store::gc`](crate::Store::gc) did, or [`Store::gc_dry_run`](crate::Store::gc_dry_run) found it would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GcReport {
    /// The names of the files that were removed, or would be.
    pub removed: Vec<String>,
    /// The bytes of storage that these files had, or have.
    pub bytes: u64,
    /// Files of other users that look left over. Only their owner, or root, may remove them.
    pub of_others: Vec<OthersFile>,
}

/// A file of another user that [`Store::gc`](crate::Store::gc) leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OthersFile {
    /// Its name in the store.
    pub name: String,
    /// Its owner.
    pub uid: u32,
    /// The bytes of storage that it has.
    pub bytes: u64,
}

/// So many files are locked at once, before it is looked for headers that were put aside: each look goes through the directory.
const AT_ONCE: usize = 16;

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
    // In a dry run what goes with its header is there still, and what will be named again is not.
    let settled: BTreeSet<String> = report.removed.iter().cloned().chain(kept).collect();
    let data_files = names.iter().filter(|name| !settled.contains(*name)).filter_map(|name| {
        let (of, uuid) = tag::of_data_file(name)?;
        Some((TagPath::new(directory, of).ok()?, directory.join(name), uuid))
    });
    for (name, bytes) in unnamed(directory, &data_files.collect::<Vec<_>>(), found) {
        report.add(&name, Some(bytes));
    }
    report.of_others = names.iter().filter_map(|name| of_another(directory, name)).collect();
    Ok(report)
}

/// A file of another user that looks left over, as far as can be told without a lock: a data file that no header names, a
/// temporary file, or an ephemeral tag with no writer.
fn of_another(directory: &Path, name: &str) -> Option<OthersFile> {
    let path = directory.join(name);
    let status = status_at(&path).ok()?.filter(|status| status.is_file() && !is_mine(status))?;
    let left = if let Some((of, uuid)) = tag::of_data_file(name) {
        is_named(&TagPath::new(directory, of).ok()?, uuid) == Some(false)
    } else if tag::of_temporary(name).is_some() {
        true
    } else {
        let (file, _) = open_header(&path).ok()??;
        HeaderIdentity::read(&file).ok()?.ephemeral
            && !has_writer(&file).ok()?
            && !has_name_lock(&file).ok()?
    };
    left.then(|| OthersFile { name: name.to_owned(), uid: status.uid, bytes: status.allocated })
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
    let mut left = Vec::new();
    for (name, uuid) in tag.data_files(&names) {
        let path = tag.directory().join(name);
        let second = |(id, named): (FileId, u128)| named != uuid && stands_at(id, &path).unwrap_or(false);
        if current.is_some_and(second) {
            let _ = unlink(&path);
        } else {
            left.push((tag.clone(), path, uuid));
        }
    }
    unnamed(tag.directory(), &left, Found::Remove);
}

/// Removes the ephemeral tags of this user whose writers were killed.
pub(crate) fn ephemerals(directory: &Path) {
    for name in list(directory).unwrap_or_default() {
        if let Ok(tag) = TagPath::new(directory, &name) {
            ephemeral(&tag, Found::Remove);
        }
    }
}

/// Removes a temporary file of a writer that was killed while it made it; settles what becomes of a header.
fn temporary(tag: &TagPath, path: &Path, found: Found) -> Option<End> {
    let status = status_at(path).ok()?.filter(is_mine)?;
    if Identity::starts(Kind::Header, &start(&PathFile::open(path).ok()?)?) {
        return aside::settle(tag, path, &status, found);
    }
    let free = Free::lock(path)?;
    let file = free.lock.file();
    let known = || {
        let identity = SegmentIdentity::read(file);
        !is_unknown(&identity.and_then(|found| Identity::check_writable(found.read_compatible, path)))
    };
    let empty = file.status().ok()?.size == 0;
    let ours = empty || Identity::starts(Kind::Segment, &start(file)?) && known();
    let bytes = Some(free).filter(|_| ours)?.remove(found)?;
    Some(End::Removed { bytes, data_file: None })
}

/// The first bytes of a file, zeros if it is shorter.
fn start(file: &PathFile) -> Option<[u8; 8]> {
    let mut start = [0; 8];
    let size = file.status().ok()?.size;
    file.read_at(0, &mut start[..size.min(8) as usize]).ok()?;
    Some(start)
}

/// A data file that no header at its tag names by one of these names, locked.
struct Unnamed {
    tag: TagPath,
    file: Free,
    /// Its names, by their uuids.
    names: Vec<(PathBuf, u128)>,
}

impl Unnamed {
    /// Adds what stands at `path`, if the header of its tag does not name it.
    fn find(left: &mut Vec<Self>, tag: TagPath, path: PathBuf, uuid: u128) -> Option<()> {
        // Asked first without a lock: nobody has to wait for this process where a header names the file.
        if is_named(&tag, uuid)? {
            return None;
        }
        let id = status_at(&path).ok()??.id;
        if let Some(known) = left.iter_mut().find(|known| known.file.status.id == id) {
            // Another name of it: a writer was killed between the two.
            known.names.push((path, uuid));
            return Some(());
        }
        let file = Free::lock(&path)?;
        let identity = SegmentIdentity::read(file.lock.file()).ok()?;
        Identity::check_writable(identity.read_compatible, &path).ok()?;
        // One of another header was put there by hand.
        if uuid == header::data_file(identity.header, uuid as u64) {
            left.push(Unnamed { tag, file, names: vec![(path, uuid)] });
        }
        Some(())
    }

    /// Under the file's lock: only who holds that lock can make a header name it, so what is read here stays true. A header
    /// that names it already may be put back meanwhile: it was at the tag at the first look, or aside when that was looked at, or
    /// it is at the tag now. Returns the names that go, with the file's bytes.
    fn remove(&self, aside: &Named, found: Found) -> Vec<(String, u64)> {
        let (tag, status) = (self.tag.tag(), &self.file.status);
        let goes = |(path, uuid): &&(PathBuf, u128)| {
            let unnamed = !aside.may_name(tag, *uuid) && is_named(&self.tag, *uuid) == Some(false);
            unnamed && leftover::remove(path, status.id, found) == Some(true)
        };
        let gone = self.names.iter().filter(goes);
        gone.map(|&(_, uuid)| (tag::data_file(tag, uuid), status.allocated)).collect()
    }
}

/// Removes data files that no header names, of those with these names; returns what went, with its bytes.
fn unnamed(directory: &Path, names: &[(TagPath, PathBuf, u128)], found: Found) -> Vec<(String, u64)> {
    let mut removed = Vec::new();
    for names in names.chunks(AT_ONCE) {
        let mut left = Vec::new();
        for (tag, path, uuid) in names {
            let _ = Unnamed::find(&mut left, tag.clone(), path.clone(), *uuid);
        }
        if left.is_empty() {
            continue;
        }
        if let Some(aside) = Named::look(directory) {
            removed.extend(left.iter().flat_map(|unnamed| unnamed.remove(&aside, found)));
        }
    }
    removed
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
