//! Waiting for whichever of several readers has a new value first.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::reader::Reader;
use crate::reader::sleep::Sleeper;
use crate::shm::header::Header;

/// Waits until at least one reader has a newer value than it returned last, and returns that reader's index.
///
/// Others may have one too: call [`Reader::read`] on each. `None` after `timeout`, or at once
/// if there are no readers; no timeout waits for ever. Sleeps
/// in one system call (FUTEX_WAITV, Linux 5.16) for up to 128 readers; with more of them, on an older kernel, or when
/// one is on a read-only mount, in slices of at most 2 ms.
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
    let mut headers = Vec::with_capacity(readers.len());
    loop {
        if let Some(index) = look(readers, &mut headers) {
            return Ok(Some(index));
        }
        if !sleeper.sleep_any(&headers) {
            return Ok(None);
        }
    }
}

/// The first reader that has a newer value; if none has, `headers` are those to sleep on, with the keys of their event counts.
fn look(readers: &[&mut Reader], headers: &mut Vec<(Arc<Header>, u32)>) -> Option<usize> {
    headers.clear();
    for (index, reader) in readers.iter().enumerate() {
        loop {
            let key = reader.prepare();
            if reader.has_newer() {
                return Some(index);
            }
            // If the tag has another header now, that is the one to sleep on.
            if Arc::ptr_eq(&key.0, &reader.prepare().0) {
                headers.push(key);
                break;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
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
        let before = reader.prepare().0;
        let _two = store.writer_options("a").takeover(true).open().unwrap();
        let mut headers = Vec::new();
        assert_eq!(look(&[&mut reader], &mut headers), None, "the same value");
        let now = reader.prepare().0;
        assert!(!Arc::ptr_eq(&before, &now), "it followed");
        assert!(Arc::ptr_eq(&headers[0].0, &now));
    }
}
