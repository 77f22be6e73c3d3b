//! Making a tag's files anew that somebody removed by hand (`rm`, RemoveIPC, a new mount).

use crate::error::Result;
use crate::writer::meta::Meta;
use crate::writer::ownership::Standing;
use crate::writer::publisher::Publisher;
use crate::writer::reservation::{Committed, Reservation};
use crate::writer::staged::stage;

/// Publishes a filled slot, under a new header if the present one has lost its name; returns the value's version.
#[inline]
pub(crate) fn commit(publisher: &mut Publisher, reservation: &mut Reservation, meta: &Meta) -> Result<u64> {
    loop {
        match publisher.commit(reservation, meta, None)? {
            Committed::Version(version) => return Ok(version),
            Committed::NameGone => {
                let outcome = recreate(publisher, reservation, meta);
                publisher.ownership().release_name();
                if let Some(version) = outcome? {
                    return Ok(version);
                }
            }
        }
    }
}

/// A new header with a new data file, complete before it has its name. Then the old header is retired, so that readers follow at
/// once. The caller holds the name lock of the old one. `None` if that has its name again.
#[cold]
#[inline(never)]
fn recreate(publisher: &mut Publisher, reservation: &mut Reservation, meta: &Meta) -> Result<Option<u64>> {
    let origin = Some(publisher.ownership().header().identity().origin);
    let (settings, rights) = publisher.settings();
    let (mut new, staged) = stage(publisher.tag(), &settings, rights, origin)?;
    let Some(layout) = publisher.layout_of(reservation).cloned() else {
        return Err(publisher.ownership().removed());
    };
    let mut copy = new.reserve(layout.dtype(), layout.shape(), None)?;
    new.bytes(&mut copy)?.copy_from_slice(publisher.bytes(reservation)?);
    new.count_from(publisher.version());
    let committed = new.commit(&mut copy, meta, None);
    let path = publisher.tag().header().to_owned();
    match committed.and_then(|committed| Ok((committed, staged.persist(&path)?))) {
        Ok((Committed::Version(version), Ok((_, lock)))) => {
            new.named(lock);
            let mut old = std::mem::replace(publisher, new);
            old.leave();
            Ok(Some(version))
        }
        // Somebody else was faster: what was made is removed again.
        Ok(_) => {
            new.discard();
            if publisher.ownership().has_its_name()? {
                return Ok(None);
            }
            Err(match publisher.ownership().end() {
                Standing::Ended(error) | Standing::Suspended(error) => error,
                Standing::Ours | Standing::NameGone => publisher.ownership().removed(),
            })
        }
        Err(error) => {
            new.discard();
            Err(error)
        }
    }
}
