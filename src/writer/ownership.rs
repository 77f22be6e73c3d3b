//! Whether a writer may still write.

use crate::error::Result;
use crate::shm::header::Header;
use crate::sys::lock::Lock;
use crate::sys::name::stands_at;

/// Thaws the header of a writer that was refused, if whoever froze it was killed or failed before the header was replaced or
/// removed. False if somebody is at work on it, or has finished. `lock`: the writer's own.
#[cold]
pub(crate) fn thaw_abandoned(header: &Header, lock: Option<&Lock>) -> Result<bool> {
    let Some(lock) = lock.filter(|_| !header.is_retired()) else { return Ok(false) };
    // Whoever is at work has it.
    if !lock.try_name()? {
        return Ok(false);
    }
    let stands = stands_at(header.file(), header.path());
    if matches!(stands, Ok(true)) {
        header.latch().thaw();
    }
    lock.release_name();
    stands
}
