//! From a record to the mapped data file that it names.

use std::cell::{Ref, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::open::no_data_file;
use crate::format::record::Record;
use crate::format::segment::SegmentIdentity;
use crate::reader::follow::Follower;
use crate::shm::header::Header;
use crate::shm::held::Holds;
use crate::shm::pinned::Source;
use crate::shm::registry;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::PathFile;
use crate::sys::name::{stands_at, status_at};

/// What a reader takes values from. A source is made under a pin, from a value that was in its own slot: so it is known that
/// header and data file belong together, which damaged files, and files that were copied at two moments, may not.
pub(crate) struct Sources {
    present: RefCell<Option<Arc<Source>>>,
    holds: Arc<Holds>,
}

impl Sources {
    pub fn new(holds: Arc<Holds>) -> Self {
        Sources { present: RefCell::new(None), holds }
    }

    /// The source of a record, borrowed; `None` if it is another one.
    #[inline(always)]
    pub fn borrow(&self, header: u64, record: &Record) -> Option<Ref<'_, Source>> {
        let is_of = |source: &&Source| source.is_of(header, record);
        Ref::filter_map(self.present.borrow(), |present| present.as_deref().filter(is_of)).ok()
    }

    /// The source of a record; `None` if it is another one.
    #[inline(always)]
    pub fn get(&self, header: u64, record: &Record) -> Option<Arc<Source>> {
        self.present.borrow().as_ref().filter(|source| source.is_of(header, record)).cloned()
    }

    /// The present source from now on, unless views borrow the one that it would replace.
    pub fn set(&self, source: &Arc<Source>) {
        if let Ok(mut present) = self.present.try_borrow_mut() {
            *present = Some(source.clone());
        }
    }
}

impl Clone for Sources {
    fn clone(&self) -> Self {
        Sources { present: RefCell::new(self.present.borrow().clone()), holds: self.holds.clone() }
    }
}

/// Opens and maps, or shares, the data file of a record; `None`: the record has moved on.
pub(crate) fn segment(
    follower: &Follower,
    sources: &Sources,
    record: &Record,
) -> Result<Option<(Arc<Segment>, PathFile)>> {
    let header = follower.header();
    let path = follower.tag().data_file(header.identity().data_file(record.number));
    // Looked at before it is opened: directories and sockets do not open, and opening a device may do things.
    let foreign = |kind| Err(no_data_file(&path, kind));
    if let Some(status) = status_at(&path)?.filter(|status| !status.is_file()) {
        return foreign(status.kind);
    }
    let (file, access) = match open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return missing(follower, &header, record, path);
        }
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return foreign("a symbolic link"),
        Err(error) => return Err(Error::io(&path, "open it", error)),
    };
    let status = file.status()?;
    if !status.is_file() {
        return foreign(status.kind);
    }
    let SegmentIdentity { header: found, .. } = SegmentIdentity::read(&file)?;
    if found != header.identity().id {
        let (found, expected) = (format!("{found:032x}"), format!("{:032x}", header.identity().id));
        return Err(Error::corrupt(&path, "header id", found, expected));
    }
    let map = || {
        let segment = Segment::map(&file, access, sources.holds.clone())?;
        if access == Access::Pinning {
            fill_holes(&file, 0, segment.identity().slot_offset(0) as u64)?;
        }
        Ok(segment)
    };
    let segment = registry::share_segment(status.id, access, map)?;
    Ok(Some((segment, file)))
}

/// For a reader that pins: gives storage to what it touches of a file with holes, such as `cp` makes of zeros. Where nothing can
/// be allocated ahead there is no limit to run into, either (ramfs).
pub(crate) fn fill_holes(file: &PathFile, offset: u64, length: u64) -> Result<()> {
    match file.fill_holes(offset, length) {
        Err(error @ Error::NoSpace { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// Read-write for the pins if the permissions and the features of the file allow, else read-only.
fn open(path: &Path) -> std::io::Result<(PathFile, Access)> {
    match PathFile::open_writable(path) {
        Ok(file) => Ok((file, Access::Pinning)),
        Err(error) => match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM | libc::EROFS) => Ok((PathFile::open(path)?, Access::Copying)),
            _ => Err(error),
        },
    }
}

/// There is no such data file: because the record or the header moved on, or because somebody removed it.
fn missing<T>(follower: &Follower, header: &Header, record: &Record, path: PathBuf) -> Result<Option<T>> {
    if header.record().number != record.number || follower.follow() {
        return Ok(None);
    }
    let tag = follower.tag();
    if header.is_retired() || !stands_at(header.file(), tag.header())? {
        return Err(tag.not_found());
    }
    Err(Error::DataMissing { tag: tag.tag().to_owned(), path })
}
