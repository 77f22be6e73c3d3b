//! Waiting for a value in asynchronous code, of any runtime.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::Result;
use crate::reader::Reader;
use crate::wait::tags::Seen;
use crate::wait::{names, tags};

impl Reader {
    /// A future that is ready when there is a value newer than what this reader returned last, so that [`read`](Self::read) or
    /// [`read_next`](Self::read_next) returns one. It does not read the value.
    ///
    /// It needs no particular runtime. A thread of this process does the waiting, one for every 127 tags, for any number of
    /// readers. It ends a second after the last of them. On a kernel without FUTEX_WAITV (before Linux 5.16), and for a tag on a
    /// read-only mount, the thread looks every 2 ms.
    ///
    /// Dropping the future ends the wait and loses nothing. To get each value, read until there is none, then wait:
    ///
    /// ```
    /// async fn sum(reader: &mut ndsharray::Reader) -> ndsharray::Result<u32> {
    ///     let mut sum = 0;
    ///     loop {
    ///         while let Some(value) = reader.read_next()? {
    ///             match value.bytes() {
    ///                 [] => return Ok(sum),
    ///                 bytes => sum += u32::from(bytes[0]),
    ///             }
    ///         }
    ///         reader.changed().await?;
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the thread cannot be started. If something is wrong with the tag's files, the next read
    /// returns the error.
    pub fn changed(&mut self) -> Changed<'_> {
        Changed { reader: self, tag: None, name: None }
    }
}

/// The future of [`Reader::changed`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Changed<'a> {
    reader: &'a mut Reader,
    /// What it has waited for since the last poll.
    tag: Option<tags::Waiting>,
    name: Option<names::Waiting>,
}

impl Future for Changed<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.tag.is_some() {
            // The tag may have another header now, and that may be why this was woken.
            self.reader.follower.follow();
        }
        let Some(target) = self.reader.target() else {
            (self.tag, self.name) = (None, None);
            return Poll::Ready(Ok(()));
        };
        // The new registrations are made before the old ones are dropped, so the threads do not stop waiting for the
        // tag meanwhile.
        self.tag = match target.header {
            Some((header, key)) => {
                let seen = Seen { key, file: target.seen };
                Some(tags::wait(&header, &target.name, seen, context.waker().clone())?)
            }
            None => None,
        };
        self.name = match target.is_gone {
            true => Some(names::wait(&target.name, target.seen, context.waker().clone())?),
            false => None,
        };
        Poll::Pending
    }
}

impl std::fmt::Debug for Changed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changed").field("reader", &self.reader).finish_non_exhaustive()
    }
}
