//! From a record to the mapped data file that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::record::{Cold, Hot};
use crate::format::segment::SLOTS;
use crate::reader::follow::Follower;
use crate::shm::header::Header;
use crate::shm::pinned::Source;
use crate::shm::registry;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::PathFile;
use crate::sys::name::{stands_at, status_at};

/// Earlier segments whose held slots still count against this process.
const PREVIOUS: usize = 8;

/// The source of the values of `hot`'s layout; `before` is what the reader had. `None`: the record has moved on.
pub(crate) fn source(
    follower: &Follower,
    hot: &Hot,
    before: Option<&Arc<Source>>,
) -> Result<Option<Arc<Source>>> {
    let header = follower.header();
    let Some(cold) = cold(&header, hot)? else { return Ok(None) };
    let previous = before.map(previous).unwrap_or_default();
    // A recycled file has a new name and layout, but is the same segment.
    let same = |before: &&Arc<Source>| {
        before.header == header.serial() && before.segment.identity().id == cold.segment_id
    };
    let segment = match before.filter(same) {
        Some(before) => before.segment.clone(),
        None => match segment(follower, &header, hot, &cold)? {
            Some(segment) => segment,
            None => return Ok(None),
        },
    };
    let (length, capacity) = (cold.layout.nbytes(), segment.identity().capacity);
    if length > capacity {
        return Err(Error::corrupt(
            header.path(),
            "length",
            length,
            format!("at most the slot's {capacity}"),
        ));
    }
    let previous = previous.into_iter().filter(|elder| !std::ptr::eq(elder.as_ptr(), &*segment)).collect();
    let (layout, layout_id) = (Arc::new(cold.layout), hot.layout_id);
    Ok(Some(Arc::new(Source { segment, layout, layout_id, header: header.serial(), previous })))
}

/// The segments before, this one included, that something in this process still holds.
fn previous(before: &Arc<Source>) -> Vec<std::sync::Weak<Segment>> {
    let mut previous = vec![Arc::downgrade(&before.segment)];
    previous
        .extend(before.previous.iter().filter(|elder| elder.strong_count() > 0).take(PREVIOUS - 1).cloned());
    previous
}

fn cold(header: &Header, hot: &Hot) -> Result<Option<Cold>> {
    let (seq, record, now) = header.read();
    if now.layout_id != hot.layout_id {
        return Ok(None);
    }
    header.read_cold(seq, &record, hot.layout_id)
}

/// Opens and maps, or shares, the data file of that record.
fn segment(follower: &Follower, header: &Header, hot: &Hot, cold: &Cold) -> Result<Option<Arc<Segment>>> {
    let path = follower.tag().data_file(cold.data_file);
    // Looked at before it is opened: directories and sockets do not open, and opening a device may do things.
    let foreign = |kind| Err(Error::corrupt(&path, "file type", kind, "a regular file"));
    if let Some(status) = status_at(&path)?.filter(|status| !status.is_file()) {
        return foreign(status.kind);
    }
    let (file, access) = match open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return missing(follower, header, hot, path);
        }
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return foreign("a symbolic link"),
        Err(error) => return Err(Error::io(&path, "open it", error)),
    };
    let status = file.status()?;
    if !status.is_file() {
        return foreign(status.kind);
    }
    let segment = registry::share_segment(status.id, access, || Segment::map(&file, access))?;
    let identity = segment.identity();
    if identity.header != header.identity().id || identity.id != cold.segment_id {
        if header.read().2.layout_id != hot.layout_id {
            return Ok(None);
        }
        let found = format!("{:032x} of header {:032x}", identity.id, identity.header);
        let expected = format!("{:032x} of header {:032x}", cold.segment_id, header.identity().id);
        return Err(Error::corrupt(&path, "segment id", found, expected));
    }
    if access == Access::Pinning {
        let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
        segment.fill_holes(&file, slot, cold.layout.nbytes())?;
    }
    Ok(Some(segment))
}

/// Read-write for the pins if the permissions allow, else read-only.
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
fn missing(follower: &Follower, header: &Header, hot: &Hot, path: PathBuf) -> Result<Option<Arc<Segment>>> {
    if header.read().2.layout_id != hot.layout_id || follower.follow() {
        return Ok(None);
    }
    let tag = follower.tag();
    if header.is_retired() || !stands_at(header.file(), tag.header())? {
        return Err(tag.not_found());
    }
    Err(Error::DataMissing { tag: tag.tag().to_owned(), path })
}

/// Looks how many slots the file has now, since the record names one that it did not have when it was mapped.
pub(crate) fn grow(follower: &Follower, source: &Source, slot: usize) -> Result<()> {
    let header = follower.header();
    if slot >= SLOTS {
        return Err(Error::corrupt(header.path(), "slot", slot, "0 to 7"));
    }
    let (seq, record, hot) = header.read();
    let Some(cold) = header.read_cold(seq, &record, hot.layout_id)? else { return Ok(()) };
    let path = follower.tag().data_file(cold.data_file);
    let file = match PathFile::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return missing(follower, &header, &hot, path).map(|_| ());
        }
        Err(error) => return Err(Error::io(&path, "open it", error)),
    };
    if file.status()?.id != source.segment.file() {
        return Ok(());
    }
    source.segment.refresh(&file)?;
    if source.segment.is_usable(slot) || header.read().0 != seq {
        return Ok(());
    }
    Err(Error::corrupt(header.path(), "slot", slot, "a slot that the data file has"))
}
