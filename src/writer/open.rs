//! Opening a writer: a new header, one taken on from a writer that left or died, or one taken over.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::gc;
use crate::files::retire;
use crate::files::staged::Newborn;
use crate::files::tag;
use crate::format::record::{Cold, Hot};
use crate::format::segment::{self, SLOTS};
use crate::shm::header::{self, Header};
use crate::shm::pinned::{Pinned, Source};
use crate::shm::registry::Lock;
use crate::shm::segment::{Access, Segment};
use crate::sys::file::{self, PRIVATE, Rights};
use crate::writer::Writer;
use crate::writer::options::WriterOptions;
use crate::writer::publisher::{Publisher, Stamp};
use crate::writer::slots::Slots;

/// How often a value is looked for that its writer takes away again.
const COPIES: u32 = 100;

pub(crate) fn open(options: &WriterOptions) -> Result<Writer> {
    let WriterOptions { directory, tag, settings } = options;
    tag::check(tag)?;
    if settings.ephemeral {
        gc::ephemerals(directory);
    }
    let path = directory.join(tag);
    for _ in 0..retire::ATTEMPTS {
        let Some((file, status)) = retire::open_own(&path)? else {
            let rights = Rights { mode: settings.mode.unwrap_or(PRIVATE), owner: None };
            let (publisher, newborn) = Publisher::unborn(directory, tag, *settings, rights, None)?;
            if let Some(publisher) = name(publisher, newborn)? {
                return Ok(opened(publisher));
            }
            continue;
        };
        let header = Header::map(&file, &path, true, true)?;
        let lock = match Lock::open(&path, true) {
            Ok(lock) => lock,
            Err(error) if file::is_exhausted(&error) => {
                return Err(Error::io(&path, "open it to lock it", error));
            }
            Err(_) => continue,
        };
        if file::status_of(lock.file(), &path)?.id != header.file() {
            continue;
        }
        let locked = if settings.takeover { lock.try_exclusive(&path)? } else { lock.exclusive(&path)? };
        if !file::stands_at(header.file(), &path)? {
            continue;
        }
        // Whoever is replacing or removing the header at this moment comes first.
        if !(locked || settings.takeover) || !lock.name(&path)? {
            return Err(Error::WriterExists { tag: tag.clone(), pid: header.identity().pid });
        }
        if !file::stands_at(header.file(), &path)? {
            continue;
        }
        if locked && (header.identity().ephemeral || header.is_gone()) {
            // What a killed ephemeral writer left.
            retire::retire(directory, tag, &header)?;
            continue;
        }
        // Bits that no writer gives are not passed on to new files.
        let mode = settings.mode.unwrap_or(status.mode & 0o666);
        let rights = Rights { mode, owner: Some((status.uid, status.gid)) };
        let hot = header.read().2;
        if settings.ephemeral && !settings.takeover && hot.version != 0 {
            hot.check(&path)?;
            return Err(Error::InvalidOption {
                option: "ephemeral",
                found: format!("{tag:?} with a value that is to stay"),
                expected: "a tag without a value, or `takeover` too",
            });
        }
        if !locked || settings.ephemeral {
            if let Some(publisher) = replace(options, rights, &header)? {
                return Ok(opened(publisher));
            }
            continue;
        }
        file::fill_holes(&file, &path, 0, header.identity().file_size())?;
        file::set_rights(&file, &path, rights)?;
        let publisher = take_on(options, rights, header, lock)?;
        return Ok(opened(publisher));
    }
    let error = std::io::Error::other("the tag's file changes all the time");
    Err(Error::io(&path, "open it as its writer", error))
}

/// A writer that has its tag removes what earlier ones left.
fn opened(publisher: Publisher) -> Writer {
    publisher.lock.iter().for_each(Lock::release_name);
    let current = publisher.slots.as_ref().map(|slots| (slots.file(), slots.uuid));
    gc::tag(&publisher.directory, &publisher.tag, current);
    Writer::new(publisher)
}

/// Gives a new header its name; `None` if somebody else was faster.
fn name(mut publisher: Publisher, newborn: Newborn) -> Result<Option<Publisher>> {
    let path = publisher.path();
    match newborn.name(&path)? {
        Ok((_, lock)) => {
            publisher.lock = Some(lock);
            publisher.header.renamed(&path);
            Ok(Some(publisher))
        }
        Err(_) => Ok(None),
    }
}

/// Goes on where a writer left off that closed its tag, or was killed at any instruction.
fn take_on(options: &WriterOptions, rights: Rights, header: Header, lock: Lock) -> Result<Publisher> {
    let WriterOptions { directory, tag, settings } = options;
    let (seq, record, hot) = header.read();
    // Before anything is changed: a record that cannot be is an error, and the file stays as it is.
    hot.check(header.path())?;
    let cold = match hot.version {
        0 => None,
        _ => {
            // Nobody writes now, so the good record is whole.
            let cold = header.read_cold(seq, &record, hot.layout_id)?;
            let expected = "that of the record's layout";
            let other = || Error::corrupt(header.path(), "layout id", hot.layout_id, expected);
            Some(cold.ok_or_else(other)?)
        }
    };
    if cold.is_none() {
        header.latch().forget_cold();
    }
    // Whoever was replacing it died, too.
    header.latch().repair();
    // What the dead writer may have published and not told.
    header.wake_all();
    let mut publisher = Publisher::new(directory, tag, *settings, rights, header, Some(lock));
    publisher.version = hot.version;
    publisher.layout_id = hot.layout_id;
    if let Some(cold) = cold {
        let path = directory.join(tag::data_file(tag, cold.data_file));
        let header = publisher.header.identity().id;
        publisher.slots = Slots::adopt(&path, header, &hot, &cold, rights)?;
        if let Some(slots) = &publisher.slots {
            publisher.slot = Some(hot.slot as usize);
            // Pins may be those of a reader that was killed; nobody can tell, so they are left behind.
            publisher.renew = slots.pinned();
        } else {
            publisher.stale = Some(cold.data_file).filter(|_| segment::is_ours(&path));
        }
        publisher.layout = Some(cold.layout);
    }
    Ok(publisher)
}

