//! Waiting for whichever of several readers has a new value first.

use std::time::Duration;

use crate::error::Result;
use crate::reader::Reader;
use crate::reader::follow::Target;
use crate::reader::sleep::Sleeper;

/// Waits until at least one reader has a newer value than it returned last, and returns that reader's index.
///
/// Other readers may have a newer value too: call [`Reader::read`] on each. `None` after `timeout`, or at once if there
/// are no readers; no timeout waits for ever. Sleeps in one system call (FUTEX_WAITV, Linux 5.16) for up to 128
/// readers; with more of them, on an older kernel, or when one is on a read-only mount, in slices of at most 2 ms.
///
/// ```
/// # fn main() -> ndsharray::Result<()> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let store = ndsharray::Store::open(dir.path())?;
/// # let mut left = store.writer("left")?;
/// # let mut right = store.writer("right")?;
/// let (mut a, mut b) = (store.reader("left")?, store.reader("right")?);
/// right.write_slice(&[1_u8], &[1])?;
/// let ready = ndsharray::wait_any(&mut [&mut a, &mut b], std::time::Duration::from_secs(1))?;
/// assert_eq!(ready, Some(1));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`Reader::read`], of any of them.
pub fn wait_any(readers: &mut [&mut Reader], timeout: impl Into<Option<Duration>>) -> Result<Option<usize>> {
    if readers.is_empty() {
        return Ok(None);
    }
    let mut sleeper = Sleeper::new(timeout.into());
    let mut targets = Vec::with_capacity(readers.len());
    loop {
        if let Some(index) = look(readers, &mut targets) {
            return Ok(Some(index));
        }
        if !sleeper.sleep(&targets) {
            return Ok(None);
        }
    }
}

/// The index of the first reader that has a newer value. If none has, `targets` gets what to sleep on.
fn look(readers: &[&mut Reader], targets: &mut Vec<Target>) -> Option<usize> {
    targets.clear();
    for (index, reader) in readers.iter().enumerate() {
        match reader.target() {
            Some(target) => targets.push(target),
            None => return Some(index),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A reader that finds another header while it looks sleeps on that one, or the next value would wake nobody.
    #[test]
    fn a_wait_for_any_sleeps_on_the_header_that_it_follows() {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let store = crate::Store::open(dir.path()).unwrap();
        let mut one = store.writer("a").unwrap();
        one.write_slice(&[1_u8], &[1]).unwrap();
        let mut reader = store.reader("a").unwrap();
        assert!(reader.read().unwrap().is_some());
        let before = reader.follower.header();
        let _two = store.writer_options("a").takeover(true).open().unwrap();
        let mut targets = Vec::new();
        assert_eq!(look(&[&mut reader], &mut targets), None, "the same value");
        let now = reader.follower.header();
        assert!(!Arc::ptr_eq(&before, &now), "it followed");
        assert!(Arc::ptr_eq(&targets[0].header.as_ref().unwrap().0, &now));
    }
}
