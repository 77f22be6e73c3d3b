//! Going on where a writer left off that closed its tag, or was killed at any instruction.

use crate::error::Result;
use crate::files::tag::TagPath;
use crate::shm::header::Header;
use crate::sys::lock::Lock;
use crate::sys::owner::Rights;
use crate::writer::ownership::Ownership;
use crate::writer::publisher::Publisher;
use crate::writer::settings::Settings;

/// Makes this process the writer of a header whose lock and name lock it holds.
pub(crate) fn adopt(
    tag: &TagPath,
    settings: &Settings,
    rights: Rights,
    header: Header,
    lock: Lock,
) -> Result<Publisher> {
    let record = header.record();
    // Before anything is changed: a record that cannot be is an error, and the file stays as it is.
    record.check(header.path())?;
    // Whoever froze the header was killed, or the name lock would not be free.
    header.latch().thaw();
    header.latch().lower();
    header.set_source(&settings.source);
    header.set_stood();
    let mut publisher = Publisher::new(Ownership::new(tag, header, Some(lock)), settings.clone(), rights);
    publisher.adopt()?;
    // What the dead writer may have published and not told.
    publisher.ownership().header().wake_all();
    Ok(publisher)
}
