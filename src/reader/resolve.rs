//! From a record to the mapped data file that it names.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::tag;
use crate::format::record::{Cold, Hot};
use crate::format::segment::SLOTS;
use crate::reader::follow::Follower;
use crate::shm::header::Header;
use crate::shm::pinned::Source;
use crate::shm::registry;
use crate::shm::segment::{Access, Segment};
use crate::sys::file;

/// Earlier segments whose held slots still count against this process.
const ELDERS: usize = 8;

/// The source of the values of `hot`'s layout; `before` is what the reader had. `None`: the record moved on, again.
pub(crate) fn source(tag: &Follower, hot: &Hot, before: Option<&Arc<Source>>) -> Result<Option<Arc<Source>>> {
    let header = tag.header();
    let Some(cold) = cold(&header, hot)? else { return Ok(None) };
    let elders = before.map(elders).unwrap_or_default();
    // A recycled file has a new name and layout, but is the same segment.
    let same = |before: &&Arc<Source>| {
        before.header == header.serial() && before.segment.identity().id == cold.segment_id
    };
    let segment = match before.filter(same) {
        Some(before) => before.segment.clone(),
        None => match segment(tag, &header, hot, &cold)? {
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
    let elders = elders.into_iter().filter(|elder| !std::ptr::eq(elder.as_ptr(), &*segment)).collect();
    let (layout, layout_id) = (Arc::new(cold.layout), hot.layout_id);
    Ok(Some(Arc::new(Source { segment, layout, layout_id, header: header.serial(), elders })))
}

/// The segments before, this one included, that something in this process still holds.
fn elders(before: &Arc<Source>) -> Vec<std::sync::Weak<Segment>> {
    let mut elders = vec![Arc::downgrade(&before.segment)];
    elders.extend(before.elders.iter().filter(|elder| elder.strong_count() > 0).take(ELDERS - 1).cloned());
    elders
}

fn cold(header: &Header, hot: &Hot) -> Result<Option<Cold>> {
    let (seq, record, now) = header.read();
    if now.layout_id != hot.layout_id {
        return Ok(None);
    }
    header.read_cold(seq, &record, hot.layout_id)
}

/// Opens and maps, or shares, the data file of that record.
fn segment(tag: &Follower, header: &Header, hot: &Hot, cold: &Cold) -> Result<Option<Arc<Segment>>> {
    let path = tag.directory.join(tag::data_file(&tag.tag, cold.data_file));
    // Looked at before it is opened: directories and sockets do not open, and opening a device may do things.
    let foreign = |kind| Err(Error::corrupt(&path, "file type", kind, "a regular file"));
    if let Some(status) = file::status_at(&path)?.filter(|status| !status.is_file()) {
        return foreign(status.kind);
    }
    let (file, access) = match open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return missing(tag, header, hot, path),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return foreign("a symbolic link"),
        Err(error) => return Err(Error::io(&path, "open it", error)),
    };
    let status = file::status_of(&file, &path)?;
    if !status.is_file() {
        return foreign(status.kind);
    }
    let segment = registry::share_segment(status.id, access, || Segment::map(&file, &path, access))?;
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
        segment.fill_holes(&file, &path, slot, cold.layout.nbytes())?;
    }
    Ok(Some(segment))
}

/// Read-write for the pins if the permissions allow, else read-only.
fn open(path: &Path) -> std::io::Result<(File, Access)> {
    match file::open(path, true) {
        Ok(file) => Ok((file, Access::Pinning)),
        Err(error) => match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM | libc::EROFS) => Ok((file::open(path, false)?, Access::Copying)),
            _ => Err(error),
        },
    }
}

/// There is no such data file: because the record or the header moved on, or because somebody removed it.
fn missing(tag: &Follower, header: &Header, hot: &Hot, path: PathBuf) -> Result<Option<Arc<Segment>>> {
    if header.read().2.layout_id != hot.layout_id || tag.follow() {
        return Ok(None);
    }
    let of = tag.tag.clone();
    if header.is_gone() || !file::stands_at(header.file(), &tag.path())? {
        return Err(Error::NotFound { tag: of, path: tag.path() });
    }
    Err(Error::DataMissing { tag: of, path })
}

/// The record names a slot beyond those that the file had when it was mapped: looks how many it has now.
pub(crate) fn grow(tag: &Follower, source: &Source, slot: usize) -> Result<()> {
    let header = tag.header();
    if slot >= SLOTS {
        return Err(Error::corrupt(header.path(), "slot", slot, "0 to 7"));
    }
    let (seq, record, hot) = header.read();
    let Some(cold) = header.read_cold(seq, &record, hot.layout_id)? else { return Ok(()) };
    let path = tag.directory.join(tag::data_file(&tag.tag, cold.data_file));
    let file = match file::open(&path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return missing(tag, &header, &hot, path).map(|_| ());
        }
        Err(error) => return Err(Error::io(&path, "open it", error)),
    };
    if file::status_of(&file, &path)?.id != source.segment.file() {
        return Ok(());
    }
    source.segment.refresh(&file, &path)?;
    if source.segment.is_usable(slot) || header.read().0 != seq {
        return Ok(());
    }
    Err(Error::corrupt(header.path(), "slot", slot, "a slot that the data file has"))
}
