//! Taking a tag over: a new header, with a copy of the value, in the place of one that has a writer, or is to become
//! ephemeral.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::retire::unlink_data_of;
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::format::entry::Entry;
use crate::format::record::Record;
use crate::format::segment::Line;
use crate::shm::header::Header;
use crate::shm::held::Holds;
use crate::shm::pinned::{Pin, Pinned, Source};
use crate::shm::segment::{Access, Segment};
use crate::sync::Ordering;
use crate::sync::pin::is_exhausted;
use crate::sys::file::PathFile;
use crate::sys::name::{exchange, rename_new, stands_at, status_at, unlink};
use crate::sys::owner::Rights;
use crate::writer::meta::Meta;
use crate::writer::publisher::Publisher;
use crate::writer::reservation::Earlier;
use crate::writer::settings::Settings;
use crate::writer::staged::stage;

/// How often the old value is tried for while its writer keeps replacing it.
const COPIES: u32 = 100;

/// Puts a new header, with a copy of the value, in the place of one whose name lock the caller holds; `None` if that
/// has lost its name.
pub(crate) fn take_over(
    tag: &TagPath,
    settings: &Settings,
    rights: Rights,
    old: &Header,
) -> Result<Option<Publisher>> {
    // A damaged record may hold any count of versions: the new header does not go on from it.
    let counts = old.record().check(old.path());
    let origin = counts.is_ok().then_some(old.identity().origin);
    let (mut publisher, staged) = stage(tag, settings, rights, origin)?;
    let displaced = displace(&mut publisher, staged, old);
    if matches!(displaced, Ok(true)) {
        return Ok(Some(publisher));
    }
    publisher.discard();
    if !old.is_retired() {
        // Its writer goes on.
        old.latch().thaw();
    }
    displaced.map(|_| None)
}

/// Everything that can fail comes before the exchange of the two headers, which is the one instant that counts; what
/// is left undone after it, by a kill, is only tidying up.
fn displace(publisher: &mut Publisher, staged: StagedFile, old: &Header) -> Result<bool> {
    // Nobody replaces or removes the new header before this is done with the old one.
    if !staged.lock().name()? {
        return Err(publisher.tag().contended("take it over"));
    }
    // While the old writer goes on: a store that is full is found so before that writer notices anything.
    copy_value(publisher, old)?;
    if old.record().stamp.version > publisher.version() {
        // A stream: the second slot, too.
        copy_value(publisher, old)?;
    }
    // Nothing is published through the old header from here on: what is copied now is its last value, and no reader
    // has seen a later one.
    old.latch().freeze();
    let last = old.record();
    if last.stamp.version > publisher.version() {
        copy_value(publisher, old)?;
    }
    if last.stamp.version > publisher.version() && last.check(old.path()).is_ok() {
        // The value is damaged or was removed by hand; the count goes on.
        publisher.count_from(last.stamp.version);
    }
    let path = publisher.tag().header().to_owned();
    let (lock, aside) = match staged.exchange(&path) {
        Ok(done) => done,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // What came out is exactly what was replaced: the old header, as this holds its name lock, unless somebody removed
    // it by hand and something else came to stand there. That goes back.
    let mine = publisher.ownership().header().file();
    let other = status_at(&aside).ok().flatten().is_some_and(|status| status.id != old.file());
    if other {
        if exchange(&aside, &path).is_err() {
            let _ = rename_new(&aside, &path);
        }
        // If it cannot be found out, it stands there, as it did.
        if !stands_at(mine, &path).unwrap_or(true) {
            if stands_at(mine, &aside)? {
                unlink(&aside)?;
            }
            return Ok(false);
        }
    }
    publisher.named(lock);
    old.retire();
    unlink_data_of(publisher.tag(), old);
    if !other {
        let _ = unlink(&aside);
    }
    Ok(true)
}

/// Publishes the current value of the header that is replaced; nothing if it has none that can be read.
fn copy_value(publisher: &mut Publisher, from: &Header) -> Result<()> {
    for _ in 0..COPIES {
        let record = from.record();
        if record.stamp.version == 0 || record.check(from.path()).is_err() {
            return Ok(());
        }
        let Some(value) = pin(publisher.tag(), from, &record)? else { continue };
        let layout = value.source().layout.clone();
        let mut reservation = publisher.reserve(layout.dtype(), layout.shape(), None)?;
        publisher.bytes(&mut reservation)?.copy_from_slice(value.bytes());
        // Of the meta only the user data count: the times are in the line.
        let meta = Meta { user_data: value.user_data().to_vec(), ..Meta::new() };
        let line = Line { user_length: meta.user_data.len() as u32, ..value.line() };
        let earlier = Earlier { version: record.stamp.version, line };
        publisher.commit(&mut reservation, &meta, Some(earlier))?;
        return Ok(());
    }
    Ok(())
}

/// `None`: the value is damaged, was removed by hand, or is not the latest any more. A failure that says nothing of the value is
/// an error, so that no takeover loses one for want of a descriptor or of address space.
fn pin(tag: &TagPath, header: &Header, record: &Record) -> Result<Option<Pinned<Arc<Source>>>> {
    let path = tag.data_file(header.identity().data_file(record.number));
    let file = match PathFile::open_writable(&path) {
        Ok(file) => file,
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ELOOP)) => return Ok(None),
        Err(error) => return Err(Error::io(&path, "open it", error)),
    };
    if !file.status()?.is_file() {
        return Ok(None);
    }
    let segment = match Segment::map(&file, Access::Pinning, Arc::new(Holds::default())) {
        Ok(segment) => segment,
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(_) => return Ok(None),
    };
    let slot = record.slot as usize;
    if segment.identity().header != header.identity().id || slot >= segment.identity().limit {
        return Ok(None);
    }
    file.fill_holes(0, segment.identity().slot_offset(0) as u64)?;
    let segment = Arc::new(segment);
    // Under this the slot stays as it is; what it says of its layout is read then.
    let unpinned = || match segment.own_pins(slot) {
        pins if is_exhausted(pins) => {
            Err(Error::corrupt(&path, "pins", pins.load(Ordering::Relaxed), "less than 2^30"))
        }
        _ => Ok(None),
    };
    let Some(_held) = Pin::take(segment.clone(), slot, record.stamp.version) else { return unpinned() };
    match segment.map_slot(&file, slot) {
        Ok(()) => {}
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(_) => return Ok(None),
    }
    let (start, page) = (segment.identity().slot_offset(slot) as u64, segment.identity().page as u64);
    file.fill_holes(start, page)?;
    let Some((words, _)) = segment.entry(slot) else { return Ok(None) };
    let words = std::array::from_fn(|i| words[i].load(Ordering::Relaxed));
    let Ok(Entry { number, layout }) = Entry::from_words(&words, &path) else { return Ok(None) };
    if number != record.number || layout.nbytes() > segment.identity().capacity {
        return Ok(None);
    }
    // Not the whole slot: a file may say that it is vast.
    file.fill_holes(start + page, layout.nbytes() as u64)?;
    let source = Source { segment: segment.clone(), layout: Arc::new(layout), number, header: 0 };
    Pinned::take(Arc::new(source), slot, record.stamp.version, || false)
        .map_or_else(unpinned, |pinned| Ok(Some(pinned)))
}
