//! Opening a writer: a new header, one taken on from a writer that left or died, or one taken over.

use std::path::Path;
use std::sync::Arc;

use crate::birth::Newborn;
use crate::data_file::{self, SLOTS};
use crate::error::{Error, Result};
use crate::header::{self, Header};
use crate::layout::Layout;
use crate::options::WriterOptions;
use crate::os::{self, PRIVATE, Rights};
use crate::process::Lock;
use crate::publish::{Publisher, Stamp};
use crate::record::{Cold, Hot};
use crate::remove;
use crate::segment::{Access, Pinned, Segment, Source};
use crate::slots::Slots;
use crate::sweep;
use crate::tag;
use crate::writer::Writer;

/// How often it is tried again when the tag's file changes hands in the middle of it.
const ATTEMPTS: u32 = 100;

pub(crate) fn open(options: &WriterOptions) -> Result<Writer> {
    let WriterOptions { directory, tag, settings } = options;
    tag::check(tag)?;
    if settings.ephemeral {
        sweep::ephemerals(directory);
    }
    let path = directory.join(tag);
    for _ in 0..ATTEMPTS {
        let Some((file, status)) = remove::open_own(&path)? else {
            let rights = Rights { mode: settings.mode.unwrap_or(PRIVATE), owner: None };
            let (publisher, newborn) = Publisher::unborn(directory, tag, *settings, rights)?;
            if let Some(publisher) = name(publisher, newborn)? {
                return Ok(opened(publisher));
            }
            continue;
        };
        let header = Header::map(&file, &path, true, true)?;
        let lock = match Lock::open(&path, true) {
            Ok(lock) => lock,
            Err(error) if os::is_exhausted(&error) => {
                return Err(Error::io(&path, "open it to lock it", error));
            }
            Err(_) => continue,
        };
        if os::status_of(lock.file(), &path)?.id != header.file() {
            continue;
        }
        let locked = if settings.takeover { lock.try_exclusive(&path)? } else { lock.exclusive(&path)? };
        if !os::stands_at(header.file(), &path)? {
            continue;
        }
        if !locked && !settings.takeover {
            return Err(Error::WriterExists { tag: tag.clone(), pid: header.identity().pid });
        }
        // Left by its writer in the middle of a takeover: a further one copies the value.
        let leaving = settings.takeover && !header.is_live() && !header.is_gone();
        if locked && !leaving && (header.identity().ephemeral || header.is_gone()) {
            // What a killed ephemeral writer left.
            remove::retire(directory, tag, &header)?;
            continue;
        }
        // Bits that no writer gives are not passed on to new files.
        let mode = settings.mode.unwrap_or(status.mode & 0o666);
        let rights = Rights { mode, owner: Some((status.uid, status.gid)) };
        if !locked || settings.ephemeral || header.identity().ephemeral {
            if let Some(publisher) = replace(options, rights, header)? {
                return Ok(opened(publisher));
            }
            continue;
        }
        os::fill_holes(&file, &path, 0, header.identity().file_size())?;
        os::set_rights(&file, &path, rights)?;
        let publisher = take_on(options, rights, header, lock)?;
        return Ok(opened(publisher));
    }
    let error = std::io::Error::other("the tag's file changes all the time");
    Err(Error::io(&path, "open it as its writer", error))
}

/// A writer that has its tag removes what earlier ones left.
fn opened(publisher: Publisher) -> Writer {
    let current = publisher.slots.as_ref().map(|slots| (slots.file(), slots.uuid));
    sweep::tag(&publisher.directory, &publisher.tag, current);
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
    hot.check_counts(header.path())?;
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
    header.latch().repair();
    // Whoever was taking it over died, too.
    header.stay();
    // What the dead writer may have published and not told.
    header.wake_all();
    let mut publisher = Publisher::new(directory, tag, *settings, rights, header, Some(lock));
    publisher.version = hot.version;
    publisher.layout_id = hot.layout_id;
    if let Some(Cold { layout, data_file, .. }) = cold {
        let path = directory.join(tag::data_file(tag, data_file));
        let header = publisher.header.identity().id;
        publisher.slots = Slots::adopt(&path, header, &hot, layout.nbytes(), data_file, rights)?;
        publisher.layout = Some(layout);
        if let Some(slots) = &publisher.slots {
            publisher.slot = Some(hot.slot as usize);
            // Pins may be those of a reader that was killed; nobody can tell, so they are left behind.
            publisher.renew = slots.pinned();
        } else {
            publisher.stale = Some(data_file).filter(|_| data_file::is_ours(&path));
        }
    }
    Ok(publisher)
}

/// Puts a new header, with a copy of the value, in the place of one that a living writer has.
fn replace(options: &WriterOptions, rights: Rights, old: Header) -> Result<Option<Publisher>> {
    // The old writer stops first, so that readers, who go on with its header until it is GONE, do not go back in
    // version when they follow.
    old.leave();
    let replaced = displace(options, rights, &old);
    if !matches!(replaced, Ok(Some(_))) {
        old.stay();
    }
    replaced
}

