//! Opening a writer: a new header, one that a writer left or died on, or one that is taken over.

use crate::error::{Error, Result};
use crate::files::gc;
use crate::files::open::open_own_header;
use crate::files::retire::{self, ATTEMPTS};
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::shm::header::{Access, Header};
use crate::sys::lock::Lock;
use crate::sys::name::{stands_at, status_at};
use crate::sys::owner::{PRIVATE, Rights, set_rights};
use crate::writer::adopt::adopt;
use crate::writer::publisher::Publisher;
use crate::writer::settings::Settings;
use crate::writer::staged::stage;
use crate::writer::takeover::take_over;

pub(crate) fn open(tag: &TagPath, settings: &Settings) -> Result<Publisher> {
    if settings.ephemeral {
        gc::ephemerals(tag.directory());
    }
    for _ in 0..ATTEMPTS {
        if let Some(publisher) = attempt(tag, settings)? {
            return Ok(opened(publisher));
        }
    }
    Err(tag.contended("open a writer"))
}

/// `None` if what stands at the path was exchanged in the middle of it.
fn attempt(tag: &TagPath, settings: &Settings) -> Result<Option<Publisher>> {
    let path = tag.header();
    let Some((file, status)) = open_own_header(path)? else {
        // A header with a value may have lost its name to somebody who was killed.
        gc::sweep(tag, None);
        if status_at(path)?.is_some() {
            return Ok(None);
        }
        let rights = Rights { mode: settings.mode.unwrap_or(PRIVATE), owner: None };
        let (publisher, staged) = stage(tag, settings, rights, None)?;
        return persist(publisher, staged);
    };
    let header = Header::map(&file, Access::Writing)?;
    retire::check_writable(tag, &header)?;
    let Some(lock) = Lock::open_same(path, header.file())? else { return Ok(None) };
    let locked = if settings.takeover { lock.try_exclusive()? } else { lock.exclusive()? };
    if !stands_at(header.file(), path)? {
        return Ok(None);
    }
    // Whoever is replacing or removing the header at this moment comes first.
    if !(locked || settings.takeover) || !lock.name()? {
        return Err(retire::writer_exists(tag, &header));
    }
    if !stands_at(header.file(), path)? {
        return Ok(None);
    }
    if locked && (header.identity().ephemeral || header.is_retired()) {
        // What a killed ephemeral writer left.
        retire::retire(tag, &header, || true)?;
        return Ok(None);
    }
    // Bits that no writer gives are not passed on to new files.
    let mode = settings.mode.unwrap_or(status.mode & 0o666);
    let rights = Rights { mode, owner: Some((status.uid, status.gid)) };
    let record = header.record();
    if settings.ephemeral && !settings.takeover && record.stamp.version != 0 {
        record.check(path)?;
        return Err(Error::InvalidOption {
            option: "ephemeral",
            found: format!("true for array {:?}, whose value is to stay", tag.tag()),
            expected: "an array without a value: remove it first, or take over",
        });
    }
    if !locked || settings.ephemeral {
        return take_over(tag, settings, rights, &header);
    }
    file.fill_holes(0, header.identity().file_size())?;
    set_rights(&file, rights)?;
    adopt(tag, settings, rights, header, lock).map(Some)
}

/// A writer that has its tag removes what earlier ones left.
fn opened(mut publisher: Publisher) -> Publisher {
    publisher.ownership().release_name();
    publisher.sweep();
    publisher
}

/// Gives a new header its name; `None` if somebody else was faster.
fn persist(mut publisher: Publisher, staged: StagedFile) -> Result<Option<Publisher>> {
    match staged.persist(publisher.tag().header())? {
        Ok((_, lock)) => {
            publisher.named(lock);
            Ok(Some(publisher))
        }
        Err(_) => Ok(None),
    }
}
