//! A writer of a new header that has no name yet.

use crate::error::Result;
use crate::files::staged::StagedFile;
use crate::files::tag::TagPath;
use crate::format::header::HeaderIdentity;
use crate::format::identity::Kind;
use crate::shm::header::{Access, Header};
use crate::sys::owner::Rights;
use crate::writer::ownership::Ownership;
use crate::writer::publisher::Publisher;
use crate::writer::settings::Settings;

/// Makes a header under a temporary name, and its publisher. `origin`: that of the header whose versions it goes on with.
pub(crate) fn stage(
    tag: &TagPath,
    settings: &Settings,
    rights: Rights,
    origin: Option<u64>,
) -> Result<(Publisher, StagedFile)> {
    let identity = HeaderIdentity::new(settings.ephemeral, origin);
    let staged = StagedFile::new(tag, Kind::Header, identity.file_size(), rights)?;
    identity.write(staged.file())?;
    // Whoever finds it under the tag's name finds its writer, too.
    staged.lock().show_writer();
    let header = Header::map(staged.file(), Access::Writing)?;
    header.set_source(&settings.source);
    Ok((Publisher::new(Ownership::new(tag, header, None), settings.clone(), rights), staged))
}