fn displace(options: &WriterOptions, rights: Rights, old: &Header) -> Result<Option<Publisher>> {
    let WriterOptions { directory, tag, settings } = options;
    let (mut publisher, newborn) = Publisher::unborn(directory, tag, *settings, rights)?;
    copy_value(&mut publisher, old)?;
    // A publish that was under way when the writer was told.
    if old.read().2.version > publisher.version {
        if let Err(error) = copy_value(&mut publisher, old) {
            publisher.discard();
            return Err(error);
        }
    }
    let path = publisher.path();
    let (_, lock, aside) = match newborn.exchange(&path) {
        Ok(done) => done,
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            publisher.discard();
            return Ok(None);
        }
        Err(error) => {
            publisher.discard();
            return Err(error);
        }
    };
    // What came out is exactly what was replaced. Usually it is `old`; it may be another writer's by now.
    let displaced = remove::open_own(&aside).and_then(|opened| match opened {
        Some((file, _)) => Header::map(&file, &aside, true, true).map(Some),
        None => Ok(None),
    });
    let displaced = match displaced {
        Ok(displaced) => displaced,
        Err(error) => {
            // Not a header: it gets its name back, and ours goes.
            let back = os::exchange(&aside, &path);
            publisher.discard();
            back?;
            // Ours, unless yet another writer put its own there meanwhile.
            if os::stands_at(publisher.header.file(), &aside)? {
                let _ = os::unlink(&aside);
            }
            return Err(error);
        }
    };
    publisher.lock = Some(lock);
    publisher.header.renamed(&path);
    // Tidied away by somebody already: the old one, with its writer gone.
    let displaced = displaced.as_ref().unwrap_or(old);
    displaced.retire();
    // A value that was published after it was copied: either this sees it, or its writer saw the state. Its data file
    // stays for that long: the writer leaves it alone while its header has a name, which is `aside`.
    let newer = displaced.read().2.version > publisher.version || displaced.file() != old.file();
    let copied = if newer { copy_value(&mut publisher, displaced) } else { Ok(()) };
    remove::unlink_data(directory, tag, displaced);
    os::unlink(&aside)?;
    copied?;
    Ok(Some(publisher))
}

/// Publishes the current value of another header of the tag; nothing if it has none that can be read.
fn copy_value(publisher: &mut Publisher, from: &Header) -> Result<()> {
    for _ in 0..ATTEMPTS {
        let (seq, record, hot) = from.read();
        if hot.version == 0 || hot.check_counts(from.path()).is_err() {
            return Ok(());
        }
        let Ok(cold) = from.read_cold(seq, &record, hot.layout_id) else { return Ok(()) };
        let Some(Cold { layout, data_file, .. }) = cold else { continue };
        let path = publisher.directory.join(tag::data_file(&publisher.tag, data_file));
        let Some(value) = pin(&path, &hot, layout)? else { continue };
        let Source { layout, .. } = &**value.source();
        let mut fill = publisher.begin(layout.dtype(), layout.shape())?;
        publisher.bytes(&mut fill)?.copy_from_slice(value.bytes());
        let version = hot.version.max(publisher.version + 1);
        let stamp = Stamp { version, written_at: hot.written_at };
        publisher.finish(fill, value.user_data(), Some(stamp))?;
        return Ok(());
    }
    Ok(())
}

/// `None`: the value is not there, or not any more. A failure that says nothing of the value is an error, so that no
/// takeover loses one for want of a descriptor.
fn pin(path: &Path, hot: &Hot, layout: Layout) -> Result<Option<Pinned<Arc<Source>>>> {
    let file = match os::open(path, true) {
        Ok(file) => file,
        Err(error) if os::is_exhausted(&error) => return Err(Error::io(path, "open it", error)),
        Err(_) => return Ok(None),
    };
    let segment = match Segment::map(&file, path, Access::Pinning) {
        Ok(segment) => segment,
        Err(error @ Error::Io { .. }) => return Err(error),
        Err(_) => return Ok(None),
    };
    let slot = usize::try_from(hot.slot).unwrap_or(SLOTS);
    if segment.identity().id != hot.segment_id || slot >= SLOTS {
        return Ok(None);
    }
    segment.fill_holes(&file, path, slot, layout.nbytes())?;
    let source = Source {
        segment: Arc::new(segment),
        layout: Arc::new(layout),
        layout_id: hot.layout_id,
        elders: Vec::new(),
    };
    Ok(Pinned::take(Arc::new(source), slot, hot.version).ok())
}

/// What a header says, looked at from outside.
pub(crate) fn peek(directory: &Path, tag: &str) -> Result<(header::Peek, os::Status)> {
    tag::check(tag)?;
    let path = directory.join(tag);
    match remove::open_header(&path)? {
        Some((file, status)) => Ok((header::peek(&file, &path)?, status)),
        None => Err(Error::NotFound { tag: tag.to_owned(), path }),
    }
}
