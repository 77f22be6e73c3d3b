//! Going on where a writer left off that closed its tag, or was killed at any instruction.

use crate::error::{Error, Result};
use crate::files::open::is_data_file;
use crate::files::tag::TagPath;
use crate::shm::header::Header;
use crate::sys::lock::Lock;
use crate::sys::owner::Rights;
use crate::writer::publisher::Publisher;
use crate::writer::settings::Settings;
use crate::writer::slots::Slots;

/// Makes this process the writer of a header whose lock and name lock it holds.
pub(crate) fn adopt(
    tag: &TagPath,
    settings: Settings,
    rights: Rights,
    header: Header,
    lock: Lock,
) -> Result<Publisher> {
    let (seq, record, hot) = header.read();
    // Before anything is changed: a record that cannot be is an error, and the file stays as it is.
    hot.check(header.path())?;
    let cold = match hot.stamp.version {
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
    // Whoever was replacing the header died, too, or the name lock would not be free.
    header.latch().repair();
    // What the dead writer may have published and not told.
    header.wake_all();
    let mut publisher = Publisher::new(tag, settings, rights, header, Some(lock));
    publisher.version = hot.stamp.version;
    publisher.layout_id = hot.layout_id;
    if let Some(cold) = cold {
        let header = publisher.header.identity().id;
        publisher.slots = Slots::adopt(tag, header, &hot, &cold, rights)?;
        if let Some(slots) = &publisher.slots {
            publisher.slot = Some(hot.slot as usize);
            // A pin may be that of a reader that was killed. Nobody can tell, so the segment with it is left.
            publisher.must_leave = slots.pinned();
        } else {
            publisher.stale = Some(cold.data_file).filter(|&uuid| is_data_file(&tag.data_file(uuid)));
        }
        publisher.layout = Some(cold.layout);
    }
    Ok(publisher)
}