/// Puts a new header, with a copy of the value, in the place of one whose name lock the caller holds; `None` if that
/// has lost its name.
fn replace(options: &WriterOptions, rights: Rights, old: &Header) -> Result<Option<Publisher>> {
    let WriterOptions { directory, tag, settings } = options;
    // Absurd counts are not gone on with.
    let counts = old.read().2.check(old.path());
    let origin = counts.is_ok().then_some(old.identity().origin);
    let (mut publisher, newborn) = Publisher::unborn(directory, tag, *settings, rights, origin)?;
    let displaced = displace(&mut publisher, newborn, old);
    if matches!(displaced, Ok(true)) {
        return Ok(Some(publisher));
    }
    publisher.discard();
    if !old.is_gone() {
        // Its writer goes on.
        old.latch().thaw();
    }
    displaced.map(|_| None)
}

/// Everything that can fail comes before the exchange of the two headers, which is the one instant that counts; what
/// is left undone after it, by a kill, is only tidying up.
fn displace(publisher: &mut Publisher, newborn: Newborn, old: &Header) -> Result<bool> {
    // While the old writer goes on: a store that is full is found so before that writer notices anything.
    copy_value(publisher, old)?;
    if old.read().2.version > publisher.version {
        // A stream: the second slot, too.
        copy_value(publisher, old)?;
    }
    // Nothing is published through the old header from here on: what is copied now is its last value, and no reader
    // has seen a later one.
    old.latch().freeze();
    let last = old.read().2;
    if last.version > publisher.version {
        copy_value(publisher, old)?;
    }
    if last.version > publisher.version && last.check(old.path()).is_ok() {
        // The value is damaged or was removed by hand; the count goes on.
        publisher.version = last.version;
    }
    // Nobody replaces or removes the new header before this is done with the old one.
    let path = publisher.path();
    newborn.lock.name(newborn.path())?;
    let (lock, aside) = match newborn.exchange(&path) {
        Ok(done) => done,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    // What came out is exactly what was replaced: the old header, as this holds its name lock, unless somebody removed
    // it by hand and something else came to stand there. That goes back.
    let other = file::status_at(&aside).ok().flatten().is_some_and(|status| status.id != old.file());
    if other {
        if file::exchange(&aside, &path).is_err() {
            let _ = file::rename_new(&aside, &path);
        }
        if !file::stands_at(publisher.header.file(), &path)? {
            if file::stands_at(publisher.header.file(), &aside)? {
                file::unlink(&aside)?;
            }
            return Ok(false);
        }
    }
    publisher.lock = Some(lock);
    publisher.header.renamed(&path);
    old.retire();
    retire::unlink_data(&publisher.directory, &publisher.tag, old);
    if !other {
        let _ = file::unlink(&aside);
    }
    Ok(true)
}

/// Publishes the current value of the header that is replaced; nothing if it has none that can be read.
fn copy_value(publisher: &mut Publisher, from: &Header) -> Result<()> {
    for _ in 0..COPIES {
        let (seq, record, hot) = from.read();
        if hot.version == 0 || hot.check(from.path()).is_err() {
            return Ok(());
        }
        let Ok(cold) = from.read_cold(seq, &record, hot.layout_id) else { return Ok(()) };
        let Some(cold) = cold else { continue };
        let path = publisher.directory.join(tag::data_file(&publisher.tag, cold.data_file));
        let Some(value) = pin(&path, &hot, cold)? else { continue };
        let Source { layout, .. } = &**value.source();
        let mut fill = publisher.begin(layout.dtype(), layout.shape(), None)?;
        publisher.bytes(&mut fill)?.copy_from_slice(value.bytes());
        let stamp = Stamp { version: hot.version, written_at: hot.written_at };
        publisher.finish(&mut fill, value.user_data(), Some(stamp))?;
        return Ok(());
    }
    Ok(())
}

/// `None`: the value is not there, or not any more. A failure that says nothing of the value is an error, so that no
/// takeover loses one for want of a descriptor.
fn pin(path: &Path, hot: &Hot, cold: Cold) -> Result<Option<Pinned<Arc<Source>>>> {
    let file = match file::open(path, true) {
        Ok(file) => file,
        Err(error) if file::is_exhausted(&error) => return Err(Error::io(path, "open it", error)),
        Err(_) => return Ok(None),
    };
    let segment = match Segment::map(&file, path, Access::Pinning) {
        Ok(segment) => segment,
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(_) => return Ok(None),
    };
    let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
    if segment.identity().id != cold.segment_id || slot >= SLOTS {
        return Ok(None);
    }
    segment.fill_holes(&file, path, slot, cold.layout.nbytes())?;
    let source = Source {
        segment: Arc::new(segment),
        layout: Arc::new(cold.layout),
        layout_id: hot.layout_id,
        header: 0, // of no reader
        elders: Vec::new(),
    };
    Ok(Pinned::take(Arc::new(source), hot.slot, hot.version, || false))
}

/// What a header says, looked at from outside.
pub(crate) fn peek(directory: &Path, tag: &str) -> Result<(header::Peek, file::Status)> {
    tag::check(tag)?;
    let path = directory.join(tag);
    match retire::open_header(&path)? {
        Some((file, status)) => Ok((header::peek(&file, &path)?, status)),
        None => Err(Error::NotFound { tag: tag.to_owned(), path }),
    }
}
