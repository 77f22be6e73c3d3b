//! Reading every value: the next one of those that the writer keeps in place, or the one nearest to a time.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::reader::Reader;
use crate::reader::acquire::acquire;
use crate::reader::snapshot::{Data, Snapshot, Value};
use crate::reader::want::{Found, Place, Want};
use crate::shm::pinned::Pinned;
use crate::time::UnixTime;

/// How often to ask whether the writer has gone, while no value comes.
const STEP: Duration = Duration::from_millis(100);

impl Reader {
    /// The oldest value that is still there and newer than what this reader returned last; `None` if there is none, also while
    /// the tag is removed.
    ///
    /// A writer with [`history`](crate::WriterOptions::history) keeps its last values in place, so a reader that stalls while fewer
    /// than these are written loses none. [`missed`](Self::missed) counts those that it lost. The first call returns the oldest
    /// value after which there is no gap; call [`read`](Self::read) first to begin with the values that come from now on. A writer
    /// that keeps no history leaves a few earlier values in place, too, but promises none.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// let mut writer = store.writer_options("samples").history(20).open()?;
    /// let mut reader = store.reader("samples")?;
    /// for sample in 0..10_u64 {
    ///     writer.write_slice(&[sample], &[1])?;
    /// }
    /// for sample in 0..10_u64 {
    ///     assert_eq!(reader.read_next()?.unwrap().as_slice::<u64>()?, [sample]);
    /// }
    /// assert!(reader.read_next()?.is_none());
    /// assert_eq!(reader.missed(), 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_next(&mut self) -> Result<Option<Snapshot>> {
        if !self.has_newer() {
            return Ok(None);
        }
        let next = self.next();
        self.returned(next)
    }

    /// The oldest value that is newer than what was returned last.
    fn next(&mut self) -> Result<Option<Snapshot>> {
        // As in `latest`: a reader of a header that is being replaced or removed follows at once.
        self.follower.idle();
        let want = match self.progress.returned() {
            None => Want::First,
            Some(returned) => Want::After(returned, self.last_slot),
        };
        let value = match self.take_next(want) {
            Some(value) => Some(value),
            None => acquire(&self.follower, &self.sources, want)?.map(|value| *value),
        };
        if let Some(Value { data: Data::Pinned(pinned), .. }) = &value {
            self.last_slot = pinned.slot();
        }
        Ok(value.map(Snapshot))
    }

    /// Takes it from the data file that this reader has, at the first attempt.
    #[inline]
    fn take_next(&self, want: Want) -> Option<Value> {
        let record = self.follower.current();
        let source = self.sources.get(self.follower.header_serial(), &record)?;
        let Found::At(place) = want.find(&self.follower, &source.segment, &record) else { return None };
        let is_latest = place == Place::of(&record);
        let Place { slot, version } = place;
        let pinned = Pinned::take(source, slot, version, || is_latest && self.follower.is_current())?;
        let stamp = if is_latest { record.stamp } else { pinned.stamp(version) };
        // An earlier value may have another layout.
        let known = is_latest || pinned.is_of_source();
        known.then(|| Value { data: Data::Pinned(pinned), stamp, id: self.follower.id(version) })
    }

    /// Waits for [`read_next`](Self::read_next) to return a value; `None` after `timeout`. No timeout (`None`) waits for ever.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn wait_next(&mut self, timeout: impl Into<Option<Duration>>) -> Result<Option<Snapshot>> {
        self.wait_for(timeout.into(), Self::read_next)
    }

    /// An iterator over each value in order, as [`wait_next`](Self::wait_next) returns them. It ends when no value comes for
    /// `timeout`. No timeout (`None`) waits for ever.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// let mut writer = store.writer_options("samples").history(8).open()?;
    /// for sample in 1..=3_u8 {
    ///     writer.write_slice(&[sample], &[1])?;
    /// }
    /// let mut sum = 0;
    /// for sample in store.reader("samples")?.every(std::time::Duration::ZERO) {
    ///     sum += sample?.bytes()[0];
    /// }
    /// assert_eq!(sum, 6);
    /// # Ok(())
    /// # }
    /// ```
    pub fn every(&mut self, timeout: impl Into<Option<Duration>>) -> Every<'_> {
        Every { reader: self, read: Self::read_next, timeout: timeout.into(), ends_with_writer: false }
    }

    /// An iterator over the latest values, as [`wait`](Self::wait) returns them: values that are overtaken by newer ones are
    /// skipped. It ends when no value comes for `timeout`. No timeout (`None`) waits for ever.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// let mut writer = store.writer("camera")?;
    /// let mut reader = store.reader("camera")?;
    /// let writing = std::thread::spawn(move || {
    ///     for frame in 1..=3_u8 {
    ///         writer.write_slice(&[frame], &[1])?;
    ///     }
    ///     ndsharray::Result::Ok(()) // the writer is closed here
    /// });
    /// let mut last = 0;
    /// for frame in reader.values(None).until_writer_gone() {
    ///     last = frame?.bytes()[0];
    /// }
    /// assert_eq!(last, 3);
    /// # writing.join().unwrap()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn values(&mut self, timeout: impl Into<Option<Duration>>) -> Every<'_> {
        Every { reader: self, read: Self::read, timeout: timeout.into(), ends_with_writer: false }
    }

    /// The value that was acquired nearest to a time, of those that are still there; if two are equally near, the newer one.
    /// `None` if there is none, or none that is at most `within` away. A value for which the writer gave no time of acquisition
    /// counts by when it was written. This does not change what `read` and `read_next` return next.
    ///
    /// It does not wait: a better partner may still come. Ask once the other writer has a value that is later than `time`.
    ///
    /// ```
    /// # fn main() -> ndsharray::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let store = ndsharray::Store::open(dir.path())?;
    /// use std::time::Duration;
    /// use ndsharray::Meta;
    ///
    /// let mut writer = store.writer_options("left").history(8).open()?;
    /// for frame in 0..5_u64 {
    ///     let meta = Meta::new().acquired_at(1_000_000_000 + frame * 33_000_000);
    ///     writer.write_slice_with(&[frame], &[1], &meta)?;
    /// }
    /// let reader = store.reader("left")?;
    /// let frame = reader.nearest(1_070_000_000, Duration::from_millis(10))?.unwrap();
    /// assert_eq!(frame.as_slice::<u64>()?, [2]);
    /// assert!(reader.nearest(2_000_000_000, Duration::from_millis(10))?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn nearest(
        &self,
        time: impl Into<UnixTime>,
        within: impl Into<Option<Duration>>,
    ) -> Result<Option<Snapshot>> {
        self.follower.idle();
        match acquire(&self.follower, &self.sources, Want::Near(time.into(), within.into())) {
            Ok(value) => Ok(value.map(|value| Snapshot(*value))),
            Err(Error::Empty { .. } | Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An iterator over the values of a tag: over each value from [`Reader::every`], over the latest ones from
/// [`Reader::values`].
#[must_use = "it reads nothing before it is iterated over"]
pub struct Every<'a> {
    reader: &'a mut Reader,
    read: fn(&mut Reader) -> Result<Option<Snapshot>>,
    timeout: Option<Duration>,
    ends_with_writer: bool,
}

impl Every<'_> {
    /// Makes the iterator also end, after the last value, when the tag has no writer any more: the writer was closed, its
    /// process died, or the tag was removed. It notices within about 100 ms. If a new writer has opened the tag by then, the
    /// iterator goes on. An ephemeral writer takes the values along that were not read yet.
    pub fn until_writer_gone(mut self) -> Self {
        self.ends_with_writer = true;
        self
    }

    fn until_gone(&mut self) -> Result<Option<Snapshot>> {
        let deadline = self.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let step = left.unwrap_or(STEP).min(STEP);
            if let Some(value) = self.reader.wait_for(Some(step), self.read)? {
                return Ok(Some(value));
            }
            if !self.reader.writer_alive()? {
                // The writer may have written once more before it left.
                return (self.read)(self.reader);
            }
            if left.is_some_and(|left| left <= step) {
                return Ok(None);
            }
        }
    }
}

impl std::fmt::Debug for Every<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Every")
            .field("reader", &self.reader)
            .field("timeout", &self.timeout)
            .field("ends_with_writer", &self.ends_with_writer)
            .finish_non_exhaustive()
    }
}

impl Iterator for Every<'_> {
    type Item = Result<Snapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ends_with_writer {
            return self.until_gone().transpose();
        }
        self.reader.wait_for(self.timeout, self.read).transpose()
    }
}
